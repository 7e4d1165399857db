/* The four ways of looking at a trace: tree, waterfall, graph, log. The address says which one is shown. */

import { word } from "./words.js";

const OF_ROWS = ["tree", "waterfall"];
/** Drawings are made smaller to fit, as long as their words can be read. */
const SMALLEST = 0.7;

export class Views {
  #root;
  #loaded = new Set();
  name = "tree";

  /** `on.log()` fills the log, `on.graph(box)` follows the graph, `on.shown()` after a change. */
  constructor(root, on) {
    this.#root = root;
    this.on = on;
    this.tabs = [...root.querySelectorAll("[data-view-tab]")];
    for (const tab of this.tabs) {
      tab.addEventListener("click", (event) => {
        if (event.metaKey || event.ctrlKey) return;
        event.preventDefault();
        this.show(tab.dataset.viewTab);
      });
      tab.addEventListener("keydown", (event) => this.#key(event, tab));
    }
  }

  begin() {
    const wanted = new URLSearchParams(location.search).get("view");
    if (this.tabs.some((tab) => tab.dataset.viewTab === wanted)) this.show(wanted);
  }

  show(name) {
    this.name = name;
    this.#root.dataset.view = name;
    for (const tab of this.tabs) {
      const isChosen = tab.dataset.viewTab === name;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
    }
    const panel = OF_ROWS.includes(name) ? "rows" : name;
    for (const box of this.#root.querySelectorAll("[data-view-panel]")) box.hidden = box.dataset.viewPanel !== panel;
    const address = new URL(location.href);
    if (name === "tree") address.searchParams.delete("view");
    else address.searchParams.set("view", name);
    history.replaceState(null, "", address);
    if (panel === "rows") this.on.shown();
    else this.#load(name);
  }

  async #load(name) {
    if (this.#loaded.has(name)) return;
    const box = this.#root.querySelector(`[data-view-panel="${name}"]`);
    box.setAttribute("aria-busy", "true");
    try {
      if (name === "log") await this.on.log();
      else await this.#loadGraph(box);
      this.#loaded.add(name);
      box.querySelector("[data-view-failed]")?.remove();
    } catch {
      this.#fail(box);
    } finally {
      box.removeAttribute("aria-busy");
    }
  }

  async #loadGraph(box) {
    const response = await fetch(this.#root.dataset.graphUrl, { headers: { Accept: "text/html" } });
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    box.querySelector("[data-graph]").innerHTML = await response.text();
    this.#fitGraph(box);
    this.on.graph(box);
    box.querySelector("[data-opened]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }

  #fitGraph(box) {
    const drawing = box.querySelector(".drawing");
    const room = drawing?.parentElement;
    if (!room) return;
    const { width, height } = drawing.viewBox.baseVal;
    const padding = 2 * parseFloat(getComputedStyle(room).paddingInlineStart);
    const size = Math.min(1, Math.max(SMALLEST, (room.clientWidth - padding) / width));
    drawing.setAttribute("width", width * size);
    drawing.setAttribute("height", height * size);
    room.tabIndex = 0;
  }

  #fail(box) {
    if (box.querySelector("[data-view-failed]")) return;
    const notice = document.createElement("p");
    notice.className = "notice tone-error trace-rest";
    notice.dataset.viewFailed = "";
    notice.textContent = word("view_failed");
    box.prepend(notice);
  }

  #key(event, tab) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const next = this.tabs[(this.tabs.indexOf(tab) + step + this.tabs.length) % this.tabs.length];
    this.show(next.dataset.viewTab);
    next.focus();
  }
}
