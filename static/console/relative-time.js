/* Keeps <time data-relative datetime> true while the page stays open; the exact time is its title. */

import { word } from "./words.js";

function distance(moment) {
  const seconds = (Date.now() - moment.getTime()) / 1000;
  if (seconds < 0) return null;
  if (seconds < 45) return word("justNow");
  if (seconds < 3600) return word("minutesAgo", { n: Math.max(1, Math.round(seconds / 60)) });
  if (seconds < 86400) return word("hoursAgo", { n: Math.round(seconds / 3600) });
  if (seconds < 86400 * 30) return word("daysAgo", { n: Math.round(seconds / 86400) });
  return null;
}

export function refreshTimes(root = document) {
  for (const element of root.querySelectorAll("time[data-relative]")) {
    const moment = new Date(element.getAttribute("datetime"));
    const text = Number.isNaN(moment.getTime()) ? null : distance(moment);
    if (text && element.textContent !== text) element.textContent = text;
    if (!element.title) element.title = moment.toLocaleString(document.documentElement.lang);
  }
}

export function startTimes() {
  refreshTimes();
  setInterval(refreshTimes, 20_000);
  document.addEventListener("htmx:afterSwap", (event) => refreshTimes(event.target));
}
