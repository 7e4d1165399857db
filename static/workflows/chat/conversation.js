/* A chat page: questions go out, turns come in, a broken connection or a reload changes nothing. */

import { startMarkdown } from "../../console/markdown.js";
import { SourcePanel } from "./citations.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { Memory } from "./memory.js";
import { make, say } from "./parts.js";
import { Follower } from "./scroll.js";
import { fillInputs, lockInputs, readInputs } from "./start-form.js";
import { startSide, StepPanel } from "./steps.js";
import { Turn } from "./turn.js";

const find = (name) => document.querySelector(`[data-${name}]`);

export class ConversationPage {
  #config;
  #turns = [];
  #conversation = "";
  #wishesToStop = false;
  #historyIsMissing = false;
  #connectionWords = "";

  constructor(config) {
    this.#config = config;
    this.memory = new Memory(config.socket);
    this.follower = new Follower();
    this.sources = new SourcePanel(config.passages);
    this.panel = new StepPanel(config.trace);
    this.openSide = startSide();
    this.form = find("start-form");
    this.composer = new Composer({ send: (text) => this.ask(text), stop: () => this.stop() });
    this.connection = new Connection(config.socket, {
      frame: (frame) => this.#take(frame),
      state: (name) => this.#showState(name),
      lost: () => this.#settleLost(),
    });
    for (const button of document.querySelectorAll("[data-suggestion]")) {
      button.addEventListener("click", () => this.ask(button.dataset.suggestion) && this.composer.invite());
    }
    this.form?.addEventListener("submit", (event) => event.preventDefault());
    startMarkdown();
    this.#begin();
  }

