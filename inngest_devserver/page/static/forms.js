// Forms work without this. With it, filters apply at once, JSON is checked before it is sent, nothing is sent twice, and
// addresses do not keep what was just done.
function onSubmit(event) {
  const form = event.target;
  if (form.method === "dialog") return;
  const field = form.dataset.json && form.elements[form.dataset.json];
  if (field) {
    field.setCustomValidity(fault(field.value));
    if (!form.reportValidity()) { event.preventDefault(); return; }
  }
  if (form.dataset.sent) { event.preventDefault(); return; }
  if (form.method === "post") {
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 3000); // An export, or an engine that is away: one may try again.
  }
}

function fault(text) {
  if (!text.trim()) return "";
  try { JSON.parse(text); } catch (error) { return `This is not JSON: ${error.message}`; }
  return "";
}

function withoutEmpty(event) {
  for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
}

export function listenToForms() {
  document.addEventListener("submit", onSubmit);
  document.addEventListener("input", (event) => event.target.setCustomValidity?.(""));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("textarea")) event.target.form.requestSubmit();
  });
  for (const form of document.querySelectorAll("form.filters")) {
    form.addEventListener("change", (event) => { if (event.target.matches("select")) form.requestSubmit(); });
    form.addEventListener("formdata", withoutEmpty);
  }
  const address = new URL(location);
  if (address.searchParams.has("did")) {
    for (const name of ["did", "count", "refused"]) address.searchParams.delete(name);
    history.replaceState(null, "", address);
  }
}
