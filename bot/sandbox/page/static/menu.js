// A menu that opens at a button: arrows, Home, End, letters, Escape; one choice or several.

import { el, wayBackTo } from "./dom.js";
import { say } from "./words.js";

let close = null;

/**
 * Open a menu below `anchor`. An item is {label, description, value, checked, danger}. `several` is
 * {least, most} where more than one may be chosen; `choose` then gets the values, else the item.
 */
export function openMenu(anchor, items, { label, choose, several = null }) {
  close?.();
  const goBack = wayBackTo(anchor);
  const role = several ? "menuitemcheckbox" : items.some((each) => each.checked !== undefined) ? "menuitemradio" : "menuitem";
  const menu = el("div", { class: "menu", role: "menu", "aria-label": label });
  const rows = items.map((item) => row(item, role));
  const chosen = () => items.filter((_, index) => rows[index].getAttribute("aria-checked") === "true");

  rows.forEach((each, index) => {
    each.addEventListener("click", () => {
      if (!several) {
        finish();
        choose(items[index]);
        return;
      }
      const isOn = each.getAttribute("aria-checked") === "true";
      if (!isOn && chosen().length >= several.most) return;
      each.setAttribute("aria-checked", String(!isOn));
      const count = chosen().length;
      done.disabled = count < several.least || count > several.most;
    });
  });
  const done = el("button", { type: "button", class: "primary", role: "menuitem", text: say("Done") });
  done.addEventListener("click", () => {
    const values = chosen().map((each) => each.value);
    finish();
    choose(values);
  });
  menu.append(...rows);
  if (several) {
    menu.append(done);
    done.disabled = chosen().length < several.least;
  }

  const outside = (event) => {
    if (!menu.contains(event.target) && !anchor.contains(event.target)) finish(false);
  };
  function finish(focus = true) {
    menu.remove();
    document.removeEventListener("pointerdown", outside, true);
    anchor.setAttribute("aria-expanded", "false");
    close = null;
    if (focus) goBack();
  }
  close = () => finish(false);
  menu.addEventListener("keydown", (event) => moveIn(event, menu, finish));
  document.addEventListener("pointerdown", outside, true);
  anchor.setAttribute("aria-expanded", "true");
  (anchor.closest("dialog") || document.body).append(menu);
  placeAt(menu, anchor);
  (rows.find((each) => each.getAttribute("aria-checked") === "true") || rows[0] || done).focus();
}

function row(item, role) {
  return el(
    "button",
    {
      type: "button",
      role,
      tabindex: "-1",
      class: item.danger ? "danger" : null,
      "aria-checked": role === "menuitem" ? null : String(Boolean(item.checked)),
    },
    el("span", { class: "menu-label", text: item.label }),
    item.description ? el("span", { class: "menu-description", text: item.description }) : null,
  );
}

function moveIn(event, menu, finish) {
  const rows = [...menu.querySelectorAll("button:not(:disabled)")];
  const at = rows.indexOf(document.activeElement);
  const letter = event.key.length === 1 && event.key !== " " && event.key.toLowerCase();
  const keys = {
    ArrowDown: () => rows[(at + 1) % rows.length].focus(),
    ArrowUp: () => rows[(at - 1 + rows.length) % rows.length].focus(),
    Home: () => rows[0].focus(),
    End: () => rows.at(-1).focus(),
    Escape: () => finish(),
    Tab: () => finish(),
  };
  if (keys[event.key]) {
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  } else if (letter) {
    const order = [...rows.slice(at + 1), ...rows.slice(0, at + 1)];
    order.find((each) => each.textContent.toLowerCase().startsWith(letter))?.focus();
  }
}

function placeAt(menu, anchor) {
  const box = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = box.bottom + height + 8 < innerHeight;
  const top = below ? box.bottom + 4 : Math.max(8, box.top - height - 4);
  menu.style.setProperty("top", `${top}px`);
  menu.style.setProperty("left", `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`);
}
