/* The trace page: opens spans, moves by key, finds, follows the mouse along the time axis. */

import { startMarkdown } from "../console/markdown.js";
import { shortcut } from "../console/shortcuts.js";

const root = document.querySelector("[data-trace]");
const pane = root.querySelector("[data-pane]");
const rows = [...root.querySelectorAll(".span-row")];
const panes = new Map();
let openTab = "";
let asked = null;

/* Opening a span */

function current() {
  return rows.find((row) => row.getAttribute("aria-selected") === "true") ?? rows[0];
}

function select(row) {
  for (const other of rows) {
    const chosen = other === row;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
  }
  row.scrollIntoView({ block: "nearest" });
}

async function open(row, { focus = false } = {}) {
  select(row);
  const address = new URL(location.href);
  address.searchParams.set("span", row.dataset.span);
  address.searchParams.delete("tab");
  history.replaceState(null, "", address);
  if (focus) row.focus({ preventScroll: true });
  asked?.abort();
  asked = new AbortController();
  const late = setTimeout(() => pane.setAttribute("aria-busy", "true"), 150);
  try {
    show(await load(row, asked.signal));
  } catch (error) {
    if (error.name !== "AbortError") showFailure();
  } finally {
    clearTimeout(late);
    if (row === current()) pane.removeAttribute("aria-busy");
  }
}

async function load(row, signal) {
  const known = panes.get(row.dataset.span);
  if (known) return known;
  const response = await fetch(row.dataset.paneUrl, { signal, headers: { Accept: "text/html" } });
  if (!response.ok) throw new Error(String(response.status));
  const html = await response.text();
  panes.set(row.dataset.span, html);
  return html;
}

function show(html) {
  pane.innerHTML = html;
  pane.scrollTop = 0;
  const tab = openTab && pane.querySelector(`[data-tab="${openTab}"]`);
  if (tab) showTab(tab);
  prepare();
}

function showFailure() {
  const notice = document.createElement("p");
  notice.className = "notice tone-error";
  notice.textContent = root.dataset.failed;
  pane.replaceChildren(notice);
}

/** What a freshly shown pane needs: formatted text, and folds where a text is long. */
function prepare() {
  startMarkdown(pane);
  measureFolds();
}

function measureFolds() {
  for (const text of pane.querySelectorAll("[data-fold]")) {
    const button = text.nextElementSibling;
    if (button.hidden && text.scrollHeight > text.clientHeight + 4) button.hidden = false;
  }
}

/* Tabs */

function showTab(tab, { focus = false } = {}) {
  for (const other of pane.querySelectorAll("[data-tab]")) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    pane.querySelector(`#panel-${other.dataset.tab}`).hidden = !chosen;
  }
  if (focus) tab.focus();
  measureFolds();
}

function nextTab(step = 1) {
  const tabs = [...pane.querySelectorAll("[data-tab]")];
  if (!tabs.length) return;
  const at = tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
  const tab = tabs[(at + step + tabs.length) % tabs.length];
  openTab = tab.dataset.tab;
  showTab(tab, { focus: tabs.includes(document.activeElement) });
}

/* Moving */

const visible = () => rows.filter((row) => !row.parentElement.hidden);

function move(step) {
  const list = visible();
  const at = list.indexOf(current());
  const next = list[Math.min(list.length - 1, Math.max(0, at + step))];
  if (next && next !== current()) open(next, { focus: rows.includes(document.activeElement) });
}

function nextError() {
  const list = visible();
  const at = list.indexOf(current());
  const errors = list.filter((row) => row.classList.contains("span-error"));
  const next = errors.find((row) => list.indexOf(row) > at) ?? errors[0];
  if (next) open(next);
}

function goToPane() {
  pane.focus({ preventScroll: true });
  pane.scrollIntoView({ block: "nearest" });
}

/* Finding */

const search = root.querySelector("[data-trace-search]");
const found = root.querySelector("[data-trace-found]");
const nothing = root.querySelector("[data-nothing]");
const allSpans = found.textContent;

