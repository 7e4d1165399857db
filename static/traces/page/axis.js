/* The time axis: which stretch of the trace is shown, where a time stands in it, marks, and the time under the mouse. */

import { duration, tick } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
/** The part of the column that the axis takes, in per cent; the rest is room for the last bar's label. */
export const SHARE = 78;
const MOST_MARKS = 6;
const NARROWEST = 20;

export function svg(name, attributes = {}) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

export const percent = (value) => `${value.toFixed(3)}%`;

export class Axis {
  constructor(total) {
    this.total = total;
    this.from = 0;
    this.until = total;
  }

  get isWhole() {
    return this.from === 0 && this.until === this.total;
  }

  /** Where a time stands, in per cent of the column. */
  place(us) {
    return (SHARE * (us - this.from)) / (this.until - this.from);
  }

  /** The time at a share of the column. */
  timeAt(share) {
    return this.from + ((share * 100) / SHARE) * (this.until - this.from);
  }

  zoom(from, until) {
    const middle = (from + until) / 2;
    const half = Math.min(this.total, Math.max(NARROWEST, until - from)) / 2;
    this.from = Math.min(Math.max(0, middle - half), this.total - half * 2);
    this.until = this.from + half * 2;
  }

  whole() {
    this.from = 0;
    this.until = this.total;
  }

  /** Round times that are to be seen. */
  get marks() {
    const step = roundStep((this.until - this.from) / MOST_MARKS);
    const marks = [];
    for (let us = Math.ceil(this.from / step) * step; us <= this.until; us += step) marks.push(us);
    return marks;
  }
}

function roundStep(least) {
  for (let step = 1; ; step *= 10) {
    for (const factor of [1, 2, 5]) if (step * factor >= least) return step * factor;
  }
}

/** Draw the ruler and the lines behind the rows. */
export function drawMarks(axis, ruler, grid) {
  ruler.replaceChildren();
  grid.replaceChildren();
  for (const us of axis.marks) {
    const x = percent(axis.place(us));
    const text = svg("text", { x, y: 20, ...(us > axis.from && { "text-anchor": "middle" }) });
    text.textContent = tick(us);
    ruler.append(svg("line", { class: "grid-line", x1: x, x2: x, y1: 22, y2: 32 }), text);
    grid.append(svg("line", { class: "grid-line", x1: x, x2: x, y1: 0, y2: "100%" }));
  }
}

/** The line under the mouse says the time there. */
export function startCrosshair(field, grid, line, axis) {
  const label = line.firstElementChild;
  field.addEventListener("pointermove", (event) => {
    const box = grid.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    const isOut = share < 0 || share > (axis().isWhole ? SHARE / 100 : 1);
    line.hidden = isOut || event.pointerType === "touch";
    if (line.hidden) return;
    line.style.setProperty("--cross", `${event.clientX - field.getBoundingClientRect().left}px`);
    line.classList.toggle("crosshair-left", share > 0.6);
    label.textContent = duration(axis().timeAt(share));
  });
  field.addEventListener("pointerleave", () => (line.hidden = true));
}
