/** Former translations, in this browser alone. */

import { byId, make, show } from "../parts/dom.js";

const STORAGE_NAME = "regard-history";
const MAX_ENTRIES = 50;

/** @returns {Entry[]} the latest first */
function entries() {
  try {
    return JSON.parse(window.localStorage.getItem(STORAGE_NAME) ?? "[]");
  } catch {
    return []; // no storage, or not ours
  }
}

/** @param {Entry[]} all */
function save(all) {
  try {
    window.localStorage.setItem(STORAGE_NAME, JSON.stringify(all));
  } catch {
    // full, or none: the history is lost with the page
  }
}

/** Keep a translation; it replaces the last one if it goes on with its text. @param {Entry} entry */
export function remember(entry) {
  const [last, ...rest] = entries();
  const isSame = last && entry.text.startsWith(last.text) && last.source === entry.source;
  const former = isSame && last.target === entry.target ? rest : [last, ...rest].filter(Boolean);
  save([entry, ...former].slice(0, MAX_ENTRIES));
}

/** @param {(entry: Entry) => void} restore */
export function showHistory(restore) {
  const all = entries();
  if (!all.length) return show(byId("history"));
  const isOpen = byId("history").querySelector("details")?.open;
  const items = all.map((entry) =>
    make(
      "li",
      {},
      make(
        "button",
        { type: "button", class: "former", onclick: () => restore(entry) },
        make("span", { class: "of-source", lang: entry.source, dir: "auto" }, brief(entry.text)),
        make("span", { class: "of-target", lang: entry.target, dir: "auto" }, brief(entry.translation)),
      ),
    ),
  );
  const forget = () => {
    save([]);
    showHistory(restore);
  };
  show(
    byId("history"),
    make(
      "details",
      { open: isOpen },
      make("summary", {}, `Former translations (${all.length})`),
      make("ul", { class: "formers" }, items),
      make("button", { type: "button", class: "reset", onclick: forget }, "Forget all"),
    ),
  );
}

/** @param {string} text */
function brief(text) {
  const characters = Array.from(text.replace(/\s+/g, " ").trim());
  return characters.length > 120 ? `${characters.slice(0, 119).join("")}…` : characters.join("");
}
