/* The keys of a correction's page. */

import { shortcut } from "../console/shortcuts.js";

const page = document.querySelector("[data-correction-page]");
const KEYS = [
  ["a", "[data-approve]", "labelApprove"],
  ["b", "[data-send-back]", "labelSendBack"],
  ["r", "[data-review-link]", "labelReview"],
  ["v", "[data-view]:not([aria-current])", "labelView"],
  ["t", "[data-chain=trace]", "labelTrace"],
];

if (page) {
  for (const [key, selector, label] of KEYS) {
    const target = document.querySelector(selector);
    if (target) shortcut(key, () => target.click(), { label: page.dataset[label] });
  }
}
