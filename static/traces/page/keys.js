/* What each key does on the trace page; the key sheet lists them. */

import { shortcut } from "../../console/shortcuts.js";
import { word } from "./words.js";

export function startKeys(page, pane) {
  const keys = [
    ["j", () => page.move(1), "key_down"],
    ["k", () => page.move(-1), "key_up"],
    ["ArrowDown", () => page.move(1)],
    ["ArrowUp", () => page.move(-1)],
    ["h", () => page.sideways(-1), "key_fold"],
    ["l", () => page.sideways(1), "key_unfold"],
    ["ArrowLeft", () => page.sideways(-1)],
    ["ArrowRight", () => page.sideways(1)],
    ["Enter", () => pane.focus(), "key_open"],
    ["t", () => pane.nextTab(), "key_tab"],
    ["e", () => page.nextError(), "key_error"],
    ["Shift+e", () => page.nextError(-1), "key_error_back"],
    ["s", () => page.toSlowest(), "key_slowest"],
    ["c", () => page.nextCritical(), "key_critical"],
    ["x", () => page.foldAll(false), "key_unfold_all"],
    ["Shift+x", () => page.foldAll(true), "key_fold_all"],
    ["z", () => page.zoomToOpened(), "key_zoom"],
    ["0", () => page.whole(), "key_whole"],
    ["/", () => page.finder.focus()],
  ];
  for (const [key, act, name] of keys) shortcut(key, act, { label: name ? word(name) : "" });
  ["tree", "waterfall", "graph", "log"].forEach((name, at) => {
    shortcut(String(at + 1), () => page.views.show(name), { label: at ? "" : word("key_views") });
  });
}
