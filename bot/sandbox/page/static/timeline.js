// The messages of the place where one is: a part of them, the newest at first, that moves as one
// reads. Only those that changed are drawn anew, a few at a time. The box is laid out from its end
// (page.css), so it stays at what is read whatever is drawn above, and nothing here measures it.

import { el, replaceInPlace } from "./dom.js";
import { messageElement } from "./message.js";
import { isLater } from "./messages.js";
import { state } from "./state.js";
import { afterFrame, soon } from "./tasks.js";
import { say } from "./words.js";

const FIRST = 10; // messages that are shown at first
const STEP = 20; // and more at a time, as one reads on
const MOST = 60; // that stand in the page: each costs a little whenever anything is drawn
const SLICE = 4; // ms of drawing until the page does something else
const AHEAD = "400px 0px"; // of where one reads, more are drawn
const AT_END = "0px 0px 120px 0px";

let size = FIRST;
let end = null; // id of the newest that is shown; null for what was said last
let newest = ""; // id of the newest that was there when it was drawn
const shown = new Map(); // elements by message
const stale = new Set(); // ids of those that are shown and have changed
const near = { earlier: false, later: false, end: true }; // what is in view, or nearly
let box, log, earlier, later, newestBar, welcome, watching;

export function startTimeline() {
  box = document.getElementById("timeline");
  log = document.getElementById("messages");
  earlier = document.getElementById("earlier");
  later = document.getElementById("later");
  newestBar = document.getElementById("newest"); // in view whatever is read
  welcome = document.getElementById("welcome");
  state.addEventListener("messages", ({ detail }) => {
    if (!detail) {
      drawAll();
      afterFrame(draw); // the rest of the page is drawn anew, too
      return;
    }
    change(detail);
    soon(draw);
  });
  state.addEventListener("status", drawWelcome);
  watching = [
    watch(AHEAD, { earlier, later }),
    watch(AT_END, { end: document.getElementById("end") }),
  ];
}

/** Keep in `near` which of some elements are in view. */
function watch(rootMargin, elements) {
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) near[target.id] = isIntersecting;
      moveAlong();
    },
    { root: box, rootMargin },
  );
  const all = Object.values(elements);
  all.forEach((each) => observer.observe(each));
  return { again: () => all.forEach((each) => (observer.unobserve(each), observer.observe(each))) };
}

/** Show more where somebody reads on, but for a window that holds all that may be shown. */
function moveAlong() {
  if (box.hasAttribute("aria-busy") || near.earlier === near.later) return;
  if (near.later) showLater();
  else if (!near.end) showEarlier();
}

/** Return what is there and which part of it is to be shown. */
function part() {
  const every = state.messagesHere();
  const till = end ? every.findLastIndex((each) => !isLater(each.id, end)) + 1 : every.length;
  const last = till || Math.min(size, every.length); // the first ones where what was read is gone
  return { every, first: Math.max(0, last - size), last };
}

function show(every, first, last) {
  end = last < every.length ? every[last - 1].id : null;
  size = last - first;
  box.setAttribute("aria-busy", "true");
  soon(draw);
}

function showEarlier() {
  const { every, first, last } = part();
  const from = Math.max(0, first - STEP);
  show(every, from, Math.min(last, from + MOST));
}

function showLater() {
  const { every, first, last } = part();
  const to = Math.min(every.length, last + STEP);
  show(every, Math.max(first, to - MOST), to);
}

function showNewest() {
  end = null;
  size = FIRST;
  near.end = true;
  box.scrollTop = 0;
}

function drawAll() {
  if (box.dataset.place !== state.place) {
    box.dataset.place = state.place;
    log.replaceChildren();
    shown.clear();
    showNewest();
    newest = "";
  }
  for (const id of shown.keys()) stale.add(id); // names and languages may be others
  earlier.replaceChildren(button(say("Show earlier messages"), showEarlier));
  later.replaceChildren(button(say("Show later messages"), showLater));
  newestBar.replaceChildren(button(say("To the newest message"), goToNewest));
  drawWelcome();
}

/** Say what to do first, where there is something. */
function drawWelcome() {
  const isOffered = state.bot.connected && state.commandsHere(1).length > 0;
  const show = el("button", { type: "button", class: "button primary", text: say("Show what the bot offers") });
  show.addEventListener("click", () => state.tell("offer"));
  welcome.replaceChildren(
    el("b", { text: say("No messages here yet.") }),
    ...(isOffered ? [el("span", { text: say("Type / and choose what the bot should do.") }), show] : []),
  );
}

function button(text, act) {
  const made = el("button", { type: "button", class: "as-link", text });
  made.addEventListener("click", () => {
    box.focus({ preventScroll: true });
    act();
  });
  return made;
}

function goToNewest() {
  showNewest();
  soon(draw);
}

function change({ changed, gone, added }) {
  for (const id of gone) stale.delete(id);
  const seen = changed.filter((each) => each.channel_id === state.place && state.sees(each));
  for (const { id } of seen) if (shown.has(id)) stale.add(id);
  const fresh = seen.filter((each) => added.includes(each.id));
  if (!fresh.length) return;
  if (fresh.some((each) => each.author.id === state.me)) {
    if (end || !near.end) showNewest(); // who writes wants to see it
  } else if (!end && !near.end && size + fresh.length > MOST) {
    end = newest || null; // what is read stays
  }
  if (!end) size = Math.min(MOST, size + fresh.length);
}

/** Draw what isn't there yet or has changed, the newest first, for a while; the rest comes next. */
function draw() {
  const { every, first, last } = part();
  const wanted = every.slice(first, last);
  removeBut(new Set(wanted.map((each) => each.id)));
  const isHistory = wanted.some((each) => !shown.has(each.id) && !(newest && isLater(each.id, newest)));
  if (isHistory) box.setAttribute("aria-busy", "true");
  const isDone = drawSlice(wanted.reverse());
  if (every.length) newest = every.at(-1).id;
  if (isDone) finish(first > 0, last < every.length);
  else afterFrame(draw);
}

function removeBut(ids) {
  for (const [id, element] of shown) {
    if (ids.has(id)) continue;
    element.remove();
    shown.delete(id);
    stale.delete(id);
  }
}

/** Draw some of the messages, which come newest first, and return whether that were all. */
function drawSlice(messages) {
  const until = performance.now() + SLICE;
  let isFirst = true;
  let below = null;
  for (const message of messages) {
    const old = shown.get(message.id);
    if (!old || stale.has(message.id)) {
      if (!isFirst && performance.now() > until) return false;
      isFirst = false;
      drawOne(message, old, below);
    }
    below = shown.get(message.id);
  }
  return true;
}

function drawOne(message, old, below) {
  const made = messageElement(message);
  shown.set(message.id, made);
  stale.delete(message.id);
  if (!old) {
    log.insertBefore(made, below);
    return;
  }
  replaceInPlace(old, made);
}

function finish(isMoreAbove, isMoreBelow) {
  earlier.hidden = !isMoreAbove;
  later.hidden = newestBar.hidden = !isMoreBelow;
  welcome.hidden = shown.size > 0;
  box.removeAttribute("aria-busy");
  for (const each of watching) each.again(); // what was in view may be so still
}
