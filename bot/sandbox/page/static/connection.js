// The page's one websocket: what changes comes in, what is asked for goes out and is answered.

import { say } from "./words.js";

const FIRST_WAIT = 300; // ms until it is tried again; doubled each time
const LONGEST_WAIT = 5000;

/** Return an Error with the sentence of a refusal, in the language of who is there. */
export function refusal({ error, values = {} }) {
  const reason = values.reason && say(values.reason); // Discord's own
  const made = new Error(say(error, { ...values, ...(reason && { reason }) }));
  return Object.assign(made, { about: values.name }); // a field's label, where it is of a form
}

export class Connection {
  /** `onChange` gets what the sandbox tells; `onState` whether it is connected. */
  constructor(onChange, onState) {
    this.onChange = onChange;
    this.onState = onState;
    this.waiting = new Map();
    this.lastId = 0;
    this.wait = FIRST_WAIT;
    this.open();
  }

  open() {
    const address = new URL("socket", location.href);
    address.protocol = "ws:";
    this.socket = new WebSocket(address);
    this.socket.addEventListener("open", () => {
      this.wait = FIRST_WAIT;
      this.onState(true);
    });
    this.socket.addEventListener("message", (event) => this.receive(JSON.parse(event.data)));
    this.socket.addEventListener("close", () => this.lose());
  }

  receive(payload) {
    if (!("re" in payload)) {
      this.onChange(payload);
      return;
    }
    const answer = this.waiting.get(payload.re);
    this.waiting.delete(payload.re);
    if (!answer) return;
    if (payload.error) answer.reject(refusal(payload));
    else answer.resolve(payload);
  }

  lose() {
    for (const { reject } of this.waiting.values()) {
      reject(new Error(say("The connection to the sandbox broke; try again.")));
    }
    this.waiting.clear();
    this.onState(false);
    setTimeout(() => this.open(), this.wait);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  /** Ask for something; the promise is rejected with a sentence for people. */
  ask(what, values = {}) {
    if (this.socket.readyState !== WebSocket.OPEN) {
      return Promise.reject(new Error(say("The sandbox can't be reached; the page is waiting for it.")));
    }
    this.lastId += 1;
    const id = this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ ...values, id, do: what }));
    });
  }
}
