/* Deciding on a disagreement, with the keys of the workbench. */

import { renderMarkdown } from "../console/markdown.js";
import { shortcut } from "../console/shortcuts.js";
import { toast } from "../console/toast.js";
import { post, Sheet } from "./workbench_sheet.js";

const stored = (id) => JSON.parse(document.getElementById(id).textContent);

function start(page) {
  const words = page.dataset;
  const sheet = new Sheet(page.querySelector("[data-sheet]"), { diffUrl: () => words.diffUrl });
  const approve = page.querySelector("[data-approve]");
  const button = page.querySelector("[data-submit]");
  let busy = false;

  async function submit() {
    if (busy || button.disabled || !sheet.isComplete(words.sayMissing)) return;
    busy = true;
    try {
      const answer = await post("", { answers: sheet.answers(), approve: approve?.checked ?? false });
      location.assign(answer.next);
    } catch (error) {
      busy = false;
      const said = sheet.say(error.body?.details?.field, error.message);
      if (!said) toast(error.message || words.sayFailed, { tone: "error" });
    }
  }

  for (let number = 0; number <= 9; number += 1) {
    shortcut(String(number), () => sheet.pressNumber(number), { label: number === 1 ? words.labelChoose : "", shown: "1–9" });
  }
  shortcut("ArrowDown", () => sheet.step(1), { label: words.labelDown });
  shortcut("ArrowUp", () => sheet.step(-1), { label: words.labelUp });
  shortcut("c", () => sheet.write(), { label: words.labelWrite });
  shortcut("Enter", submit, { label: words.labelSubmit });
  shortcut("Mod+Enter", submit, { label: words.labelSubmit, whileTyping: true });
  if (approve) shortcut("a", () => approve.click(), { label: words.labelApprove });
  const trace = document.querySelector("[data-trace]");
  if (trace) shortcut("t", () => trace.click(), { label: words.labelTrace });
  button.addEventListener("click", submit);
  for (const element of page.querySelectorAll("[data-markdown]")) {
    const text = element.textContent;
    element.removeAttribute("data-markdown");
    renderMarkdown(element, text);
  }
  sheet.fill(stored("decide-start"), { original: stored("decide-answer") });
}

const page = document.querySelector("[data-decide]");
if (page) start(page);
