/** The two texts: words light up with those that they are linked to, on both sides. */

import { byId, iconButton, make, menu, show } from "../parts/dom.js";
import { linkedWords } from "./linked_text.js";

const CLEAR = "M6 6L18 18M18 6L6 18";
const COPY = "M9 9H19V21H9ZM15 9V3H5V15H9";
const EXPLORE =
  "M2 12C5 7 8.5 5 12 5s7 2 10 7c-3 5-6.500 7-10 7S5 17 2 12ZM12 9.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5Z";
const SURE = 0.2; // a word that was less probable when it was written is marked

/** @param {Side} side */
function wordsOf(side) {
  return document.querySelectorAll(`#${side} .word`);
}

/**
 * Light up a word and those that it is linked to; no word: none.
 * @param {LinkedText} linked
 * @param {Side} side
 * @param {number} word
 */
function light(linked, side, word) {
  const other = side === "source" ? "target" : "source";
  for (const node of document.querySelectorAll(".word.linked")) node.classList.remove("linked");
  if (word < 0) return;
  wordsOf(side)[word]?.classList.add("linked");
  for (const each of linkedWords(linked, side, word))
    wordsOf(other)[each]?.classList.add("linked");
}

/** @param {Piece[]} pieces @param {Side} side */
function words(pieces, side) {
  return pieces.map(({ text, word, probability }) => {
    if (word < 0) return text;
    const isUnsure = side === "target" && probability < SURE;
    const title = isUnsure ? `${Math.round(100 * probability)} % sure of this word` : null;
    return make("span", { class: isUnsure ? "word unsure" : "word", title }, text);
  });
}

/** The number of a word among those of its side, or -1. @param {Side} side @param {Element | null} node */
function numberOf(side, node) {
  return node ? [...wordsOf(side)].indexOf(node) : -1;
}

/**
 * @param {Translating} app
 * @param {{type: (isPasted: boolean) => void, pick: () => void}} on
 */
