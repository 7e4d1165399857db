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
  };
  kind.addEventListener("change", show);
  show();
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
