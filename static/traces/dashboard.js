/* Draws the dashboard's charts from the numbers beside them, and gives its lists keys. Words come from the page. */

import { shortcut } from "../console/shortcuts.js";

const board = document.querySelector("[data-dashboard]");
const drawn = new Map();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** How a series looks, by the role the page gives it. */
function look(role) {
  const main = colour("--chart-1");
  const second = colour("--chart-2");
  const roles = {
    main: { backgroundColor: main, borderColor: main },
    second: { backgroundColor: second, borderColor: second },
    error: { backgroundColor: colour("--error"), borderColor: colour("--error") },
    band: { backgroundColor: colour("--chart-1-band"), borderColor: "transparent", fill: "-1", borderWidth: 0 },
    "band-wide": { backgroundColor: colour("--chart-1-band-wide"), borderColor: "transparent", fill: "-1", borderWidth: 0 },
    before: { backgroundColor: "transparent", borderColor: colour("--text-muted"), borderDash: [4, 4], borderWidth: 1.5 },
  };
  return roles[role] ?? roles.main;
}

/** Whether a number has no neighbour that a line could lead to: it is drawn as a point, or nobody would see it. */
function isAlone(values, at) {
  return values[at] != null && values[at - 1] == null && values[at + 1] == null;
}

function dataset(series, data) {
  const line = series.type === "line" || (data.type === "line" && !series.type);
  return {
    type: line ? "line" : "bar",
    label: series.label,
    data: series.values,
    words: series.words,
    stack: line ? undefined : "runs",
    order: series.role === "before" ? 0 : 1,
    borderWidth: line ? 2 : 0,
    pointRadius: line ? (point) => (isAlone(point.dataset.data, point.dataIndex) ? 3.5 : 0) : 0,
    pointBorderColor: colour(series.role === "before" ? "--text-muted" : "--chart-1"),
    pointBackgroundColor: series.role === "main" ? colour("--chart-1") : colour("--surface-1"),
    pointBorderWidth: 1.5,
    pointHoverRadius: 4,
    cubicInterpolationMode: "monotone",
    spanGaps: false,
    maxBarThickness: 36,
    ...look(series.role),
  };
}

function draw(canvas) {
  const data = JSON.parse(document.getElementById(canvas.dataset.chart).textContent);
  drawn.get(canvas)?.destroy();
  const text = colour("--text-muted");
  const font = { family: colour("--font-sans"), size: 11 };
  const chart = new window.Chart(canvas, {
    type: data.type,
    data: { labels: data.labels, datasets: data.series.map((series) => dataset(series, data)) },
    options: {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      onClick: (_event, items) => {
        if (items.length && data.urls[items[0].index]) location.assign(data.urls[items[0].index]);
      },
      onHover: (event, items) => {
        event.native.target.classList.toggle("dash-pointing", items.length > 0);
      },
      scales: {
        x: {
          stacked: data.type === "bar",
          grid: { display: false },
          border: { color: colour("--border") },
          ticks: { color: text, font, maxRotation: 0, autoSkipPadding: 16 },
        },
        y: {
          stacked: data.type === "bar",
          beginAtZero: true,
          grid: { color: colour("--chart-grid") },
          border: { display: false },
          ticks: { color: text, font, maxTicksLimit: 5, precision: data.whole ? 0 : undefined, callback: (value) => data.prefix + tick(value) + data.suffix },
        },
      },
      plugins: {
        legend: { display: data.series.length > 1, align: "start", labels: { color: text, font, boxWidth: 10, boxHeight: 10, sort: (one, other) => one.datasetIndex - other.datasetIndex } },
        tooltip: {
          callbacks: { label: (item) => `${item.dataset.label}: ${item.dataset.words[item.dataIndex]}` },
        },
      },
    },
  });
  drawn.set(canvas, chart);
}

function tick(value) {
  return new Intl.NumberFormat(document.documentElement.lang, { notation: "compact", maximumSignificantDigits: 3 }).format(value);
}

function drawAll() {
  if (!window.Chart) return;
  for (const canvas of document.querySelectorAll("canvas[data-chart]")) draw(canvas);
}

/* Keys: one for each list, then from line to line. */
function step(by) {
  const lines = [...document.querySelectorAll("[data-line]")];
  const at = lines.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : lines.length - 1) : Math.min(lines.length - 1, Math.max(0, at + by));
  lines[next]?.focus();
}

function goTo(cause) {
  const list = document.querySelector(`[data-cause="${cause}"]`);
  (list?.querySelector("[data-line]") ?? list?.querySelector("a"))?.focus();
}

function startKeys() {
  const words = board.dataset;
  shortcut("s", () => goTo("slow"), { label: words.keySlow });
  shortcut("e", () => goTo("errors"), { label: words.keyErrors });
  shortcut("a", () => goTo("apps"), { label: words.keyApps });
  shortcut("d", () => goTo("wrong"), { label: words.keyWrong });
  shortcut("j", () => step(1), { label: words.keyNext });
  shortcut("k", () => step(-1), { label: words.keyPrevious });
  shortcut("c", () => document.querySelector("[data-compare]")?.click(), { label: words.keyCompare });
}

if (board) {
  startKeys();
  drawAll();
  const redraw = () => drawAll();
  new MutationObserver(redraw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}
