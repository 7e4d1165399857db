/* The page of a run that goes on: its rows and texts grow as the run is told of; when it has ended, its trace takes over. */

import { shortcut } from "../console/shortcuts.js";
import { ROOT, State } from "./live/state.js";
import { Axis, drawMarks } from "./page/axis.js";
import { kindOf } from "./page/row.js";
import { Rows } from "./page/rows.js";
import { Views } from "./page/views.js";
import { count, duration, word } from "./page/words.js";

const TICK_MS = 200;
const LOOK_MS = 700;
const MOST_LOOKS = 60;
/* Steps that write text; of others there is nothing to be seen while they go on. */
const WRITING = new Set(["run", "llm", "agent", "answer"]);
const root = document.querySelector("[data-trace]");
const part = (name) => document.querySelector(`[data-${name}]`);

class LivePage {
  #isPressed = false;
  #isFollowing = true;
  #source = null;
  #writtenKey = null;
  #written = 0;

  constructor() {
    this.state = new State();
    this.opened = ROOT;
    this.rows = new Rows(part("spans"), part("scroller"), {
      open: (item) => this.choose(this.state.model.id(item.row)),
      toggle: (item) => this.toggle(item),
      address: () => location.href,
    });
    this.views = new Views(root, { shown: () => this.draw() });
    this.listen();
    this.views.begin();
    this.connect();
    setInterval(() => this.tick(), TICK_MS);
  }

  connect() {
    this.#source?.close();
    const source = (this.#source = new EventSource(root.dataset.streamUrl));
    source.addEventListener("begin", () => {
      this.state = new State();
      this.#writtenKey = null;
      part("live-notice").hidden = true;
    });
    source.addEventListener("message", (event) => this.take(JSON.parse(event.data)));
    source.addEventListener("end", () => {
      source.close();
      if (this.state.isOver) this.leave();
      else this.wait();
    });
    source.addEventListener("error", () => {
      this.say(word("lost"));
      if (source.readyState === EventSource.CLOSED) this.wait();
    });
  }

  take(change) {
    this.state.take(change);
    if (change.status) this.showStatus(this.state.status);
    if (this.#isFollowing) this.opened = this.state.isOver ? ROOT : this.state.current;
    this.draw();
  }

  /** The bars grow, also while nothing is told. */
  tick() {
    if (!document.hidden && !this.state.isOver && this.state.status !== "paused") this.draw();
  }

  draw() {
    const { state } = this;
    // A row must not be drawn anew between the press of a button and its release.
    if (!state.size || this.#isPressed) return;
    part("nothing").hidden = true;
    const { model } = state;
    const axis = new Axis(model.total);
    drawMarks(axis, part("ruler"), part("grid"));
    this.rows.show(model, axis);
    const row = model.placeOf(this.opened);
    if (row >= 0 && this.rows.item?.row !== row) this.rows.select({ row });
    part("live-took").textContent = duration(state.now);
    part("live-steps").textContent = count(state.size - 1);
    part("live-tokens").textContent = count(state.row(ROOT).tokens);
    this.drawPane();
  }

  drawPane() {
    const row = this.state.row(this.opened);
    if (!row) return;
    const isOpen = row.duration === null;
    if (this.#writtenKey !== row.key) part("live-kind").replaceChildren(kindOf(row.kind).content.firstElementChild.cloneNode(true));
    put("live-name", row.name);
    for (const pill of document.querySelectorAll("[data-live-span-status]"))
      pill.hidden = pill.dataset.liveSpanStatus !== row.status;
    put("live-span-took", duration(isOpen ? Math.max(0, this.state.now - row.offset) : row.duration));
    put("live-span-first", row.first === null ? "" : word("first_text", { t: duration(row.first) }));
    put("live-span-tokens", row.tokens ? word("tokens", { n: count(row.tokens) }) : "");
    put("live-model", row.model);
    put("live-node", row.node);
    part("live-error").hidden = !row.message;
    put("live-message", row.message);
    put("live-code", row.error);
    this.drawText(row, isOpen);
  }

  /** Only what was added is put into the page. */
  drawText(row, isOpen) {
    const box = part("live-text");
    const text = this.state.text(row.key);
    const isSame = this.#writtenKey === row.key && text.length >= this.#written && this.#written > 0;
    if (isSame) box.append(text.slice(this.#written));
    else box.textContent = text || word(WRITING.has(row.kind) ? "no_text" : "no_writing");
    part("live-text-title").hidden = !text && !WRITING.has(row.kind);
    [this.#writtenKey, this.#written] = [row.key, text.length];
    box.toggleAttribute("data-empty", !text);
    box.toggleAttribute("data-writing", isOpen && text !== "");
  }

  choose(key) {
    this.follow(false);
    this.opened = key;
    this.draw();
  }

  follow(isOn) {
    this.#isFollowing = isOn;
    part("live-follow").setAttribute("aria-pressed", String(isOn));
    if (!isOn || !this.state.size) return;
    this.opened = this.state.isOver ? ROOT : this.state.current;
    this.draw();
  }

  toggle(item) {
    this.state.fold(this.state.model.id(item.row), this.state.model.isOpen(item));
    this.draw();
  }

  move(step) {
    const list = this.state.model.visible;
    const next = list[Math.min(list.length - 1, Math.max(0, this.rows.at + step))];
    if (next) this.choose(this.state.model.id(next.row));
  }

  showStatus(status) {
    for (const pill of document.querySelectorAll("[data-live-status]")) pill.hidden = pill.dataset.liveStatus !== status;
    part("live-paused").hidden = status !== "paused";
    if (this.state.isOver) part("stop-form")?.remove();
  }

  say(words) {
    part("live-notice").hidden = false;
    part("live-words").textContent = words;
  }

  /** The run has ended: the page of its trace takes the place of this one as soon as it is written. */
  async leave(looks = 0) {
    this.say(word("ended"));
    const state = await look();
    if (state?.trace) location.reload();
    else if (looks < MOST_LOOKS) setTimeout(() => this.leave(looks + 1), LOOK_MS);
    else this.say(word("no_trace"));
  }

  /** The run waits for somebody, or the connection is gone: look now and then whether it goes on. */
  wait() {
    setTimeout(async () => {
      const state = await look();
      if (state && state.status !== "paused") this.connect();
      else this.wait();
    }, LOOK_MS * 3);
  }

  listen() {
    document.addEventListener("pointerdown", () => (this.#isPressed = true), true);
    for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, () => setTimeout(() => (this.#isPressed = false)), true);
    part("live-follow").addEventListener("click", () => this.follow(!this.#isFollowing));
    const keys = [
      ["j", () => this.move(1), "key_down"],
      ["k", () => this.move(-1), "key_up"],
      ["ArrowDown", () => this.move(1)],
      ["ArrowUp", () => this.move(-1)],
      ["f", () => this.follow(true), "key_follow"],
      ["1", () => this.views.show("tree"), "key_tree"],
      ["2", () => this.views.show("waterfall"), "key_waterfall"],
    ];
    for (const [key, act, name] of keys) shortcut(key, act, { label: name ? word(name) : "" });
  }
}

function put(name, text) {
  const element = part(name);
  if (element.textContent !== text) element.textContent = text;
  element.hidden = !text;
}

async function look() {
  try {
    const response = await fetch(root.dataset.stateUrl);
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

new LivePage();
root.dataset.ready = "";
