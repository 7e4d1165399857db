/* The playground of a workflow: inputs in, text as it is written, outputs out. */

import { renderMarkdown } from "../../console/markdown.js";
import { Connection } from "./connection.js";
import { Memory } from "./memory.js";
import { duration, hint, make, number, say } from "./parts.js";
import { fillInputs, readInputs } from "./start-form.js";
import { startSide, StepPanel, Steps } from "./steps.js";

const find = (name) => document.querySelector(`[data-${name}]`);

export class WorkflowPage {
  #config;
  #runId = "";
  #isRunning = false;
  #steps = new Steps();
  #writing = { nodeId: "", text: "", drawing: 0 };
  #error = null;

  constructor(config) {
    this.#config = config;
    this.memory = new Memory(config.socket);
    this.panel = new StepPanel(config.trace);
    startSide();
    this.form = find("workflow");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#run();
    });
    find("stop").addEventListener("click", () => this.#stop());
    find("retry").addEventListener("click", () => this.#run());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#isRunning && !document.querySelector("dialog[open]")) this.#stop();
    });
    this.connection = new Connection(config.socket, {
      frame: (frame) => this.#take(frame),
      state: (name) => this.#showState(name),
      lost: () => this.#fail({ code: "lost" }),
    });
    if (config.prefill) fillInputs(this.form, config.prefill.inputs);
    find("send").disabled = false;
    const pending = this.memory.pending;
    if (pending?.runId) this.#resume(pending.runId);
  }

  #run() {
    if (this.#isRunning) return;
    const inputs = readInputs(this.form);
    if (inputs === null) return;
    this.#clear();
    this.connection.start({ type: "run", inputs, version: this.#config.version });
  }

  #resume(runId) {
    this.#clear();
    this.#runId = runId;
    this.connection.follow(runId);
  }

  #stop() {
    if (this.#runId) this.connection.stop(this.#runId);
    else if (this.connection.takeBack()) this.#end();
  }

  #clear() {
    this.#runId = "";
    this.#error = null;
    this.#steps = new Steps();
    this.#writing.nodeId = "";
    this.#isRunning = true;
    find("result").hidden = false;
    find("notice").hidden = true;
    find("writing").hidden = true;
    this.#showsWriting(true);
    find("outputs-card").hidden = true;
    find("outcome").hidden = true;
    find("facts").textContent = "";
    find("stop").hidden = false;
    find("send").disabled = true;
    this.panel.show(this.#steps);
  }

  #take(frame) {
    if (!frame.workflow_run_id) {
      if (frame.event === "error" && this.#isRunning) this.#fail(frame);
      return;
    }
    if (!this.#runId) {
      this.#runId = frame.workflow_run_id;
      this.memory.pending = { runId: this.#runId };
    }
    if (frame.workflow_run_id !== this.#runId) return;
    this.#steps.take(frame);
    this.panel.refresh(this.#steps);
    if (frame.event === "text_chunk") this.#write(frame.data);
    else if (frame.event === "error") this.#error = frame;
    else if (frame.event === "workflow_finished" || frame.event === "workflow_paused") this.#finish(frame.data);
  }

  #write({ text, from_variable_selector: [nodeId] }) {
    const writing = this.#writing;
    if (writing.nodeId !== nodeId) Object.assign(writing, { nodeId, text: "" });
    writing.text += text;
    if (writing.drawing) return;
    writing.drawing = requestAnimationFrame(() => {
      writing.drawing = 0;
      if (!this.#isRunning) return;
      find("writing").hidden = false;
      find("writing-title").textContent = this.#steps.byId.get(writing.nodeId)?.title ?? "";
      renderMarkdown(find("writing-text"), writing.text);
    });
  }

  #finish(data) {
    const facts = [duration(data.elapsed_time), data.total_tokens ? say("tokens", { n: number(data.total_tokens) }) : ""];
    find("facts").textContent = facts.filter(Boolean).join(" · ");
    const outputs = Object.entries(data.outputs ?? {});
    find("outputs").replaceChildren(...outputs.map(([name, value]) => outputRow(name, value)));
    find("outputs-card").hidden = !outputs.length;
    const outcome = ["stopped", "paused"].includes(data.status) ? say(data.status) : outputs.length || data.status === "failed" ? "" : say("noOutput");
    find("outcome").hidden = !outcome;
    find("outcome").textContent = outcome;
    // What was written before an error is kept on show.
    if (data.status === "failed") this.#fail(this.#error ?? { message: data.error }, { keepsText: true });
    else this.#end();
    find("live").textContent = outputs.map(([, value]) => (typeof value === "string" ? value : "")).join(" ");
  }

  #fail(error, { keepsText = false } = {}) {
    this.#end({ keepsText });
    find("notice-title").textContent = error.code === "lost" ? say("lost") : say("runFailed");
    find("notice-message").textContent = error.message ?? "";
    find("notice-message").hidden = !error.message;
    find("notice-hint").textContent = hint(error.code);
    find("notice").hidden = false;
    find("result").hidden = false;
  }

  #end({ keepsText = false } = {}) {
    this.#isRunning = false;
    this.memory.pending = null;
    find("stop").hidden = true;
    find("send").disabled = false;
    find("writing").hidden = !(keepsText && this.#writing.nodeId);
    this.#showsWriting(false);
  }

  #showsWriting(isOn) {
    find("writing").querySelector("[data-writing-state]").hidden = !isOn;
    find("writing").querySelector("[data-writing-body]").toggleAttribute("data-streaming", isOn);
  }

  #showState(name) {
    const words = { waiting: "reconnecting", offline: "offline", refused: "refused" }[name];
    const isTold = words && (name !== "waiting" || this.#isRunning);
    find("state").hidden = !isTold;
    find("state").textContent = isTold ? say(words) : "";
  }
}

function outputRow(name, value) {
  const { root, parts } = make("workflow-output");
  parts.name.textContent = name;
  parts.copy.dataset.copy = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  if (value === null || value === "") parts.value.append(paragraph("–"));
  else if (typeof value === "string") renderMarkdown(parts.value, value);
  else if (typeof value === "boolean") parts.value.append(paragraph(say(value ? "yes" : "no")));
  else if (typeof value === "number") parts.value.append(paragraph(number(value)));
  else parts.value.append(tree(value));
  return root;
}

/** Lists and objects as nested lists of names and values: readable without knowing JSON. */
function tree(value) {
  if (value === null || typeof value !== "object") {
    return document.createTextNode(value === null ? "–" : String(value));
  }
  const list = document.createElement("dl");
  list.className = "facts";
  for (const [name, item] of Object.entries(value)) {
    const term = document.createElement("dt");
    term.textContent = Array.isArray(value) ? number(Number(name) + 1) : name;
    const what = document.createElement("dd");
    what.append(tree(item));
    list.append(term, what);
  }
  return list;
}

function paragraph(text) {
  const element = document.createElement("p");
  element.textContent = text;
  return element;
}
