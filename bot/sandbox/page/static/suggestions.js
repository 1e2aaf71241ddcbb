// A list that completes what is typed in a box: the combobox of WAI-ARIA.

import { el, newId } from "./dom.js";

export class Suggestions {
  /** `choose` gets the item: {label, description, value}. */
  constructor(input, label, choose) {
    this.input = input;
    this.choose = choose;
    this.items = [];
    this.at = -1;
    this.element = el("ul", { id: newId("list"), class: "suggestions", role: "listbox", "aria-label": label, hidden: true });
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", this.element.id);
    input.setAttribute("aria-expanded", "false");
    input.addEventListener("blur", () => setTimeout(() => this.show([]), 150));
  }

  /** Offer items; none closes the list. */
  show(items) {
    this.items = items;
    this.at = items.length ? 0 : -1;
    this.element.hidden = !items.length;
    this.input.setAttribute("aria-expanded", String(items.length > 0));
    this.element.replaceChildren(...items.map((item, index) => this.row(item, index)));
    this.mark();
  }

  row(item, index) {
    return el(
      "li",
      {
        id: newId("option"),
        role: "option",
        // before the box loses the focus
        onpointerdown: (event) => {
          event.preventDefault();
          this.take(index);
        },
      },
      el("span", { text: item.label }),
      item.description ? el("small", { text: item.description }) : null,
    );
  }

  mark() {
    [...this.element.children].forEach((each, index) => {
      each.setAttribute("aria-selected", String(index === this.at));
      if (index === this.at) {
        this.input.setAttribute("aria-activedescendant", each.id);
        each.scrollIntoView({ block: "nearest" });
      }
    });
    if (this.at < 0) this.input.removeAttribute("aria-activedescendant");
  }

  take(index) {
    const item = this.items[index];
    this.show([]);
    this.choose(item);
  }

  /** Handle a key of the box, and return whether it was the list's. */
  key(event) {
    if (!this.items.length || event.isComposing) return false;
    const keys = {
      ArrowDown: () => (this.at = (this.at + 1) % this.items.length),
      ArrowUp: () => (this.at = (this.at - 1 + this.items.length) % this.items.length),
      Enter: () => this.take(this.at),
      Tab: () => this.take(this.at),
      Escape: () => this.show([]),
    };
    if (!keys[event.key] || event.shiftKey) return false;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
    this.mark();
    return true;
  }
}
