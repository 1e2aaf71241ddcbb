// A dialog with a form. What was typed stays until it was taken or thrown away.

import { el, newId, wayBackTo } from "./dom.js";
import { say } from "./words.js";

/**
 * Open a dialog. `submit` may throw an Error with a sentence, and with the `field` that it is about:
 * it is shown, and the dialog stays; else the dialog closes, and what `submit` returned is called then.
 */
export function openDialog(heading, content, action, submit) {
  const title = newId("title");
  const problem = el("p", { id: newId("problem"), class: "problem", role: "alert" });
  const send = el("button", { type: "submit", class: "button primary", text: action });
  const cancel = el("button", { type: "button", class: "button secondary", text: say("Cancel") });
  const form = el(
    "form",
    { novalidate: true },
    el("h2", { id: title, text: heading }),
    el("div", { class: "fields" }, content),
    problem,
    el("div", { class: "row end" }, cancel, send),
  );
  const dialog = el("dialog", { class: "form", "aria-labelledby": title }, form);
  const goBack = wayBackTo(document.activeElement);

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (send.disabled) return;
    problem.textContent = "";
    form.querySelectorAll("[aria-invalid]").forEach((each) => each.removeAttribute("aria-invalid"));
    send.disabled = true;
    try {
      const then = await submit();
      dialog.close();
      then?.();
    } catch (error) {
      problem.textContent = error.message;
      problem.scrollIntoView({ block: "nearest" });
      blame(error.field?.querySelector("input, textarea, select"), problem);
    } finally {
      send.disabled = false;
    }
  });
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (!document.querySelector("dialog[open]")) goBack();
  });
  document.body.append(dialog);
  dialog.showModal();
  form.querySelector("input, textarea, select")?.focus();
}

/** Lead to the input that a sentence is about. */
function blame(input, problem) {
  if (!input) return;
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-errormessage", problem.id);
  input.focus();
}