export function makeSource(app, on) {
  const names = app.languages
    .filter(({ code, targets }) => targets.some((target) => target !== code))
    .map(({ code, name }) => [code, name]);
  const mirror = make("div", { class: "mirror", "aria-hidden": "true" });
  const field = make("textarea", {
    id: "text",
    dir: "auto",
    autocomplete: "off",
    autofocus: true,
    placeholder: "Type or paste a text",
    "aria-label": "Your text",
    "aria-describedby": "count",
    oninput: (event) => {
      app.text = field.value;
      on.type(event.inputType === "insertFromPaste" || event.inputType === "insertFromDrop");
    },
    onpointermove: (event) => {
      const under = document.elementsFromPoint(event.clientX, event.clientY);
      const node = under.find((each) => each.matches(".mirror .word"));
      light(app.linked, "source", numberOf("source", node ?? null));
    },
    onpointerleave: () => light(app.linked, "source", -1),
    onblur: () => light(app.linked, "source", -1),
    onkeyup: (event) => {
      if (event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End")
        lightCaret(app, field);
    },
  });
  const clear = iconButton(
    "Clear the text",
    CLEAR,
    () => {
      field.value = app.text = "";
      field.focus();
      on.type(true);
    },
    "line",
  );
  const languages = menu("From", [["auto", "Detect language"], ...names], app.source, (code) => {
    app.source = code;
    on.pick();
  });
  show(
    byId("source"),
    make("div", { class: "panel-top" }, languages, clear),
    make("div", { class: "stack" }, mirror, field),
    make("p", { class: "panel-foot quiet number", id: "count" }),
  );
}

/** Light up the word at the caret. @param {Translating} app @param {HTMLTextAreaElement} field */
function lightCaret(app, field) {
  let end = 0;
  for (const { text, word } of app.linked.source) {
    end += text.length;
    if (end > field.selectionStart) return light(app.linked, "source", word);
  }
  light(app.linked, "source", -1);
}

/** Show the text that the page has, and its words if its translation is there. @param {Translating} app */
export function showSource(app) {
  const field = /** @type {HTMLTextAreaElement} */ (byId("text"));
  if (field.value !== app.text) field.value = app.text;
  const mirror = /** @type {Element} */ (document.querySelector(".mirror"));
  show(mirror, ...words(app.linked.source, "source"), "\n ");
  const length = Array.from(app.text).length;
  const { charLimit } = app.settings;
  const limit = charLimit < 0 ? "" : ` of ${charLimit.toLocaleString("en")}`;
  show(byId("count"), `${length.toLocaleString("en")}${limit} characters`);
  byId("count").classList.toggle("too-long", charLimit >= 0 && length > charLimit);
  const auto = document.querySelector("#source option[value=auto]");
  const name = app.languages.find(({ code }) => code === app.detected)?.name;
  if (auto) auto.textContent = name ? `Detected: ${name}` : "Detect language";
  const picked = /** @type {HTMLSelectElement} */ (document.querySelector("#source select"));
  picked.value = app.source;
}

/** @param {Translating} app @param {{pick: () => void}} on */
export function makeTarget(app, on) {
  const output = make("div", {
    class: "output",
    id: "output",
    dir: "auto",
    tabindex: "0",
    role: "group",
    "aria-label": "Translation: arrow keys go from word to word",
    onpointerover: (event) => light(app.linked, "target", numberOf("target", event.target)),
    onpointerleave: () => light(app.linked, "target", -1),
    onblur: () => light(app.linked, "target", -1),
    onkeydown: (event) => stepThroughWords(app, event),
  });
  const names = app.languages
    .filter(({ code }) => app.languages.some((each) => each.code !== code && each.targets.includes(code)))
    .map(({ code, name }) => [code, name]);
  const languages = menu("To", names, app.target, (code) => {
    app.target = code;
    on.pick();
  });
  show(
    byId("target"),
    make("div", { class: "panel-top" }, languages, make("span", { class: "tools" })),
    make("div", { class: "stack" }, output),
    make("p", { class: "panel-foot quiet", id: "state" }),
  );
}

/** @param {Translating} app @param {KeyboardEvent} event */
function stepThroughWords(app, event) {
  const all = [...wordsOf("target")];
  const at = all.findIndex((node) => node.classList.contains("current"));
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined || !all[to]) return;
  event.preventDefault();
  all[at]?.classList.remove("current");
  all[to].classList.add("current");
  light(app.linked, "target", to);
  const from = linkedWords(app.linked, "target", to).map((word) => wordsOf("source")[word].textContent);
  const source = from.length ? `translates ${from.join(" ")}` : "translates no word";
  byId("announcement").textContent = `${all[to].textContent}: ${source}`;
}

/** @param {Translating} app */
export function showTarget(app) {
  const output = byId("output");
  output.lang = app.target;
  show(output, ...words(app.linked.target, "target"));
  byId("target").classList.toggle("waiting", app.isWaiting);
  const unsure = output.querySelector(".unsure") && "Dotted words are unsure.";
  show(byId("state"), app.isWaiting ? "Translating …" : unsure);
  const picked = /** @type {HTMLSelectElement} */ (document.querySelector("#target select"));
  picked.value = app.target;
  const tools = /** @type {Element} */ (document.querySelector("#target .tools"));
  show(
    tools,
    app.translation && iconButton("Copy the translation", COPY, () => copy(app), "line"),
    app.translation && explorerLink(app),
  );
}

/** @param {Translating} app */
async function copy(app) {
  try {
    await navigator.clipboard.writeText(app.translation);
    byId("state").textContent = "Copied.";
  } catch {
    const selection = window.getSelection();
    selection?.selectAllChildren(byId("output"));
    byId("state").textContent = "Selected: press Ctrl+C to copy.";
  }
}

/** The first line of the text, step by step. @param {Translating} app */
function explorerLink(app) {
  const line = app.text.split("\n").find((each) => each.trim()) ?? "";
  const source = app.source === "auto" ? app.detected : app.source;
  const asked = new URLSearchParams({ model: `${source}-${app.target}`, text: line.trim() });
  const icon = iconButton("", EXPLORE, () => {}, "line").firstElementChild;
  const name = "Open in the explorer: see step by step where it looks";
  return make(
    "a",
    { class: "icon line", href: `explorer/#${asked}`, "aria-label": name, title: name },
    icon,
  );
}
