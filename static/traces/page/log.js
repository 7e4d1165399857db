/* The log of a trace: lines in the order of time; only those that can be seen are in the page. */

import { icon } from "../../console/words.js";
import { duration, word } from "./words.js";

const HEIGHT = 24;
const BEYOND = 20;
const SIGNS = { error: "circle-x", warning: "triangle-alert", info: "circle-dot" };

export class Log {
  #root;
  #scroller;
  #lines = [];
  #shown = [];
  #drawn = new Map();
  #opened = "";

  constructor(root, scroller, on) {
    this.#root = root;
    this.#scroller = scroller;
    this.on = on;
    scroller.addEventListener("scroll", () => this.#draw(), { passive: true });
    root.addEventListener("click", (event) => {
      const line = event.target.closest("[data-line-span]");
      if (!line || event.metaKey || event.ctrlKey) return;
      event.preventDefault();
      if (line.dataset.lineSpan) on.openSpan(line.dataset.lineSpan);
    });
  }

  async load(address) {
    const response = await fetch(address);
    if (!response.ok) throw new Error(String(response.status));
    this.#lines = (await response.json()).lines;
    this.filter("");
  }

  /** Show the lines that say the text. */
  filter(text) {
    const words = text.toLowerCase();
    const says = ([, , , name, said]) => `${name} ${said}`.toLowerCase().includes(words);
    this.#shown = words ? this.#lines.filter(says) : this.#lines;
    this.#root.style.setProperty("height", `${this.#shown.length * HEIGHT + 8}px`);
    for (const element of this.#drawn.values()) element.remove();
    this.#drawn.clear();
    this.#draw();
    return this.#shown.length;
  }

  mark(id) {
    this.#opened = id;
    for (const element of this.#drawn.values()) this.#current(element);
  }

  #current(element) {
    if (element.dataset.lineSpan && element.dataset.lineSpan === this.#opened) element.setAttribute("aria-current", "true");
    else element.removeAttribute("aria-current");
  }

  #draw() {
    if (this.#root.closest("[hidden]")) return;
    const top = this.#root.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / HEIGHT) - BEYOND);
    const last = Math.min(this.#shown.length, Math.ceil((this.#scroller.clientHeight - top) / HEIGHT) + BEYOND);
    for (const [place, element] of this.#drawn) {
      if (place >= first && place < last) continue;
      element.remove();
      this.#drawn.delete(place);
    }
    for (let place = first; place < last; place += 1) {
      if (!this.#drawn.has(place)) this.#add(place);
    }
  }

  #add(place) {
    const [at, level, span, name, said] = this.#shown[place];
    const line = document.createElement(span ? "a" : "div");
    line.className = `log-line log-${level}`;
    line.setAttribute("role", "listitem");
    line.style.setProperty("top", `${place * HEIGHT + 4}px`);
    line.dataset.lineSpan = span;
    if (span) line.href = this.on.address(span);
    const parts = [["log-at num", duration(at)], ["log-sign", ""], ["log-name", name], ["log-said", said]];
    for (const [className, text] of parts) {
      const part = document.createElement("span");
      part.className = className;
      part.textContent = text;
      if (className === "log-sign") part.append(icon(SIGNS[level] ?? "circle-dot", "icon-small"));
      line.append(part);
    }
    line.title = [name, said].filter(Boolean).join(": ");
    this.#current(line);
    this.#drawn.set(place, line);
    this.#root.append(line);
  }

  get words() {
    return word("lines", { n: this.#shown.length });
  }
}
