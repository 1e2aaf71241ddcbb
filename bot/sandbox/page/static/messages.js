// The messages that the page knows, by channel and oldest first, whatever order they came in.

/** Return whether one id is of a later moment than another: ids are numbers that grow. */
export function isLater(id, other) {
  return id.length === other.length ? id > other : id.length > other.length;
}

export class Messages {
  constructor() {
    this.byId = new Map();
    this.idsOf = new Map(); // by channel
  }

  get(id) {
    return this.byId.get(id);
  }

  has(id) {
    return this.byId.has(id);
  }

  ids() {
    return this.byId.keys();
  }

  put(message) {
    if (!this.byId.has(message.id)) this.insert(message.id, message.channel_id);
    this.byId.set(message.id, message);
  }

  insert(id, channel) {
    if (!this.idsOf.has(channel)) this.idsOf.set(channel, []);
    const ids = this.idsOf.get(channel);
    let at = ids.length && isLater(ids[0], id) ? 0 : ids.length; // nearly all come at an end
    while (at > 0 && isLater(ids[at - 1], id)) at -= 1;
    ids.splice(at, 0, id);
  }

  delete(id) {
    const message = this.byId.get(id);
    if (!message) return;
    this.byId.delete(id);
    const ids = this.idsOf.get(message.channel_id);
    ids.splice(ids.indexOf(id), 1);
  }

  /** Return a channel's messages, oldest first. */
  in(channel) {
    return (this.idsOf.get(channel) || []).map((id) => this.byId.get(id));
  }
}
