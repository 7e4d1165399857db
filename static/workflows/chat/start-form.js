/* Reads and fills the fields that the template made of a document's inputs. */

import { say } from "./parts.js";

/** The values by name, or null after showing the reader what is missing. */
export function readInputs(form) {
  if (!form) return {};
  const values = {};
  for (const field of form.querySelectorAll("[data-type]")) {
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
    const value = values?.[field.name];
    if (field.dataset.type === "boolean") field.checked = Boolean(value);
    else if (value !== undefined && value !== null) field.value = typeof value === "object" ? JSON.stringify(value, null, 2) : value;
  }
}

/** A conversation's form is filled in once. */
export function lockInputs(form, isLocked = true) {
  form?.querySelector("[data-start-fields]")?.toggleAttribute("disabled", isLocked);
}
