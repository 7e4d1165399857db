/* The trace page: puts its parts together, moves by key, keeps the address true. */

import { Axis, drawMarks, startCrosshair } from "./page/axis.js";
import { Finder } from "./page/find.js";
import { startKeys } from "./page/keys.js";
import { Log } from "./page/log.js";
import { CRITICAL, Model } from "./page/model.js";
import { Overview } from "./page/overview.js";
import { Pane } from "./page/pane.js";
import { Rows } from "./page/rows.js";
import { askAgain, copyStory } from "./page/story.js";
import { Views } from "./page/views.js";
import { word } from "./page/words.js";

const root = document.querySelector("[data-trace]");
const part = (name) => root.querySelector(`[data-${name}]`);
const narrow = matchMedia("(max-width: 1000px)");

class TracePage {
  constructor(skeleton) {
    this.scroller = part("scroller");
    this.rows = new Rows(part("spans"), this.scroller, {
      open: (item) => this.open(item, { byHand: true }),
      toggle: (item) => this.toggle(item),
      address: spanAddress,
    });
    this.pane = new Pane(part("pane"), (id) => root.dataset.spanUrl.replace(root.dataset.anySpan, id), {
      openSpan: (id) => this.openSpan(id),
      again: (address) => askAgain(document.getElementById("again"), address),
    });
    this.finder = new Finder(part("trace-search"), part("trace-found"), root.dataset.findUrl, {
      found: (hits, isDone) => this.found(hits, isDone),
      enter: () => this.model.visible[0] && this.open(this.model.visible[0], { focus: true }),
    });
    this.log = new Log(part("log"), this.scroller, { openSpan: (id) => this.openSpan(id), address: spanAddress });
    this.views = new Views(root, {
      log: () => this.log.load(root.dataset.logUrl).then(() => this.log.mark(this.openedId)),
      graph: (box) => this.markNode(box),
      shown: () => {
        this.redraw();
        const { item } = this.rows;
        if (item) this.rows.select(item, { center: true });
      },
    });
    this.openedId = root.dataset.opened;
    this.take(skeleton);
    startCrosshair(part("rows"), part("grid"), part("crosshair"), () => this.axis);
    this.listen();
    startKeys(this, this.pane);
    this.views.begin();
  }

  /** Show a skeleton, the first one or one with more rows. */
  take(skeleton) {
    this.model = new Model(skeleton);
    this.axis = new Axis(this.model.total);
    this.overview = new Overview(part("overview"), this.axis, {
      zoom: (from, until) => this.zoom(from, until),
      whole: () => this.whole(),
    });
    this.overview.draw(this.model);
    const row = this.model.placeOf(this.openedId);
    if (row >= 0) {
      this.model.reveal(row);
      this.pane.remark(this.model.number(row, "flags"));
    }
    this.finder.model = this.model;
    this.redraw();
    if (row >= 0) this.rows.select({ row }, { center: true });
    const more = part("more");
    if (more) more.hidden = this.model.size >= this.model.spans;
    part("more-count")?.replaceChildren(String(this.model.spans - this.model.size));
  }

  redraw() {
    drawMarks(this.axis, part("ruler"), part("grid"));
    this.rows.show(this.model, this.axis);
    this.overview.showWindow();
  }

  /** Open an item: its span's pane, or what a group holds. */
  open(item, { focus = false, byHand = false } = {}) {
    if (item.group && byHand && this.rows.item?.group === item.group) {
      this.toggle(item);
      return;
    }
    this.rows.select(item, { focus: focus || byHand });
    const id = this.model.id(item.row);
    if (id === this.openedId && !root.querySelector("[data-pane] .tone-error:only-child")) return;
    this.openedId = id;
    const address = new URL(location.href);
    address.searchParams.set("span", id);
    address.searchParams.delete("tab");
    history.replaceState(null, "", address);
    this.log.mark(id);
    this.markNode();
    this.pane.show(id, this.model.number(item.row, "flags")).then(() => {
      if (byHand && narrow.matches) part("pane").scrollIntoView({ behavior: "smooth", block: "start" });
    });
  }

  openSpan(id) {
    const row = this.model.placeOf(id);
    if (row < 0) return;
    if (this.model.isFiltered && !this.model.visible.some((item) => item.row === row)) this.finder.clear();
    this.openRow(row);
  }

  openRow(row, options = {}) {
    if (!this.model.isFiltered) {
      this.model.reveal(row);
      this.rows.show(this.model, this.axis);
    }
    this.open({ row }, options);
  }

  toggle(item, open) {
    const wanted = open ?? !this.model.isOpen(item);
    this.model.toggle(item, wanted);
    this.rows.show(this.model, this.axis);
    this.rows.select(item);
  }

