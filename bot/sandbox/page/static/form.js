// A form of the bot's, in a dialog. What was typed stays until it was taken or thrown away.

import { el, newId } from "./dom.js";
import { field } from "./fields.js";
import { markdown } from "./markdown.js";
import { state } from "./state.js";

/** Open every form that the bot answers with. */
export function startForms() {
  state.addEventListener("form", ({ detail }) => openForm(detail.interaction, detail.modal));
}

function openForm(interaction, modal) {
  const fields = [];
  const place = { user: state.me, channel: state.place };
  const parts = modal.components.map((part) => drawnPart(part, fields));
  const title = newId("title");
  const problem = el("p", { class: "problem", role: "alert" });
  const send = el("button", { type: "submit", class: "button primary", text: "Submit" });
  const cancel = el("button", { type: "button", class: "button secondary", text: "Cancel" });
  const form = el(
    "form",
    { novalidate: true },
    el("h2", { id: title, text: modal.title }),
    el("div", { class: "fields" }, parts),
    problem,
    el("div", { class: "row end" }, cancel, send),
  );
  const dialog = el("dialog", { class: "form", "aria-labelledby": title }, form);
  const opener = document.activeElement;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (send.disabled) return;
    problem.textContent = "";
    send.disabled = true;
    try {
      const values = {};
      for (const each of fields) values[each.name] = await each.read();
      const answer = await state.connection.ask("submit", { ...place, interaction, values });
      dialog.close();
      if (answer.modal) state.tell("form", answer);
    } catch (error) {
      problem.textContent = error.message;
    } finally {
      send.disabled = false;
    }
  });
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (opener?.isConnected && !document.querySelector("dialog[open]")) opener.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  form.querySelector("input, textarea, select")?.focus();
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
