/* Lists of traces: rows by key, chips with fields in them, filters that wait until asked for, rows that are picked. */

import { shortcut } from "../console/shortcuts.js";

const root = document.querySelector("[data-list]");
const labels = root?.dataset ?? {};

/* Rows by key */

const rows = () => [...document.querySelectorAll("tr[data-row]")];

function here() {
  const all = rows();
  const focused = document.activeElement?.closest?.("tr[data-row]");
  return all.indexOf(focused ?? document.querySelector("tr[data-here]"));
}

function go(step) {
  const all = rows();
  if (!all.length) return;
  const now = here();
  const next = now < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, now + step));
  for (const row of all) row.toggleAttribute("data-here", row === all[next]);
  const link = all[next].querySelector("a");
  link.focus({ preventScroll: true });
  all[next].scrollIntoView({ block: "nearest" });
}

function follow(selector) {
  document.querySelector(selector)?.click();
}

function startKeys() {
  shortcut("j", () => go(1), { label: labels.keyDown });
  shortcut("k", () => go(-1), { label: labels.keyUp });
  shortcut("Enter", (event) => (event.target.closest("a, input") ?? rows()[here()]?.querySelector("a"))?.click(), { label: labels.keyOpen });
  shortcut("]", () => follow('.pager a[rel="next"]'), { label: labels.keyOlder });
  shortcut("[", () => follow('.pager a[rel="prev"]'), { label: labels.keyNewer });
  shortcut("f", () => open(document.querySelector("[data-add]")), { label: labels.keyFilter });
  shortcut("t", () => open(document.querySelector("[data-range]")), { label: labels.keyRange });
}

/* Panels: chips with links and fields. Menus of commands alone belong to menu.js. */

const focusable = (panel) =>
  [...panel.querySelectorAll("a, button, input:not([type=hidden])")].filter((each) => each.offsetParent !== null);

/** What had the focus before a key opened a panel: Escape gives it back, so that the keys for rows go on. */
let origin = null;

function open(menu) {
  if (!menu) return;
  if (!document.activeElement?.closest("[data-pop]")) origin = document.activeElement;
  menu.open = true;
  focusable(menu.querySelector(".menu-panel"))[0]?.focus();
}

function onPanelKey(event, menu) {
  const panel = menu.querySelector(".menu-panel");
  if (event.key === "Escape" && menu.open) {
    event.preventDefault();
    menu.open = false;
    if (origin?.matches("a") && origin.isConnected) origin.focus();
    else if (origin === document.body) document.activeElement.blur();
    else menu.querySelector("summary").focus();
    origin = null;
    return;
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const field = event.target.closest("input");
  if (!step || event.altKey || (field && field.type !== "search" && field.type !== "checkbox")) return;
  event.preventDefault();
  menu.open = true;
  const all = focusable(panel);
  const now = all.indexOf(document.activeElement);
  all[now < 0 ? (step > 0 ? 0 : all.length - 1) : (now + step + all.length) % all.length]?.focus();
}

function startPanels() {
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("[data-pop]");
    if (menu) onPanelKey(event, menu);
  });
  document.addEventListener("click", (event) => closeOthers(event.target.closest?.("[data-pop]")));
  document.addEventListener("focusin", (event) => closeOthers(event.target.closest?.("[data-pop]")));
  document.addEventListener("toggle", onToggle, true);
  document.addEventListener("input", narrow);
  document.addEventListener("click", addChip);
}

function closeOthers(kept) {
  for (const menu of document.querySelectorAll("[data-pop][open]")) if (menu !== kept) menu.open = false;
}

/** A panel that opens with the mouse is ready for typing too. */
function onToggle(event) {
  if (!event.target.matches?.("[data-pop][open]") || event.target.contains(document.activeElement.closest("a, input"))) return;
  event.target.querySelector("[data-find]")?.focus();
}

function narrow(event) {
  if (!event.target.matches?.("[data-find]")) return;
  const wanted = event.target.value.trim().toLocaleLowerCase();
  for (const item of event.target.closest(".menu-panel").querySelectorAll("a.menu-item")) {
    item.toggleAttribute("data-hidden", !item.textContent.toLocaleLowerCase().includes(wanted));
  }
}

function addChip(event) {
  const name = event.target.closest?.("[data-add-chip]")?.dataset.addChip;
  if (!name) return;
  const chip = document.querySelector(`[data-chip="${CSS.escape(name)}"]`);
  chip.hidden = false;
  event.target.closest("details").open = false;
  event.target.closest("[data-add-chip]").hidden = true;
  open(chip.querySelector("details"));
}

/* While the next page is on its way, the rows say that they are old. */

function startWaiting() {
  window.addEventListener("beforeunload", () => {
    setTimeout(() => document.querySelector("[data-rows]")?.setAttribute("aria-busy", "true"), 150);
  });
  window.addEventListener("pageshow", () => document.querySelector("[data-rows]")?.removeAttribute("aria-busy"));
}

/* Picking rows: those of this page, or everything that fits the filters. */

const bar = document.querySelector("[data-picked]");
let everything = false;

const boxes = () => [...document.querySelectorAll("[data-pick]")];
const picked = () => boxes().filter((box) => box.checked).map((box) => box.value);

function tell() {
  const ids = picked();
  const count = bar.querySelector("[data-picked-count]");
  const words = everything ? count.dataset.all : count.dataset.words.replace("{n}", ids.length);
  count.textContent = words;
  bar.hidden = !ids.length;
  for (const field of document.querySelectorAll("[data-picked-ids]")) field.value = everything ? "" : ids.join(",");
  for (const each of document.querySelectorAll("[data-picked-words]")) {
    each.textContent = words;
    each.hidden = !ids.length;
  }
  for (const each of document.querySelectorAll("[data-unpicked]")) each.hidden = ids.length > 0;
  for (const box of boxes()) box.closest("tr").classList.toggle("selected", box.checked);
  const all = document.querySelector("[data-pick-page]");
  all.checked = ids.length > 0 && ids.length === boxes().length;
  all.indeterminate = ids.length > 0 && !all.checked;
}

function pick(which) {
  everything = false;
  for (const box of boxes()) box.checked = which(box);
  tell();
}

function pickHere() {
  const box = rows()[here()]?.querySelector("[data-pick]");
  if (!box) return;
  box.checked = !box.checked;
  everything = false;
  tell();
}

function startPicking() {
  if (!bar) return;
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-pick-page]")) pick(() => target.checked);
    if (!target.matches("[data-pick]")) return;
    everything = false;
    tell();
  });
  bar.querySelector("[data-pick-none]").addEventListener("click", () => pick(() => false));
  bar.querySelector("[data-pick-all]")?.addEventListener("click", () => {
    pick(() => true);
    everything = true;
    tell();
  });
  shortcut("x", pickHere, { label: labels.keySelect });
  pick(() => false);
}

if (root) {
  startPicking();
  startKeys();
  startPanels();
  startWaiting();
}
