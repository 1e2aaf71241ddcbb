// Files that are dragged over the page: it says where they may be let go, and never opens them.

import { el } from "./dom.js";
import { say } from "./words.js";

/** Call `take` with the files that are dropped anywhere in `place`. */
export function startDropping(place, take) {
  const hint = el("div", { class: "drop", "aria-hidden": "true", hidden: true });
  place.append(hint);
  const isInput = (event) => event.target.matches?.('input[type="file"]');
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  // a browser would show a file that is let go anywhere else, and leave the page for it
  document.addEventListener("dragover", (event) => !isInput(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!isInput(event)) event.preventDefault();
    hint.hidden = true;
  });
  place.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    hint.textContent = say("Drop files to attach them");
    hint.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) hint.hidden = true; // out of the window
  });
  place.addEventListener("drop", (event) => {
    if (event.dataTransfer.files.length && !isInput(event)) take(event.dataTransfer.files);
  });
}
