/* The form of an evaluator shows what its kind needs, and nothing else. */

const needs = {
  exact: ["field", "ignore_case", "ignore_space"],
  contains: ["field", "words", "how_many", "ignore_case"],
  regex: ["field", "pattern", "ignore_case", "whole"],
  "json-schema": ["field", "schema"],
  similarity: ["field", "model"],
  judge: ["field", "model", "rubric", "steps"],
  pairwise: ["field", "model", "rubric"],
  code: ["field", "language", "code", "seconds"],
};
const all = new Set(Object.values(needs).flat());

function start() {
  const kind = document.querySelector("#id_kind");
  if (!kind) return;
  const show = () => {
    const wanted = new Set(needs[kind.value] ?? []);
    for (const name of all) {
      const row = document.querySelector(`.form-row.field-${name}`);
      if (row) row.hidden = !wanted.has(name);
    }
    // As long as no kind is chosen there is nothing to set.
    const settings = document.querySelector(".form-row.field-field")?.closest("fieldset");
    if (!settings) return;
    settings.hidden = wanted.size === 0;
    const note = settings.querySelector(".description");
    if (note) note.hidden = true;
  };
  kind.addEventListener("change", show);
  show();
  offerSample();
}

/* Another language begins with its own sample, as long as nobody has written anything. */
function offerSample() {
  const language = document.querySelector("#id_language");
  const code = document.querySelector("#id_code[data-samples]");
  if (!language || !code) return;
  const samples = JSON.parse(code.dataset.samples);
  const plain = (text) => text.replaceAll("\r\n", "\n").trim();
  language.addEventListener("change", () => {
    const untouched = ["", ...Object.values(samples).map(plain)].includes(plain(code.value));
    if (untouched) code.value = samples[language.value] ?? "";
  });
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
