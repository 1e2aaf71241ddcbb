// The part of Discord's Markdown that bots write, as DOM nodes. What it doesn't know stays text.

import { el } from "./dom.js";
import { state } from "./state.js";
import { say } from "./words.js";

const INLINE = [
  [/^\\([!-\/:-@[-`{-~])/, (m) => document.createTextNode(m[1])],
  [/^`` ?([\s\S]+?) ?``/, (m) => el("code", { text: m[1] })],
  [/^`([^`]+)`/, (m) => el("code", { text: m[1] })],
  [/^\*\*([\s\S]+?)\*\*(?!\*)/, (m) => el("strong", {}, inline(m[1]))],
  [/^__([\s\S]+?)__(?!_)/, (m) => el("u", {}, inline(m[1]))],
  [/^~~([\s\S]+?)~~/, (m) => el("s", {}, inline(m[1]))],
  [/^\|\|([\s\S]+?)\|\|/, (m) => spoiler(inline(m[1]))],
  [/^\*(?![\s*])([^*]+?)\*(?!\*)/, (m) => el("em", {}, inline(m[1]))],
  [/^_(?![\s_])([^_]+?)_(?![\w_])/, (m) => el("em", {}, inline(m[1]))],
  [/^\[([^\]\n]+)\]\(<?(https?:\/\/[^\s)>]+)>?\)/, (m) => link(m[2], inline(m[1]))],
  [/^<(https?:\/\/[^\s>]+)>/, (m) => link(m[1], [m[1]])],
  [/^https?:\/\/[^\s<]+[^\s<.,:;"')\]]/, (m) => link(m[0], [m[0]])],
  [/^<@!?(\d+)>/, (m) => mention(`@${state.nameOf(m[1])}`)],
  [/^<#(\d+)>/, (m) => mention(`#${placeName(m[1])}`)],
  [/^<\/([^:>]+):\d+>/, (m) => mention(`/${m[1]}`)],
  [/^<t:(-?\d{1,13})(?::([tTdDfFR]))?>/, (m) => moment(Number(m[1]), m[2])],
  [/^<a?:(\w+):\d+>/, (m) => el("span", { class: "emoji", text: `:${m[1]}:` })],
];
const SPECIAL = /[\\`*_~|[<]|https?:\/\//;

/** Return nodes for a text inside one block. */
function inline(text) {
  const nodes = [];
  let rest = text;
  let plain = "";
  let before = "";
  while (rest) {
    const found = matched(rest, before);
    if (found) {
      if (plain) nodes.push(plain);
      plain = "";
      nodes.push(found.node);
      before = rest[found.length - 1];
      rest = rest.slice(found.length);
      continue;
    }
    const next = rest.slice(1).search(SPECIAL);
    const taken = next < 0 ? rest.length : next + 1;
    plain += rest.slice(0, taken);
    before = rest[taken - 1];
    rest = rest.slice(taken);
  }
  if (plain) nodes.push(plain);
  return nodes;
}

function matched(rest, before) {
  if (rest[0] === "_" && rest[1] !== "_" && /\w/.test(before)) return null; // snake_case
  for (const [pattern, make] of INLINE) {
    const found = pattern.exec(rest);
    if (found) return { node: make(found), length: found[0].length };
  }
  return null;
}

function link(address, content) {
  return el("a", { href: address, target: "_blank", rel: "noreferrer noopener" }, content);
}

function mention(text) {
  return el("span", { class: "mention", text });
}

function placeName(id) {
  return state.placesOf().find((each) => each.id === id)?.name ?? say("unknown");
}

function spoiler(content) {
  const show = () => {
    made.classList.add("shown");
    made.removeAttribute("aria-label");
    made.removeAttribute("role");
    made.removeAttribute("tabindex");
  };
  const made = el("span", {
    class: "spoiler",
    role: "button",
    tabindex: "0",
    "aria-label": say("Spoiler; press to show it"),
    onclick: show,
    onkeydown: (event) => event.key === "Enter" && show(),
  });
  made.append(...content);
  return made;
}

const STYLES = {
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
};

function moment(seconds, style = "f") {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return document.createTextNode(say("an invalid date"));
  const whole = new Intl.DateTimeFormat(state.locale, STYLES.F).format(date);
  const text = style === "R" ? relative(seconds) : new Intl.DateTimeFormat(state.locale, STYLES[style]).format(date);
  return el("time", { datetime: date.toISOString(), title: whole, text });
}

const UNITS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

function relative(seconds) {
  const away = seconds - Date.now() / 1000;
  const [unit, size] = UNITS.find(([, each]) => Math.abs(away) >= each) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(state.locale).format(Math.round(away / size), unit);
}

/** Return a text of a message as blocks: headings, lists, quotes, code, lines. */
export function markdown(text) {
  const root = el("div", { class: "markdown" });
  const parts = text.split(/^```(?:\w*\n)?([\s\S]*?)```\n?/m);
  parts.forEach((part, index) => {
    if (index % 2) root.append(el("pre", { tabindex: "0" }, el("code", { text: part })));
    else if (part) appendLines(root, part.replace(/\n$/, ""));
  });
  return root;
}

/** Return a text of a message in one line, as it is read. */
export function plain(text) {
  const lines = text.split("\n").map((line) => markdown(line).textContent.trim());
  return lines.filter(Boolean).join(" ");
}

const HEADING = /^(#{1,3}) (.+)/;
const SMALL = /^-# (.+)/;
const ITEM = /^\s*(?:[-*]|\d+\.) (.+)/;
const QUOTE = /^> ?(.*)/;

function appendLines(root, text) {
  for (const line of text.split("\n")) root.append(...block(root, line));
}

function block(root, line) {
  const heading = HEADING.exec(line);
  // pages have headings of their own: these are the message's, by their look and role
  if (heading) return [el("div", { class: `h${heading[1].length}`, role: "heading", "aria-level": String(heading[1].length + 2) }, inline(heading[2]))];
  const small = SMALL.exec(line);
  if (small) return [el("small", { class: "line" }, inline(small[1]))];
  const item = ITEM.exec(line);
  if (item) return continued(root, "UL", "ul", el("li", {}, inline(item[1])));
  const quote = QUOTE.exec(line);
  if (quote) return continued(root, "BLOCKQUOTE", "blockquote", el("div", { class: "line" }, inline(quote[1])));
  return [el("div", { class: "line" }, line ? inline(line) : el("br"))];
}

function continued(root, name, tag, part) {
  if (root.lastChild?.nodeName === name) {
    root.lastChild.append(part);
    return [];
  }
  return [el(tag, {}, part)];
}
