/* The workbench: items come one by one, the next is fetched ahead, drafts are kept, leases are renewed. */

import { renderMarkdown } from "../console/markdown.js";
import { shortcut } from "../console/shortcuts.js";
import { toast } from "../console/toast.js";
import { post, Sheet } from "./workbench_sheet.js";

const HEARTBEAT = 60_000;
const DRAFT_AFTER = 600;
const LOOK_AGAIN = 15_000;
const HEAR_AGAIN = 200;
const MOST_RECENT = 12;
/* Stands in addresses where an id belongs. */
const NOBODY = "00000000-0000-0000-0000-000000000000";

class Workbench {
  constructor(page) {
    this.page = page;
    this.words = page.dataset;
    this.item = null;
    this.ahead = null;
    this.busy = false;
    this.draftTimer = 0;
    this.drafts = Promise.resolve();
    const diffUrl = () => (this.item ? this.words.diffUrl.replace(NOBODY, this.item.id) : "");
    this.sheet = new Sheet(this.find("[data-sheet]"), { onChange: () => this.planDraft(), diffUrl });
    this.showProgress(JSON.parse(document.getElementById("work-progress-now").textContent));
  }

  find(selector) {
    return this.page.querySelector(selector) ?? document.querySelector(selector);
  }

  address(verb, item = this.item) {
    return this.words.actUrl.replace(NOBODY, item.assignment).replace("VERB", verb);
  }

  async next() {
    const ready = await this.ahead;
    this.ahead = null;
    if (ready) return this.show(ready);
    const answer = await post(this.words.claimUrl, {});
    this.showProgress(answer.progress);
    this.show(answer.item);
  }

  /* The item after this one is claimed while this one is read. Failing that, it is fetched when its turn comes. */
  fetchAhead() {
    this.ahead = post(this.words.claimUrl, { beside: [this.item.id] })
      .then((answer) => answer.item)
      .catch(() => null);
  }

  show(item) {
    this.item = item;
    this.find("[data-waiting]").hidden = true;
    this.find("[data-empty]").hidden = Boolean(item);
    for (const part of ["[data-dialogue]", "[data-sheet]"]) this.find(part).hidden = !item;
    if (!item) return;
    this.showTexts(item);
    this.find("[data-draft-state]").textContent = "";
    this.sheet.fill(item.draft, { original: item.answer });
    this.showOthers(item.others ?? []);
    window.scrollTo({ top: 0 });
    this.fetchAhead();
  }

  showTexts(item) {
    this.find("[data-ask]").textContent = item.question;
    this.find("[data-app]").textContent = item.app;
    this.find("[data-origin]").textContent = item.origin;
    if (item.answer) renderMarkdown(this.find("[data-answer]"), item.answer);
    else this.find("[data-answer]").textContent = this.words.sayNoAnswer;
    this.showRemark(item.remark);
    const inputs = Object.keys(item.inputs ?? {}).length > 0;
    this.find("[data-inputs]").hidden = !inputs;
    this.find("[data-inputs-text]").textContent = inputs ? JSON.stringify(item.inputs, null, 2) : "";
    link(this.find("[data-trace]"), item.trace);
    link(this.find("[data-review-link]"), item.review);
    const earlier = this.find("[data-earlier]");
    earlier.hidden = item.earlier.length === 0;
    earlier.replaceChildren(...item.earlier.map(turnOf));
  }

  showRemark(remark) {
    this.find("[data-remark]").hidden = !remark;
    this.find("[data-remark-text]").textContent = remark;
  }

  showOthers(others) {
    this.find("[data-others]").hidden = others.length === 0;
    this.find("[data-others-list]").replaceChildren(
      ...others.map((other) => {
        const row = document.createElement("li");
        const said = Object.values(other.answers).map((value) => this.inWords(value));
        row.textContent = `${other.name}: ${said.join(" · ")}`;
        return row;
      }),
    );
  }

  inWords(value) {
    if (value === true) return this.words.sayYes;
    return value === false ? this.words.sayNo : String(value);
  }

  showProgress({ done, left }) {
    this.find("[data-count]").textContent = this.words.sayLeft.replace("{done}", done).replace("{left}", left);
    const bar = this.find("[data-progress]");
    bar.max = Math.max(done + left, 1);
    bar.value = done;
  }

  planDraft() {
    clearTimeout(this.draftTimer);
    this.draftTimer = setTimeout(() => this.saveDraft(), DRAFT_AFTER);
  }

  saveDraft({ keepalive = false } = {}) {
    clearTimeout(this.draftTimer);
    this.draftTimer = 0;
    const { item } = this;
    if (!item) return;
    const state = this.find("[data-draft-state]");
    state.textContent = this.words.saySaving;
    const answers = this.sheet.answers();
    item.draft = answers;
    // One after the other: an older draft never overtakes a newer one.
    this.drafts = this.drafts.then(() =>
      post(this.address("draft", item), { answers }, { keepalive }).then(
        () => (state.textContent = this.words.saySaved),
        () => (state.textContent = this.words.sayUnsaved),
      ),
    );
  }

  /* Something entered the queue, or somebody said why they disliked the answer at hand. */
  async hear() {
    if (this.busy) {
      setTimeout(() => this.hear(), HEAR_AGAIN);
      return;
    }
    if (!this.item) {
      await this.once(() => this.next());
      return;
    }
    const answer = await post(this.words.claimUrl, {}).catch(() => null);
    if (!answer) return;
    this.showProgress(answer.progress);
    if (this.item && answer.item?.id === this.item.id) this.showRemark(answer.item.remark);
  }

