// <run-timeline>: while a run goes on, its scale grows, and so do the bars of what has not ended.
const STEP = 250;
const NARROWEST = 0.006; // Of the scale: what took next to nothing is seen, too.

class RunTimeline extends HTMLElement {
  static observedAttributes = ["data-began"];

  connectedCallback() { this.attend(); }
  attributeChangedCallback() { if (this.isConnected) this.attend(); }
  disconnectedCallback() { clearInterval(this.timer); }

  attend() {
    clearInterval(this.timer);
    if (this.dataset.began === undefined) return;
    this.timer = setInterval(() => { if (!document.hidden) this.draw(); }, STEP);
  }

  draw() {
    const seconds = Math.max((Date.now() - new Date(this.dataset.began)) / 1000, +this.dataset.seconds);
    if (seconds > 2 * this.dataset.seconds + 1) this.dispatchEvent(new Event("stale", { bubbles: true })); // Another scale may suit it.
    if (this.dataset.uneven !== undefined) return;
    const at = (moment) => `${Math.min(moment / seconds, 1) * 100}%`;
    for (const rect of this.querySelectorAll("rect[data-begin]")) {
      const begin = +rect.dataset.begin;
      const end = rect.dataset.end === undefined ? seconds : +rect.dataset.end;
      rect.setAttribute("x", at(Math.min(begin, seconds * (1 - NARROWEST))));
      rect.setAttribute("width", at(Math.max(end - begin, seconds * NARROWEST)));
    }
    for (const line of this.querySelectorAll("line[data-at]")) {
      line.setAttribute("x1", at(+line.dataset.at));
      line.setAttribute("x2", at(+line.dataset.at));
    }
    for (const text of this.querySelectorAll("text[data-at]")) text.setAttribute("x", at(+text.dataset.at));
  }
}
customElements.define("run-timeline", RunTimeline);
