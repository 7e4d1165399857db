/* What can be done with a trace: copy it as a test story, run it again from a step. */

import { toast } from "../../console/toast.js";
import { word } from "./words.js";

/** Put the story of the run on the clipboard, or say why there is none. */
export async function copyStory(address) {
  try {
    const response = await fetch(address, { headers: { Accept: "application/json" } });
    const text = await response.text();
    if (!response.ok) {
      toast(JSON.parse(text).message ?? word("story_failed"), { tone: "error" });
      return;
    }
    await navigator.clipboard.writeText(text);
    toast(word("story_copied"), { tone: "success" });
  } catch {
    toast(word("story_failed"), { tone: "error" });
  }
}

/** Show the form that runs a run again from a step. */
export async function askAgain(dialog, address) {
  const body = dialog.querySelector("[data-again-form]");
  body.textContent = "";
  dialog.showModal();
  dialog.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(address, { headers: { Accept: "text/html" } });
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    body.innerHTML = await response.text();
    body.querySelector("textarea, button")?.focus();
  } catch {
    body.textContent = word("view_failed");
  } finally {
    dialog.removeAttribute("aria-busy");
  }
}
