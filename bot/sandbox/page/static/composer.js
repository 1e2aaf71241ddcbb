// The box at the bottom: plain messages with files, and the list of commands after a slash.

import { perform } from "./actions.js";
import { commandElement, offeredCommands } from "./command.js";
import { el, notice } from "./dom.js";
import { Suggestions } from "./suggestions.js";
import { state, upload } from "./state.js";

let attached = []; // {file, key}
let typed = "";
let command = null; // the element of a command that is being filled in

export function startComposer() {
  const box = document.getElementById("composer");
  const draw = () => {
    if (command?.isConnected) return; // what was filled in stays, whatever else changes
    command = null;
    drawText(box);
  };
  state.addEventListener("commands", draw);
  state.addEventListener("places", () => {
    const head = document.getElementById("composer-text");
    if (!head && !command) draw();
    else if (head) head.placeholder = placeholder();
  });
  state.addEventListener("moved", () => {
    command = null;
    drawText(box);
  });
  const place = document.getElementById("place");
  place.addEventListener("dragover", (event) => event.preventDefault());
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    take(box, event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      take(box, event.clipboardData.files);
    }
  });
}

function placeholder() {
  const here = state.here;
  return here ? `Message ${here.guild ? "#" : "@"}${here.name}` : "Nowhere to write";
}

/** Attach files: to the command that is being filled in, or to the message. */
async function take(box, files) {
  if (command?.isConnected) {
    command.take([...files]);
    return;
  }
  for (const file of files) {
    try {
      attached.push({ file, key: await upload(file) });
    } catch (error) {
      notice(error.message);
    }
  }
  drawText(box);
  document.getElementById("composer-text")?.focus();
}

function drawText(box) {
  const hadFocus = box.contains(document.activeElement);
  const text = el("textarea", {
    id: "composer-text",
    rows: "1",
    maxlength: "2000",
    placeholder: placeholder(),
    "aria-label": "Message, or / for a command",
    autocomplete: "off",
  });
  text.value = typed;
  const picker = el("input", { type: "file", multiple: true, hidden: true, "aria-label": "Files to attach" });
  const attach = el("button", { type: "button", class: "round", "aria-label": "Attach files", text: "+" });
  attach.addEventListener("click", () => picker.click());
  picker.addEventListener("change", () => take(box, picker.files));
  const send = el("button", { type: "button", class: "round send", "aria-label": "Send", text: "➤" });
  const list = new Suggestions(text, "Commands", (item) => begin(box, item.value));
  send.addEventListener("click", () => say(box, text, send));
  text.addEventListener("input", () => {
    typed = text.value;
    grow(text);
    suggest(box, list, text.value);
  });
  text.addEventListener("keydown", (event) => {
    if (list.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      say(box, text, send);
    }
  });
  box.replaceChildren(tray(box), list.element, el("div", { class: "composer-row" }, attach, picker, text, send));
  grow(text);
  if (hadFocus) text.focus();
}

function grow(text) {
  text.rows = Math.min(8, text.value.split("\n").length);
}

function tray(box) {
  if (!attached.length) return el("div");
  const files = attached.map((each) => {
    const away = el("button", { type: "button", "aria-label": `Remove ${each.file.name}`, text: "×" });
    away.addEventListener("click", () => {
      attached = attached.filter((one) => one !== each);
      drawText(box);
    });
    return el("li", {}, el("span", { text: each.file.name }), away);
  });
  return el("ul", { class: "tray", "aria-label": "Attached files" }, files);
}

function suggest(box, list, text) {
  if (!/^\/[^\n]*$/.test(text)) {
    list.show([]);
    return;
  }
  const wanted = text.slice(1).toLowerCase();
  const every = offeredCommands();
  const named = (each) => [each.shown, each.name].find((name) => wanted.startsWith(`${name} `));
  const [exact] = every.filter(named).sort((a, b) => b.name.length - a.name.length);
  const longer = every.some((each) => each !== exact && each.shown.startsWith(wanted));
  if (exact && !longer) {
    begin(box, exact, text.slice(named(exact).length + 2));
    return;
  }
  const found = every.filter((each) => each.shown.includes(wanted.trim()) || each.name.includes(wanted.trim()));
  found.sort((a, b) => b.shown.startsWith(wanted) - a.shown.startsWith(wanted));
  list.show(found.map((each) => ({ label: `/${each.shown}`, description: each.description, value: each })));
}

function begin(box, chosen, rest = "") {
  typed = "";
  command = commandElement(chosen, (focus = true) => {
    command = null;
    drawText(box);
    if (focus) document.getElementById("composer-text").focus();
  });
  box.replaceChildren(command);
  command.focusFirst();
  if (rest) command.fill(rest);
}

async function say(box, text, send) {
  const value = text.value;
  if (value.startsWith("/")) {
    notice(`There is no command ${value.split(" ")[0]} here; choose one of the list.`);
    return;
  }
  if (!value.trim() && !attached.length) return;
  const files = attached.map((each) => each.key);
  if (await perform(send, "say", { text: value, files })) {
    attached = [];
    typed = "";
    drawText(box);
    document.getElementById("composer-text").focus();
  }
}
