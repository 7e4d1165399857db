/* One row: a span with its name, marks and bar, or a group of spans that repeat. */

import { icon } from "../../console/words.js";
import { percent, svg } from "./axis.js";
import { CRITICAL, CYCLIC, HANDLED, ORPHAN, SKEWED } from "./model.js";
import { count, duration, money, word } from "./words.js";

/** A bar that is thinner than this could not be seen or hovered. */
const THINNEST = 0.4;
const MOST_TICKS = 160;
const DEEPEST = 9;
const SIGNS = { error: "circle-x", stopped: "circle-stop", running: "loader-circle", waiting: "clock" };
const WORDS = [[ORPHAN, "orphan", "unplug"], [CYCLIC, "cyclic", "repeat"], [SKEWED, "skewed", "clock"]];

function make(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  if (text) element.textContent = text;
  return element;
}

const kinds = new Map([...document.querySelectorAll("template[data-kind]")].map((template) => [template.dataset.kind, template]));

/** The icon and the hue of a kind of span. */
export function kindOf(kind) {
  return kinds.get(kind) ?? kinds.get("other");
}

/** The element of an item. `address(id)` is the address of a span's page. */
export function drawRow(item, model, axis, address) {
  const { row, group, depth } = item;
  const kind = kindOf(model.text(row, "kind"));
  const link = make("a", `span-row ${kind.dataset.hue}`);
  link.setAttribute("role", "treeitem");
  link.style.setProperty("--depth", Math.min(DEEPEST, depth));
  link.setAttribute("aria-level", depth + 1);
  const open = model.isFiltered ? undefined : model.isOpen(item);
  if (open !== undefined) link.setAttribute("aria-expanded", open);
  link.tabIndex = -1;
  link.href = address(model.id(row));
  const name = make("span", "span-name");
  name.append(twist(open), kind.content.firstElementChild.cloneNode(true));
  link.append(name);
  if (group) drawGroup(link, name, item, model, axis);
  else drawSpan(link, name, row, model, axis);
  return link;
}

function twist(open) {
  const button = make("span", "twist");
  if (open === undefined) return button;
  button.dataset.twist = "";
  button.title = word(open ? "fold" : "unfold");
  button.append(icon(open ? "chevron-down" : "chevron-right", "icon-small"));
  return button;
}

function drawSpan(link, name, row, model, axis) {
  const status = model.text(row, "status");
  link.dataset.span = model.id(row);
  link.classList.add(`span-${status}`);
  const words = make("span", "words", model.text(row, "name"));
  words.title = model.text(row, "name");
  name.append(words, ...marks(row, status, model));
  const depth = model.number(row, "depth");
  const [tokens, cost] = [model.number(row, "tokens"), model.number(row, "cost")];
  const spent = make("span", "span-spent num");
  if (tokens && depth) spent.append(make("span", "span-tokens", count(tokens)));
  if (cost && depth) spent.append(make("span", "span-cost", money(cost)));
  if (spent.childNodes.length) name.append(spent);
  const offset = model.number(row, "offset");
  link.append(offset === null ? make("span", "span-never tiny", word(`status_${status}`)) : bar(row, model, axis));
  if (model.has(row, CRITICAL)) link.classList.add("span-critical");
}

function marks(row, status, model) {
  const found = [];
  if (status in SIGNS) {
    const mark = make("span", `span-mark ${status}`);
    const sign = icon(SIGNS[status], "icon-small");
    sign.setAttribute("role", "img");
    sign.removeAttribute("aria-hidden");
    sign.setAttribute("aria-label", word(`status_${status}`));
    mark.append(sign);
    found.push(mark);
  }
  if (model.has(row, HANDLED)) found.push(make("span", "tag span-tag", word("handled")));
  for (const [flag, name, sign] of WORDS) {
    if (!model.has(row, flag)) continue;
    const tag = make("span", "tag span-tag span-odd");
    tag.append(icon(sign, "icon-small"), make("span", "span-odd-word", word(name)));
    tag.title = word(`${name}_why`);
    found.push(tag);
  }
  return found;
}

