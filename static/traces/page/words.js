/* Words, times and numbers of the trace page, in the reader's language. */

const source = JSON.parse(document.getElementById("trace-words").textContent);
const language = document.documentElement.lang || "en";
const whole = new Intl.NumberFormat("en-US");
const priced = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const currency = document.querySelector("[data-currency]")?.dataset.currency || "USD";
const sign = { USD: "$", CNY: "¥", EUR: "€" }[currency] ?? `${currency} `;

/** The word for `name`, with {placeholders} filled in. */
export function word(name, values = {}) {
  return (source[name] ?? "").replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);
}

/** By places: making one takes as long as drawing half a row. */
const formats = [0, 1, 2].map((places) => new Intl.NumberFormat(language, { minimumFractionDigits: places, maximumFractionDigits: places }));

function rounded(value, places) {
  return formats[places].format(value);
}

/** 213 µs, 4.2 ms, 184 ms, 1.84 s, 2 min 5 s: as the server says it. */
export function duration(us) {
  if (us === null || us === undefined) return "–";
  if (us < 1000) return word("us", { n: Math.round(us) });
  if (us < 1e6) return word("ms", { n: rounded(us / 1000, us < 9950 ? 1 : 0) });
  if (us < 6e7) return word("s", { n: rounded(us / 1e6, us < 9.995e6 ? 2 : 1) });
  const seconds = Math.round(us / 1e6);
  if (seconds < 3600) return word("min", { m: Math.floor(seconds / 60), s: seconds % 60 });
  const minutes = Math.floor(seconds / 60);
  return word("h", { h: Math.floor(minutes / 60), m: minutes % 60 });
}

/** A mark on the ruler: no more digits than it needs. */
export function tick(us) {
  if (us === 0) return "0";
  for (const [size, name] of [[6e7, "whole_min"], [1e6, "s"], [1e3, "ms"]]) {
    if (us >= size) return word(name, { n: Number((us / size).toPrecision(6)) });
  }
  return word("us", { n: us });
}

export function count(n) {
  return whole.format(n);
}

/** A cost, precise where it is small, in the currency of the trace: as the server says it. */
export function money(amount) {
  if (amount === 0) return `${sign}0`;
  if (amount >= 1) return sign + priced.format(amount);
  return `${sign}${amount.toFixed(6).replace(/0{1,4}$/, "")}`;
}
