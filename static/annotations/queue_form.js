/* The form of a queue: what may be optional of what is asked, and of what fills it only what the choice needs. */

const needs = { sample: ["percent"], expensive: ["cost"], "low-scores": ["config", "below"], view: ["view"] };
const all = new Set(Object.values(needs).flat());

function showOptions() {
  const feed = document.querySelector("#id_feed");
  if (!feed) return;
  const show = () => {
    const wanted = new Set(needs[feed.value] ?? []);
    for (const name of all) {
      const row = document.querySelector(`.form-row.field-${name}`);
      if (row) row.hidden = !wanted.has(name);
    }
  };
  feed.addEventListener("change", show);
  show();
}

/* What is asked may be optional, nothing else. */
function offerOptional() {
  const list = document.querySelector("#id_asks");
  const inputs = [...(list?.querySelectorAll("input[type=checkbox]") ?? [])];
  if (inputs.length === 0) return;
  const show = () => {
    for (const input of inputs) {
      const other = document.querySelector(`#id_optional input[value="${input.value}"]`);
      const row = other?.closest("#id_optional > *");
      if (row) row.hidden = !input.checked;
    }
    const field = document.querySelector(".form-row.field-optional");
    if (field) field.hidden = !inputs.some((input) => input.checked);
  };
  list.addEventListener("change", show);
  show();
}

function start() {
  showOptions();
  offerOptional();
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
