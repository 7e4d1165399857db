/* A run's page: the answer is shown as the Markdown it is, its markers as numbers; a run that goes on is looked at again. */

import { startMarkdown } from "../console/markdown.js";
import { markCitations } from "./chat/citations.js";

startMarkdown();
for (const answer of document.querySelectorAll("[data-cites]")) markCitations(answer, null);

/* Not while somebody reads a step or writes into a form. */
const LOOK_AGAIN_MS = 2000;
if (document.querySelector("[data-goes-on]")) {
  const lookAgain = setInterval(() => {
    if (document.hidden || document.querySelector(".run-step[open], textarea:focus, input:focus")) return;
    clearInterval(lookAgain);
    location.reload();
  }, LOOK_AGAIN_MS);
}
