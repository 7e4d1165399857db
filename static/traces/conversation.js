/* A conversation: answers are shown as the Markdown they are, turns are reached by key, the address names the turn. */

import { startMarkdown } from "../console/markdown.js";
import { shortcut } from "../console/shortcuts.js";
import { markCitations } from "../workflows/chat/citations.js";

const talk = document.querySelector("[data-talk]");
const words = JSON.parse(document.getElementById("talk-words")?.textContent ?? "{}");
const turns = talk ? [...talk.querySelectorAll("[data-turn]")] : [];
const still = matchMedia("(prefers-reduced-motion: reduce)");
let at = -1;

function choose(place, { focus = true } = {}) {
  const turn = turns[place];
  if (!turn) return;
  turns[at]?.removeAttribute("aria-current");
  at = place;
  turn.setAttribute("aria-current", "true");
  turn.scrollIntoView({ block: "start", behavior: still.matches ? "auto" : "smooth" });
  if (focus) turn.focus({ preventScroll: true });
  history.replaceState(null, "", `#${turn.id}`);
}

function move(step) {
  const next = at < 0 ? 0 : at + step;
  if (next < 0 && talk.dataset.earlier) location.assign(talk.dataset.earlier);
  else if (next >= turns.length && talk.dataset.later) location.assign(talk.dataset.later);
  else choose(Math.max(0, Math.min(turns.length - 1, next)));
}

/** Go to the next turn of a kind: on this page, else wherever the server finds it. */
function find(kind) {
  const next = turns.findIndex((turn, place) => place > at && kind in turn.dataset);
  if (next >= 0) {
    choose(next);
    return;
  }
  if (!document.querySelector(`[data-find="${kind}"]`)) return;
  const address = new URL(kind === "error" ? talk.dataset.findError : talk.dataset.findDislike, location.href);
  address.searchParams.set("after", turns.at(-1).dataset.turn);
  location.assign(address);
}

function open(what) {
  turns[at]?.querySelector(`[data-open-${what}]`)?.click();
}

function fold() {
  const folds = [...(turns[at]?.querySelectorAll("details.fold") ?? [])];
  const isOpen = folds.some((each) => each.open);
  for (const each of folds) each.open = !isOpen;
}

function chooseByAddress() {
  const place = turns.findIndex((turn) => `#${turn.id}` === location.hash);
  if (place >= 0) choose(place);
}

startMarkdown();
for (const answer of document.querySelectorAll("[data-cites]")) markCitations(answer, null);
if (talk) {
  const keys = [
    ["j", () => move(1), "down"],
    ["k", () => move(-1), "up"],
    ["e", () => find("error"), "error"],
    ["d", () => find("dislike"), "dislike"],
    ["Enter", () => open("trace"), "trace"],
    ["r", () => open("review"), "review"],
    ["x", fold, "fold"],
    ["]", () => talk.dataset.later && location.assign(talk.dataset.later), "later"],
    ["[", () => talk.dataset.earlier && location.assign(talk.dataset.earlier), "earlier"],
  ];
  for (const [key, act, name] of keys) shortcut(key, act, { label: words[name] });
  document.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-find]");
    if (!chip || event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    find(chip.dataset.find);
  });
  addEventListener("hashchange", chooseByAddress);
  chooseByAddress();
  talk.dataset.ready = "";
}
