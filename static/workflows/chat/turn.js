/* One turn on the page: the question, and the answer as it arrives. */

import { renderMarkdown } from "../../console/markdown.js";
import { markCitations, sourceCard } from "./citations.js";
import { offerFeedback } from "./feedback.js";
import { address, duration, hint, make, number, say } from "./parts.js";
import { Steps } from "./steps.js";

/** `page`: {config, panel, openSources(sources, n, claim), again(query), select(turn), grown()}. */
export class Turn {
  answer = "";
  runId = "";
  messageId = "";
  status = "running";
  steps = new Steps();
  #page;
  #view;
  #drawing = 0;
  #error = null;
  #metadata = {};
  #verdict = null;

  constructor(log, query, page) {
    this.query = query;
    this.#page = page;
    const person = make("chat-turn-person");
    person.parts.text.textContent = query;
    this.#view = make("chat-turn-app");
    this.root = this.#view.root;
    log.append(person.root, this.root);
    const { parts } = this.#view;
    parts.retry.addEventListener("click", () => page.again(query));
    parts.again.addEventListener("click", () => page.again(query));
    parts.select?.addEventListener("click", () => page.select(this, { open: true }));
    this.root.setAttribute("aria-busy", "true");
    this.doing(say("asking"));
  }

  get isRunning() {
    return this.status === "running";
  }

  /** Say what is going on while there is no text yet. */
  doing(words) {
    this.#view.parts.doing.textContent = words;
  }

  /** Take a frame of this turn's run in. */
  take(frame) {
    if (!this.isRunning) {
      this.steps.take(frame); // an earlier run, replayed for its steps
      return;
    }
    this.runId = frame.workflow_run_id ?? this.runId;
    this.messageId = frame.message_id ?? this.messageId;
    if (this.steps.take(frame)) this.doing(this.steps.current || say("thinking"));
    switch (frame.event) {
      case "message":
      case "agent_message":
        this.answer += frame.answer;
        this.#draw();
        break;
      case "message_replace":
        this.answer = frame.answer;
        this.#draw();
        break;
      case "error":
        this.#error = { code: frame.code, message: frame.message };
        break;
      case "message_end":
        this.#metadata = frame.metadata ?? {};
        break;
      case "workflow_finished":
      case "workflow_paused":
        this.finish(frame.data.status, { took: frame.data.elapsed_time });
        break;
    }
  }

  /** Show a turn of the history, or go on with it when it still runs. */
  restore(turn) {
    this.runId = turn.run_id;
    this.messageId = turn.message_id;
    if (turn.status === "running") {
      this.doing(say("thinking"));
      return;
    }
    this.answer = turn.answer;
    this.#metadata = turn.metadata ?? {};
    this.#verdict = turn.feedback ?? null;
    this.steps.runId = turn.run_id;
    if (turn.status === "error") this.#error = { code: turn.error_code, message: turn.error };
    this.finish({ error: "failed", stopped: "stopped" }[turn.status] ?? "succeeded", { took: this.#metadata.usage?.latency });
  }

  /** The question never became a run. */
  fail(error, title = say("failed")) {
    this.#error = error;
    this.finish("failed", { title });
  }

  finish(status, { took = null, title = say("failed") } = {}) {
    const { parts } = this.#view;
    this.status = status;
    cancelAnimationFrame(this.#drawing);
    this.root.removeAttribute("data-streaming");
    this.root.removeAttribute("aria-busy");
    parts.thinking.hidden = true;
    this.#drawText();
    this.#showSources();
    this.#showNotice(status, title);
    this.#showTools(took);
    this.#page.grown();
  }

  #draw() {
    this.#view.parts.thinking.hidden = true;
    this.root.setAttribute("data-streaming", "");
    if (this.#drawing) return;
    this.#drawing = requestAnimationFrame(() => {
      this.#drawing = 0;
      this.#drawText();
      this.#page.grown();
    });
  }

  #drawText() {
    const { text } = this.#view.parts;
    text.hidden = !this.answer;
    if (!this.answer) return;
    renderMarkdown(text, this.answer);
    if (this.isRunning && this.#page.config.cites) markCitations(text, null);
  }

  get #sources() {
    if (this.#page.config.cites === false) return new Map();
    return new Map((this.#metadata.retriever_resources ?? []).map((source) => [source.position, source]));
  }

  #showSources() {
    const { parts } = this.#view;
    const sources = this.#sources;
    if (!sources.size) return;
    const open = (n, claim) => this.#page.openSources(sources, n, claim);
    const cited = markCitations(parts.text, sources, open);
    const list = [...sources].map(([n, source]) => [n, sourceCard(n, source, open)]);
    parts.cited.replaceChildren(...list.filter(([n]) => cited.has(n)).map(([, card]) => card));
    parts.others.replaceChildren(...list.filter(([n]) => !cited.has(n)).map(([, card]) => card));
    const others = parts.others.children.length;
    parts.cited.hidden = !cited.size;
    parts.uncited.hidden = !others;
    parts["uncited-words"].textContent = others === 1 ? say("moreSource") : say("moreSources", { n: number(others) });
    parts.sources.hidden = false;
  }

  #showNotice(status, title) {
    const { parts } = this.#view;
    const note = ["stopped", "paused"].includes(status) ? say(status) : status === "succeeded" && !this.answer ? say("emptyAnswer") : "";
    parts.note.hidden = !note;
    parts.note.textContent = note;
    parts.reviewed.hidden = !this.#metadata.annotation_reply;
    if (status !== "failed" && !this.#error) return;
    parts["notice-title"].textContent = title;
    const message = this.#page.config.detailed || this.#error?.code === "invalid_param" ? (this.#error?.message ?? "") : "";
    parts["notice-message"].textContent = message;
    parts["notice-message"].hidden = !message;
    parts["notice-hint"].textContent = hint(this.#error?.code);
    parts.notice.hidden = false;
  }

  #showTools(took) {
    const { parts } = this.#view;
    const { config } = this.#page;
    parts.copy.dataset.copy = this.answer;
    parts.copy.hidden = !this.answer;
    parts.again.hidden = !parts.notice.hidden; // the notice has its own
    if (parts.select) parts.select.hidden = !this.runId;
    for (const [name, id] of [["run", this.runId], ["review", this.messageId]]) {
      const link = address(name === "run" ? config.trace : config.review, id);
      if (!parts[name] || !link) continue;
      parts[name].href = link;
      parts[name].hidden = false;
    }
    if (this.messageId && this.answer) offerFeedback(this.#view, config.feedback, this.messageId, this.#verdict);
    const tokens = this.#metadata.usage?.total_tokens;
    const facts = config.detailed ? [tokens ? say("tokens", { n: number(tokens) }) : "", duration(took)] : [];
    parts.facts.textContent = facts.filter(Boolean).join(" · ");
    parts.tools.hidden = false;
  }
}
