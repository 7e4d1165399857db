/* Starts the playground and the public chat page: both read their configuration from the page. */

import { ConversationPage } from "./conversation.js";
import { WorkflowPage } from "./workflow.js";

const source = document.getElementById("chat-config");
if (source) {
  const config = JSON.parse(source.textContent);
  if (config.kind === "workflow") new WorkflowPage(config);
  else new ConversationPage(config);
}
