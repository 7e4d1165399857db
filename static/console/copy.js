/* Buttons with data-copy put that text (or, with data-copy-from, the text of the element with that id) on the clipboard. */

import { toast } from "./toast.js";
import { icon, word } from "./words.js";

async function write(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("copy refused");
}

export function startCopy() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-from]");
    if (!button) return;
    const text = button.dataset.copyFrom
      ? (document.getElementById(button.dataset.copyFrom)?.textContent ?? "")
      : button.dataset.copy;
    try {
      await write(text);
    } catch {
      toast(word("copyFailed"), { tone: "error" });
      return;
    }
    const old = button.querySelector(".icon");
    if (!old || "copied" in button.dataset) return;
    button.dataset.copied = "";
    const tick = icon("check");
    old.replaceWith(tick);
    announce(word("copied"));
    setTimeout(() => {
      tick.replaceWith(old);
      delete button.dataset.copied;
    }, 1500);
  });
}

function announce(text) {
  const region = document.querySelector(".toasts");
  const note = document.createElement("span");
  note.className = "visually-hidden";
  note.textContent = text;
  region?.append(note);
  setTimeout(() => note.remove(), 2000);
}