  get #running() {
    return this.#turns.findLast((turn) => turn.isRunning);
  }

  /** Send a question; says whether it was taken. */
  ask(query) {
    if (this.#running) return false;
    const inputs = this.#conversation ? {} : readInputs(this.form);
    if (inputs === null) {
      if (this.form.closest("#side")) this.openSide();
      this.form.reportValidity();
      return false;
    }
    this.#wishesToStop = false;
    this.#historyIsMissing = false;
    this.#showLine();
    const turn = this.#add(query);
    this.select(turn);
    this.follower.toEnd();
    this.memory.pending = { query };
    this.connection.start({
      type: "chat",
      query,
      inputs,
      version: this.#config.version,
      ...(this.#conversation && { conversation_id: this.#conversation }),
    });
    return true;
  }

  stop() {
    const turn = this.#running;
    if (!turn) return;
    if (turn.runId) this.connection.stop(turn.runId);
    else if (this.connection.takeBack()) this.#settle(turn, () => turn.finish("stopped"));
    else this.#wishesToStop = true; // as soon as its run is known
  }

  /** Show a turn's steps in the side panel. */
  select(turn, { open = false } = {}) {
    if (!this.#config.detailed) return;
    for (const other of this.#turns) other.root.toggleAttribute("data-selected", other === turn);
    this.panel.show(turn.steps);
    if (turn.runId && !turn.isRunning && !turn.steps.isOver) this.connection.follow(turn.runId);
    if (open) this.openSide();
  }

  #begin() {
    const pending = this.memory.pending;
    if (this.memory.conversation) this.#load(this.memory.conversation);
    else if (pending?.query) this.#load("latest", pending.query);
    else this.#offer();
  }

  /** What an earlier run was asked is offered once more, in a conversation of its own. */
  #offer() {
    this.#showHello();
    const { query, inputs } = this.#config.prefill ?? {};
    if (inputs) fillInputs(this.form, inputs);
    if (query) this.composer.write(query);
  }

  #add(query) {
    find("hello").hidden = true;
    const turn = new Turn(find("log"), query, {
      config: this.#config,
      openSources: (sources, n, claim) => this.sources.open(sources, n, claim),
      again: (text) => this.ask(text) && this.composer.invite(),
      select: (chosen, options) => this.select(chosen, options),
      grown: () => this.follower.grown(),
    });
    this.#turns.push(turn);
    this.composer.running = true;
    return turn;
  }

  #take(frame) {
    const runId = frame.workflow_run_id;
    let turn = this.#turns.find((one) => one.runId && one.runId === runId);
    if (!turn) turn = this.#running && !this.#running.runId ? this.#running : null;
    if (!turn) return;
    if (!runId && frame.event === "error") {
      if (!turn.runId) this.#settle(turn, () => turn.fail(frame));
      return;
    }
    const wasRunning = turn.isRunning;
    const isNew = !turn.runId;
    turn.take(frame);
    if (isNew) this.#began(turn, frame);
    this.panel.refresh(turn.steps);
    if (wasRunning && !turn.isRunning) this.#settle(turn, () => {});
  }

  /** The first frame of a new run: from here on it can be found again. */
  #began(turn, frame) {
    this.memory.pending = null;
    if (!this.#conversation && frame.conversation_id) {
      this.#conversation = frame.conversation_id;
      this.memory.conversation = frame.conversation_id;
      lockInputs(this.form);
      listConversation(frame.conversation_id, turn.query);
    }
    if (this.#wishesToStop) this.connection.stop(turn.runId);
  }

  #settle(turn, finish) {
    finish();
    this.memory.pending = null;
    this.composer.running = Boolean(this.#running);
    const live = find("live");
    if (live && turn.answer) live.textContent = say("answerReady", { text: turn.answer });
  }

  /** The connection broke between a question and its first frame: ask the server whether it arrived. */
  async #settleLost() {
    const turn = this.#running;
    if (!turn || turn.runId) return;
    turn.doing(say("waiting"));
    const known = new Set(this.#turns.map((one) => one.runId));
    const found = await this.#history(this.#conversation || "latest", { patiently: true });
    const last = found?.turns.at(-1);
    if (turn.runId || !turn.isRunning) return;
    if (last && last.query === turn.query && !known.has(last.run_id) && isRecent(found)) {
      turn.runId = last.run_id;
      this.#began(turn, { conversation_id: found.conversation_id });
      this.connection.follow(last.run_id);
    } else {
      this.#settle(turn, () => turn.fail({ code: "lost" }, say("lost")));
    }
  }

  async #load(id, expected = "") {
    const loading = find("loading");
    loading.hidden = false;
    const found = await this.#history(id, { patiently: true });
    loading.hidden = true;
    const fits = found && (!expected || (found.turns.at(-1)?.query === expected && isRecent(found)));
    this.memory.pending = null;
    if (!fits || !found.turns.length) {
      this.#showHello();
      this.#historyIsMissing = id !== "latest" && !fits;
      this.#showLine();
      return;
    }
    this.#conversation = found.conversation_id;
    this.memory.conversation = found.conversation_id;
    fillInputs(this.form, found.inputs);
    lockInputs(this.form);
    for (const row of found.turns) this.#restore(row);
    markCurrent(found.conversation_id);
    this.composer.running = Boolean(this.#running);
    this.follower.toEnd();
    this.select(this.#turns.at(-1));
    this.composer.invite();
  }

  #restore(row) {
    const turn = this.#add(row.query);
    turn.restore(row);
    if (turn.isRunning) this.connection.follow(row.run_id);
  }

  async #history(id, { patiently }) {
    for (let attempt = 0; attempt < (patiently ? 5 : 1); attempt += 1) {
      try {
        const answer = await fetch(`${this.#config.history}?conversation=${encodeURIComponent(id)}`);
        if (answer.ok) return await answer.json();
        if (answer.status < 500) return null;
      } catch {
        // the network is away: tried again below
      }
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** attempt));
    }
    return null;
  }

  #showHello() {
    find("hello").hidden = false;
    this.composer.invite();
  }

  #showState(name) {
    const words = { waiting: "reconnecting", offline: "offline", refused: "refused" }[name];
    if (name === "refused") this.#running && this.#settle(this.#running, () => this.#running.fail({ code: "unauthorized" }));
    // A blip while nothing is running is nobody's business.
    const isTold = words && (name !== "waiting" || this.#running);
    this.#connectionWords = isTold ? say(words) : "";
    this.#showLine();
  }

  #showLine() {
    const words = this.#connectionWords || (this.#historyIsMissing ? say("historyFailed") : "");
    const line = find("state");
    line.hidden = !words;
    line.textContent = words;
  }
}

function isRecent(found) {
  return !found.asked_at || Date.now() - Date.parse(found.asked_at) < 120_000;
}

function listConversation(id, name) {
  const list = find("conversations");
  if (!list || list.querySelector(`[data-conversation="${CSS.escape(id)}"]`)) return;
  const { root, parts } = make("conversation-item");
  const link = root.querySelector("a");
  const url = new URL(location.href);
  url.searchParams.set("conversation", id);
  link.href = url.search;
  link.dataset.conversation = id;
  parts.name.textContent = name;
  list.prepend(root);
  find("no-conversations")?.setAttribute("hidden", "");
  markCurrent(id);
}

function markCurrent(id) {
  for (const link of document.querySelectorAll("[data-conversation]")) {
    if (link.dataset.conversation === id) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}
