/* What is known of a run that goes on: its rows by key, what they wrote, how it stands. Knows no element of the page. */

import { Model } from "../page/model.js";

export const ROOT = "run";
const COLUMNS = [
  ...["id", "name", "kind", "depth", "parent", "end", "offset", "duration", "first", "own", "status", "flags"],
  ...["tokens", "cost", "model", "node", "error"],
];
const HANDLED = 16;

export class State {
  #rows = new Map();
  #texts = new Map();
  #heardAt = 0;
  #now = 0;
  #model = null;
  #folded = new Set();
  status = "";
  error = "";

  /** Take in what the server told. */
  take(change) {
    for (const row of change.rows ?? []) this.#rows.set(row.key, row);
    for (const key of change.voided ?? []) this.#texts.delete(key);
    for (const [key, text] of Object.entries(change.texts ?? {})) this.#texts.set(key, (this.#texts.get(key) ?? "") + text);
    if (change.status) this.status = change.status;
    if (change.error) this.error = change.error;
    if (change.now !== undefined) [this.#now, this.#heardAt] = [change.now, performance.now()];
    if (change.rows) this.#model = null;
  }

  get isOver() {
    return !["", "running", "paused"].includes(this.status);
  }

  /** How long the run takes so far, in microseconds; it stands still when the run does. */
  get now() {
    const took = this.#rows.get(ROOT)?.duration;
    if (took !== null && took !== undefined) return took;
    const since = this.#heardAt ? (performance.now() - this.#heardAt) * 1000 : 0;
    return Math.max(1, this.#now + since);
  }

  get size() {
    return this.#rows.size;
  }

  row(key) {
    return this.#rows.get(key);
  }

  text(key) {
    return this.#texts.get(key) ?? "";
  }

  /** The key of what began last and goes on, the deepest; the run itself when nothing else does. */
  get current() {
    let found = ROOT;
    for (const row of this.#rows.values()) if (row.duration === null && row.key !== ROOT) found = row.key;
    return found;
  }

  fold(key, isFolded) {
    if (isFolded) this.#folded.add(key);
    else this.#folded.delete(key);
    this.#model = null;
  }

  /** The rows as the parts of the trace page know them. */
  get model() {
    this.#model ??= this.#asModel();
    this.#model.total = this.now;
    return this.#model;
  }

  #asModel() {
    const below = new Map();
    for (const row of this.#rows.values()) {
      const parent = row.key === ROOT ? "" : this.#rows.has(row.parent) ? row.parent : ROOT;
      if (!below.has(parent)) below.set(parent, []);
      below.get(parent).push(row);
    }
    const [rows, texts] = [[], new Texts()];
    const open = [];
    const stack = (below.get("") ?? []).map((row) => ({ row, depth: 0, parent: -1 })).reverse();
    while (stack.length) {
      const { row, depth, parent } = stack.pop();
      while (open.length && open.at(-1).depth >= depth) rows[open.pop().at][5] = rows.length;
      open.push({ depth, at: rows.length });
      for (const child of (below.get(row.key) ?? []).toReversed()) stack.push({ row: child, depth: depth + 1, parent: rows.length });
      rows.push(asRow(row, depth, parent, texts));
    }
    for (const { at } of open) rows[at][5] = rows.length;
    const model = new Model({ columns: COLUMNS, rows, groups: [], texts: texts.all, total_us: this.now, spans: rows.length, slowest: null });
    for (const key of this.#folded) {
      const row = model.placeOf(key);
      if (row >= 0) model.toggle({ row }, false);
    }
    return model;
  }
}

class Texts {
  all = [];
  #places = new Map();

  number(text) {
    if (!this.#places.has(text)) this.#places.set(text, this.all.push(text) - 1);
    return this.#places.get(text);
  }
}

function asRow(row, depth, parent, texts) {
  return [
    row.key,
    texts.number(row.name),
    texts.number(row.kind),
    depth,
    parent,
    0,
    row.offset,
    row.duration,
    row.first,
    0,
    texts.number(row.status),
    row.handled ? HANDLED : 0,
    row.tokens,
    null,
    texts.number(row.model),
    texts.number(row.node),
    texts.number(row.error),
  ];
}
