/* "Insert: examples from corrections": asks the server which nodes the text has, and for the text with them set. */

import { toast } from "../console/toast.js";
import { goToPlace, replaceText } from "./document.js";

const dialog = document.getElementById("few-shot");
const form = dialog?.querySelector("[data-few-shot]");
const area = document.querySelector("[data-document]");
const find = (selector) => dialog.querySelector(selector);
const FIELDS = ["k", "token_budget", "min_score"];
let nodes = [];

if (form && area) {
  document.querySelector("[data-few-shot-open]").addEventListener("click", open);
  find("[name=node]").addEventListener("change", fill);
  form.addEventListener("submit", insert);
  if (location.hash === "#examples") open();
}

async function ask(values) {
  const body = new FormData(form);
  for (const name of ["node", ...FIELDS]) if (!(name in values)) body.delete(name);
  body.set("document", area.value);
  try {
    const response = await fetch(dialog.dataset.address, { method: "POST", body, credentials: "same-origin" });
    return await response.json();
  } catch {
    return { error: dialog.dataset.failed };
  }
}

async function open() {
  const answer = await ask({});
  nodes = answer.nodes ?? [];
  complain(answer);
  find("[data-few-shot-none]").hidden = Boolean(answer.error) || nodes.length > 0;
  for (const part of ["[data-few-shot-fields]", "[data-few-shot-insert]"]) find(part).hidden = nodes.length === 0;
  find("[name=node]").replaceChildren(
    ...nodes.map((node) => {
      const option = document.createElement("option");
      option.value = node.id;
      option.textContent = node.title === node.id ? node.id : `${node.title} (${node.id})`;
      return option;
    }),
  );
  fill();
  if (!dialog.open) dialog.showModal();
}

/** The fields as the chosen node has them. */
function fill() {
  const node = nodes.find((each) => each.id === find("[name=node]").value);
  if (!node) return;
  find("[name=k]").value = node.k || 3;
  find("[name=token_budget]").value = node.token_budget ?? "";
  find("[name=min_score]").value = node.min_score || "";
}

function complain({ error = "", errors = {} }) {
  find("[data-few-shot-problem]").hidden = !error;
  find("[data-few-shot-problem] [data-words]").textContent = error;
  for (const name of FIELDS) {
    const place = find(`[data-error=${name}]`);
    place.textContent = errors[name] ?? "";
    place.hidden = !errors[name];
    find(`[name=${name}]`).toggleAttribute("aria-invalid", Boolean(errors[name]));
  }
  const first = FIELDS.find((name) => errors[name]);
  if (first) find(`[name=${first}]`).focus();
}

async function insert(event) {
  event.preventDefault();
  const answer = await ask({ node: true, k: true, token_budget: true, min_score: true });
  complain(answer);
  if (!answer.text) return;
  dialog.close();
  replaceText(answer.text);
  goToPlace(answer.path);
  toast(answer.said, { tone: "success", stayFor: 8000 });
}
