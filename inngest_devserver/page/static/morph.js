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

// What is alike meets in the order of the page: a part that comes or goes leaves the others as they are.
function patchInPlace(old, fresh, hold) {
  let held = 0;
  let place = old.firstChild;
  for (const node of [...fresh.childNodes]) {
    const known = findAlike(place, node);
    if (!known) {
      old.insertBefore(node, place);
      continue;
    }
    while (place !== known) place = removed(place);
    if (known.nodeType !== Node.ELEMENT_NODE) {
      if (known.data !== node.data) known.data = node.data;
    } else if (!known.matches(OWN)) {
      held += patch(known, node, hold);
    }
    place = known.nextSibling;
  }
  while (place) place = removed(place);
  return held;
}

function findAlike(place, node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return place?.nodeType === node.nodeType ? place : null;
  for (let known = place; known; known = known.nextSibling) {
    if (known.nodeName === node.nodeName && known.id === node.id && known.classList[0] === node.classList[0]) return known;
  }
  return null;
}

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
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
