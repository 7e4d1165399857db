/* A run's page: the answer is shown as the Markdown it is, its markers as numbers. */

import { startMarkdown } from "../console/markdown.js";
import { markCitations } from "./chat/citations.js";

startMarkdown();
for (const answer of document.querySelectorAll("[data-cites]")) markCitations(answer, null);
