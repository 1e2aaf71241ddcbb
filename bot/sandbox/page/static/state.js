// What the page knows of the world, who is looking, and where. Draws nothing.

import { Connection } from "./connection.js";

const remembered = (key) => sessionStorage.getItem(key);

class State extends EventTarget {
  constructor() {
    super();
    this.messages = new Map();
    this.guilds = [];
    this.dms = [];
    this.people = [];
    this.commands = {};
    this.locales = [];
    this.bot = { connected: false };
    this.cdn = "";
    this.uploadLimit = 0;
    this.isConnected = false;
    this.me = remembered("me");
    this.place = remembered("place");
    this.unread = new Set();
  }

  connect() {
    this.connection = new Connection(
      (changes) => this.apply(changes),
      (isConnected) => {
        this.isConnected = isConnected;
        // a sandbox that comes back tells everything anew
        if (isConnected) this.messages.clear();
        this.tell("status");
      },
    );
  }

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  apply(changes) {
    if (changes.limits) {
      this.uploadLimit = changes.limits.upload;
      this.locales = changes.locales;
      return;
    }
    const isFirst = this.messages.size === 0;
    for (const part of ["bot", "cdn", "people", "guilds", "dms", "commands"]) {
      if (part in changes) this[part] = changes[part];
    }
    const isNew = new Set();
    for (const message of changes.messages || []) {
      if (!this.messages.has(message.id)) isNew.add(message.id);
      this.messages.set(message.id, message);
      const elsewhere = message.channel_id !== this.place && this.sees(message);
      if (!isFirst && isNew.has(message.id) && elsewhere) this.unread.add(message.channel_id);
    }
    for (const id of changes.gone || []) this.messages.delete(id);
    this.settle();
    if (["bot", "people", "guilds", "dms"].some((part) => part in changes) || isNew.size) {
      this.tell("places");
    }
    if ("bot" in changes) this.tell("status");
    if ("commands" in changes || "people" in changes) this.tell("commands");
    const everything = isFirst || "people" in changes || "cdn" in changes;
    this.tell("messages", everything ? null : { changed: changes.messages || [], gone: changes.gone || [] });
  }

  /** Choose a person and a place where those that were chosen aren't there. */
  settle() {
    if (!this.people.some((each) => each.id === this.me)) this.me = this.people[0]?.id ?? null;
    const ids = this.placesOf().map((each) => each.id);
    if (!ids.includes(this.place)) this.place = ids[0] ?? null;
  }

  become(id) {
    this.me = id;
    sessionStorage.setItem("me", id);
    this.settle();
    for (const name of ["places", "commands", "messages"]) this.tell(name, null);
  }

  go(id) {
    this.place = id;
    this.unread.delete(id);
    sessionStorage.setItem("place", id);
    for (const name of ["places", "commands", "messages"]) this.tell(name, null);
  }

  /** Return every channel that one can be in, the servers' and one's own direct messages. */
  placesOf() {
    const channels = this.guilds.flatMap((guild) =>
      guild.channels.map((each) => ({ ...each, guild })),
    );
    const mine = this.dms
      .filter((dm) => dm.recipients.includes(this.me))
      .map((dm) => {
        const others = dm.recipients.filter((each) => each !== this.me);
        return { id: dm.id, name: others.map((each) => this.nameOf(each)).join(", "), recipients: dm.recipients };
      });
    return [...channels, ...mine];
  }

  get here() {
    return this.placesOf().find((each) => each.id === this.place);
  }

  get myself() {
    return this.people.find((each) => each.id === this.me);
  }

  get locale() {
    return this.myself?.locale ?? "en-US";
  }

  userOf(id) {
    return id === this.bot.id ? this.bot : this.people.find((each) => each.id === id);
  }

  nameOf(id) {
    const user = this.userOf(id);
    return user ? user.global_name || user.username : "somebody";
  }

  sees(message) {
    return !message.only_for || message.only_for === this.me;
  }

  /** Return the messages here that one sees, oldest first. */
  messagesHere() {
    return [...this.messages.values()].filter(
      (each) => each.channel_id === this.place && this.sees(each),
    );
  }

  /** Return the commands of a kind that apply here: those of every place, and the server's own. */
  commandsHere(type) {
    const guild = this.here?.guild;
    const every = [...(this.commands[""] || []), ...((guild && this.commands[guild.id]) || [])];
    const context = guild ? 0 : this.here?.recipients?.includes(this.bot.id) ? 1 : 2;
    return every.filter(
      (each) => each.type === type && (each.contexts || [0, 1, 2]).includes(context),
    );
  }

  /** Ask for something as who one is, where one is. */
  ask(what, values = {}) {
    return this.connection.ask(what, { user: this.me, channel: this.place, ...values });
  }

  /** Return the page's own address of a file, or null where it is elsewhere. */
  fileUrl(url) {
    const own = /^\/(?:ephemeral-)?attachments\/\d+\/(\d+)\/([^/?]+)/;
    if (!url?.startsWith(`${this.cdn}/`)) return null;
    const found = own.exec(url.slice(this.cdn.length));
    return found && `files/${found[1]}/${found[2]}`;
  }
}

export const state = new State();

/** Return a command's or option's name or description in the language of who one is. */
export function localized(thing, part) {
  return thing[`${part}_localizations`]?.[state.locale] || thing[part];
}

/** Send a file and return its key. Throws an Error with a sentence. */
export async function upload(file) {
  if (file.size > state.uploadLimit) {
    const most = Math.floor(state.uploadLimit / 2 ** 20);
    const size = (file.size / 2 ** 20).toLocaleString("en", { maximumFractionDigits: 1 });
    throw new Error(`${file.name} has ${size} MB, and ${most} MB can be uploaded here; choose a smaller file.`);
  }
  const query = new URLSearchParams({ name: file.name, user: state.me, channel: state.place });
  let response;
  try {
    const headers = { "Content-Type": file.type || "application/octet-stream" };
    response = await fetch(`upload?${query}`, { method: "POST", body: file, headers });
  } catch {
    throw new Error(`${file.name} could not be uploaded; is the sandbox still running?`);
  }
  const answer = await response.json();
  if (answer.error) throw new Error(answer.error);
  return answer.upload;
}
