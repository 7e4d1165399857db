/* Thumbs on an answer; a thumb down asks for the reason. */

import { toast } from "../../console/toast.js";
import { address, say } from "./parts.js";

/** Wire the thumbs and the form of one turn, once its message id is known; `given` is the earlier verdict. */
export function offerFeedback({ parts }, pattern, messageId, given) {
  const url = address(pattern, messageId);
  if (!url) return;
  const buttons = [...parts.thumbs.querySelectorAll("[data-rate]")];
  const form = parts.feedback;
  const show = (rating) => buttons.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.rate === rating)));
  parts.thumbs.hidden = false;
  show(given);
  for (const button of buttons) {
    button.addEventListener("click", async () => {
      const rating = button.getAttribute("aria-pressed") === "true" ? null : button.dataset.rate;
      if (!(await give(url, { rating }))) return;
      show(rating);
      form.hidden = rating !== "dislike";
      if (rating === "dislike") form.querySelector("input").focus();
    });
  }
  parts["feedback-close"].addEventListener("click", () => {
    form.hidden = true;
    buttons.at(-1).focus();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { reason = "", text = "" } = Object.fromEntries(new FormData(form));
    if (!(await give(url, { rating: "dislike", reason, text }))) return;
    form.hidden = true;
    buttons.at(-1).focus();
    toast(say("feedbackThanks"), { tone: "success" });
  });
}

async function give(url, body) {
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
      body: JSON.stringify(body),
    });
    if (answer.ok) return true;
  } catch {
    // the network is away: said below like any other failure
  }
  toast(say("feedbackFailed"), { tone: "error" });
  return false;
}

function csrfToken() {
  return /(?:^|;\s*)csrftoken=([^;]*)/.exec(document.cookie)?.[1] ?? "";
}
