/* Menus (<details data-menu>), the drawer of the rail, and buttons that open dialogs. All work by keyboard. */

import { remember } from "./cookies.js";

const ITEMS = '[role^="menuitem"]:not([disabled])';

function close(menu, { focus = false } = {}) {
  menu.open = false;
  if (focus) menu.querySelector("summary").focus();
}

function move(menu, step) {
  const items = [...menu.querySelectorAll(ITEMS)];
  if (!items.length) return;
  const here = items.indexOf(document.activeElement);
  const next = here < 0 ? (step > 0 ? 0 : items.length - 1) : (here + step + items.length) % items.length;
  items[next].focus();
}

function onMenuKey(event, menu) {
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  if (event.key === "Escape" && menu.open) {
    event.preventDefault();
    close(menu, { focus: true });
  } else if (event.key in steps && !event.altKey && !event.target.closest("input, textarea, select")) {
    event.preventDefault();
    menu.open = true;
    move(menu, steps[event.key]);
  } else if (event.key === "Tab" && menu.open) {
    close(menu);
  }
}

export function startMenus() {
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("[data-menu]");
    if (menu) onMenuKey(event, menu);
  });
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("[data-menu][open]")) {
      const inside = menu.contains(event.target);
      if (!inside || event.target.closest(ITEMS)) close(menu);
    }
  });
}

function setDrawer(open) {
  const opener = document.querySelector("[data-drawer-open]");
  if (!opener) return;
  if (open) document.documentElement.dataset.drawer = "open";
  else delete document.documentElement.dataset.drawer;
  opener.setAttribute("aria-expanded", String(open));
  if (open) document.querySelector(".rail-close")?.focus();
  else if (document.activeElement?.closest(".rail")) opener.focus();
}

export function startRail() {
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-drawer-open]")) setDrawer(true);
    if (event.target.closest("[data-drawer-close]")) setDrawer(false);
    const fold = event.target.closest("[data-rail-fold]");
    if (!fold) return;
    const narrow = document.documentElement.dataset.rail !== "narrow";
    document.documentElement.dataset.rail = narrow ? "narrow" : "wide";
    fold.setAttribute("aria-expanded", String(!narrow));
    remember("skep_rail", narrow ? "narrow" : "wide");
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.documentElement.dataset.drawer) setDrawer(false);
  });
}

export function startDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open-dialog]");
    if (opener) document.getElementById(opener.dataset.openDialog)?.showModal();
    if (event.target.closest("[data-close-dialog]")) event.target.closest("dialog")?.close();
    if (event.target.matches?.("dialog.dialog") && outside(event)) event.target.close();
  });
}

function outside(event) {
  const box = event.target.getBoundingClientRect();
  return (
    event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom
  );
}
