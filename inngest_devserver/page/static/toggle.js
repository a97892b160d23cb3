// <theme-toggle>: light, dark, or as the system has it. What was chosen is kept in this browser.
const NEXT = { system: "light", light: "dark", dark: "system" };
const SHAPES = {
  system: "M2.500 3h11v7.500h-11zM5.500 13.500h5M8 10.500v3",
  light: "M8 5a3 3 0 1 1 0 6 3 3 0 0 1 0-6zM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1",
  dark: "M13.500 9.800A6 6 0 1 1 6.200 2.500a4.700 4.700 0 0 0 7.300 7.300z",
};

class ThemeToggle extends HTMLElement {
  connectedCallback() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "icon";
    button.addEventListener("click", () => this.choose(NEXT[this.chosen]));
    this.replaceChildren(button);
    this.show();
  }

  get chosen() {
    return document.documentElement.dataset.theme ?? "system";
  }

  choose(theme) {
    if (theme === "system") {
      localStorage.removeItem("theme");
      delete document.documentElement.dataset.theme;
    } else {
      localStorage.setItem("theme", theme);
      document.documentElement.dataset.theme = theme;
    }
    this.show();
  }

  show() {
    const button = this.firstChild;
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 16 16");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", SHAPES[this.chosen]);
    svg.append(path);
    button.replaceChildren(svg);
    button.setAttribute("aria-label", `Theme: ${this.chosen}`);
    button.title = `Theme: ${this.chosen}`;
  }
}
customElements.define("theme-toggle", ThemeToggle);
