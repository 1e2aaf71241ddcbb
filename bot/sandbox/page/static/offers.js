// What menus and fields offer, as {label, description, value, checked}.

import { state } from "./state.js";

/** Return an emoji as text: its own, or the name of one that a server has. */
export function emojiText(emoji) {
  if (!emoji) return "";
  return emoji.id ? `:${emoji.name}:` : emoji.name || "";
}

/** Return the server's channels of the given types, all where none are given. */
export function channelsOf(types) {
  const channels = state.here?.guild?.channels || [];
  return types?.length ? channels.filter((each) => types.includes(each.type)) : channels;
}

/** Return what a select offers as items of a menu. */
export function offered(part) {
  if (part.type === 3) {
    return part.options.map((option) => ({
      label: [emojiText(option.emoji), option.label].filter(Boolean).join(" "),
      description: option.description,
      value: option.value,
      checked: Boolean(option.default),
    }));
  }
  const before = new Set((part.default_values || []).map((each) => each.id));
  const people = [...state.people, state.bot].map((each) => ({ label: state.nameOf(each.id), value: each.id }));
  const guild = state.here?.guild;
  const roles = (guild?.roles || []).map((each) => ({ label: each.name, value: each.id }));
  const channels = channelsOf(part.channel_types).map((each) => ({ label: `#${each.name}`, value: each.id }));
  const things = { 5: people, 6: roles, 7: [...people, ...roles], 8: channels }[part.type] || [];
  return things.map((each) => ({ ...each, checked: before.has(each.value) }));
}
