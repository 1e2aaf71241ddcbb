// Does what a person asked for, and shows the form or the sentence that comes of it.

import { notice } from "./dom.js";
import { state } from "./state.js";

/** Ask for something at a button, which is busy meanwhile. Returns whether it was done. */
export async function perform(button, what, values = {}) {
  if (button.getAttribute("aria-busy") === "true") return false;
  button.setAttribute("aria-busy", "true");
  try {
    follow(await state.ask(what, values));
    return true;
  } catch (error) {
    notice(error.message);
    return false;
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** Open the form that the bot answered with, where it is one. */
export function follow(answer) {
  if (answer.modal) state.tell("form", answer);
}
