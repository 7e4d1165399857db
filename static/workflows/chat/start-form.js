/* Reads and fills the fields that the template made of a document's inputs. */

import { say } from "./parts.js";

/** What became of the files of each field: the values that the server gave for them. */
const uploads = new WeakMap();

document.addEventListener("change", (event) => {
  if (event.target.matches?.('input[type="file"][data-upload]')) upload(event.target);
});

/** Send a field's files; until they are there, and when they cannot be, the form is not valid. */
async function upload(field) {
  const chosen = [...field.files];
  uploads.set(field, []);
  field.setCustomValidity(chosen.length ? field.dataset.uploading : "");
  try {
    const values = [];
    for (const file of chosen) values.push(await send(file, field.dataset.upload));
    if (chosen.every((file, at) => field.files[at] === file)) {
      uploads.set(field, values);
      field.setCustomValidity("");
    }
  } catch (error) {
    field.setCustomValidity(`${field.dataset.notUploaded} ${error.message}`);
    field.reportValidity();
  }
}

async function send(file, address) {
  const body = new FormData();
  body.append("file", file);
  const response = await fetch(address, { method: "POST", body, headers: { "X-CSRFToken": csrfToken() } });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.message ?? String(response.status));
  return answer;
}

function csrfToken() {
  return /(?:^|;\s*)csrftoken=([^;]*)/.exec(document.cookie)?.[1] ?? "";
}

/** The values by name, or null after showing the reader what is missing. */
export function readInputs(form) {
  if (!form) return {};
  const values = {};
  for (const field of form.querySelectorAll("[data-type]")) {
    if (field.type === "file") {
      // Its validity says how its upload went.
      const uploaded = uploads.get(field) ?? [];
      if (uploaded.length) values[field.name] = field.dataset.type === "files" ? uploaded : uploaded[0];
      continue;
    }
    field.setCustomValidity("");
    if (field.dataset.type === "boolean") values[field.name] = field.checked;
    else if (field.value.trim() === "") continue;
    else if (field.dataset.type === "number") values[field.name] = Number(field.value);
    else if (field.dataset.type === "json") values[field.name] = parse(field);
    else values[field.name] = field.value;
  }
  return form.reportValidity() ? values : null;
}

function parse(field) {
  try {
    return JSON.parse(field.value);
  } catch {
    field.setCustomValidity(say("notJson"));
    field.addEventListener("input", () => field.setCustomValidity(""), { once: true });
    return null;
  }
}

/** Put values of an earlier conversation into the form. */
export function fillInputs(form, values) {
  for (const field of form?.querySelectorAll("[data-type]") ?? []) {
    if (field.type === "file") continue; // nobody may choose a person's files for them
    const value = values?.[field.name];
    if (field.dataset.type === "boolean") field.checked = Boolean(value);
    else if (value !== undefined && value !== null) field.value = typeof value === "object" ? JSON.stringify(value, null, 2) : value;
  }
}

/** A conversation's form is filled in once. */
export function lockInputs(form, isLocked = true) {
  form?.querySelector("[data-start-fields]")?.toggleAttribute("disabled", isLocked);
}
