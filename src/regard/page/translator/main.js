/** The translator: translates as one types. */

import { byId, iconButton, make, show } from "../parts/dom.js";
import { openDialog, themeButton } from "../parts/theme.js";
import { saveKey, savedKey } from "../state/api_key.js";
import { makeFiles } from "./files.js";
import { remember, showHistory } from "./history.js";
import { linkedText, unlinked } from "./linked_text.js";
import { makeSource, makeTarget, showSource, showTarget } from "./panels.js";
import { Refusal, cancel, fetchJson, postJson } from "./service.js";

const SWAP = "M7 4L3 8L7 12M3 8H17M17 12L21 16L17 20M21 16H7";
const HELP =
  "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm-1 14h2v2h-2zm1-10a4 4 0 0 1 4 4c0 2.6-3 2.9-3 5h-2c0-3.2 3-3.4 3-5a2 2 0 0 0-4 0H8a4 4 0 0 1 4-4z";
const KEY =
  "M15 3a6 6 0 0 0-5.700 7.900L3 17.200V21h3.800v-2h2v-2h2l2.300-2.300A6 6 0 1 0 15 3Zm2 3.500a1.500 1.500 0 1 1 0 3 1.500 1.500 0 0 1 0-3Z";
const ALTERNATIVES = 4;
const REMEMBERED_MS = 3000; // a text that has not changed for so long is kept

/** @type {Translating} */
const app = {
  settings: {
    charLimit: -1,
    frontendTimeout: 500,
    apiKeys: false,
    filesTranslation: false,
    supportedFilesFormat: [],
    language: { source: { code: "auto" }, target: { code: "" } },
  },
  languages: [],
  source: "auto",
  target: "",
  detected: "",
  text: "",
  translation: "",
  linked: unlinked("", ""),
  isWaiting: false,
};
/** @type {Record<string, number>} */
const timers = {};

/** @param {string} name @param {() => void} act @param {number} delay */
function after(name, act, delay) {
  window.clearTimeout(timers[name]);
  timers[name] = window.setTimeout(act, delay);
}

function draw() {
  showSource(app);
  showTarget(app);
  showSwap();
  showNotes();
}

/** The text was changed. @param {boolean} isComplete  not one key of many */
function change(isComplete) {
  cancel("translate");
  window.clearTimeout(timers.remember);
  if (!app.text.trim()) {
    window.clearTimeout(timers.translate);
    Object.assign(app, { translation: "", detected: "", isWaiting: false });
    app.linked = unlinked(app.text, "");
    showError("");
    showAlternatives([]);
    return draw();
  }
  app.linked = unlinked(app.text, app.translation);
  app.isWaiting = true;
  draw();
  after("translate", translate, isComplete ? 0 : app.settings.frontendTimeout);
}

/** @returns {Promise<void>} */
async function translate() {
  const { text, source, target } = app;
  const alternatives = document.querySelector("#others details[open]") ? ALTERNATIVES : 0;
  try {
    const body = { texts: text, source, target, alternatives };
    const answer = await postJson("translate", "v1/translate", body);
    if (!answer) return; // a newer one is under way
    const translation = /** @type {DetailedTranslation} */ (answer.translations[0]);
    const other = otherTarget(translation.source);
    if (other) {
      app.target = other;
      return translate();
    }
    app.translation = translation.text;
    app.detected = source === "auto" ? translation.source : "";
    app.linked = linkedText(text, translation);
    app.isWaiting = false;
    showError("");
    showAlternatives(translation.alternatives);
    draw();
    byId("announcement").textContent = translation.text;
    after("remember", keep, REMEMBERED_MS);
  } catch (error) {
    refuse(/** @type {Refusal} */ (error));
  }
}

/**
 * The language to translate to instead, if the text turns out to be in the target language.
 * @param {string} detected
 */
function otherTarget(detected) {
  if (app.source !== "auto" || detected !== app.target) return "";
  const own = app.languages.find(({ code }) => code === detected);
  return own?.targets.find((code) => code !== detected) ?? "";
}

/** @param {Refusal} error */
function refuse({ message, retryAfter }) {
  app.isWaiting = false;
  draw();
  const again = retryAfter ? ` Trying again in ${retryAfter} s.` : "";
  showError(message + again);
  if (retryAfter) after("translate", translate, 1000 * retryAfter);
}

/** @param {string} message */
function showError(message) {
  show(byId("error"), message && make("p", { class: "error" }, message));
}

function keep() {
  const source = app.source === "auto" ? app.detected : app.source;
  remember({ source, target: app.target, text: app.text, translation: app.translation });
  showHistory(restore);
}

/** @param {Entry} entry */
function restore(entry) {
  Object.assign(app, { source: entry.source, target: entry.target, text: entry.text });
  pickKnown();
  change(true);
  byId("text").focus();
}

