// The options of slash commands: each is {element, read, now, isEmpty, focus, take, fill, complain}.

import { el, newId } from "./dom.js";
import { channelsOf } from "./offers.js";
import { Suggestions } from "./suggestions.js";
import { localized, state, upload } from "./state.js";
import { say } from "./words.js";

const INTEGER = 4;
const BOOLEAN = 5;
const NUMBER = 10;
const ATTACHMENT = 11;
const PAUSE = 150; // ms without a key until the bot is asked for completions

/** Return the field of an option; `complete` asks the bot what it offers for a typed text. */
export function optionField(option, complete) {
  const id = newId("option");
  const problem = el("small", { class: "problem", role: "alert", id: newId("problem") });
  const about = el("small", { class: "about", id: newId("about"), text: localized(option, "description") });
  const made = inputOf(option, id, complete);
  made.input.setAttribute("aria-describedby", `${about.id} ${problem.id}`);
  if (option.required) made.input.setAttribute("aria-required", "true");
  made.input.addEventListener("input", () => (problem.textContent = ""));
  const element = el(
    "div",
    { class: "option" },
    el("label", { for: id, text: localized(option, "name") }),
    made.input,
    made.list,
    about,
    problem,
  );
  return {
    element,
    now: made.now,
    isEmpty: () => made.now() === null,
    read: made.read || (async () => made.now()),
    take: made.take || (() => {}),
    fill: made.input.type === "text" ? (text) => (made.input.value = text) : null,
    focus: () => made.input.focus(),
    complain: (sentence) => {
      problem.textContent = sentence;
      made.input.focus();
    },
  };
}

function inputOf(option, id, complete) {
  if (option.type === ATTACHMENT) return fileInput(id, option);
  const items = choicesOf(option);
  if (items) return selectInput(id, items, option);
  return textInput(id, option, complete);
}

function choicesOf(option) {
  if (option.choices?.length) return option.choices.map((each) => [localized(each, "name"), each.value]);
  const people = [...state.people, state.bot].map((each) => [state.nameOf(each.id), each.id]);
  const guild = state.here?.guild;
  const channels = channelsOf(option.channel_types).map((each) => [`#${each.name}`, each.id]);
  const roles = (guild?.roles || []).map((each) => [each.name, each.id]);
  const kinds = { [BOOLEAN]: [[say("True"), true], [say("False"), false]], 6: people, 7: channels, 8: roles, 9: [...people, ...roles] };
  return kinds[option.type] ?? null;
}

function selectInput(id, items, option) {
  const input = el("select", { id }, el("option", { value: "", text: say("Choose") }));
  items.forEach(([label], index) => input.append(el("option", { value: String(index), text: label })));
  if (!option.required && items.length === 1) input.value = "0";
  return { input, now: () => (input.value === "" ? null : items[Number(input.value)][1]) };
}

function textInput(id, option, complete) {
  const isNumber = option.type === INTEGER || option.type === NUMBER;
  const input = el("input", {
    id,
    type: "text",
    inputmode: isNumber ? (option.type === INTEGER ? "numeric" : "decimal") : null,
    maxlength: isNumber ? "30" : (option.max_length ?? 6000),
    autocomplete: "off",
    spellcheck: "false",
  });
  const chosen = new Map(); // values by the names that the bot offered them with
  const now = () => {
    const text = input.value;
    if (text === "") return null;
    if (chosen.has(text)) return chosen.get(text);
    const number = Number(text);
    return isNumber && text.trim() && Number.isFinite(number) ? number : text;
  };
  if (!option.autocomplete) return { input, now };
  return { input, now, list: completing(input, option, complete, chosen) };
}

function completing(input, option, complete, chosen) {
  const list = new Suggestions(input, say("Choices for {name}", { name: localized(option, "name") }), (item) => {
    chosen.set(item.label, item.value);
    input.value = item.label;
  });
  let pause = 0;
  let asked = 0;
  const ask = () => {
    clearTimeout(pause);
    pause = setTimeout(async () => {
      asked += 1;
      const mine = asked;
      try {
        const choices = await complete(input.value);
        const isLate = mine !== asked || document.activeElement !== input;
        if (!isLate) list.show(choices.map((each) => ({ label: localized(each, "name"), value: each.value })));
      } catch {
        list.show([]); // what is typed can be sent all the same
      }
    }, PAUSE);
  };
  input.addEventListener("input", ask);
  input.addEventListener("focus", ask);
  input.addEventListener("keydown", (event) => list.key(event));
  return list.element;
}

function fileInput(id, option) {
  const input = el("input", { id, type: "file" });
  let uploaded = null; // {file, key}
  const read = async () => {
    const file = input.files[0];
    if (!file) return null;
    if (uploaded?.file !== file) uploaded = { file, key: await upload(file) };
    return uploaded.key;
  };
  const take = (file) => {
    const transfer = new DataTransfer();
    transfer.items.add(file);
    input.files = transfer.files;
  };
  return { input, read, take, now: () => uploaded?.key ?? (input.files[0] ? "" : null) };
}
