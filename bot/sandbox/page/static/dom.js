// Builds elements. Text is only ever text: nothing here, or anywhere in the page, parses HTML.

import { say } from "./words.js";

/** Return an element: `props` are attributes, `on…` listeners, `class`, `text`, `data`. */
export function el(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") made.textContent = value;
    else if (name === "data") Object.assign(made.dataset, value);
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

let lastId = 0;

/** Return an id for an element that another one names. */
export function newId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

/** Show a sentence for a while; screen readers say it at once. It is a problem, or good news. */
export function notice(sentence, isGood = false) {
  const box = document.getElementById("notices");
  const shown = el(
    "div",
    { class: `notice${isGood ? " good" : ""}` },
    el("span", { text: sentence }),
    el("button", { type: "button", "aria-label": say("Close"), text: "×", onclick: () => shown.remove() }),
  );
  box.append(shown);
  while (box.children.length > 3) box.firstChild.remove();
  setTimeout(() => shown.remove(), 12000);
}

/**
 * Replace `old` by `made`: the keyboard stays at the part with the same `data-key`, and pictures that
 * both show go on.
 */
export function replaceInPlace(old, made) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  focused?.blur(); // else `old` is laid out without its pictures as it goes, and one loses one's place
  keepPictures(old, made);
  old.replaceWith(made);
  const key = focused?.dataset.key;
  if (key) (keyed(made, key) || made).focus({ preventScroll: true });
}

function keepPictures(old, made) {
  for (const fresh of made.querySelectorAll("img, video")) {
    const kept = [...old.querySelectorAll(fresh.tagName)].find(
      (each) => each.getAttribute("src") === fresh.getAttribute("src") && each.alt === fresh.alt,
    );
    if (kept) fresh.replaceWith(kept);
  }
}

/** Return what gives the keyboard back to a part of a message, which may be drawn anew meanwhile. */
export function wayBackTo(element) {
  const id = element?.closest("[data-id]")?.dataset.id;
  const key = element?.dataset.key;
  return () => {
    const message = id && document.querySelector(`[data-id="${id}"]`);
    const now = element?.isConnected ? element : message && (keyed(message, key) || message);
    (now || document.getElementById("composer-text"))?.focus({ preventScroll: true });
  };
}

function keyed(element, key) {
  return [...element.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key);
}
