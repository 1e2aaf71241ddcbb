// The messages of the place where one is. Only those that changed are drawn anew, and many at once
// from the newest up, a few at a time, so that the page answers meanwhile.

import { el, replaceKeepingFocus } from "./dom.js";
import { messageElement } from "./message.js";
import { isLater } from "./messages.js";
import { state } from "./state.js";
import { say } from "./words.js";

const AT_ONCE = 50; // messages that are drawn without being asked for
const SLICE = 6; // ms of drawing until the page does something else
const NEAR = 120; // pixels from the end that count as being there

let most = AT_ONCE;
let shown = new Map(); // elements by message
let waiting = []; // ids of those that are still to be drawn above, the newest last
let timer = 0;
let isFrameAsked = false;
let endTop = 0; // where the end was the last time it was gone to
let focused = null; // {id, key} of what had the focus before everything was drawn anew

export function startTimeline() {
  const box = document.getElementById("timeline");
  state.addEventListener("messages", (event) => {
    if (event.detail) change(box, event.detail);
    else drawAll(box);
  });
  // pictures that come late push what was read away
  new ResizeObserver(() => stayAtEnd(box)).observe(box);
  for (const name of ["load", "loadedmetadata"]) {
    box.addEventListener(name, () => stayAtEnd(box), true);
  }
  box.addEventListener("scroll", () => {
    const isNear = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
    // further up than the end was: somebody scrolled; else only more came to stand above it
    if (isNear) {
      box.dataset.atEnd = "yes";
      endTop = box.scrollTop;
    } else if (box.scrollTop < endTop - 1) {
      box.dataset.atEnd = "no";
    }
  });
}

/** Go on showing the end with the next frame, which lays the page out anyway. */
function stayAtEnd(box) {
  if (isFrameAsked || box.dataset.atEnd === "no") return;
  isFrameAsked = true;
  requestAnimationFrame(() => {
    isFrameAsked = false;
    if (box.dataset.atEnd === "no") return;
    box.scrollTop = box.scrollHeight;
    endTop = box.scrollTop;
  });
}

function drawAll(box) {
  if (box.dataset.place !== state.place) box.dataset.atEnd = "yes";
  if (box.dataset.atEnd !== "no") most = AT_ONCE;
  box.dataset.place = state.place;
  const active = box.contains(document.activeElement) ? document.activeElement : null;
  focused = active && { id: active.closest("[data-id]")?.dataset.id, key: active.dataset.key };
  shown = new Map();
  box.replaceChildren();
  endTop = 0; // nobody scrolled up there
  clearTimeout(timer);
  timer = setTimeout(() => drawMore(box)); // what else is to be drawn comes first
}

/** Draw what stands above what is drawn, as much as there is room for. */
function drawMore(box) {
  const every = state.messagesHere();
  const oldest = shown.keys().next().value;
  const above = oldest ? every.filter((each) => isLater(oldest, each.id)) : every;
  const room = Math.max(0, most - shown.size);
  waiting = room ? above.slice(-room).map((each) => each.id) : [];
  box.querySelector(".earlier, .welcome")?.remove();
  box.setAttribute("aria-busy", "true"); // a screen reader says none of what was said before
  drawSlice(box, above.length > waiting.length);
}

function drawSlice(box, isMoreAbove) {
  clearTimeout(timer);
  const until = performance.now() + SLICE;
  const made = new Map();
  while (waiting.length && (!made.size || performance.now() < until)) {
    const message = state.messages.get(waiting.pop());
    if (!message) continue; // it is gone meanwhile
    const element = messageElement(message);
    element.classList.toggle("old", shown.size + made.size >= AT_ONCE);
    made.set(message.id, element);
  }
  const older = [...made].reverse();
  shown = new Map([...older, ...shown]);
  prepend(box, older.map(([, element]) => element));
  focusAgain(box);
  if (waiting.length) timer = setTimeout(() => drawSlice(box, isMoreAbove));
  else finish(box, isMoreAbove);
}

function prepend(box, elements) {
  const read = box.dataset.atEnd === "no" ? box.querySelector(".message") : null;
  const before = read?.getBoundingClientRect().top;
  box.prepend(...elements);
  if (read) box.scrollTop += read.getBoundingClientRect().top - before;
  else stayAtEnd(box);
}

function focusAgain(box) {
  const message = focused && shown.get(focused.id);
  if (!message) return;
  const part = [...message.querySelectorAll("[data-key]")].find((each) => each.dataset.key === focused.key);
  if (document.activeElement === document.body) (part || message).focus({ preventScroll: true });
  focused = null;
}

function finish(box, isMoreAbove) {
  box.removeAttribute("aria-busy");
  if (isMoreAbove) prepend(box, [earlier(box)]);
  if (!shown.size) box.append(welcome());
}

function earlier(box) {
  const button = el("button", { type: "button", class: "as-link earlier", text: say("Show earlier messages") });
  button.addEventListener("click", () => {
    most = shown.size + AT_ONCE;
    box.dataset.atEnd = "no";
    box.focus();
    drawMore(box);
  });
  return button;
}

function welcome() {
  return el("p", { class: "welcome", text: say("Nothing was said here yet. Type / to see what the bot offers.") });
}

function change(box, { changed, gone }) {
  for (const id of gone) {
    shown.get(id)?.remove();
    shown.delete(id);
  }
  let isHistory = false;
  for (const message of changed) {
    if (message.channel_id !== state.place || !state.sees(message)) continue;
    const newest = [...shown.keys()].at(-1);
    if (shown.has(message.id)) replace(message);
    else if (newest && isLater(message.id, newest)) append(box, message);
    else isHistory = true;
  }
  trim(box);
  if (isHistory) drawMore(box);
  else if (!shown.size && !waiting.length && !box.querySelector(".welcome")) box.append(welcome());
  stayAtEnd(box);
}

function replace(message) {
  const old = shown.get(message.id);
  const made = messageElement(message);
  made.classList.toggle("old", old.classList.contains("old"));
  keepPictures(old, made);
  replaceKeepingFocus(old, made);
  shown.set(message.id, made);
}

function append(box, message) {
  const made = messageElement(message);
  box.querySelector(".welcome")?.remove();
  box.append(made);
  shown.set(message.id, made);
  if (message.author.id === state.me) box.dataset.atEnd = "yes"; // who writes wants to see it
}

/** Let go of what is far above while the newest is read: a page may be open for days. */
function trim(box) {
  if (box.dataset.atEnd === "no" || waiting.length || shown.size <= most + AT_ONCE) return;
  for (const [id, element] of [...shown].slice(0, shown.size - most)) {
    element.remove();
    shown.delete(id);
  }
  if (!box.querySelector(".earlier")) box.prepend(earlier(box));
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
