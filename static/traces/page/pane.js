/* The pane of the opened span: fetched when it is wanted, kept, with its tabs, folds and notices. */

import { startMarkdown } from "../../console/markdown.js";
import { icon } from "../../console/words.js";
import { CYCLIC, ORPHAN, SKEWED } from "./model.js";
import { word } from "./words.js";

const MOST_KEPT = 200;
const LATE_MS = 150;

export class Pane {
  #root;
  #address;
  #kept = new Map();
  #tab = "";
  #asked = null;

  /** `address(id)` is where the pane of a span is; `on.openSpan(id)`, `on.again(address)`. */
  constructor(root, address, on) {
    this.#root = root;
    this.#address = address;
    this.on = on;
    root.addEventListener("click", (event) => this.#click(event));
    root.addEventListener("keydown", (event) => this.#key(event));
    this.#prepare();
  }

  /** Show a span; `flags` are what its row has to say of it. */
  async show(id, flags = 0) {
    this.#asked?.abort();
    const asked = (this.#asked = new AbortController());
    const late = setTimeout(() => this.#root.setAttribute("aria-busy", "true"), LATE_MS);
    try {
      const html = await this.#load(id, asked.signal);
      if (asked.signal.aborted) return;
      this.#root.innerHTML = html;
      this.#root.scrollTop = 0;
      const tab = this.#tab && this.#root.querySelector(`[data-tab="${this.#tab}"]`);
      if (tab) this.#showTab(tab);
      this.remark(flags);
      this.#prepare();
    } catch (error) {
      if (error.name !== "AbortError") this.#say(word("failed"));
    } finally {
      clearTimeout(late);
      if (this.#asked === asked) this.#root.removeAttribute("aria-busy");
    }
  }

  /** Say above the tabs what is odd about the span's place in the tree. */
  remark(flags) {
    const head = this.#root.querySelector(".detail-head");
    for (const [flag, name, sign] of [[ORPHAN, "orphan_why", "unplug"], [CYCLIC, "cyclic_why", "repeat"], [SKEWED, "skewed_why", "clock"]]) {
      if (!(flags & flag) || !head) continue;
      const notice = document.createElement("p");
      notice.className = "notice tone-warning";
      const text = document.createElement("span");
      text.textContent = word(name);
      notice.append(icon(sign), text);
      head.after(notice);
    }
  }

  async #load(id, signal) {
    const known = this.#kept.get(id);
    if (known) return known;
    const response = await fetch(this.#address(id), { signal, headers: { Accept: "text/html" } });
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    const html = await response.text();
    if (this.#kept.size >= MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value);
    this.#kept.set(id, html);
    return html;
  }

  #say(text) {
    const notice = document.createElement("p");
    notice.className = "notice tone-error";
    notice.textContent = text;
    this.#root.replaceChildren(notice);
  }

  /** What a freshly shown pane needs: formatted text, and folds where a text is long. */
  #prepare() {
    startMarkdown(this.#root);
    this.#measure();
  }

  #measure() {
    for (const text of this.#root.querySelectorAll("[data-fold]")) {
      const button = text.nextElementSibling;
      if (button.hidden && text.scrollHeight > text.clientHeight + 4) button.hidden = false;
    }
  }

  focus() {
    this.#root.focus({ preventScroll: true });
    this.#root.scrollIntoView({ block: "nearest" });
  }

  nextTab(step = 1) {
    const tabs = [...this.#root.querySelectorAll("[data-tab]")];
    if (!tabs.length) return;
    const at = tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
    const tab = tabs[(at + step + tabs.length) % tabs.length];
    this.#tab = tab.dataset.tab;
    this.#showTab(tab, { focus: tabs.includes(document.activeElement) });
  }

  #showTab(tab, { focus = false } = {}) {
    for (const other of this.#root.querySelectorAll("[data-tab]")) {
      const isChosen = other === tab;
      other.setAttribute("aria-selected", String(isChosen));
      other.tabIndex = isChosen ? 0 : -1;
      this.#root.querySelector(`#panel-${other.dataset.tab}`).hidden = !isChosen;
    }
    tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (focus) tab.focus();
    this.#measure();
  }

  #click(event) {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    const { target } = event;
    const tab = target.closest("[data-tab]");
    const link = target.closest("[data-open-span]");
    const again = target.closest("[data-again]");
    const unfold = target.closest("[data-unfold]");
    const view = target.closest("[data-show]");
    if (tab || link) event.preventDefault();
    if (tab) {
      this.#tab = tab.dataset.tab;
      this.#showTab(tab);
    }
    if (link) this.on.openSpan(link.dataset.openSpan);
    if (again) this.on.again(again.dataset.again);
    if (unfold) fold(unfold);
    if (view) choose(view);
  }

  #key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !event.target.closest("[role=tablist]")) return;
    event.preventDefault();
    event.stopPropagation();
    this.nextTab(step);
  }
}

function fold(button) {
  const isOpen = button.previousElementSibling.toggleAttribute("data-open");
  button.dataset.more ??= button.textContent;
  button.textContent = isOpen ? button.dataset.less : button.dataset.more;
}

function choose(view) {
  const block = view.closest(".value-block");
  for (const button of block.querySelectorAll("[data-show]")) button.setAttribute("aria-pressed", String(button === view));
  for (const part of block.querySelectorAll("[data-view]")) part.hidden = part.dataset.view !== view.dataset.show;
}
