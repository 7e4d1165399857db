/* Short notes that answer something the reader just did. Errors stay until dismissed. */

import { icon, word } from "./words.js";

const ICONS = { success: "circle-check", error: "circle-alert", warning: "triangle-alert", neutral: "info" };

export function toast(text, { tone = "neutral", stayFor = 5000 } = {}) {
  const region = document.querySelector(".toasts");
  if (!region || !text) return;
  const note = document.createElement("div");
  note.className = `toast tone-${tone}`;
  const words = document.createElement("span");
  words.className = "toast-text";
  words.textContent = text;
  const dismiss = document.createElement("button");
  dismiss.type = "button";
  dismiss.className = "button button-ghost button-small button-icon";
  dismiss.setAttribute("aria-label", word("dismiss"));
  dismiss.append(icon("x"));
  dismiss.addEventListener("click", () => note.remove());
  note.append(icon(ICONS[tone] ?? "info"), words, dismiss);
  region.append(note);
  while (region.children.length > 4) region.firstElementChild.remove();
  if (tone !== "error") setTimeout(() => note.remove(), stayFor);
}

/** A failed htmx request tells the reader; a header `HX-Trigger: {"toast": {"text": ..., "tone": ...}}` shows a note. */
export function startToasts() {
  document.addEventListener("htmx:responseError", () => toast(word("requestFailed"), { tone: "error" }));
  document.addEventListener("htmx:sendError", () => toast(word("offline"), { tone: "error" }));
  document.addEventListener("toast", (event) => toast(event.detail?.text, { tone: event.detail?.tone }));
}
