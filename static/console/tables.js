/* Marks a .table-wrap whose table fits (data-fits), so that its head can stick to the window instead of to the wrap. */

const watcher = new ResizeObserver((entries) => entries.forEach(({ target }) => measure(target.closest(".table-wrap"))));

function measure(wrap) {
  const table = wrap?.querySelector(":scope > table");
  if (table) wrap.toggleAttribute("data-fits", table.offsetWidth <= wrap.clientWidth);
}

export function startTables(root = document) {
  for (const wrap of root.querySelectorAll(".table-wrap")) {
    const table = wrap.querySelector(":scope > table");
    if (!table) continue;
    measure(wrap);
    watcher.observe(wrap);
    watcher.observe(table);
  }
  if (root === document) document.addEventListener("htmx:afterSwap", (event) => startTables(event.target));
}
