/* [n] in an answer becomes a numbered chip; chips and sources open the passage. */

import { address, make, partsOf, say } from "./parts.js";

const MARKER = /\[(\d{1,3}(?:\s*[,，、]\s*\d{1,3})*)\]/g;
const NOT_IN = "code, pre, a, button";

/** Turn the markers below `element` into chips. Without `sources` (still streaming) they only look like it. */
export function markCitations(element, sources, open) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    if (walker.currentNode.data.includes("[") && !walker.currentNode.parentElement.closest(NOT_IN)) found.push(walker.currentNode);
  }
  const cited = new Set();
  for (const node of found) replaceMarkers(node, sources, open, cited);
  return cited;
}

function replaceMarkers(node, sources, open, cited) {
  const pieces = [];
  let at = 0;
  for (const match of node.data.matchAll(MARKER)) {
    const numbers = match[1].split(/[^\d]+/).map(Number);
    if (sources && !numbers.every((n) => sources.has(n))) continue;
    pieces.push(node.data.slice(at, match.index), ...numbers.map((n) => chip(n, sources?.get(n), open)));
    numbers.forEach((n) => cited.add(n));
    at = match.index + match[0].length;
  }
  if (!at) return;
  pieces.push(node.data.slice(at));
  node.replaceWith(...pieces.filter((piece) => piece !== ""));
}

function chip(n, source, open) {
  const element = document.createElement(source ? "button" : "span");
  element.className = "cite";
  element.textContent = n;
  if (source) {
    element.type = "button";
    element.setAttribute("aria-label", say("source", { n, name: source.document_name }));
    element.title = whereOf(source, true);
    element.addEventListener("click", () => open(n, claimBefore(element)));
  }
  return element;
}

/** The words that a chip vouches for: what stands before it in its block, back to the chip before. */
function claimBefore(element) {
  let text = "";
  for (let node = element.previousSibling; node && !node.classList?.contains("cite"); node = node.previousSibling) {
    text = node.textContent + text;
  }
  return text.trim();
}

/** "Handbook.pdf · page 4 · Leave > Parents" or without the document's name. */
export function whereOf(source, withName = false) {
  const parts = withName ? [source.document_name] : [];
  if (source.page) parts.push(say("page", { n: source.page }));
  if (source.heading_path?.length) parts.push(source.heading_path.join(" › "));
  return parts.join(" · ");
}

/** A source as a card in the list below an answer. */
export function sourceCard(n, source, open) {
  const { root, parts } = make("chat-source");
  parts.number.textContent = n;
  parts.name.textContent = source.document_name;
  parts.where.textContent = whereOf(source) || source.dataset_name || "";
  root.querySelector("button").addEventListener("click", () => open(n, ""));
  return root;
}

/** The panel that shows one source of an answer. */
export class SourcePanel {
  #dialog = document.getElementById("source-panel");
  #parts = partsOf(this.#dialog);
  #passages;
  #sources = new Map();
  #n = 0;

  constructor(passages) {
    this.#passages = passages;
    this.#parts.previous.addEventListener("click", () => this.#step(-1));
    this.#parts.next.addEventListener("click", () => this.#step(1));
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
  }

  open(sources, n, claim) {
    this.#sources = sources;
    this.#show(n, claim);
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  #step(by) {
    const numbers = [...this.#sources.keys()];
    this.#show(numbers[(numbers.indexOf(this.#n) + by + numbers.length) % numbers.length], "");
  }

  #show(n, claim) {
    const source = this.#sources.get(n);
    this.#n = n;
    this.#parts.count.textContent = say("sourceOf", { n, all: this.#sources.size });
    this.#parts.name.textContent = source.document_name;
    this.#parts.where.textContent = whereOf(source) || source.dataset_name || "";
    this.#parts.quote.replaceChildren(...marked(source.content ?? "", claim));
    this.#parts.quote.scrollTop = 0;
    for (const button of [this.#parts.previous, this.#parts.next]) button.hidden = this.#sources.size < 2;
    // What another program keeps can be opened there, if it says where; there is no passage of it here.
    const link = source.data_source_type === "external" ? source.url : address(this.#passages, source.segment_id);
    this.#parts.links.hidden = !link;
    if (link) this.#parts.open.href = link;
  }
}

/** The passage, with the claim marked where it stands in it word for word. */
function marked(passage, claim) {
  const wanted = claim.replace(/^[^:：]{0,60}[:：]\s*/, "").trim();
  for (const text of [claim, wanted]) {
    const words = text.split(/\s+/).filter(Boolean);
    if (words.join("").length < 8) continue;
    const match = new RegExp(words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("[\\s`*_]+")).exec(passage);
    if (!match) continue;
    const mark = document.createElement("mark");
    mark.textContent = match[0];
    return [passage.slice(0, match.index), mark, passage.slice(match.index + match[0].length)];
  }
  return [passage];
}
