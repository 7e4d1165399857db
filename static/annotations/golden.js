/* Golden sets: choosing items of a list, and rows of names with values that grow as they are needed. */

function startPicking(form) {
  const bar = form.querySelector("[data-picked-bar]");
  const all = form.querySelector("[data-pick-all]");
  if (!bar || !all) return;
  const words = bar.querySelector("[data-picked-words]");
  const boxes = () => [...form.querySelectorAll('input[name="item"]')];
  const show = () => {
    const picked = boxes().filter((box) => box.checked).length;
    bar.hidden = picked === 0;
    words.textContent = picked === 1 ? words.dataset.one : words.dataset.many.replace("%n", picked);
    all.checked = picked > 0 && picked === boxes().length;
    all.indeterminate = picked > 0 && picked < boxes().length;
  };
  all.addEventListener("change", () => {
    for (const box of boxes()) box.checked = all.checked;
    show();
  });
  form.addEventListener("change", show);
  show();
}

function startRows(list) {
  const add = list.querySelector("[data-add-row]");
  const last = () => [...list.querySelectorAll(".named-value")].at(-1);
  if (!add || !last()) return;
  const empty = last().cloneNode(true);
  for (const field of empty.querySelectorAll("input, textarea")) {
    field.value = "";
    field.defaultValue = "";
  }
  empty.querySelector("select").selectedIndex = 0;
  add.hidden = false;
  add.addEventListener("click", () => {
    const row = empty.cloneNode(true);
    add.before(row);
    row.querySelector("input").focus();
  });
}

document.querySelectorAll("[data-picked]").forEach(startPicking);
document.querySelectorAll("[data-named-values]").forEach(startRows);

/* Who writes the name of a new set means it. */
for (const field of document.querySelectorAll("[data-chooses]")) {
  field.addEventListener("input", () => {
    document.getElementById(field.dataset.chooses).checked = true;
  });
}
