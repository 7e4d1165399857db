/* Light, dark or as the system: sets data-theme on <html> and keeps it in the cookie `skep_theme`. */

import { remember } from "./cookies.js";

export function startTheme(root = document) {
  root.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-theme-choice]");
    if (!choice) return;
    const theme = choice.dataset.themeChoice;
    document.documentElement.dataset.theme = theme;
    remember("skep_theme", theme);
    for (const other of document.querySelectorAll("[data-theme-choice]")) {
      other.setAttribute("aria-checked", String(other.dataset.themeChoice === theme));
    }
    document.dispatchEvent(new CustomEvent("skep:theme", { detail: theme }));
  });
}