function bar(row, model, axis) {
  const [offset, given] = [model.number(row, "offset"), model.number(row, "duration")];
  const took = given ?? Math.max(0, axis.total - offset);
  // What is running has no end yet; its bar grows with the axis.
  const isRunning = given === null && ["running", "waiting"].includes(model.text(row, "status"));
  const words = given === null && !isRunning ? word("no_end") : duration(took);
  const drawing = svg("svg", { class: "span-bar", role: "img", "aria-label": words });
  const [start, end] = stretch(axis, offset, offset + took);
  if (end <= 0 || start >= 100) return drawing;
  const wait = Math.min(end, Math.max(start, axis.place(offset + (model.number(row, "first") ?? 0))));
  if (wait > start) drawing.append(rect("bar-wait", start, wait - start));
  drawing.append(rect(isRunning ? "bar bar-running" : given === null ? "bar bar-open" : "bar", wait, end - wait));
  if (model.has(row, CRITICAL)) {
    const line = svg("rect", { class: "critical", x: percent(start), y: 21, width: percent(end - start), height: 1.5 });
    const title = svg("title");
    title.textContent = word("critical");
    line.append(title);
    drawing.append(line);
  }
  drawing.append(label(end, words));
  return drawing;
}

/** Begin and end in per cent, wide enough to be seen, cut at the edges. */
function stretch(axis, from, until) {
  const [begin, finish] = [axis.place(from), axis.place(until)];
  const width = Math.max(THINNEST, finish - begin);
  const start = axis.isWhole ? Math.min(begin, axis.place(axis.total) - width) : begin;
  return [Math.max(0, start), Math.min(100, start + width)];
}

function rect(className, start, width) {
  return svg("rect", { class: className, x: percent(start), y: 9, width: percent(Math.max(0, width)), height: 10 });
}

function label(end, words) {
  const isInside = end > 86;
  const text = svg("text", { x: percent(isInside ? 100 : end), y: 18, dx: isInside ? -6 : 6, ...(isInside && { "text-anchor": "end", class: "inside" }) });
  text.textContent = words;
  return text;
}

function drawGroup(link, name, { group }, model, axis) {
  link.dataset.group = group.number;
  link.classList.add("span-group");
  const words = make("span", "words", group.names.join(" › "));
  words.title = words.textContent;
  name.append(words, make("span", "tag span-times num", word("times", { n: count(group.times) })));
  if (group.errors) {
    const failed = make("span", "span-mark error");
    failed.append(icon("circle-x", "icon-small"), make("span", "tiny num", word("errors", { n: count(group.errors) })));
    name.append(failed);
  }
  const members = model.members(group).filter((row) => model.number(row, "offset") !== null);
  const drawing = svg("svg", { class: "span-bar", role: "img" });
  if (members.length) drawing.append(...ticks(members, model, axis));
  const [from, until] = extent(members, model);
  drawing.append(label(stretch(axis, from, until)[1], duration(until - from)));
  drawing.setAttribute("aria-label", duration(until - from));
  link.append(drawing);
}

function extent(members, model) {
  let [from, until] = [Infinity, 0];
  for (const row of members) {
    from = Math.min(from, model.number(row, "offset"));
    until = Math.max(until, model.number(row, "offset") + (model.number(row, "duration") ?? 0));
  }
  return members.length ? [from, until] : [0, 0];
}

/** Every turn of a repetition as a thin bar on a pale one; of very many, a sample, but every failed one. */
function ticks(members, model, axis) {
  const [from, until] = stretch(axis, ...extent(members, model));
  const drawn = [rect("bar-wait", from, until - from)];
  const every = Math.ceil(members.length / MOST_TICKS);
  members.forEach((row, place) => {
    const isError = model.isError(row);
    if (place % every && !isError) return;
    const offset = model.number(row, "offset");
    const [start, end] = stretch(axis, offset, offset + (model.number(row, "duration") ?? 0));
    if (end > 0 && start < 100) drawn.push(rect(isError ? "bar bar-failed" : "bar", start, Math.max(0.15, end - start - 0.12)));
  });
  return drawn;
}
