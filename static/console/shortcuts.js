/* Keyboard shortcuts that never take a key from somebody who is typing, choosing or about to press a button. */

const TYPING = 'input, textarea, select, [contenteditable]:not([contenteditable="false"]), [role="textbox"], [role="combobox"], [role="listbox"]';
const PRESSING = 'button, summary, [role="button"], [role^="menuitem"]';

/** Enter follows a link; a row of a tree is one, and opens as its page wants. */
const FOLLOWING = 'a[href]:not([role="treeitem"])';

/** Keys as people know them, where the browser has another name. */
const SIGNS = { Mod: "Ctrl", " ": "Space", ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→" };

const registered = [];

/**
 * Say what a key does on this page. `keys`: "?" or "j" or "Mod+Enter" (Mod is Ctrl or Command). `whileTyping` lets a
 * Mod combination act inside a text field; the field is blurred first, so that its edit is kept. `label` puts it on
 * the key sheet, with `shown` in place of the key where it stands for several. Returns a function that takes the shortcut away again.
 */
export function shortcut(keys, act, { label = "", shown = "", whileTyping = false } = {}) {
  const entry = { ...parse(keys), keys, act, label, shown, whileTyping };
  registered.push(entry);
  if (label) list(entry);
  return () => {
    registered.splice(registered.indexOf(entry), 1);
    entry.rows?.forEach((row) => row.remove());
  };
}

function parse(keys) {
  const parts = keys.split("+");
  const key = parts.at(-1) || "+";
  return { key: key.length === 1 ? key.toLowerCase() : key, mod: parts.includes("Mod"), shift: parts.includes("Shift") };
}

function list(entry) {
  const sheet = document.querySelector("[data-key-list]");
  if (!sheet) return;
  const term = document.createElement("dt");
  for (const part of (entry.shown || entry.keys).split("+")) {
    const key = document.createElement("kbd");
    key.textContent = SIGNS[part] ?? part;
    term.append(key, " ");
  }
  const what = document.createElement("dd");
  what.textContent = entry.label;
  sheet.append(term, what);
  entry.rows = [term, what];
}

function matches(entry, event) {
  const mod = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return entry.key === key && entry.mod === mod && (!entry.shift || event.shiftKey);
}

function isFree(event, entry) {
  const target = event.target instanceof Element ? event.target : document.body;
  if (document.querySelector("dialog[open]")) return false;
  if (target.closest(TYPING)) return entry.mod && entry.whileTyping;
  if (target.closest(PRESSING)) return entry.mod;
  if (event.key === "Enter" && target.closest(FOLLOWING)) return entry.mod;
  return true;
}

function onKey(event) {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  const entry = registered.findLast((candidate) => matches(candidate, event));
  if (!entry || !isFree(event, entry)) return;
  event.preventDefault();
  if (entry.whileTyping && event.target.closest?.(TYPING)) event.target.blur();
  entry.act(event);
}

export function startShortcuts() {
  document.addEventListener("keydown", onKey);
  const sheet = document.getElementById("key-sheet");
  if (sheet) shortcut("?", () => sheet.showModal());
  shortcut("/", () => document.querySelector("[data-search], #searchbar, input[type=search]")?.focus());
}
