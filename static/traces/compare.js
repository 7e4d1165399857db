/* The comparison of two traces: what differs in a step is fetched when it is unfolded. */

const root = document.querySelector("[data-compare]");

async function fill(step) {
  const body = step.querySelector(".compare-body");
  if (body.childNodes.length) return;
  try {
    const response = await fetch(step.dataset.stepUrl, { headers: { Accept: "text/html" } });
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    body.innerHTML = await response.text();
  } catch {
    body.textContent = root.dataset.failed;
    step.addEventListener("toggle", () => (body.textContent = ""), { once: true });
  }
}

root?.addEventListener(
  "toggle",
  (event) => {
    if (event.target.matches("[data-step-url]") && event.target.open) fill(event.target);
  },
  true,
);
