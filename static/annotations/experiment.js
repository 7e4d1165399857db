/* One result of an experiment: j and k lead from item to item. */

import { shortcut } from "../console/shortcuts.js";

const page = document.querySelector("[data-result]");
const follow = (selector) => () => document.querySelector(selector)?.click();

if (page) {
  shortcut("j", follow("[data-after]"), { label: page.dataset.labelNext });
  shortcut("k", follow("[data-before]"), { label: page.dataset.labelPrevious });
}
