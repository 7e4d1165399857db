/* What is in the trace, what of it is folded, and which rows are to be seen. Knows no element of the page. */

export const CRITICAL = 1;
export const ORPHAN = 2;
export const CYCLIC = 4;
export const SKEWED = 8;
export const HANDLED = 16;

export class Model {
  #rows;
  #at;
  #texts;
  #folded = new Set();
  #unfoldedGroups = new Set();
  #places = new Map();
  #hits = null;
  #visible = null;

  constructor(skeleton) {
    this.#rows = skeleton.rows;
    this.#at = Object.fromEntries(skeleton.columns.map((name, place) => [name, place]));
    this.#texts = skeleton.texts;
    this.groups = skeleton.groups.map(([first, end, times, names, errors], number) => ({
      number,
      first,
      end,
      times,
      errors,
      names: names.map((name) => this.#texts[name]),
    }));
    this.total = skeleton.total_us;
    this.spans = skeleton.spans;
    this.slowest = skeleton.slowest;
    skeleton.rows.forEach((row, place) => this.#places.set(row[0], place));
  }

  get size() {
    return this.#rows.length;
  }

  /** A number of a row: depth, parent, end, offset, duration, first, own, flags, tokens, cost. */
  number(row, column) {
    return this.#rows[row][this.#at[column]];
  }

  /** A text of a row: name, kind, status, model, node, error. */
  text(row, column) {
    return this.#texts[this.#rows[row][this.#at[column]]];
  }

  id(row) {
    return this.#rows[row][0];
  }

  placeOf(id) {
    return this.#places.get(id) ?? -1;
  }

  has(row, flag) {
    return (this.number(row, "flags") & flag) !== 0;
  }

  isError(row) {
    return this.text(row, "status") === "error";
  }

  hasChildren(row) {
    return this.number(row, "end") > row + 1;
  }

  isFolded(row) {
    return this.#folded.has(row);
  }

  isUnfolded(group) {
    return this.#unfoldedGroups.has(group.number);
  }

  /** The rows of a group that stand beside each other, not what is below them. */
  members(group) {
    const members = [];
    for (let row = group.first; row < group.end; row = this.number(row, "end")) members.push(row);
    return members;
  }

  get errors() {
    const found = [];
    for (let row = 0; row < this.size; row += 1) if (this.isError(row)) found.push(row);
    return found;
  }

  /** The items to be seen, in order: `{row, depth}` or `{group, row: its first, depth}`. */
  get visible() {
    this.#visible ??= this.#hits ? this.#found() : this.#unfolded();
    return this.#visible;
  }

  #found() {
    return [...this.#hits].sort((one, other) => one - other).map((row) => ({ row, depth: this.number(row, "depth") }));
  }

  #unfolded() {
    const items = [];
    const inside = [];
    let next = 0;
    let row = 0;
    while (row < this.size) {
      while (inside.length && inside.at(-1).end <= row) inside.pop();
      while (next < this.groups.length && this.groups[next].first < row) next += 1;
      const depth = this.number(row, "depth") + inside.length;
      const group = this.groups[next];
      if (group?.first === row) {
        items.push({ group, row, depth });
        next += 1;
        if (this.isUnfolded(group)) inside.push(group);
        else row = group.end;
        continue;
      }
      items.push({ row, depth });
      row = this.#folded.has(row) ? this.number(row, "end") : row + 1;
    }
    return items;
  }

  #changed() {
    this.#visible = null;
  }

  /** Show these rows only; null shows all again. */
  show(hits) {
    this.#hits = hits;
    this.#changed();
  }

  get isFiltered() {
    return this.#hits !== null;
  }

  toggle(item, open) {
    const [set, key, opens] = item.group ? [this.#unfoldedGroups, item.group.number, true] : [this.#folded, item.row, false];
    if (open === opens) set.add(key);
    else set.delete(key);
    this.#changed();
  }

  isOpen(item) {
    if (item.group) return this.isUnfolded(item.group);
    return this.hasChildren(item.row) ? !this.isFolded(item.row) : undefined;
  }

  foldAll() {
    this.#unfoldedGroups.clear();
    for (let row = 0; row < this.size; row += 1) {
      if (this.number(row, "depth") >= 1 && this.hasChildren(row)) this.#folded.add(row);
    }
    this.#changed();
  }

  unfoldAll() {
    this.#folded.clear();
    for (const group of this.groups) this.#unfoldedGroups.add(group.number);
    this.#changed();
  }

  /** Unfold whatever a row is hidden in. */
  reveal(row) {
    for (let above = this.number(row, "parent"); above >= 0; above = this.number(above, "parent")) this.#folded.delete(above);
    for (const group of this.groups) {
      if (group.first <= row && row < group.end) this.#unfoldedGroups.add(group.number);
    }
    this.#changed();
  }

  /** The rows whose name, kind, node, model or error has the text. */
  search(text) {
    const words = text.toLowerCase();
    const known = new Map();
    const says = (row, column) => {
      const value = this.text(row, column);
      if (!known.has(value)) known.set(value, value.toLowerCase().includes(words));
      return known.get(value);
    };
    const hits = new Set();
    for (let row = 0; row < this.size; row += 1) {
      if (["name", "kind", "node", "model", "error"].some((column) => says(row, column))) hits.add(row);
    }
    return hits;
  }
}
