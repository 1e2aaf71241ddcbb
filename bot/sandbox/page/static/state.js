// What the page knows of the world, who is looking, and where. Draws nothing.

import { Connection, refusal } from "./connection.js";
import { isLater, Messages } from "./messages.js";
import { whenIdle } from "./tasks.js";
import { say, speak } from "./words.js";

const PARTS = ["bot", "cdn", "people", "guilds", "dms", "commands", "locales", "upload_limit"];

const remembered = (key) => sessionStorage.getItem(key);

class State extends EventTarget {
  constructor() {
    super();
    this.messages = new Messages();
    this.newest = ""; // the latest message that was ever told of
    this.guilds = [];
    this.dms = [];
    this.people = [];
    this.commands = {};
    this.locales = {}; // names by Discord's codes
    this.bot = { connected: false };
    this.cdn = "";
    this.upload_limit = 0;
    this.isConnected = false;
    this.isToldAnew = true; // what comes next is told from the beginning
    this.doubtful = new Set(); // ids of messages from before, until it is told that they are there
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
        if (isConnected) this.isToldAnew = true;
        this.tell("status");
      },
    );
  }

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  apply(changes) {
    const isAnew = this.isToldAnew;
    this.isToldAnew = false;
    const isFirst = isAnew && changes.bot.id !== this.bot.id; // else it is the world from before
    if (isFirst) this.messages = new Messages();
    if (isAnew) this.doubtful = new Set(this.messages.ids());
    for (const part of PARTS) if (part in changes) this[part] = changes[part];
    this.settle();
    const wasUnread = this.unread.size;
    const added = this.takeMessages(changes.messages || [], isFirst);
    const gone = [...(changes.gone || []), ...this.goneBefore(changes)];
    for (const id of gone) this.messages.delete(id);
    const isOther = (...parts) => isAnew || parts.some((part) => part in changes);
    if (isOther("bot", "people", "guilds", "dms") || this.unread.size !== wasUnread) this.tell("places");
    if (isOther("bot", "people")) this.tell("status");
    if (isOther("commands", "people")) this.tell("commands");
    const { messages: changed = [] } = changes;
    if (!isFirst) this.tell("messages", { changed, gone, added });
    if (isOther("people", "cdn", "commands")) this.tell("messages", null);
    if (changes.more) whenIdle(() => this.askForEarlier());
  }

  /** Ask for what was said before: once there is time, so that it keeps nobody from reading. */
  async askForEarlier() {
    try {
      this.apply(await this.connection.ask("earlier"));
    } catch {
      // the connection broke; what comes next is told from the beginning
    }
  }

  /** Return the ids of messages from before that aren't told of any more, once all is told. */
  goneBefore(changes) {
    if (changes.more !== false) return [];
    const gone = [...this.doubtful];
    this.doubtful.clear();
    return gone;
  }

  /** Take messages, and return the ids of new ones: those that are later than all before. */
  takeMessages(messages, isFirst) {
    const before = this.newest;
    const added = [];
    for (const message of messages) {
      const isNew = !this.messages.has(message.id) && isLater(message.id, before);
      this.doubtful.delete(message.id);
      this.messages.put(message);
      if (isLater(message.id, this.newest)) this.newest = message.id;
      if (isFirst || !isNew) continue; // they come newest first
      added.push(message.id);
      if (message.channel_id !== this.place && this.sees(message)) this.unread.add(message.channel_id);
    }
    return added;
  }

  /** Choose a person and a place where those that were chosen aren't there. */
  settle() {
    if (!this.people.some((each) => each.id === this.me)) this.me = this.people[0]?.id ?? null;
    const ids = this.placesOf().map((each) => each.id);
    if (!ids.includes(this.place)) this.place = ids[0] ?? null;
    speak(this.locale);
  }

  /** Wait until a person is there: the sandbox tells of one beside its answer. */
  async untilKnown(id) {
    while (!this.people.some((each) => each.id === id)) {
      await new Promise((resolve) => this.addEventListener("places", resolve, { once: true }));
    }
  }

  become(id) {
    this.me = id;
    sessionStorage.setItem("me", id);
    this.settle();
    for (const name of ["places", "status", "commands", "messages"]) this.tell(name, null);
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
    return user ? user.global_name || user.username : say("somebody");
  }

  sees(message) {
    return !message.only_for || message.only_for === this.me;
  }

  /** Return the messages here that one sees, oldest first. */
  messagesHere() {
    return this.messages.in(this.place).filter((each) => this.sees(each));
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

  /** Return the most bytes that a file may have here. */
  get uploadLimit() {
    const limits = [this.upload_limit, this.here?.guild?.upload_limit, this.myself?.upload_limit];
    return Math.max(...limits.map((each) => each ?? 0));
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
    const size = (file.size / 2 ** 20).toLocaleString(state.locale, { maximumFractionDigits: 1 });
    const sentence = "{name} has {size} MB, and {most} MB can be uploaded here; choose a smaller file.";
    throw new Error(say(sentence, { name: file.name, size, most }));
  }
  const query = new URLSearchParams({ name: file.name, user: state.me, channel: state.place });
  let response;
  try {
    const headers = { "Content-Type": file.type || "application/octet-stream" };
    response = await fetch(`upload?${query}`, { method: "POST", body: file, headers });
  } catch {
    throw new Error(say("{name} could not be uploaded; is the sandbox still running?", { name: file.name }));
  }
  const answer = await response.json();
  if (answer.error) throw refusal(answer);
  return answer.upload;
}
