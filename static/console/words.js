/* The words that scripts show, rendered by the server in the reader's language (components/strings.html). */

const source = document.getElementById("words")?.dataset ?? {};

/** The word for `name` (camelCase of its data attribute), with {placeholders} filled in. */
export function word(name, values = {}) {
  return (source[name] ?? "").replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);
}

/** An icon of the sprite as an SVG element. */
export function icon(name, extra = "") {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("class", `icon icon-${name} ${extra}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(ns, "use");
  use.setAttribute("href", `${source.sprite}#${name}`);
  svg.append(use);
  return svg;
}
