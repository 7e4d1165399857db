/* The form of a queue: questions in the order they are asked, and of what fills it only what the choice needs. */

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

/* Checkboxes are sent in the order in which they stand. */
function arrange() {
  const list = document.querySelector("#id_asks");
  const inputs = [...(list?.querySelectorAll("input[type=checkbox]") ?? [])];
  if (inputs.length === 0) return;
  const rowOf = (input) => {
    let row = input;
    while (row.parentElement !== list) row = row.parentElement;
    return row;
  };
  const { up, down } = inputs[0].dataset;
  for (const input of inputs) {
    const row = rowOf(input);
    row.classList.add("ordered-row");
    row.append(mover("↑", up, input, () => row.previousElementSibling?.before(row)));
    row.append(mover("↓", down, input, () => row.nextElementSibling?.after(row)));
  }
  const optional = () => {
    for (const input of inputs) {
      const other = document.querySelector(`#id_optional input[value="${input.value}"]`);
      const row = other?.closest("#id_optional > *");
      if (row) row.hidden = !input.checked;
    }
    const field = document.querySelector(".form-row.field-optional");
    if (field) field.hidden = !inputs.some((input) => input.checked);
  };
  list.addEventListener("change", optional);
  optional();
}

function mover(sign, label, input, move) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-ghost button-small";
  button.textContent = sign;
  button.setAttribute("aria-label", `${label}: ${input.labels[0]?.textContent.trim() ?? ""}`);
  button.title = label;
  button.addEventListener("click", () => {
    move();
    button.focus();
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
  return button;
}

function start() {
  showOptions();
  arrange();
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