  async once(work) {
    if (this.busy) return;
    this.busy = true;
    this.page.setAttribute("aria-busy", "true");
    try {
      await work();
    } catch (error) {
      const said = error.status === 400 && this.sheet.say(error.body?.details?.field, error.message);
      if (!said) toast(error.message || this.words.sayFailed, { tone: "error" });
      if (error.status === 409) await this.next().catch(() => {});
    } finally {
      this.busy = false;
      this.page.removeAttribute("aria-busy");
    }
  }

  submit() {
    if (!this.item || !this.sheet.isComplete(this.words.sayMissing)) return;
    this.once(async () => {
      clearTimeout(this.draftTimer);
      await this.drafts;
      const done = this.item;
      this.showProgress((await post(this.address("submit"), { answers: this.sheet.answers() })).progress);
      this.remember(done);
      await this.next();
    });
  }

  skip(reason, { later = false } = {}) {
    if (!this.item) return;
    this.once(async () => {
      clearTimeout(this.draftTimer);
      await this.drafts;
      const text = this.find("#skip-text").value;
      this.showProgress((await post(this.address("skip"), { reason, text, later })).progress);
      this.find("#skip-text").value = "";
      await this.next();
    });
  }

  undo() {
    this.once(async () => {
      if (this.draftTimer) this.saveDraft();
      await this.drafts;
      const ahead = await this.ahead;
      const answer = await post(this.words.undoUrl, {});
      // What was in hand and what was fetched ahead wait for their turn, still leased.
      if (ahead) post(this.address("release", ahead), {}).catch(() => {});
      this.find("[data-recent]").firstElementChild?.remove();
      this.showProgress(answer.progress);
      this.show(answer.item);
    });
  }

  remember(item) {
    const recent = this.find("[data-recent]");
    const row = document.createElement("li");
    const text = document.createElement("span");
    text.className = "truncate";
    text.textContent = item.question || "–";
    row.append(text);
    recent.prepend(row);
    while (recent.children.length > MOST_RECENT) recent.lastElementChild.remove();
  }

  async beat() {
    if (!this.item) return;
    const held = [this.item, await this.ahead].filter(Boolean);
    for (const item of held) post(this.address("heartbeat", item), {}).catch(() => {});
  }

  leave() {
    if (this.draftTimer) this.saveDraft({ keepalive: true });
  }
}

function link(anchor, address) {
  anchor.hidden = !address;
  if (address) anchor.href = address;
  else anchor.removeAttribute("href");
}

function turnOf(turn) {
  const row = document.createElement("li");
  for (const [name, text] of [
    ["review-ask", turn.query],
    ["review-said clamp-2", turn.answer || "–"],
  ]) {
    const part = document.createElement("p");
    part.className = name;
    part.textContent = text;
    row.append(part);
  }
  return row;
}

function startKeys(work) {
  const { words, sheet } = work;
  for (let number = 0; number <= 9; number += 1) {
    const label = number === 1 ? words.labelChoose : "";
    shortcut(String(number), () => sheet.pressNumber(number), { label, shown: "1–9" });
  }
  shortcut("ArrowDown", () => sheet.step(1), { label: words.labelDown });
  shortcut("ArrowUp", () => sheet.step(-1), { label: words.labelUp });
  shortcut("j", () => sheet.step(1));
  shortcut("k", () => sheet.step(-1));
  shortcut("c", () => sheet.write(), { label: words.labelWrite });
  shortcut("Enter", () => work.submit(), { label: words.labelSubmit });
  shortcut("Mod+Enter", () => work.submit(), { label: words.labelSubmit, whileTyping: true });
  shortcut("s", () => work.item && openSkip(work), { label: words.labelSkip });
  shortcut("l", () => work.skip("", { later: true }), { label: words.labelLater });
  shortcut("z", () => work.undo(), { label: words.labelUndo });
  shortcut("t", () => work.find("[data-trace]").click(), { label: words.labelTrace });
  shortcut("r", () => work.find("[data-review-link]").click(), { label: words.labelReview });
}

function openSkip(work) {
  work.find("[data-skip-dialog]").showModal();
}

function startSkip(work) {
  const dialog = work.find("[data-skip-dialog]");
  const reasons = [...dialog.querySelectorAll("[data-reason]")];
  dialog.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-reason]");
    if (chosen) work.skip(chosen.dataset.reason);
    if (!event.target.closest("[data-later]")) return;
    dialog.close();
    work.skip("", { later: true });
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.target.closest("input")) {
      // Enter in the remark must not choose the first reason.
      if (event.key === "Enter") event.preventDefault();
      return;
    }
    reasons[Number(event.key) - 1]?.click();
  });
}

function start(page) {
  const work = new Workbench(page);
  startKeys(work);
  startSkip(work);
  work.find("[data-submit]").addEventListener("click", () => work.submit());
  work.find("[data-skip]").addEventListener("click", () => openSkip(work));
  work.find("[data-undo]").addEventListener("click", () => work.undo());
  work.find("[data-again]").addEventListener("click", () => work.once(() => work.next()));
  setInterval(() => work.beat(), HEARTBEAT);
  setInterval(() => !work.item && !document.hidden && work.once(() => work.next()), LOOK_AGAIN);
  document.addEventListener("visibilitychange", () => document.hidden && work.leave());
  window.addEventListener("pagehide", () => work.leave());
  work.once(() => work.next());
  listen(work);
}

/* The browser comes back by itself when the stream breaks; a page that is not looked at does not hold one. */
function listen(work) {
  let source = null;
  const open = () => {
    source ??= new EventSource(work.words.newsUrl);
    source.onmessage = () => work.hear();
  };
  const close = () => {
    source?.close();
    source = null;
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  if (!document.hidden) open();
}

const page = document.querySelector("[data-work]");
if (page) start(page);
