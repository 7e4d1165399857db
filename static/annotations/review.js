/* The review page: its keys, and the live word diff of the correction. */

import { renderMarkdown } from "../console/markdown.js";
import { shortcut } from "../console/shortcuts.js";

const page = document.querySelector("[data-review]");
const find = (selector) => document.querySelector(selector);
const WAIT = 180;

function follow(selector) {
  return () => find(selector)?.click();
}

function startKeys(words) {
  if (find("[data-up]")) {
    shortcut("1", follow("[data-up]"), { label: words.labelUp });
    shortcut("2", follow("[data-down]"), { label: words.labelDown });
    shortcut("c", focusEditor, { label: words.labelCorrect });
    shortcut("Mod+Enter", follow("[data-approve]"), { label: words.labelApprove, whileTyping: true });
  }
  shortcut("j", follow("[data-older]"), { label: words.labelOlder });
  shortcut("k", follow("[data-newer]"), { label: words.labelNewer });
  if (find("[data-trace]")) shortcut("t", follow("[data-trace]"), { label: words.labelTrace });
}

function focusEditor() {
  const editor = find("#corrected");
  editor.focus();
  editor.setSelectionRange(editor.value.length, editor.value.length);
  editor.scrollIntoView({ block: "nearest" });
}

/* Pieces come from the server as [kind, text] and are only ever shown as text. */
function show(diff, pieces) {
  const names = { added: "ins", removed: "del" };
  diff.replaceChildren(
    ...pieces.map(([kind, text]) => {
      if (!(kind in names)) return document.createTextNode(text);
      const mark = document.createElement(names[kind]);
      mark.textContent = text;
      return mark;
    }),
  );
}

function startDiff(form, words) {
  const editor = form.querySelector("#corrected");
  const live = form.querySelector("[data-live]");
  const diff = document.createElement("div");
  const stats = form.querySelector("[data-stats]");
  diff.className = "diff";
  let timer = 0;
  let latest = 0;

  async function compare() {
    const turn = ++latest;
    const body = new FormData(form);
    let answer;
    try {
      const response = await fetch(form.dataset.diffUrl, { method: "POST", body, credentials: "same-origin" });
      if (!response.ok) throw new Error(String(response.status));
      answer = await response.json();
    } catch {
      stats.textContent = words.diffFailed;
      return;
    }
    if (turn !== latest) return;
    show(diff, answer.pieces);
    live.querySelector("[data-diff]").replaceChildren(diff);
    stats.textContent = `+${answer.stats.added} −${answer.stats.removed}`;
    live.hidden = answer.pieces.every(([kind]) => kind === "same");
  }

  editor.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(compare, WAIT);
  });
}

if (page) {
  for (const element of document.querySelectorAll("[data-review] [data-markdown]")) {
    const text = element.textContent;
    element.removeAttribute("data-markdown");
    renderMarkdown(element, text);
  }
  startKeys(page.dataset);
  const form = find("[data-correction]");
  if (form) startDiff(form, page.dataset);
}
