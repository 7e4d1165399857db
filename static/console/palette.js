/* The command palette (Ctrl-K): pages of the rail at once, and what the server finds (apps, datasets) as one types. */

import { icon, word } from "./words.js";

const SHOWN = 12;

function score(text, query) {
  const hay = text.toLowerCase();
  const needle = query.toLowerCase();
  const at = hay.indexOf(needle);
  if (at === 0) return 3;
  if (at > 0) return hay[at - 1] === " " ? 2.5 : 2;
  let from = 0;
  for (const letter of needle) {
    from = hay.indexOf(letter, from) + 1;
    if (!from) return 0;
  }
  return 1;
}

class Palette {
  constructor(dialog) {
    this.dialog = dialog;
    this.input = dialog.querySelector("input");
    this.list = dialog.querySelector("ul");
    this.pages = JSON.parse(document.getElementById("palette-pages")?.textContent ?? "[]");
    this.found = [];
    this.chosen = 0;
    this.input.addEventListener("input", () => this.search());
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.list.addEventListener("click", (event) => this.open(event.target.closest("li")));
  }

  show() {
    if (this.dialog.open) return;
    this.input.value = "";
    this.found = [];
    this.dialog.showModal();
    this.search();
  }

  search() {
    this.chosen = 0;
    this.draw();
    clearTimeout(this.timer);
    if (this.dialog.dataset.source) this.timer = setTimeout(() => this.ask(), 120);
  }

  async ask() {
    const query = this.input.value.trim();
    const url = `${this.dialog.dataset.source}?q=${encodeURIComponent(query)}`;
    this.request?.abort();
    this.request = new AbortController();
    try {
      const response = await fetch(url, { headers: { Accept: "application/json" }, signal: this.request.signal });
      if (!response.ok) return;
      this.found = (await response.json()).items ?? [];
      this.draw();
    } catch {
      this.found = []; // the pages of the rail are still there
    }
  }

  matches() {
    const query = this.input.value.trim();
    if (!query) return [...this.pages, ...this.found].slice(0, SHOWN);
    const rated = [...this.pages, ...this.found].map((item) => [score(item.label, query), item]);
    return rated
      .filter(([points]) => points > 0)
      .sort((one, other) => other[0] - one[0])
      .slice(0, SHOWN)
      .map(([, item]) => item);
  }

  draw() {
    const items = this.matches();
    this.chosen = Math.min(this.chosen, Math.max(0, items.length - 1));
    this.list.replaceChildren(...(items.length ? items.map((item, at) => this.row(item, at)) : [this.nothing()]));
    this.mark();
  }

  row(item, at) {
    const row = document.createElement("li");
    row.className = "palette-item";
    row.id = `palette-${at}`;
    row.role = "option";
    row.dataset.url = item.url;
    const label = document.createElement("span");
    label.className = "truncate";
    label.textContent = item.label;
    const where = document.createElement("span");
    where.className = "where";
    where.textContent = item.where ?? "";
    row.append(icon(item.icon || "arrow-right"), label, where);
    return row;
  }

  nothing() {
    const row = document.createElement("li");
    row.className = "palette-empty";
    row.textContent = word("nothingFound");
    return row;
  }

  mark() {
    const rows = [...this.list.querySelectorAll('[role="option"]')];
    rows.forEach((row, at) => row.setAttribute("aria-selected", String(at === this.chosen)));
    const row = rows[this.chosen];
    if (row) this.input.setAttribute("aria-activedescendant", row.id);
    else this.input.removeAttribute("aria-activedescendant");
    row?.scrollIntoView({ block: "nearest" });
  }

  onKey(event) {
    const rows = this.list.querySelectorAll('[role="option"]');
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.chosen = rows.length ? (this.chosen + step + rows.length) % rows.length : 0;
      this.mark();
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      this.open(rows[this.chosen], event.ctrlKey || event.metaKey);
    }
  }

  open(row, elsewhere = false) {
    const url = row?.dataset.url;
    if (!url || !url.startsWith("/")) return;
    if (elsewhere) window.open(url, "_blank", "noopener");
    else location.assign(url);
  }
}

export function startPalette() {
  const dialog = document.getElementById("palette");
  if (!dialog) return;
  const palette = new Palette(dialog);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette-open]")) palette.show();
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      palette.show();
    }
  });
}
