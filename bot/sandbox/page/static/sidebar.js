// Where one can go, who one is, in which language and colours; and trouble, made on purpose.

import { perform } from "./actions.js";
import { openDialog } from "./dialog.js";
import { el, newId, notice } from "./dom.js";
import { icon } from "./icons.js";
import { state } from "./state.js";
import { soon } from "./tasks.js";
import { say } from "./words.js";

const FIRST_LOCALES = ["en-US", "de", "fr", "es-ES", "ja"]; // those that the bot speaks
const THEMES = { system: "Same as the system", dark: "Dark", light: "Light" };

export function startSidebar() {
  applyTheme(localStorage.getItem("theme") || "system");
  let drawn = "";
  const draw = () => {
    const { guilds, dms, people, bot, me, place, unread, locales } = state;
    const now = JSON.stringify([guilds, dms, people, bot.id, me, place, [...unread], locales]);
    if (now === drawn) return; // a list that is open stays open
    drawn = now;
    drawSidebar(document.getElementById("sidebar"));
    soon(drawHead);
  };
  state.addEventListener("places", () => soon(draw));
  state.addEventListener("status", drawStatus);
  document.addEventListener("keydown", (event) => event.key === "Escape" && setOpen(false));
  document.addEventListener("pointerdown", (event) => {
    if (!event.target.closest?.("#sidebar, .burger")) setOpen(false); // beside it, where it is narrow
  });
}

function drawSidebar(bar) {
  const focused = bar.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const wasOpen = bar.querySelector("details")?.open;
  const line = bar.querySelector("#order")?.value;
  const places = state.placesOf();
  bar.replaceChildren(
    ...state.guilds.map((guild) => list(guild.name, places.filter((each) => each.guild?.id === guild.id))),
    list(say("Direct messages"), places.filter((each) => !each.guild)),
    el("div", { class: "settings" }, person(), language(), theme(), trouble(wasOpen, line)),
  );
  if (focused) [...bar.querySelectorAll("[data-key]")].find((each) => each.dataset.key === focused)?.focus();
}

function list(name, places) {
  const id = newId("places");
  const rows = places.map((place) => {
    const isHere = place.id === state.place;
    const button = el("button", {
      type: "button",
      class: `place${state.unread.has(place.id) ? " unread" : ""}`,
      "aria-current": isHere ? "page" : null,
      text: `${place.guild ? "#" : "@"} ${place.name}`,
      data: { key: `place-${place.id}` },
    });
    if (state.unread.has(place.id)) button.append(el("span", { class: "sr-only", text: `, ${say("new messages")}` }));
    button.addEventListener("click", () => {
      state.go(place.id);
      state.tell("moved");
      setOpen(false);
    });
    return el("li", {}, button);
  });
  return el("section", { "aria-labelledby": id }, el("h2", { id, text: name }), el("ul", {}, rows));
}

function setting(sentence, items, value, choose) {
  const id = newId("setting");
  const select = el("select", { id, data: { key: sentence } });
  for (const [each, name] of items) {
    const option = el("option", { value: each, text: name });
    option.selected = each === value;
    select.append(option);
  }
  select.addEventListener("change", () => choose(select.value, select));
  return el("div", { class: "setting" }, el("label", { for: id, text: say(sentence) }), select);
}

function person() {
  const items = state.people.map((each) => [each.id, state.nameOf(each.id)]);
  return setting("You are", [...items, ["", say("Somebody new…")]], state.me, (id, select) => {
    if (id) {
      state.become(id);
      state.tell("moved");
    } else invite(select);
  });
}

function invite(select) {
  select.value = state.me;
  const id = newId("name");
  const name = el("input", { id, type: "text", maxlength: "32", autocomplete: "off", "aria-required": "true" });
  const field = el("div", { class: "field" }, el("label", { for: id, text: say("Name of the new person") }), name);
  openDialog(say("Somebody new…"), [field], say("Add"), async () => {
    const { user } = await state.ask("person", { name: name.value }).catch((error) => {
      throw Object.assign(error, "about" in error && { field });
    });
    await state.untilKnown(user);
    return () => {
      state.become(user);
      state.tell("moved");
    };
  });
}

