// A slash command that is being filled in, its options as Discord shows them.

import { perform } from "./actions.js";
import { el, newId } from "./dom.js";
import { icon } from "./icons.js";
import { optionField } from "./options.js";
import { localized, state } from "./state.js";
import { say } from "./words.js";

const SUB_COMMAND = 1;
const GROUP = 2;

/** Return every command that can be typed here, sub-commands by their whole names. */
export function offeredCommands() {
  return state.commandsHere(1).flatMap((each) => flattened(each, each.name, localized(each, "name")));
}

function flattened(part, name, shown) {
  const inner = (part.options || []).filter((each) => each.type === SUB_COMMAND || each.type === GROUP);
  if (inner.length) {
    return inner.flatMap((each) => flattened(each, `${name} ${each.name}`, `${shown} ${localized(each, "name")}`));
  }
  return [{ name, shown, description: localized(part, "description"), options: part.options || [] }];
}

/** Return the element in which a command is filled in; `close` is called when it is done with. */
export function commandElement(command, close) {
  const title = newId("command");
  const fields = new Map();
  const filled = el("div", { class: "options" });
  const further = el("div", { class: "further" });
  const send = el("button", { type: "submit", class: "round send", "aria-label": say("Send /{name}", { name: command.shown }) }, icon("send"));
  const cancel = el("button", { type: "button", class: "round", "aria-label": say("Discard the command"), text: "×" });
  const form = el(
    "form",
    { class: "command", "aria-labelledby": title, novalidate: true },
    el("div", { class: "command-head" }, el("b", { id: title, text: `/${command.shown}` }), el("small", { text: command.description })),
    el("div", { class: "composer-row" }, cancel, filled, send),
    further,
  );

  const values = async () => {
    const read = {};
    for (const [name, field] of fields) {
      const value = await field.read();
      if (value !== null) read[name] = value;
    }
    return read;
  };
  const complete = async (name, typed) => {
    const others = {};
    for (const [other, field] of fields) if (other !== name && field.now() !== null) others[other] = field.now();
    return (await state.ask("complete", { name: command.name, option: name, typed, values: others })).choices;
  };
  const add = (option) => {
    const field = optionField(option, (typed) => complete(option.name, typed));
    fields.set(option.name, field);
    if (!option.required) {
      const away = el("button", { type: "button", class: "away", "aria-label": say("Remove {name}", { name: localized(option, "name") }), text: "×" });
      away.addEventListener("click", () => {
        fields.delete(option.name);
        field.element.remove();
        drawFurther();
        form.focusFirst();
      });
      field.element.append(away);
    }
    filled.append(field.element);
    return field;
  };
  function drawFurther() {
    const left = command.options.filter((each) => !fields.has(each.name));
    further.replaceChildren(
      ...left.map((option) => {
        const button = el("button", {
          type: "button",
          class: "chip",
          title: localized(option, "description"),
          "aria-label": say("Add {name}: {description}", { name: localized(option, "name"), description: localized(option, "description") }),
          text: `+ ${localized(option, "name")}`,
        });
        button.addEventListener("click", () => {
          const field = add(option);
          drawFurther();
          field.focus();
        });
        return button;
      }),
    );
  }

  form.focusFirst = () => (fields.values().next().value ?? { focus: () => send.focus() }).focus();
  form.fill = (text) => {
    const field = [...fields.values()].find((each) => each.fill);
    field?.fill(text);
  };
  form.take = (files) => {
    const takers = command.options.filter((each) => each.type === 11);
    for (const file of files) {
      const option = takers.find((each) => !fields.get(each.name)?.now());
      if (!option) break;
      (fields.get(option.name) || add(option)).take(file);
    }
    drawFurther();
  };
  // what is said of an option stays until another is filled in: a button that moves as it is
  // pressed isn't pressed
  form.addEventListener("focusin", ({ target }) => {
    const option = target.closest(".option");
    if (option) for (const each of filled.children) each.classList.toggle("current", each === option);
  });
  cancel.addEventListener("click", () => close());
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault();
      close();
    } else if (event.key === "Enter" && event.target.matches("input, select") && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const missing = command.options.find((each) => each.required && fields.get(each.name)?.isEmpty());
    if (missing) {
      fields.get(missing.name).complain(say("This option is required."));
      return;
    }
    let read;
    try {
      read = await values();
    } catch (error) {
      error.field ? error.field.complain(error.message) : form.focusFirst();
      return;
    }
    const hadFocus = form.contains(document.activeElement);
    if (await perform(send, "slash", { name: command.name, values: read })) close(hadFocus);
  });
  const required = command.options.filter((each) => each.required);
  // what one types goes on into the first text where nothing is required
  const first = command.options.find((each) => each.type === 3) ?? command.options[0];
  (required.length || !first ? required : [first]).forEach(add);
  drawFurther();
  return form;
}
