/* The dataset is asked for only where the starter searches one. */

const dataset = document.querySelector("[data-dataset]");

function show() {
  const chosen = document.querySelector("[name=starter]:checked");
  dataset.toggleAttribute("data-off", !chosen?.hasAttribute("data-needs-dataset"));
}

document.addEventListener("change", show);
show();
