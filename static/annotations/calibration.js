/* The form of a calibration asks what the chosen question needs, and nothing else. */

function start() {
  const form = document.querySelector("[data-calibration]");
  const data = document.querySelector("#calibration-questions");
  const question = form?.querySelector("[name=config]");
  if (!question || !data) return;
  const known = JSON.parse(data.textContent);
  const show = () => {
    const { kind, range } = known[question.value] ?? {};
    for (const part of form.querySelectorAll("[data-for-kind]")) {
      reveal(part, part.dataset.forKind === kind);
    }
    if (kind === "categorical") showCategories(form, question.value);
    const number = form.querySelector("[name=at_least]");
    if (number) number.required = kind === "numeric";
    const help = form.querySelector("[data-range]");
    if (help && range) help.textContent = range;
  };
  question.addEventListener("change", show);
  show();
}

/* What is not asked is not sent either. */
function reveal(part, wanted) {
  part.hidden = !wanted;
  for (const input of part.querySelectorAll("input")) input.disabled = !wanted;
}

function showCategories(form, question) {
  const list = form.querySelector(".calibration-categories");
  for (const group of list.querySelectorAll(".calibration-question")) {
    reveal(group, group.querySelector("input")?.value.startsWith(`${question}:`) ?? false);
    // The only group that is left needs no heading: the question stands above.
    group.querySelector("legend").hidden = true;
  }
  const note = list.querySelector(".calibration-all");
  if (note) note.hidden = true;
}

start();
