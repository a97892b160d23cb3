// Forms work without this. With it, filters apply at once, and addresses do not keep what was just done.
export function listenToForms() {
  for (const form of document.querySelectorAll("form.filters")) {
    form.addEventListener("change", (event) => { if (event.target.matches("select")) form.requestSubmit(); });
    form.addEventListener("formdata", (event) => {
      for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
    });
  }
  const address = new URL(location);
  if (address.searchParams.has("did")) {
    address.searchParams.delete("did");
    address.searchParams.delete("count");
    history.replaceState(null, "", address);
  }
}
