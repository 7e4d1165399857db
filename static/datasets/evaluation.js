/* Draws an evaluation: a group of bars for each measure, with the interval of each bar as a whisker. */

const canvas = document.querySelector("[data-chart]");
const data = canvas && JSON.parse(document.getElementById(canvas.dataset.chart).textContent);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const whiskers = {
  id: "whiskers",
  afterDatasetsDraw(chart) {
    const { ctx, scales } = chart;
    ctx.save();
    ctx.strokeStyle = colour("--text") || "#333";
    ctx.lineWidth = 1;
    chart.data.datasets.forEach((dataset, at) => {
      chart.getDatasetMeta(at).data.forEach((bar, place) => {
        const { low, high } = dataset.intervals[place];
        const top = scales.y.getPixelForValue(high);
        const bottom = scales.y.getPixelForValue(low);
        ctx.beginPath();
        ctx.moveTo(bar.x, top);
        ctx.lineTo(bar.x, bottom);
        ctx.moveTo(bar.x - 4, top);
        ctx.lineTo(bar.x + 4, top);
        ctx.moveTo(bar.x - 4, bottom);
        ctx.lineTo(bar.x + 4, bottom);
        ctx.stroke();
      });
    });
    ctx.restore();
  },
};

let drawn = null;

function draw() {
  drawn?.destroy();
  const text = colour("--text-muted") || "#666";
  const grid = colour("--border") || "#ddd";
  // One hue: the first way of searching stands out, the others are lighter steps of it.
  const accent = colour("--accent") || "#3355cc";
  const alpha = (at) => Math.max(0.25, 1 - at * (0.75 / Math.max(1, data.series.length - 1)));
  drawn = new window.Chart(canvas, {
    type: "bar",
    data: {
      labels: data.labels,
      datasets: data.series.map((series, at) => ({
        label: series.name,
        data: series.values.map((value) => value.mean),
        intervals: series.values,
        backgroundColor: `color-mix(in srgb, ${accent} ${Math.round(alpha(at) * 100)}%, transparent)`,
        borderColor: accent,
        borderWidth: 1,
      })),
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      scales: {
        y: { min: 0, max: 1, grid: { color: grid }, ticks: { color: text } },
        x: { grid: { display: false }, ticks: { color: text } },
      },
      plugins: {
        legend: { labels: { color: text } },
        tooltip: {
          callbacks: {
            label(item) {
              const { mean, low, high } = item.dataset.intervals[item.dataIndex];
              return `${item.dataset.label}: ${mean.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)})`;
            },
          },
        },
      },
    },
    plugins: [whiskers],
  });
}

if (data && window.Chart) {
  draw();
  new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
}
