/* The document editor: line numbers, two spaces for Tab, Ctrl-S, and from a problem to its line. */

const area = document.querySelector("[data-document]");
const gutter = document.querySelector("[data-gutter]");
const INDENT = "  ";
let leaves = false;

if (area) {
  numberLines();
  area.addEventListener("input", numberLines);
  area.addEventListener("scroll", () => (gutter.scrollTop = area.scrollTop));
  area.addEventListener("keydown", onKey);
  markProblems();
}

function numberLines() {
  const lines = area.value.split("\n").length;
  if (gutter.childElementCount === lines) return;
  gutter.replaceChildren(
    ...Array.from({ length: lines }, (_, at) => {
      const line = document.createElement("div");
      line.textContent = at + 1;
      return line;
    }),
  );
  gutter.scrollTop = area.scrollTop;
}

/** Tab indents; Escape first lets it leave the field, so that nobody is caught in it. */
function onKey(event) {
  if (event.key === "s" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey) {
    event.preventDefault();
    if (!area.readOnly && !area.form.hasAttribute("data-dirty")) area.form.requestSubmit();
  } else if (event.key === "Escape") {
    leaves = true;
    return;
  } else if (event.key === "Tab" && !leaves && !area.readOnly && !event.ctrlKey && !event.altKey) {
    event.preventDefault();
    indent(event.shiftKey);
  }
  if (!["Shift", "Control"].includes(event.key)) leaves = false;
}

function indent(isBack) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const first = value.lastIndexOf("\n", start - 1) + 1;
  if (!isBack && start === end) return insert(start, end, INDENT);
  const block = value.slice(first, end);
  const changed = isBack ? block.replace(/^ {1,2}/gm, "") : block.replace(/^/gm, INDENT);
  insert(first, end, changed);
  if (start !== end) area.setSelectionRange(first, first + changed.length);
}

/** Through the browser's own editing, so that undo knows of it. */
function insert(start, end, text) {
  area.setSelectionRange(start, end);
  const command = text ? "insertText" : "delete";
  if (start === end && !text) return;
  if (!document.execCommand(command, false, text)) area.setRangeText(text, start, end, "end");
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Put another text in the place of the whole one; Ctrl+Z brings the old one back. */
export function replaceText(text) {
  area.focus();
  insert(0, area.value.length, text);
}

/** Show the line that a JSON pointer leads to. */
export function goToPlace(pointer) {
  const line = lineOf(pointer);
  if (line) goTo(line);
}

function markProblems() {
  for (const button of document.querySelectorAll("[data-problem]")) {
    const line = button.dataset.line ? Number(button.dataset.line) : lineOf(button.dataset.problem);
    if (!line) continue;
    gutter.children[line - 1]?.toggleAttribute("data-bad", true);
    button.addEventListener("click", () => goTo(line));
  }
  document.getElementById("problems")?.focus();
}

/** The line where a JSON pointer leads in the block YAML that we write; the deepest part that is found. */
function lineOf(pointer) {
  const lines = area.value.split("\n");
  let [from, to, indent, found] = [0, lines.length, 0, 0];
  for (const part of pointer.split("/").slice(1)) {
    const at = /^\d+$/.test(part) ? itemLine(lines, from, to, Number(part)) : keyLine(lines, from, to, part);
    if (at < 0) break;
    found = at + 1;
    from = /^\d+$/.test(part) ? at : at + 1;
    indent = depth(lines[at]);
    to = endOf(lines, at, indent, /^\s*- /.test(lines[at]), /^\d+$/.test(part), to);
  }
  return found;
}

/** How far a line is indented; -1 for an empty one. */
function depth(line) {
  return line.search(/\S/);
}

function itemLine(lines, from, to, wanted) {
  let indent = -1;
  let seen = -1;
  for (let at = from; at < to; at += 1) {
    if (!/^\s*-(\s|$)/.test(lines[at])) continue;
    if (indent < 0) indent = depth(lines[at]);
    if (depth(lines[at]) === indent && ++seen === wanted) return at;
  }
  return -1;
}

function keyLine(lines, from, to, key) {
  const plain = key.replaceAll("~1", "/").replaceAll("~0", "~").replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = new RegExp(`(^|[\\s{,-])["']?${plain}["']?\\s*:`);
  for (let at = from; at < to; at += 1) if (pattern.test(lines[at])) return at;
  return -1;
}

function endOf(lines, at, indent, isItem, wasIndex, limit) {
  for (let next = at + 1; next < limit; next += 1) {
    const deep = depth(lines[next]);
    if (deep < 0) continue;
    if (deep < indent || (deep === indent && (wasIndex || !/^\s*-/.test(lines[next])))) return next;
  }
  return limit;
}

function goTo(line) {
  const lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + lines[line - 1].length);
  area.scrollTop = Math.max(0, (line - 1) * 20 - area.clientHeight / 3);
}