  move(step) {
    const list = this.model.visible;
    const next = list[Math.min(list.length - 1, Math.max(0, this.rows.at + step))];
    if (next && next !== this.rows.item) this.open(next, { focus: part("spans").contains(document.activeElement) });
  }

  /** Go to the next row for which `fits`, in either direction, round the end. */
  jump(fits, step = 1) {
    const { size } = this.model;
    const here = this.rows.item?.row ?? 0;
    for (let off = 1; off <= size; off += 1) {
      const row = (here + step * off + size * (off + 1)) % size;
      if (fits(row)) {
        if (this.model.isFiltered && !this.model.visible.some((item) => item.row === row)) continue;
        this.openRow(row);
        return;
      }
    }
  }

  nextError(step = 1) {
    this.jump((row) => row > 0 && this.model.isError(row), step);
  }

  nextCritical() {
    this.jump((row) => this.model.has(row, CRITICAL) && this.model.number(row, "parent") >= 0);
  }

  toSlowest() {
    if (this.model.slowest !== null) this.openRow(this.model.slowest);
  }

  /** Left: fold, or go to the parent. Right: unfold, or go inside. */
  sideways(step) {
    const { item } = this.rows;
    if (!item) return;
    const isOpen = this.model.isOpen(item);
    if (step > 0 && isOpen === false) this.toggle(item, true);
    else if (step > 0 && isOpen) this.move(1);
    else if (step < 0 && isOpen) this.toggle(item, false);
    else if (step < 0) this.toParent(item);
  }

  toParent(item) {
    const list = this.model.visible;
    const above = list.slice(0, this.rows.at).findLast((other) => other.depth < item.depth);
    if (above) this.open(above, { focus: part("spans").contains(document.activeElement) });
  }

  foldAll(isFolded) {
    if (isFolded) this.model.foldAll();
    else this.model.unfoldAll();
    this.redraw();
    const row = this.model.placeOf(this.openedId);
    if (row >= 0) this.rows.select({ row }, { center: true });
  }

  found(hits, isDone) {
    this.model.show(hits);
    this.rows.show(this.model, this.axis);
    part("nothing").hidden = !hits || hits.size > 0 || !isDone;
    if (this.views.name === "log") this.log.filter(this.finder.text);
  }

  zoom(from, until) {
    this.axis.zoom(from, until);
    this.redraw();
  }

  zoomToOpened() {
    const row = this.model.placeOf(this.openedId);
    const offset = row < 0 ? null : this.model.number(row, "offset");
    if (offset === null) return;
    const took = this.model.number(row, "duration") ?? 0;
    this.zoom(offset - took * 0.1, offset + took * 1.1);
  }

  whole() {
    this.axis.whole();
    this.redraw();
  }

  markNode(box = part("graph")) {
    for (const node of box.querySelectorAll("[data-node-span]")) {
      const row = this.model.placeOf(this.openedId);
      const isOpened = node.dataset.nodeSpan === this.openedId || (row >= 0 && node.dataset.node === this.model.text(row, "node"));
      node.toggleAttribute("data-opened", isOpened);
    }
  }

  async more() {
    const button = part("more").querySelector("button");
    button.disabled = true;
    try {
      this.take(await fetchRows(this.model.size + 10_000));
    } finally {
      button.disabled = false;
    }
  }

  listen() {
    document.addEventListener("click", (event) => {
      const act = event.target.closest("[data-act]")?.dataset.act;
      const acts = {
        "next-error": () => this.nextError(),
        slowest: () => this.toSlowest(),
        "fold-all": () => this.foldAll(true),
        "unfold-all": () => this.foldAll(false),
        whole: () => this.whole(),
        more: () => this.more(),
        story: () => copyStory(root.dataset.storyUrl),
      };
      acts[act]?.();
      const node = event.target.closest("[data-node-span]");
      if (!node || event.metaKey || event.ctrlKey) return;
      event.preventDefault();
      this.openSpan(node.dataset.nodeSpan);
    });
  }
}

function spanAddress(id) {
  return `?span=${id}`;
}

async function fetchRows(limit = 0) {
  // Without a limit it is the address that the head of the page has had fetched already.
  const response = await fetch(root.dataset.rowsUrl + (limit ? `?limit=${limit}` : ""));
  if (!response.ok) throw new Error(String(response.status));
  return response.json();
}

async function rowsOfPage() {
  const inline = document.getElementById("trace-rows");
  if (inline) return JSON.parse(inline.textContent);
  try {
    return await fetchRows();
  } catch {
    const notice = document.createElement("p");
    notice.className = "notice tone-error trace-rest";
    notice.textContent = word("view_failed");
    part("spans").replaceChildren(notice);
    return null;
  }
}

rowsOfPage().then((skeleton) => {
  if (!skeleton) return;
  new TracePage(skeleton);
  root.dataset.ready = "";
});