/** Other translations are computed only while they are shown. @param {string[]} texts */
function showAlternatives(texts) {
  const isOpen = byId("others").querySelector("details")?.open;
  if (!app.translation) return show(byId("others"));
  const items = texts.map((text) => make("li", { class: "of-target", lang: app.target, dir: "auto" }, text));
  const none = isOpen && !app.isWaiting && "The model knows no other.";
  show(
    byId("others"),
    make(
      "details",
      {
        open: isOpen,
        ontoggle: (event) => {
          if (event.target.open && !items.length) change(true);
        },
      },
      make("summary", {}, "Other translations"),
      items.length ? make("ul", { class: "others" }, items) : make("p", { class: "quiet" }, none),
    ),
  );
}

function showNotes() {
  const items = app.linked.warnings.map(({ message, stretch }) =>
    make("li", {}, make("q", { class: "of-source" }, stretch), ` ${message}`),
  );
  show(byId("notes"), items.length > 0 && make("ul", { class: "advice" }, items));
}

/** The languages after a swap, if there is a model for the way back. */
function wayBack() {
  const source = app.source === "auto" ? app.detected : app.source;
  const back = app.languages.find(({ code }) => code === app.target);
  return back?.targets.includes(source) && source !== app.target ? source : "";
}

function showSwap() {
  const source = wayBack();
  const swap = () => {
    if (!source) return;
    const text = app.translation || app.text;
    Object.assign(app, { source: app.target, target: source, text, translation: "" });
    change(true);
  };
  const name = source ? "Swap the languages" : "No model for the way back is loaded";
  const button = iconButton(name, SWAP, swap, "line");
  if (!source) button.setAttribute("aria-disabled", "true");
  const hasFocus = byId("swap").contains(document.activeElement);
  show(byId("swap"), button);
  if (hasFocus) button.focus();
}

/** Languages that there are, whatever was asked for. */
function pickKnown() {
  const known = app.languages.map(({ code }) => code);
  if (!known.includes(app.source)) app.source = "auto";
  const targets = app.languages.find(({ code }) => code === app.source)?.targets ?? known;
  const others = targets.filter((code) => code !== app.source);
  if (!others.includes(app.target)) app.target = others[0] ?? app.target;
}

function pick() {
  pickKnown();
  draw();
  if (app.text.trim()) change(true);
}

function openHelp() {
  openDialog(
    "How to use this page",
    make(
      "p",
      {},
      "Type or paste a text: it is translated as you type. Point at a word, and the words that " +
        "it came from, or became, are framed on the other side.",
    ),
    make("h3", {}, "Keys"),
    make(
      "dl",
      {},
      make("dt", {}, make("kbd", {}, "→  ←")),
      make("dd", {}, "in the text or in its translation: the links of a word"),
      make("dt", {}, make("kbd", {}, "Ctrl Enter")),
      make("dd", {}, "translate at once"),
    ),
    make("h3", {}, "Marks"),
    make(
      "p",
      {},
      make("span", { class: "word unsure" }, "Dotted"),
      " words were unlikely when they were written: check them first. The eye opens the " +
        "explorer, which shows each step of the translation.",
    ),
  );
}

/** Ask for the key that the operator of the server gave. */
function askForKey() {
  const field = make("input", {
    type: "text",
    id: "key",
    autocomplete: "off",
    spellcheck: "false",
    value: savedKey(),
    oninput: () => {
      saveKey(field.value.trim());
      after("translate", () => app.text.trim() && translate(), app.settings.frontendTimeout);
    },
  });
  openDialog(
    "API key",
    make("p", {}, "Who runs this server gives keys. Yours stays in this browser."),
    make("label", { for: "key", class: "label" }, "Key"),
    make("div", { class: "field" }, field),
  );
}

function showTranslatorTools() {
  show(
    byId("tools"),
    app.settings.apiKeys && iconButton("API key", KEY, askForKey),
    themeButton(() => {}),
    iconButton("Help", HELP, openHelp),
  );
}

async function start() {
  showTranslatorTools();
  try {
    [app.languages, app.settings] = await Promise.all([
      fetchJson("languages"),
      fetchJson("frontend/settings"),
    ]);
  } catch (error) {
    return showError(/** @type {Error} */ (error).message);
  }
  showTranslatorTools();
  const asked = new URLSearchParams(window.location.search);
  app.source = asked.get("source") ?? app.settings.language.source.code;
  app.target = asked.get("target") ?? app.settings.language.target.code;
  app.text = asked.get("q") ?? "";
  pickKnown();
  makeSource(app, { type: change, pick });
  makeTarget(app, { pick });
  makeFiles(app);
  byId("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) change(true);
  });
  showHistory(restore);
  change(true);
}

start();
