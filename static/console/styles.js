/* The style page: Markdown examples and a toast. */

import { startMarkdown } from "./markdown.js";
import { toast } from "./toast.js";

startMarkdown();
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-toast-example]");
  if (button) toast(button.dataset.toastExample, { tone: "success" });
});
