/* Checkboxes whose order counts get buttons that move them: they are sent in the order in which they stand. */

{
  const arrange = (list, inputs) => {
    const rowOf = (input) => {
      let row = input;
      while (row.parentElement !== list) row = row.parentElement;
      return row;
    };
    const { up, down } = inputs[0].dataset;
    for (const input of inputs) {
      const row = rowOf(input);
      row.classList.add("ordered-row");
      row.append(mover("↑", up, input, () => row.previousElementSibling?.before(row)));
      row.append(mover("↓", down, input, () => row.nextElementSibling?.after(row)));
    }
  };

  const mover = (sign, label, input, move) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button-ghost button-small";
    button.textContent = sign;
    button.setAttribute("aria-label", `${label}: ${input.labels[0]?.textContent.trim() ?? ""}`);
    button.title = label;
    button.addEventListener("click", () => {
      move();
      button.focus();
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
    return button;
  };

  const start = () => {
    const lists = new Map();
    for (const input of document.querySelectorAll("input[type=checkbox][data-up]")) {
      const list = input.closest("[id]:not(input)");
      lists.set(list, [...(lists.get(list) ?? []), input]);
    }
    for (const [list, inputs] of lists) arrange(list, inputs);
  };

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
}
