// The box at the bottom: plain messages with files, and the list of commands after a slash.

import { perform } from "./actions.js";
import { commandElement, offeredCommands } from "./command.js";
import { el, notice } from "./dom.js";
import { icon } from "./icons.js";
import { startDropping } from "./dropping.js";
import { Suggestions } from "./suggestions.js";
import { state, upload } from "./state.js";
import { soon } from "./tasks.js";
import { say } from "./words.js";

const MOST_FILES = 10;

let attached = []; // {file, key}
let typed = "";
let command = null; // the element of a command that is being filled in

export function startComposer() {
  const box = document.getElementById("composer");
  const draw = () => {
    if (command?.isConnected) return; // what was filled in stays, whatever else changes
    command = null;
    const text = document.getElementById("composer-text");
    // as does the box in which something is typed
    if (text?.lang === document.documentElement.lang) text.placeholder = placeholder();
    else drawText(box);
  };
  for (const name of ["commands", "places"]) state.addEventListener(name, () => soon(draw));
  state.addEventListener("moved", () => {
    command = null;
    drawText(box);
  });
  state.addEventListener("offer", () => offer());
  startDropping(document.getElementById("place"), (files) => take(box, files));
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      take(box, event.clipboardData.files);
    }
  });
}

/** Show the commands, as a slash does. */
function offer() {
  const text = document.getElementById("composer-text");
  if (!text) return;
  text.value ||= "/";
  text.focus();
  text.dispatchEvent(new Event("input"));
}

function placeholder() {
  const here = state.here;
  return here ? say("Message {place}", { place: `${here.guild ? "#" : "@"}${here.name}` }) : say("Nowhere to write");
}

/** Attach files: to the command that is being filled in, or to the message. */
async function take(box, files) {
  if (command?.isConnected) {
    command.take([...files]);
    return;
  }
  const room = MOST_FILES - attached.length;
  if (files.length > room) {
    notice(say("A message takes {count} files; send the rest with another one.", { count: MOST_FILES }));
  }
  for (const file of [...files].slice(0, room)) {
    try {
      attached.push({ file, key: await upload(file) });
    } catch (error) {
      notice(error.message);
    }
  }
  drawTray(box);
  document.getElementById("composer-text")?.focus();
}

function drawText(box) {
  const hadFocus = box.contains(document.activeElement);
  const text = el("textarea", {
    id: "composer-text",
    lang: document.documentElement.lang,
    rows: "1",
    maxlength: "2000",
    placeholder: placeholder(),
    "aria-label": say("Message, or / for a command"),
    autocomplete: "off",
  });
  text.value = typed;
  const picker = el("input", { type: "file", multiple: true, hidden: true, "aria-label": say("Attach files") });
  const attach = el("button", { type: "button", class: "round", "aria-label": say("Attach files"), text: "+" });
  attach.addEventListener("click", () => picker.click());
  picker.addEventListener("change", async () => {
    await take(box, [...picker.files]);
    picker.value = ""; // so that a file can be chosen once more
  });
  const send = el("button", { type: "button", class: "round send", "aria-label": say("Send") }, icon("send"));
  const list = new Suggestions(text, say("Commands"), (item) => begin(box, item.value));
  send.addEventListener("click", () => sendText(box, text, send));
  text.addEventListener("input", () => {
    typed = text.value;
    grow(text);
    suggest(box, list, text.value);
  });
  text.addEventListener("keydown", (event) => {
    if (list.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      sendText(box, text, send);
    }
  });
  box.replaceChildren(tray(box), list.element, el("div", { class: "composer-row" }, attach, picker, text, send));
  grow(text);
  if (hadFocus) text.focus();
}

function grow(text) {
  text.rows = Math.min(8, text.value.split("\n").length);
}

function drawTray(box) {
  if (!command?.isConnected) box.firstChild.replaceWith(tray(box));
}

function tray(box) {
  if (!attached.length) return el("div");
  const files = attached.map((each) => {
    const away = el("button", { type: "button", "aria-label": say("Remove {name}", { name: each.file.name }), text: "×" });
    away.addEventListener("click", () => {
      attached = attached.filter((one) => one !== each);
      drawTray(box);
      document.getElementById("composer-text").focus();
    });
    return el("li", {}, el("span", { text: each.file.name }), away);
  });
  return el("ul", { class: "tray", "aria-label": say("Attached files") }, files);
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

async function sendText(box, text, send) {
  const value = text.value;
  if (value.startsWith("/")) {
    notice(say("There is no command {name} here; choose one from the list.", { name: value.split(/\s/)[0] }));
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
