// Times in the reader's own zone and words, and how long things have gone on. They are brought up to date each second.
const MINUTE = 60, HOUR = 3600, DAY = 86400;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

export function inWords(seconds) {
  const s = Math.max(seconds, 0);
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < MINUTE) return `${+s.toPrecision(3)} s`;
  if (s < HOUR) return `${Math.floor(s / MINUTE)} min ${Math.floor(s % MINUTE)} s`;
  if (s < DAY) return `${Math.floor(s / HOUR)} h ${Math.floor((s % HOUR) / MINUTE)} min`;
  return `${Math.floor(s / DAY)} d ${Math.floor((s % DAY) / HOUR)} h`;
}

function ago(moment) {
  const s = (Date.now() - moment) / 1000;
  if (s < -1) return `in ${inWords(Math.ceil(-s))}`;
  if (s < 5) return "just now";
  if (s < MINUTE) return `${Math.floor(s)} s ago`;
  if (s < HOUR) return `${Math.floor(s / MINUTE)} min ago`;
  if (s < DAY) return `${Math.floor(s / HOUR)} h ago`;
  return day.format(moment);
}

function onDay(moment) {
  return new Date().toDateString() === moment.toDateString() ? clock.format(moment) : `${day.format(moment)}, ${clock.format(moment)}`;
}

function show(element) {
  const moment = new Date(element.dateTime);
  const how = element.dataset.show;
  const text = how === "time" ? clock.format(moment) : how === "both" ? `${onDay(moment)}, ${ago(moment)}` : ago(moment);
  if (element.textContent !== text) element.textContent = text;
  element.title = exact.format(moment);
}

export function showTimes(root) {
  for (const element of root.querySelectorAll("time[datetime]")) show(element);
  for (const element of root.querySelectorAll("[data-since]")) {
    const seconds = (Date.now() - new Date(element.dataset.since)) / 1000;
    // Tenths would flicker, and tell nothing of what goes on for long.
    element.textContent = inWords(seconds < 10 ? Math.round(seconds * 10) / 10 : Math.floor(seconds));
  }
}

setInterval(() => { if (!document.hidden) showTimes(document); }, 1000);
