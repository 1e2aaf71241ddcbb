// Pictures, films and files of messages. All come from the sandbox; what lies elsewhere is a link.

import { el } from "./dom.js";
import { state } from "./state.js";
import { say } from "./words.js";

const SHOWN = /^image\/(gif|a?png|jpeg|webp|avif)$|^video\/(mp4|webm)$/; // by the server, too
const PICTURES = /\.(gif|png|apng|jpe?g|webp|avif)$/i;
const WIDEST = 400; // pixels of a picture; those of messages.css
const HIGHEST = 352;
const FILMS = /\.(mp4|webm|mov)$/i;

/** Return an element that shows a media object: {url, width, height, content_type}. */
export function media(item, { description, spoiler, name } = {}) {
  const address = state.fileUrl(item.url);
  if (!address) return elsewhere(item.url);
  const label = description || name || decodeURIComponent(address.split("/").at(-1));
  const shown = shownAt(address, item, label);
  return spoiler ? veiled(shown) : shown;
}

function shownAt(address, item, label) {
  const kind = (item.content_type || "").split(";")[0].trim().toLowerCase();
  if (kind && !SHOWN.test(kind)) return fileCard({ url: item.url, filename: label, size: item.size });
  if (kind.startsWith("video/") || (!kind && FILMS.test(address))) {
    return el("video", { src: address, controls: true, loop: true, "aria-label": label, preload: "metadata" });
  }
  if (kind.startsWith("image/") || (!kind && PICTURES.test(address))) {
    // all but its address first, by which it begins to be fetched
    return el("img", { loading: "lazy", decoding: "async", alt: label, ...fitted(item), src: address });
  }
  return fileCard({ url: item.url, filename: label, size: item.size });
}

/** Return the size that a picture is shown with, so that its room is kept until it is there. */
function fitted({ width, height }) {
  if (!width || !height) return {};
  const scale = Math.min(1, WIDEST / width, HIGHEST / height);
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

/** Hide something until it is asked for, from the keyboard and from screen readers too. */
export function veiled(shown) {
  shown.inert = true;
  const cover = el("button", { type: "button", class: "veil", text: say("Spoiler") });
  const box = el("div", { class: "veiled" }, shown, cover);
  cover.addEventListener("click", () => {
    box.classList.remove("veiled");
    shown.inert = false;
    cover.remove();
  });
  return box;
}

function elsewhere(url) {
  const safe = /^https?:\/\//.test(url || "") ? url : null;
  return el("a", { href: safe, target: "_blank", rel: "noreferrer noopener", class: "elsewhere", text: url || "nothing" });
}

/** Return a file that can't be looked at, to be saved. */
export function fileCard({ url, filename, size }) {
  const address = state.fileUrl(url);
  const bytes = size ? `${Math.max(0.1, size / 1024).toLocaleString(state.locale, { maximumFractionDigits: 1 })} KB` : "";
  return el(
    "a",
    { class: "file", href: address && `${address}?save`, download: filename },
    el("span", { text: filename }),
    el("small", { text: bytes }),
  );
}

/** Return an attachment of a message: shown if it can be, else to be saved. */
export function attachment(file) {
  return media(
    { url: file.url, width: file.width, height: file.height, content_type: file.content_type, size: file.size },
    { description: file.description, name: file.filename, spoiler: file.filename.startsWith("SPOILER_") },
  );
}
