/* The steps of a run, from its node frames, and the panel that shows those of one turn. */

import { icon } from "../../console/words.js";
import { address, duration, kindIcon, make, number, say } from "./parts.js";

const STATES = {
  running: ["loader-circle", "running", "stepRunning"],
  succeeded: ["circle-check", "success", "stepSucceeded"],
  exception: ["triangle-alert", "warning", "stepException"],
  failed: ["circle-x", "error", "stepFailed"],
  stopped: ["circle-stop", "neutral", "stepStopped"],
  waiting: ["hourglass", "warning", "stepWaiting"],
};

/** What is known of a run's steps. */
export class Steps {
  byId = new Map();
  runId = "";
  elapsed = null;
  tokens = null;
  isOver = false;

  /** Take a frame in; says whether it changed anything. */
  take(frame) {
    const { data } = frame;
    if (frame.workflow_run_id) this.runId = frame.workflow_run_id;
    if (frame.event === "node_started") {
      this.byId.set(data.node_id, { title: data.title, kind: data.node_type, status: "running" });
    } else if (frame.event === "node_finished") {
      Object.assign(this.byId.get(data.node_id) ?? {}, {
        status: data.status,
        elapsed: data.elapsed_time,
        tokens: data.execution_metadata?.total_tokens,
        error: data.error,
      });
    } else if (frame.event === "human_input_required") {
      Object.assign(this.byId.get(data.node_id) ?? {}, { status: "waiting" });
    } else if (frame.event === "workflow_paused") {
      this.isOver = true;
      this.elapsed = data.elapsed_time;
    } else if (frame.event === "workflow_finished") {
      this.isOver = true;
      this.elapsed = data.elapsed_time;
      this.tokens = data.total_tokens;
      for (const step of this.byId.values()) if (step.status === "running") step.status = "stopped";
    } else if (frame.event !== "workflow_started") {
      return false;
    }
    return true;
  }

  /** The title of what is being done now. */
  get current() {
    return [...this.byId.values()].findLast((step) => step.status === "running")?.title ?? "";
  }

  get summary() {
    if (!this.byId.size) return "";
    const n = this.byId.size;
    const words = [n === 1 ? say("oneStep") : say("manySteps", { n: number(n) })];
    if (this.elapsed !== null) words.push(duration(this.elapsed));
    if (this.tokens) words.push(say("tokens", { n: number(this.tokens) }));
    return words.join(" · ");
  }
}

/** The list in the side panel; it shows one run's steps at a time. */
export class StepPanel {
  #list = document.querySelector("[data-steps]");
  #total = document.querySelector("[data-steps-total]");
  #empty = document.querySelector("[data-steps-empty]");
  #links = document.querySelector("[data-steps-links]");
  #link = document.querySelector("[data-run-link]");
  #rows = new Map();
  #run;
  shown = null;

  constructor(runPattern) {
    this.#run = runPattern;
  }

  show(steps) {
    if (this.shown !== steps) {
      this.shown = steps;
      this.#rows.clear();
      this.#list?.replaceChildren();
    }
    this.refresh(steps);
  }

  /** Draw what changed, if these steps are the ones on show. */
  refresh(steps) {
    if (!this.#list || steps !== this.shown) return;
    for (const [id, step] of steps.byId) this.#draw(id, step);
    this.#total.textContent = steps.summary;
    this.#empty.hidden = steps.byId.size > 0 || Boolean(steps.runId && !steps.isOver);
    if (steps.isOver && !steps.byId.size) this.#empty.textContent = say("noSteps");
    const link = address(this.#run, steps.runId);
    this.#links.hidden = !link;
    if (link) this.#link.href = link;
  }

  #draw(id, step) {
    const seen = this.#rows.get(id);
    if (seen?.status === step.status) return;
    const { root, parts } = seen ?? make("chat-step");
    const [iconName, tone, wordName] = STATES[step.status] ?? STATES.succeeded;
    if (!seen) {
      parts.kind.append(kindIcon(step.kind));
      parts.title.textContent = step.title;
      parts.title.title = step.title;
      this.#list.append(root);
    }
    const state = icon(iconName, step.status === "running" ? "icon-small spin" : "icon-small");
    const words = document.createElement("span");
    words.className = "visually-hidden";
    words.textContent = say(wordName);
    parts.state.className = `live-step-state tone-${tone}`;
    parts.state.title = say(wordName);
    parts.state.replaceChildren(state, words);
    parts.took.textContent = duration(step.elapsed);
    parts.tokens.textContent = step.tokens ? say("tokens", { n: number(step.tokens) }) : "";
    parts.error.hidden = !step.error;
    parts.error.textContent = step.error ?? "";
    this.#rows.set(id, { root, parts, status: step.status });
  }
}

/** On a narrow screen the panel is a sheet that opens over the conversation. */
export function startSide() {
  const side = document.getElementById("side");
  const opener = document.querySelector("[data-open-side]");
  if (!side || !opener) return () => {};
  const set = (open) => {
    side.toggleAttribute("data-open", open);
    opener.setAttribute("aria-expanded", String(open));
    if (open) side.querySelector("[data-close-side]").focus();
  };
  opener.addEventListener("click", () => set(!side.hasAttribute("data-open")));
  side.querySelector("[data-close-side]").addEventListener("click", () => {
    set(false);
    opener.focus();
  });
  side.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !side.hasAttribute("data-open")) return;
    event.stopPropagation();
    set(false);
    opener.focus();
  });
  return () => set(true);
}
