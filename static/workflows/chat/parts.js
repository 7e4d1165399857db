/* The template's pieces and words: scripts here hold neither markup nor sentences. */

const words = document.getElementById("chat-words")?.dataset ?? {};
const kinds = document.getElementById("chat-kinds");

/** The word for `name`, with {placeholders} filled in. */
export function say(name, values = {}) {
  return (words[name] ?? "").replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);
}

/** What to do about an error with this code. */
export function hint(code) {
  const camel = (code ?? "").split(/[_-]/).map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join("");
  return words[`hint${camel}`] ?? words.hint ?? "";
}

/** A copy of the first element of a template, and its parts by name. */
export function make(templateId) {
  const root = document.getElementById(templateId).content.firstElementChild.cloneNode(true);
  return { root, parts: partsOf(root) };
}

/** The elements below `root` that are marked with data-part, by name. */
export function partsOf(root) {
  return Object.fromEntries([...root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
}

/** The icon of a node type. */
export function kindIcon(kind) {
  const known = [...(kinds?.children ?? [])].find((child) => child.dataset.kind === kind);
  return (known ?? kinds?.lastElementChild)?.firstElementChild?.cloneNode(true) ?? document.createTextNode("");
}

/** Seconds as people read them. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 1) return say("ms", { n: number(seconds < 0.0095 ? (seconds * 1000).toFixed(1) : Math.round(seconds * 1000)) });
  return say("seconds", { n: number(seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1)) });
}

/** A number in the reader's language. */
export function number(value) {
  return Number(value).toLocaleString(document.documentElement.lang || undefined);
}

/** An address whose placeholder id is `id`; empty stays empty. */
export function address(pattern, id) {
  return pattern && id ? pattern.replace("00000000-0000-0000-0000-000000000000", encodeURIComponent(id)) : "";
}
