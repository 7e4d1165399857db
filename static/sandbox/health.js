/* Keeps the sandbox's page fresh: on request, and every ten seconds while somebody looks at it. */

import { refreshTimes } from "../console/relative-time.js";
import { toast } from "../console/toast.js";

const EVERY_MS = 10_000;
const button = document.querySelector("[data-refresh]");
const body = document.getElementById("sandbox-health");
let underWay = false;

/** Nothing is taken away under a reader's hands: not while text is marked or the focus is inside. */
function isInUse() {
  return body.contains(document.activeElement) || !document.getSelection().isCollapsed;
}

async function refresh({ asked }) {
  if (underWay || (!asked && (document.hidden || isInUse()))) return;
  underWay = true;
  button.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(button.dataset.refresh, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    const open = [...body.querySelectorAll("details")].map((each) => each.open);
    fresh.querySelectorAll("details").forEach((each, place) => (each.open = open[place] ?? false));
    body.replaceChildren(...fresh.body.childNodes);
    refreshTimes(body);
  } catch {
    if (asked) toast(button.dataset.failed, { tone: "error" });
  } finally {
    underWay = false;
    button.removeAttribute("aria-busy");
  }
}

button.addEventListener("click", (event) => {
  event.preventDefault();
  refresh({ asked: true });
});
setInterval(() => refresh({ asked: false }), EVERY_MS);
