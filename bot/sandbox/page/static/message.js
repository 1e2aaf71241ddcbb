// One message: who said it, what it answers, what it shows, and its menu.

import { drawnAll } from "./components.js";
import { el, newId } from "./dom.js";
import { icon } from "./icons.js";
import { markdown, plain } from "./markdown.js";
import { attachment, media } from "./media.js";
import { openMenu } from "./menu.js";
import { perform } from "./actions.js";
import { localized, state } from "./state.js";
import { said, say } from "./words.js";

const LOADING = 1 << 7;

/** Return a message as an element. */
export function messageElement(message) {
  const name = newId("author");
  return el(
    "article",
    { class: `message${message.only_for ? " ephemeral" : ""}`, "aria-labelledby": name, tabindex: "-1", data: { id: message.id, key: "message" } },
    above(message),
    el("div", { class: avatarOf(message.author), "aria-hidden": "true", text: state.nameOf(message.author.id).slice(0, 1).toUpperCase() }),
    el("div", { class: "message-body" }, head(message, name), body(message), below(message)),
    more(message),
  );
}

/** Return the classes of somebody's picture: each person has a colour, the bots the page's own. */
function avatarOf({ id, bot }) {
  return bot ? "avatar" : `avatar hue-${BigInt(id) % 5n}`;
}

function above(message) {
  if (message.reply) {
    const quoted = message.reply.deleted ? say("a message that was deleted") : plain(message.reply.text) || say("a message");
    return el("div", { class: "above" }, icon("reply"), " ", el("b", { text: state.nameOf(message.reply.author) }), ` ${quoted}`);
  }
  if (message.answers?.name) {
    const used = [...state.commandsHere(1), ...state.commandsHere(3)].find((each) => each.name === message.answers.name);
    const name = used ? localized(used, "name") : message.answers.name;
    const words = { name: el("b", { text: state.nameOf(message.answers.user) }), command: `${used?.type === 3 ? "" : "/"}${name}` };
    return el("div", { class: "above" }, said("{name} used {command}", words));
  }
  return null;
}

function head(message, id) {
  return el(
    "div",
    { class: "head" },
    author(message, id),
    message.author.bot ? el("span", { class: "app", text: "APP" }) : null,
    el("time", { datetime: message.timestamp, text: timeOf(new Date(message.timestamp)) }),
  );
}

/** Return a time of day. Not by Intl: to ask that for the first time takes as long as 50 messages. */
function timeOf(date) {
  const hours = date.getHours();
  const minutes = String(date.getMinutes()).padStart(2, "0");
  if (state.locale !== "en-US") return `${String(hours).padStart(2, "0")}:${minutes}`;
  return `${hours % 12 || 12}:${minutes} ${hours < 12 ? "AM" : "PM"}`;
}

/** Return who said it; where the bot has commands for people, they are offered at the name. */
function author(message, id) {
  const name = state.nameOf(message.author.id);
  const commands = state.commandsHere(2);
  if (!commands.length) return el("span", { id, class: "author", text: name });
  const button = el("button", {
    id,
    type: "button",
    class: "author",
    "aria-haspopup": "menu",
    "aria-expanded": "false",
    text: name,
    data: { key: "author" },
  });
  button.addEventListener("click", () =>
    openMenu(button, itemsOf(commands), {
      label: say("Apps for {name}", { name }),
      choose: (item) => perform(button, "user_menu", { target: message.author.id, name: item.value }),
    }),
  );
  return button;
}

function itemsOf(commands) {
  return commands.map((each) => ({ label: localized(each, "name"), value: each.name }));
}

function body(message) {
  if (message.flags & LOADING) {
    return el("p", { class: "thinking", text: say("{name} is thinking…", { name: state.nameOf(message.author.id) }) });
  }
  const content = message.message_snapshots?.[0]?.message ?? message;
  return el(
    "div",
    {},
    content === message ? null : el("div", { class: "above", text: say("Forwarded") }),
    content.content ? markdown(content.content) : null,
    content.embeds.map(embed),
    content.attachments.length ? el("div", { class: "attachments" }, content.attachments.map(attachment)) : null,
    drawnAll(content.components, message),
    message.edited_timestamp ? el("small", { class: "edited", text: say("(edited)") }) : null,
  );
}

function embed(one) {
  const fields = (one.fields || []).map((each) =>
    el("div", { class: each.inline ? "inline" : null }, el("b", { text: each.name }), markdown(each.value)),
  );
  const made = el(
    "div",
    { class: "container embed" },
    one.author?.name ? el("small", { text: one.author.name }) : null,
    one.title ? el("b", { class: "embed-title", text: one.title }) : null,
    one.description ? markdown(one.description) : null,
    fields.length ? el("div", { class: "embed-fields" }, fields) : null,
    one.image ? media(one.image, { description: one.title || say("Picture") }) : null,
    one.video ? media(one.video, { description: say("Video") }) : null,
    one.thumbnail && !one.video ? el("div", { class: "thumbnail" }, media(one.thumbnail, {})) : null,
    one.footer?.text ? el("small", { text: one.footer.text }) : null,
  );
  if (Number.isInteger(one.color)) made.style.setProperty("--accent-bar", `#${one.color.toString(16).padStart(6, "0")}`);
  return made;
}

function below(message) {
  if (!message.only_for) return null;
  const away = el("button", { type: "button", class: "as-link", text: say("Dismiss message"), data: { key: "dismiss" } });
  away.addEventListener("click", () => perform(away, "dismiss", { message: message.id }));
  return el("div", { class: "below" }, el("span", { text: say("Only you can see this") }), away);
}

function more(message) {
  const commands = state.commandsHere(3);
  if (!commands.length || message.flags & LOADING) return null;
  const button = el("button", {
    type: "button",
    class: "more",
    "aria-haspopup": "menu",
    "aria-expanded": "false",
    "aria-label": say("Apps for the message of {name}", { name: state.nameOf(message.author.id) }),
    data: { key: "more" },
  }, icon("more"));
  button.addEventListener("click", () =>
    openMenu(button, itemsOf(commands), {
      label: say("Apps"),
      choose: (item) => perform(button, "menu", { message: message.id, name: item.value }),
    }),
  );
  return button;
}