function language() {
  const others = Object.keys(state.locales).filter((each) => !FIRST_LOCALES.includes(each));
  const items = [...FIRST_LOCALES, ...others].map((each) => [each, state.locales[each] ?? each]);
  return setting("Language", items, state.locale, (locale, select) => perform(select, "locale", { locale }));
}

function theme() {
  const now = localStorage.getItem("theme") || "system";
  return setting("Colours", Object.entries(THEMES).map(([value, name]) => [value, say(name)]), now, (value) => {
    localStorage.setItem("theme", value);
    applyTheme(value);
  });
}

function applyTheme(value) {
  document.documentElement.dataset.theme = value;
}

function trouble(wasOpen, line) {
  const input = el("input", { id: "order", type: "text", list: "orders", autocomplete: "off", maxlength: "1000", placeholder: "gateway drop", data: { key: "order" } });
  input.value = line || "";
  const orders = [
    ["refuse PATCH /webhooks/* 500 times=3", say("Discord fails at the next three edits")],
    ["refuse * * 429 retry_after=2 chance=0.1 times=all", say("one request in ten must wait for 2 s")],
    ["delay POST /interactions/* 2.5", say("the bot's first answers take 2.5 s more")],
    ["reset PATCH /webhooks/* received=1000", say("the connection breaks while a file is sent")],
    ["gateway drop", say("the bot's connection breaks, and it goes on")],
    ["gateway lose", say("the bot's connection breaks, and it begins anew")],
    ["clock 960", say("16 minutes pass: what was pressed can't be answered any more")],
    ["clear", say("end all of that")],
  ];
  const form = el(
    "form",
    {},
    el("label", { for: "order", text: say("An order for the sandbox") }),
    input,
    el("datalist", { id: "orders" }, orders.map(([value, text]) => el("option", { value, text }))),
    el("button", { type: "submit", class: "button secondary", text: say("Do it") }),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await perform(form, "order", { line: input.value })) {
      notice(say("Done: {line}", { line: input.value }), true);
      input.value = "";
    }
  });
  return el("details", { open: wasOpen }, el("summary", { text: say("Cause trouble"), data: { key: "trouble" } }), form);
}

function drawHead() {
  const here = state.here;
  const open = el("button", { type: "button", class: "round burger", "aria-label": say("Channels and people"), "aria-controls": "sidebar", "aria-expanded": String(isSidebarOpen()) }, icon("menu"));
  open.addEventListener("click", () => setOpen(!isSidebarOpen()));
  const name = here ? `${here.guild ? "#" : "@"} ${here.name}` : say("Nowhere");
  document.getElementById("place-head").replaceChildren(open, el("h1", { text: name }));
  document.title = `${name} · Sandbox`;
  document.getElementById("sidebar").setAttribute("aria-label", say("Channels and people"));
  for (const id of ["timeline", "messages"]) document.getElementById(id).setAttribute("aria-label", say("Messages"));
  document.querySelector(".skip").textContent = say("To the message box");
}

/** Show the sidebar where it is narrow, or hide it; the keyboard goes along. */
function setOpen(isOpen) {
  if (isOpen === isSidebarOpen()) return;
  document.body.classList.toggle("open", isOpen);
  const burger = document.querySelector(".burger");
  burger?.setAttribute("aria-expanded", String(isOpen));
  const bar = document.getElementById("sidebar");
  if (isOpen) bar.querySelector("button")?.focus();
  else if (bar.contains(document.activeElement)) burger?.focus();
}

function isSidebarOpen() {
  return document.body.classList.contains("open");
}

function drawStatus() {
  const box = document.getElementById("status");
  const text = !state.isConnected
    ? say("The sandbox can't be reached. The page goes on once it is running again; if its address has changed, open the one that it prints.")
    : state.bot.connected
      ? ""
      : say("No bot is connected. The sandbox prints the line that starts one.");
  if (box.textContent !== text) box.textContent = text;
}
