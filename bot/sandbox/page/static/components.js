// Components of messages, as Discord's numbers name them.

import { el, notice } from "./dom.js";
import { icon } from "./icons.js";
import { fileCard, media, veiled } from "./media.js";
import { markdown } from "./markdown.js";
import { openMenu } from "./menu.js";
import { emojiText, offered } from "./offers.js";
import { perform } from "./actions.js";
import { say } from "./words.js";

const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link" };

const DRAWN = {
  1: (part, message) => el("div", { class: "row" }, drawnAll(part.components, message)),
  2: button,
  3: select,
  5: select,
  6: select,
  7: select,
  8: select,
  9: (part, message) =>
    el("div", { class: "section" }, el("div", {}, drawnAll(part.components, message)), drawn(part.accessory, message)),
  10: (part) => markdown(part.content),
  11: (part) => el("div", { class: "thumbnail" }, media(part.media, part)),
  12: (part) =>
    el("div", { class: `gallery of-${Math.min(part.items.length, 4)}` }, part.items.map((item) => media(item.media, item))),
  13: (part) => fileCard({ url: part.file.url, filename: part.name || "file", size: part.size }),
  14: (part) => el("hr", { class: `space-${part.spacing}${part.divider ? "" : " blank"}` }),
  17: container,
};

/** Return a component's element; one that the page doesn't know is named, not left out. */
export function drawn(part, message) {
  const draw = DRAWN[part.type];
  return draw ? draw(part, message) : el("p", { class: "unknown", text: say("A component of type {number}.", { number: part.type }) });
}

export function drawnAll(parts, message) {
  return parts.map((part) => drawn(part, message));
}

function container(part, message) {
  const made = el("div", { class: "container" }, drawnAll(part.components, message));
  if (part.accent_color !== null && part.accent_color !== undefined) {
    made.style.setProperty("--accent-bar", `#${part.accent_color.toString(16).padStart(6, "0")}`);
  }
  return part.spoiler ? veiled(made) : made;
}

function button(part, message) {
  const label = [emojiText(part.emoji), part.label].filter(Boolean).join(" ");
  if (part.style === 5) {
    return el("a", { class: "button link", href: /^https?:/.test(part.url) ? part.url : null, target: "_blank", rel: "noreferrer noopener", text: label }, icon("away"));
  }
  const made = el("button", {
    type: "button",
    class: `button ${STYLES[part.style] || "secondary"}`,
    disabled: part.disabled,
    "aria-label": part.label ? null : say("Button {label}", { label }),
    text: label,
    data: { key: part.custom_id || label },
  });
  made.addEventListener("click", () =>
    perform(made, "press", { message: message.id, channel: message.channel_id, button: part.custom_id }),
  );
  return made;
}

function select(part, message) {
  const items = offered(part);
  const chosen = items.filter((each) => each.checked).map((each) => each.label).join(", ");
  const name = part.placeholder || say("Make a selection");
  const made = el("button", {
    type: "button",
    class: "select",
    disabled: part.disabled,
    "aria-haspopup": "menu",
    "aria-expanded": "false",
    "aria-label": chosen ? `${name}: ${chosen}` : null,
    text: chosen || name,
    data: { key: part.custom_id },
  });
  const least = part.min_values ?? 1;
  const most = part.max_values ?? 1;
  const send = (values) =>
    perform(made, "choose", { message: message.id, channel: message.channel_id, select: part.custom_id, values });
  made.addEventListener("click", () => {
    if (!items.length) {
      notice(say("There is nothing to choose here."));
      return;
    }
    const isOne = most === 1 && least === 1;
    openMenu(made, items, {
      label: name,
      several: isOne ? null : { least, most },
      choose: isOne ? (item) => send([item.value]) : send,
    });
  });
  return made;
}
