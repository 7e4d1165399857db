/* <form data-dirty-form>: knows whether something changed, makes the save bar stick, and asks before it is lost. */

function snapshot(form) {
  const entries = [...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken");
  return JSON.stringify(entries.map(([name, value]) => [name, value instanceof File ? value.name : value]));
}

export function watchForm(form) {
  const clean = snapshot(form);
  let leaving = false;
  const check = () => form.toggleAttribute("data-dirty", snapshot(form) !== clean);
  form.addEventListener("input", check);
  form.addEventListener("change", check);
  form.addEventListener("reset", () => setTimeout(check));
  form.addEventListener("submit", () => (leaving = true));
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && form.hasAttribute("data-dirty")) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    const save = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s" && !event.altKey && !event.shiftKey;
    if (!save || !form.hasAttribute("data-dirty")) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector('[name="_continue"]') ?? undefined);
  });
}

export function startDirtyForms() {
  document.querySelectorAll("form[data-dirty-form]").forEach(watchForm);
  document.querySelector("[data-focus-here]")?.focus();
}
