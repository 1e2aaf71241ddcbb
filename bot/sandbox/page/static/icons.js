// Small pictures at buttons. As characters they would be looked for in every font there is, while
// the page waits.

const SVG = "http://www.w3.org/2000/svg";
const PATHS = {
  menu: "M4 6h16M4 12h16M4 18h16",
  send: "M4 4l17 8-17 8 3-8zM7 12h7",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  reply: "M7 19v-9h11M14 6l4 4-4 4",
  away: "M8 16l9-9M9 7h8v8",
};

/** Return a small picture, which says nothing to a screen reader. */
export function icon(name) {
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  const made = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ class: `icon icon-${name}`, viewBox: "0 0 24 24", "aria-hidden": "true" })) {
    made.setAttribute(key, value);
  }
  made.append(path);
  return made;
}
