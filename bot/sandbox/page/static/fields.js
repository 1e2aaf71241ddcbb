// The fields of forms: each is {name, label, isNeeded, element, read}; `read` returns what is sent.

import { el, newId } from "./dom.js";
import { offered } from "./offers.js";
import { upload } from "./state.js";
import { say } from "./words.js";

const KINDS = { 4: text, 3: choices, 5: choices, 6: choices, 7: choices, 8: choices, 19: files, 21: radios, 22: boxes, 23: box };

/** Return the field of a form's component. */
export function field(part, label, description) {
  const make = KINDS[part.type] || unknown;
  const isNeeded = isRequired(part) && part.type !== 23 && part.type in KINDS;
  return { name: part.custom_id, label, isNeeded, ...make(part, label, description) };
}

function isRequired(part) {
  return part.required ?? true;
}

/** Return an attribute that lets a screen reader say a field's description, where it has one. */
function described(id, description) {
  return { "aria-describedby": description ? `${id}-about` : null };
}

function title(id, label, part, description) {
  const mark = isRequired(part) && part.type !== 23 ? el("span", { class: "required", text: " *", "aria-hidden": "true" }) : null;
  const about = description ? el("small", { id: `${id}-about`, text: description }) : null;
  return [el("label", { for: id }, label, mark), about];
}

function text(part, label, description) {
  const id = newId("field");
  const attributes = {
    id,
    placeholder: part.placeholder,
    maxlength: part.max_length ?? 4000,
    minlength: part.min_length,
    "aria-required": String(isRequired(part)),
    ...described(id, description),
    autocomplete: "off",
  };
  const input = part.style === 2 ? el("textarea", { ...attributes, rows: "4" }) : el("input", { ...attributes, type: "text" });
  input.value = part.value || "";
  return { element: el("div", { class: "field" }, title(id, label, part, description), input), read: () => input.value };
}

function choices(part, label, description) {
  const items = offered(part);
  const most = part.max_values ?? 1;
  if (most > 1) return checklist(part, label, description, items);
  const id = newId("field");
  const select = el("select", { id, "aria-required": String(isRequired(part)), ...described(id, description) });
  select.append(el("option", { value: "", text: part.placeholder || say("Nothing chosen") }));
  for (const item of items) {
    const option = el("option", { value: item.value, text: item.label, title: item.description });
    option.selected = item.checked;
    select.append(option);
  }
  return {
    element: el("div", { class: "field" }, title(id, label, part, description), select),
    read: () => (select.value ? [select.value] : []),
  };
}

function checklist(part, label, description, items) {
  return group("checkbox", part, label, description, items);
}

function boxes(part, label, description) {
  return group("checkbox", part, label, description, optionsOf(part));
}

function radios(part, label, description) {
  const made = group("radio", part, label, description, optionsOf(part));
  return { ...made, read: () => made.read()[0] ?? null };
}

function optionsOf(part) {
  return part.options.map((each) => ({ ...each, checked: Boolean(each.default) }));
}

function group(type, part, label, description, items) {
  const name = newId("group");
  const inputs = items.map((item) => {
    const input = el("input", { type, name, value: item.value });
    input.checked = item.checked;
    return input;
  });
  const rows = inputs.map((input, index) =>
    el(
      "label",
      { class: "choice" },
      input,
      el("span", {}, items[index].label, items[index].description ? el("small", { text: items[index].description }) : null),
    ),
  );
  const mark = isRequired(part) ? el("span", { class: "required", text: " *", "aria-hidden": "true" }) : null;
  return {
    element: el(
      "fieldset",
      { class: "field", ...described(name, description) },
      el("legend", {}, label, mark),
      description ? el("small", { id: `${name}-about`, text: description }) : null,
      rows,
    ),
    read: () => inputs.filter((each) => each.checked).map((each) => each.value),
  };
}

function box(part, label, description) {
  const input = el("input", { type: "checkbox" });
  input.checked = Boolean(part.default);
  const words = el("span", {}, label, description ? el("small", { text: description }) : null);
  return { element: el("label", { class: "field choice" }, input, words), read: () => input.checked };
}

function files(part, label, description) {
  const id = newId("field");
  const most = part.max_values ?? 1;
  const attributes = { "aria-required": String(isRequired(part)), ...described(id, description) };
  const input = el("input", { id, type: "file", multiple: most > 1, ...attributes });
  const sent = new Map(); // a file that was uploaded isn't uploaded again at a second try
  const read = async () => {
    const chosen = [...input.files];
    if (chosen.length > most) throw new Error(say("{label} takes {count} files at most.", { label, count: most }));
    for (const file of chosen) if (!sent.has(file)) sent.set(file, await upload(file));
    return chosen.map((file) => sent.get(file));
  };
  return { element: el("div", { class: "field" }, title(id, label, part, description), input), read };
}

function unknown(part, label) {
  return { element: el("p", { class: "unknown", text: say("{label}: a field of type {number}.", { label, number: part.type }) }), read: () => null };
}
