// The messages of the place where one is; only those that changed are drawn anew.

import { el, replaceKeepingFocus } from "./dom.js";
import { messageElement } from "./message.js";
import { state } from "./state.js";

const AT_ONCE = 50;
const NEAR = 120; // pixels from the end that count as being there

let most = AT_ONCE;
let shown = new Map(); // elements by message

export function startTimeline() {
  const box = document.getElementById("timeline");
  state.addEventListener("messages", (event) => {
    if (event.detail) change(box, event.detail);
    else drawAll(box);
  });
  state.addEventListener("commands", () => drawAll(box));
  state.addEventListener("places", () => {
    if (box.dataset.place !== state.place) most = AT_ONCE;
  });
  // pictures that come late push what was read away
  new ResizeObserver(() => box.dataset.atEnd === "yes" && toEnd(box)).observe(box);
  box.addEventListener("load", () => box.dataset.atEnd === "yes" && toEnd(box), true);
  box.addEventListener("loadedmetadata", () => box.dataset.atEnd === "yes" && toEnd(box), true);
  box.addEventListener("scroll", () => {
    const isNear = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
    box.dataset.atEnd = isNear ? "yes" : "no";
  });
}

function toEnd(box) {
  box.scrollTop = box.scrollHeight;
}

function drawAll(box) {
  const isElsewhere = box.dataset.place !== state.place;
  const wasAtEnd = isElsewhere || box.dataset.atEnd !== "no";
  box.dataset.place = state.place;
  const every = state.messagesHere();
  const listed = every.slice(-most);
  shown = new Map(listed.map((message) => [message.id, messageElement(message)]));
  const parts = [...shown.values()];
  if (every.length > listed.length) parts.unshift(earlier(box));
  if (!every.length) parts.push(welcome());
  box.replaceChildren(...parts);
  box.dataset.atEnd = wasAtEnd ? "yes" : "no";
  if (wasAtEnd) toEnd(box);
}

function earlier(box) {
  const button = el("button", { type: "button", class: "as-link earlier", text: "Show earlier messages" });
  button.addEventListener("click", () => {
    const from = box.scrollHeight;
    most += AT_ONCE;
    box.dataset.atEnd = "no";
    drawAll(box);
    box.scrollTop += box.scrollHeight - from;
    box.focus();
  });
  return button;
}

function welcome() {
  return el("p", { class: "welcome", text: "Nothing was said here yet. Type / to see what the bot offers." });
}

function change(box, { changed, gone }) {
  for (const id of gone) {
    shown.get(id)?.remove();
    shown.delete(id);
  }
  for (const message of changed) {
    if (message.channel_id !== state.place || !state.sees(message)) continue;
    const made = messageElement(message);
    const old = shown.get(message.id);
    if (old) {
      keepPictures(old, made);
      replaceKeepingFocus(old, made);
    } else {
      box.querySelector(".welcome")?.remove();
      box.append(made);
    }
    shown.set(message.id, made);
  }
  if (box.dataset.atEnd !== "no") toEnd(box);
}

/** Let pictures that both versions of a message show go on instead of being loaded anew. */
function keepPictures(old, made) {
  for (const fresh of made.querySelectorAll("img, video")) {
    const kept = [...old.querySelectorAll(fresh.tagName)].find(
      (each) => each.getAttribute("src") === fresh.getAttribute("src") && each.alt === fresh.alt,
    );
    if (kept) fresh.replaceWith(kept);
  }
}
