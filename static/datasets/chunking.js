/* Shows the settings that the chosen way of cutting knows; the others keep their values. */

for (const form of document.querySelectorAll("form:has([data-modes])")) {
  const mode = form.querySelector("[name=mode]");
  const parent = form.querySelector("[name=parent_mode]");
  const show = () => {
    for (const part of form.querySelectorAll("[data-modes]")) part.hidden = !part.dataset.modes.split(" ").includes(mode.value);
    for (const part of form.querySelectorAll("[data-unless-parent]")) part.hidden = part.dataset.unlessParent === parent.value;
  };
  form.addEventListener("change", show);
  show();
}
