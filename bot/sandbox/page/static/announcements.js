// What a screen reader says by itself: what others write, and once more when what can be pressed
// changes, so that a GIF is heard of when it is asked for and when it is done, and not at each step.

import { el } from "./dom.js";
import { plain } from "./markdown.js";
import { state } from "./state.js";
import { say } from "./words.js";

const LOADING = 1 << 7;
const LONGEST = 400; // characters
const KEPT = 5; // sentences

const heard = new Map(); // what could be pressed when a message was said, by message

export function startAnnouncements() {
  const box = document.getElementById("said");
  state.addEventListener("messages", ({ detail }) => {
    for (const message of detail?.changed || []) {
      if (message.channel_id !== state.place || !state.sees(message)) continue;
      const isNew = detail.added.includes(message.id) && message.author.id !== state.me;
      const isOther = heard.has(message.id) && heard.get(message.id) !== pressed(message);
      if (isNew || isOther) announce(box, message);
    }
    for (const id of detail?.gone || []) heard.delete(id);
  });
}

function announce(box, message) {
  heard.set(message.id, pressed(message));
  const words = message.flags & LOADING ? say("{name} is thinking…", { name: state.nameOf(message.author.id) }) : sentence(message);
  box.append(el("p", { text: words }));
  while (box.children.length > KEPT) box.firstChild.remove();
}

function sentence(message) {
  const content = message.message_snapshots?.[0]?.message ?? message;
  const parts = partsOf(content.components);
  const texts = [
    ...(content.content ? [content.content] : []),
    ...content.embeds.flatMap((each) => [each.title, each.description].filter(Boolean)),
    ...parts.flatMap(textsOf),
  ].map(plain);
  const files = content.attachments.map((each) =>
    each.filename.startsWith("SPOILER_") ? say("Spoiler") : each.description || each.filename,
  );
  const said = `${state.nameOf(message.author.id)}: ${[...texts, ...files].join(" ")}`.slice(0, LONGEST);
  const buttons = parts.filter((part) => part.type === 2 && !part.disabled).map((part) => part.label || part.emoji?.name);
  return buttons.length ? `${said} ${say("Buttons: {names}", { names: buttons.join(", ") })}` : said;
}

function textsOf(part) {
  if (part.type === 10) return [part.content];
  if (part.type === 13) return [part.name || say("a file")];
  if (part.type === 12) return part.items.map((each) => (each.spoiler ? say("Spoiler") : each.description || say("Picture")));
  return [];
}

function pressed(message) {
  const parts = partsOf(message.components).filter((part) => part.custom_id);
  return JSON.stringify([message.flags & LOADING, ...parts.map((part) => part.label || part.placeholder)]);
}

/** Return components and all that is in them, in order. */
function partsOf(parts) {
  return parts.flatMap((part) => [part, ...partsOf(part.components || []), ...(part.accessory ? [part.accessory] : [])]);
}
