// Keeps what is shown up to date. The engine tells which things have changed; when one of them is shown here, the page is
// asked for again and the parts that differ are patched in. However much happens, that is done twice a second at most,
// and not at all while nobody looks.
import { patch } from "./morph.js";
import { showTimes } from "./times.js";

const CALM = 500; // Milliseconds between two refreshes; more where one takes long.
const RESTING = 1500; // After the pointer has moved over rows, they stay where they are for this long.
const QUIET = 5000; // Between two things that are said to a screen reader.

class Live {
  constructor(regions) {
    this.regions = regions;
    this.kinds = new Set(regions.flatMap((region) => region.dataset.live.split(" ")));
    this.run = regions.find((region) => region.dataset.run)?.dataset.run ?? "";
    this.grows = regions.some((region) => region.hasAttribute("data-grows"));
    this.dot = document.querySelector("live-dot");
    this.news = document.getElementById("news");
    this.last = "";
    this.took = 0;
    this.refreshedAt = 0;
    this.movedAt = 0;
    this.saidAt = 0;
    this.dirty = false;
  }

  start() {
    for (const region of this.regions) {
      region.addEventListener("pointermove", () => { this.movedAt = Date.now(); }, { passive: true });
    }
    document.addEventListener("stale", () => this.touch());
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.open()));
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", (event) => { if (event.persisted) { this.dirty = true; this.open(); } });
    if (!document.hidden) this.open();
  }

  // Browsers allow six connections to one host: tabs that nobody looks at give theirs back.
  open() {
    this.close();
    const query = new URLSearchParams(this.last ? { after: this.last } : {});
    if (this.run) query.set("run", this.run);
    else for (const kind of this.kinds) query.append("kind", kind);
    this.source = new EventSource(`/api/v2/changes?${query}`);
    this.source.addEventListener("open", () => {
      this.tell("live", "Live");
      if (!this.last) this.touch(); // What has changed since the page was made is not told.
    });
    this.source.addEventListener("error", () => this.tell("lost", "Reconnecting"));
    this.source.addEventListener("message", (event) => {
      if (event.lastEventId) this.last = event.lastEventId;
      if (JSON.parse(event.data).some((change) => this.concerns(change))) this.touch();
    });
    if (this.dirty) this.touch();
  }

  close() {
    this.source?.close();
    this.source = undefined;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  tell(state, word) {
    this.dot.dataset.state = state;
    this.dot.textContent = word;
  }

  concerns(change) {
    if (change.kind === "reset" || this.run || this.grows || change.kind === "app") return true;
    const id = change.kind === "run" ? change.id : change.run;
    return this.regions.some((region) => region.querySelector(`[href="/runs/${CSS.escape(id)}"]`)) || this.kinds.has("event");
  }

  touch() {
    this.dirty = true;
    if (this.timer !== undefined || this.busy || document.hidden) return;
    const calm = Math.max(CALM, 4 * this.took);
    this.timer = setTimeout(() => this.refresh(), Math.max(this.refreshedAt + calm - Date.now(), 30));
  }

  async refresh(hold = this.holds()) {
    this.timer = undefined;
    this.busy = true;
    this.dirty = false;
    const began = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.status === 401) return location.reload();
      if (answer.ok) this.apply(new DOMParser().parseFromString(await answer.text(), "text/html"), hold);
    } catch {
      this.dirty = true; // The engine is away: it is asked again when it is there.
    } finally {
      this.took = Date.now() - began;
      this.refreshedAt = Date.now();
      this.busy = false;
      if (this.dirty && this.source?.readyState === EventSource.OPEN) this.touch();
    }
  }

  holds() {
    const selected = !getSelection().isCollapsed && this.regions.some((region) => region.contains(getSelection().anchorNode));
    return this.grows && (selected || Date.now() - this.movedAt < RESTING);
  }

  apply(fresh, hold) {
    let held = 0;
    const before = this.headline();
    for (const region of this.regions) {
      const newer = fresh.getElementById(region.id);
      if (newer) held += patch(region, document.adoptNode(newer), hold);
    }
    document.title = fresh.title;
    showTimes(document);
    this.offer(held);
    const after = this.headline();
    if (after && after !== before) this.say(after);
    if (held) { this.dirty = true; setTimeout(() => this.touch(), RESTING); }
  }

  headline() {
    return this.run ? document.querySelector("h1 .status")?.textContent.trim() : "";
  }

  // What has come is offered while somebody is about to press something that would move away.
  offer(count) {
    this.news.querySelector("button")?.remove();
    if (!count) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button primary";
    button.textContent = `Show ${count} new`;
    button.addEventListener("click", () => this.refresh(false));
    this.news.append(button);
  }

  say(text) {
    if (Date.now() - this.saidAt < QUIET && text === this.said) return;
    this.saidAt = Date.now();
    this.said = text;
    document.getElementById("said").textContent = text;
  }
}

export function goLive() {
  const regions = [...document.querySelectorAll("[data-live]")];
  if (regions.length && window.EventSource) new Live(regions).start();
}
