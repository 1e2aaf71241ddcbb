// A form of the bot's, in a dialog.

import { openDialog } from "./dialog.js";
import { el } from "./dom.js";
import { field } from "./fields.js";
import { markdown } from "./markdown.js";
import { state } from "./state.js";
import { say } from "./words.js";

/** Open every form that the bot answers with. */
export function startForms() {
  state.addEventListener("form", ({ detail }) => openForm(detail.interaction, detail.modal));
}

function openForm(interaction, modal) {
  const fields = [];
  const place = { user: state.me, channel: state.place };
  const parts = modal.components.map((part) => drawnPart(part, fields));
  openDialog(modal.title, parts, say("Submit"), async () => {
    const values = await valuesOf(fields);
    const asked = state.connection.ask("submit", { ...place, interaction, values });
    const answer = await asked.catch((error) => {
      throw Object.assign(error, { field: fields.find((each) => each.label === error.about)?.element });
    });
    return answer.modal ? () => state.tell("form", answer) : null;
  });
}

/** Read what was filled in. Throws an Error, with the `field` that it is about, for what is missing. */
async function valuesOf(fields) {
  const values = {};
  for (const { name, label, isNeeded, element, read } of fields) {
    const value = await read();
    if (isNeeded && (value === null || value.length === 0)) {
      throw Object.assign(new Error(say("{name} has to be filled in.", { name: label })), { field: element });
    }
    values[name] = value;
  }
  return values;
}

function drawnPart(part, fields) {
  if (part.type === 10) return markdown(part.content);
  if (part.type === 18) return labelled(part.label, part.description, part.component, fields);
  return el("div", {}, (part.components || []).map((each) => labelled(each.label, null, each, fields)));
}

function labelled(label, description, component, fields) {
  const made = field(component, label, description);
  fields.push(made);
  return made.element;
}