function filter() {
  const words = search.value.trim().toLowerCase();
  let hits = 0;
  for (const row of rows) {
    const hit = !words || row.dataset.text.includes(words);
    row.parentElement.hidden = !hit;
    hits += hit ? 1 : 0;
  }
  found.textContent = words ? root.dataset.found.replace("{n}", hits) : allSpans;
  nothing.hidden = hits > 0;
}

/* The time under the mouse */

const field = root.querySelector("[data-rows]");
const crosshair = root.querySelector("[data-crosshair]");
const totalUs = Number(root.dataset.totalUs);
const axisShare = Number(root.dataset.axis);

function spoken(us) {
  if (us < 1000) return `${Math.round(us)} µs`;
  if (us < 1e6) return `${(us / 1000).toFixed(us < 9950 ? 1 : 0)} ms`;
  return `${(us / 1e6).toFixed(us < 1e7 ? 2 : 1)} s`;
}

function follow(event) {
  const axis = field.querySelector(".trace-grid").getBoundingClientRect();
  const share = (event.clientX - axis.left) / (axis.width * axisShare);
  crosshair.hidden = share < 0 || share > 1 || event.pointerType === "touch";
  if (crosshair.hidden) return;
  crosshair.style.setProperty("--cross", `${event.clientX - field.getBoundingClientRect().left}px`);
  crosshair.classList.toggle("crosshair-left", share > 0.8);
  crosshair.firstElementChild.textContent = spoken(share * totalUs);
}

/* Listening */

root.addEventListener("click", (event) => {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
  const row = event.target.closest(".span-row");
  const tab = event.target.closest("[data-tab]");
  const link = event.target.closest("[data-open-span]");
  const linked = link && rows.find((candidate) => candidate.dataset.span === link.dataset.openSpan);
  if (!row && !tab && !linked) return;
  event.preventDefault();
  if (tab) {
    openTab = tab.dataset.tab;
    showTab(tab);
    return;
  }
  open(row ?? linked).then(() => {
    if (matchMedia("(max-width: 1000px)").matches) pane.scrollIntoView({ behavior: "smooth", block: "start" });
  });
});

root.addEventListener("click", (event) => {
  const unfold = event.target.closest("[data-unfold]");
  if (unfold) {
    const opened = unfold.previousElementSibling.toggleAttribute("data-open");
    unfold.dataset.more ??= unfold.textContent;
    unfold.textContent = opened ? unfold.dataset.less : unfold.dataset.more;
  }
  const view = event.target.closest("[data-show]");
  if (view) {
    const block = view.closest(".value-block");
    for (const button of block.querySelectorAll("[data-show]")) button.setAttribute("aria-pressed", String(button === view));
    for (const part of block.querySelectorAll("[data-view]")) part.hidden = part.dataset.view !== view.dataset.show;
  }
  if (event.target.closest("[data-next-error]")) nextError();
});

pane.addEventListener("keydown", (event) => {
  if (!event.target.closest("[role=tablist]")) return;
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  nextTab(step);
});

search.addEventListener("input", filter);
search.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !search.value) search.blur();
  if (event.key !== "Enter") return;
  event.preventDefault();
  const [first] = visible();
  if (first) open(first, { focus: true });
});
field.addEventListener("pointermove", follow);
field.addEventListener("pointerleave", () => (crosshair.hidden = true));

shortcut("j", () => move(1), { label: root.dataset.keyDown });
shortcut("k", () => move(-1), { label: root.dataset.keyUp });
shortcut("ArrowDown", () => move(1));
shortcut("ArrowUp", () => move(-1));
shortcut("Enter", goToPane, { label: root.dataset.keyOpen });
shortcut("t", () => nextTab(), { label: root.dataset.keyTab });
shortcut("e", nextError, { label: root.dataset.keyError });
shortcut("/", () => search.focus());

prepare();
current()?.scrollIntoView({ block: "nearest" });
