/* The whole trace in a strip above the waterfall: drag over it to look at a stretch more closely. */

import { percent, svg } from "./axis.js";
import { kindOf } from "./row.js";

const HEIGHT = 40;
const MOST_BARS = 600;
const LEAST_DRAG = 4;

export class Overview {
  #root;
  #window = svg("rect", { class: "overview-window", y: 0, height: HEIGHT });
  #begin = null;

  /** `on.zoom(from, until)` and `on.whole()`. */
  constructor(root, axis, on) {
    this.#root = root;
    this.axis = axis;
    this.on = on;
    root.addEventListener("pointerdown", (event) => this.#down(event));
    root.addEventListener("pointermove", (event) => this.#move(event));
    root.addEventListener("pointerup", (event) => this.#up(event));
    root.addEventListener("dblclick", () => on.whole());
  }

  /** Draw what took time: one line of pixels for each level of the tree, the longest ones of very many. */
  draw(model) {
    const rows = [];
    for (let row = 0; row < model.size; row += 1) if (model.number(row, "offset") !== null) rows.push(row);
    const longest = rows.length <= MOST_BARS ? rows : rows.sort((a, b) => (model.number(b, "duration") ?? 0) - (model.number(a, "duration") ?? 0)).slice(0, MOST_BARS);
    const deepest = Math.max(1, ...longest.map((row) => model.number(row, "depth")));
    const step = Math.min(6, (HEIGHT - 4) / (deepest + 1));
    const bars = longest.map((row) => {
      const offset = model.number(row, "offset");
      const took = model.number(row, "duration") ?? model.total - offset;
      const { hue } = kindOf(model.text(row, "kind")).dataset;
      return svg("rect", {
        class: `overview-bar ${hue} ${model.isError(row) ? "overview-failed" : ""}`,
        x: percent((100 * offset) / model.total),
        width: percent(Math.max(0.15, (100 * took) / model.total)),
        y: 2 + model.number(row, "depth") * step,
        height: Math.max(1, step - 1),
      });
    });
    this.#root.replaceChildren(...bars, this.#window);
    this.showWindow();
  }

  showWindow() {
    const { axis } = this;
    this.#window.setAttribute("x", percent((100 * axis.from) / axis.total));
    this.#window.setAttribute("width", percent((100 * (axis.until - axis.from)) / axis.total));
    this.#window.classList.toggle("overview-whole", axis.isWhole);
  }

  #share(event) {
    const box = this.#root.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  }

  #down(event) {
    this.#begin = { share: this.#share(event), x: event.clientX };
    this.#root.setPointerCapture(event.pointerId);
  }

  #move(event) {
    if (!this.#begin) return;
    const [one, other] = [this.#begin.share, this.#share(event)];
    this.#window.setAttribute("x", percent(100 * Math.min(one, other)));
    this.#window.setAttribute("width", percent(100 * Math.abs(one - other)));
    this.#window.classList.remove("overview-whole");
  }

  #up(event) {
    const begin = this.#begin;
    this.#begin = null;
    if (!begin) return;
    if (Math.abs(event.clientX - begin.x) < LEAST_DRAG) {
      this.showWindow();
      return;
    }
    const shares = [begin.share, this.#share(event)].sort((one, other) => one - other);
    this.on.zoom(shares[0] * this.axis.total, shares[1] * this.axis.total);
  }
}
