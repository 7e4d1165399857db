/* The list of rows: only those that can be seen are in the page, however many there are. */

import { drawRow } from "./row.js";

export const HEIGHT = 28;
const BEYOND = 12;

export class Rows {
  #list;
  #scroller;
  #drawn = new Map();
  #frame = 0;
  #selected = null;
  #place = null;

  /** `list` is inside of `scroller`; `on.open(item)`, `on.toggle(item)`, `address(id)`. */
  constructor(list, scroller, on) {
    this.#list = list;
    this.#scroller = scroller;
    this.on = on;
    scroller.addEventListener("scroll", () => this.#later(), { passive: true });
    new ResizeObserver(() => this.#later()).observe(scroller);
    list.addEventListener("click", (event) => this.#click(event));
  }

  /** Draw everything anew: the model or the axis has changed. */
  show(model, axis) {
    this.model = model;
    this.axis = axis;
    this.#list.style.setProperty("height", `${model.visible.length * HEIGHT + 8}px`);
    const hadFocus = this.#list.contains(document.activeElement);
    for (const element of this.#drawn.values()) element.remove();
    this.#drawn.clear();
    this.#draw();
    if (hadFocus) this.#elementOf(this.at)?.focus({ preventScroll: true });
  }

  /** The place of the selected item among those to be seen, -1 for none. */
  get at() {
    const { visible } = this.model;
    // Asked for in every frame, and known until another item is selected or other items are to be seen.
    if (this.#place?.visible !== visible || this.#place.of !== this.#selected) {
      this.#place = { visible, of: this.#selected, at: this.#find(visible, this.#selected) };
    }
    return this.#place.at;
  }

  #find(visible, wanted) {
    if (wanted === null) return -1;
    const found = visible.findIndex((item) => item.row === wanted.row && item.group === wanted.group);
    return found >= 0 || wanted.group ? found : visible.findLastIndex((item) => item.row <= wanted.row && !item.group);
  }

  get item() {
    return this.model.visible[this.at];
  }

  select(item, { focus = false, center = false } = {}) {
    this.#selected = item;
    const at = this.at;
    if (at >= 0) this.#bring(at, center);
    this.#draw();
    for (const [place, element] of this.#drawn) this.#mark(element, place, at);
    if (focus) this.#elementOf(at)?.focus({ preventScroll: true });
  }

  #bring(at, center) {
    const head = this.#top();
    const top = head + at * HEIGHT;
    const { scrollTop, clientHeight } = this.#scroller;
    if (center) this.#scroller.scrollTop = top + HEIGHT - (clientHeight + head) / 2;
    else if (top - head < scrollTop + 4) this.#scroller.scrollTop = top - head - 4;
    else if (top + HEIGHT > scrollTop + clientHeight) this.#scroller.scrollTop = top + HEIGHT - clientHeight + 4;
  }

  /** How far below the top of what scrolls the list begins. */
  #top() {
    return this.#list.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top + this.#scroller.scrollTop + 4;
  }

  #later() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.model) this.#draw();
    });
  }

  #draw() {
    const { visible } = this.model;
    const above = this.#scroller.scrollTop - this.#top();
    const first = Math.max(0, Math.floor(above / HEIGHT) - BEYOND);
    const last = Math.min(visible.length, Math.ceil((above + this.#scroller.clientHeight) / HEIGHT) + BEYOND);
    for (const [place, element] of this.#drawn) {
      if (place >= first && place < last) continue;
      element.remove();
      this.#drawn.delete(place);
    }
    const at = this.at;
    const fresh = document.createDocumentFragment();
    for (let place = first; place < last; place += 1) {
      if (this.#drawn.has(place)) continue;
      const element = drawRow(visible[place], this.model, this.axis, this.on.address);
      element.style.setProperty("top", `${place * HEIGHT + 4}px`);
      element.dataset.place = place;
      element.setAttribute("aria-posinset", place + 1);
      element.setAttribute("aria-setsize", visible.length);
      this.#mark(element, place, at);
      this.#drawn.set(place, element);
      fresh.append(element);
    }
    this.#list.append(fresh);
  }

  #mark(element, place, at) {
    element.setAttribute("aria-selected", place === at);
    element.tabIndex = place === at || (at < 0 && place === 0) ? 0 : -1;
  }

  #elementOf(at) {
    return this.#drawn.get(at);
  }

  #click(event) {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    const element = event.target.closest(".span-row");
    if (!element) return;
    event.preventDefault();
    const item = this.model.visible[Number(element.dataset.place)];
    if (event.target.closest("[data-twist]")) this.on.toggle(item);
    else this.on.open(item);
  }
}
