// Runs before anything is drawn, so that a chosen theme does not flash. Not a module: those come later.
"use strict";
document.documentElement.classList.add("scripted");
{
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
