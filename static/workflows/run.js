/* A run's page: answers and outputs are shown as the Markdown they are. */

import { startMarkdown } from "../console/markdown.js";

startMarkdown();
