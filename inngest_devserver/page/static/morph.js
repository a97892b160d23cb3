// Makes a part of the page like a newer one, and touches only what differs: focus, scrolling, what is unfolded and what
// is selected stay. Children with data-key are told apart by it; all others by their place.
const OWN = "copy-text, theme-toggle, live-dot, dialog, textarea, input";

// hold: nothing is inserted, removed or moved among keyed children. Returns how many of them are held back.
export function patch(old, fresh, hold = false) {
  if (old.isEqualNode(fresh)) return 0;
  syncAttributes(old, fresh);
  if (old.matches("time") && !old.changed) return 0;
  if (old.dataset?.since !== undefined && old.dataset.since === fresh.dataset.since) return 0;
  return [...fresh.children].some(keyed) || [...old.children].some(keyed)
    ? patchKeyed(old, fresh, hold)
    : patchInPlace(old, fresh, hold);
}

function keyed(element) {
  return element.dataset?.key !== undefined && !element.matches("a, button, input");
}

function syncAttributes(old, fresh) {
  old.changed = false;
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !keeps(old, name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) === value || (name === "open" && old.matches("details"))) continue;
    old.setAttribute(name, value);
    if (name === "datetime" || name === "data-since") old.changed = true;
  }
}

// What this browser has added itself, or a person has unfolded.
function keeps(element, name) {
  return (name === "open" && element.matches("details")) || (name === "title" && element.matches("time")) || name === "tabindex";
}

function patchInPlace(old, fresh, hold) {
  let held = 0;
  const before = [...old.childNodes];
  const after = [...fresh.childNodes];
  after.forEach((node, number) => {
    const known = before[number];
    if (known === undefined) old.append(node);
    else held += patchNode(old, known, node, hold);
  });
  for (const rest of before.slice(after.length)) rest.remove();
  return held;
}

function patchNode(parent, known, node, hold) {
  if (known.nodeType !== node.nodeType || known.nodeName !== node.nodeName || (known.id ?? "") !== (node.id ?? "")) {
    parent.replaceChild(node, known);
    return 0;
  }
  if (known.nodeType !== Node.ELEMENT_NODE) {
    if (known.data !== node.data) known.data = node.data;
    return 0;
  }
  return known.matches(OWN) ? 0 : patch(known, node, hold);
}

function patchKeyed(old, fresh, hold) {
  const known = new Map([...old.children].map((child) => [child.dataset.key, child]));
  const wanted = [...fresh.children];
  let held = 0;
  if (!hold) {
    const keys = new Set(wanted.map((child) => child.dataset.key));
    for (const [key, child] of known) {
      if (!keys.has(key) && !child.contains(document.activeElement)) child.remove();
    }
  }
  let place = old.firstElementChild;
  for (const child of wanted) {
    const same = known.get(child.dataset.key);
    if (same) held += patch(same, child, hold);
    if (hold) {
      held += same ? 0 : 1;
    } else if (same === place && place !== null) {
      place = place.nextElementSibling;
    } else {
      old.insertBefore(same ?? child, place);
    }
  }
  return held;
}
