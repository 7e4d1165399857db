/* The search in a trace: names at once, the values of all spans a moment later, from the server. */

import { count, word } from "./words.js";

const PATIENCE_MS = 250;

export class Finder {
  #field;
  #said;
  #address;
  #all;
  #timer = 0;
  #asked = null;
  #known = new Map();

  /** `on.found(hits)` takes the rows that say the text; null means that nothing is looked for. */
  constructor(field, said, address, on) {
    this.#field = field;
    this.#said = said;
    this.#address = address;
    this.#all = said.textContent;
    this.on = on;
    field.addEventListener("input", () => this.look());
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !field.value) field.blur();
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      on.enter();
    });
  }

  get text() {
    return this.#field.value.trim();
  }

  focus() {
    this.#field.focus();
    this.#field.select();
  }

  clear() {
    this.#field.value = "";
    this.look();
  }

  /** Look for the text in the model; the server is asked when nobody has typed for a moment. */
  look(model = this.model) {
    this.model = model;
    clearTimeout(this.#timer);
    this.#asked?.abort();
    const { text } = this;
    if (!text) {
      this.#said.textContent = this.#all;
      this.on.found(null);
      return;
    }
    const hits = model.search(text);
    const known = this.#known.get(text);
    if (known) this.#add(hits, known);
    this.#tell(hits, Boolean(known) || text.length < 2);
    if (!known && text.length >= 2) this.#timer = setTimeout(() => this.#ask(text, hits), PATIENCE_MS);
  }

  async #ask(text, hits) {
    this.#asked = new AbortController();
    try {
      const response = await fetch(`${this.#address}?q=${encodeURIComponent(text)}`, { signal: this.#asked.signal });
      if (!response.ok) throw new Error(String(response.status));
      const found = (await response.json()).spans;
      this.#known.set(text, found);
      this.#add(hits, found);
    } catch (error) {
      if (error.name === "AbortError") return;
    }
    if (text === this.text) this.#tell(hits, true);
  }

  #add(hits, ids) {
    for (const id of ids) {
      const row = this.model.placeOf(id);
      if (row >= 0) hits.add(row);
    }
  }

  #tell(hits, isDone) {
    this.#said.textContent = hits.size || isDone ? word("found", { n: count(hits.size) }) : word("looking");
    this.on.found(hits, isDone);
  }
}
