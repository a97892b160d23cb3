// The keyboard: j and k go through the rows, letters lead to places and do what the buttons with data-key do.
const PLACES = { r: "/runs", e: "/events", f: "/functions" };
let afterG = 0;

function rows() {
  return [...document.querySelectorAll(".row-link, .step > details > summary")];
}

function move(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function press(key) {
  const target = document.querySelector(`main [data-key="${CSS.escape(key)}"]:is(a, button, input)`);
  if (!target) return false;
  if (target.matches("input")) { target.focus(); target.select(); } else target.click();
  return true;
}

export function openDialog(id) {
  document.getElementById(id)?.showModal();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("input, textarea, select, dialog")) {
    if (event.key === "Escape" && event.target.matches("input, textarea")) event.target.blur();
    return;
  }
  const wasG = Date.now() - afterG < 1500;
  afterG = 0;
  if (wasG && PLACES[event.key]) location.assign(PLACES[event.key]);
  else if (event.key === "g") afterG = Date.now();
  else if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "?") openDialog("shortcuts");
  else if (event.key === "s") location.assign("/send");
  else if (!press(event.key)) return;
  event.preventDefault();
}

export function listenToKeys() {
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) openDialog(opener.dataset.opens);
  });
}
