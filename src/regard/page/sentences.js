/** The user's sentence, its translation, and under it what the other model makes of it. */

import { make, show } from "./dom.js";
import {
  END,
  isTraditional,
  percent,
  readable,
  weightsOf,
  wordOfTokens,
  wordProb,
} from "./data.js";
import { at } from "./timeline.js";

/** A language's English name, where the browser knows it. */
export function language(code) {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(code) || code;
  } catch {
    return code;
  }
}

/** Which words of `after` are not in the longest common part of both. @returns {boolean[]} */
export function differing(before, after) {
  const table = Array.from({ length: before.length + 1 }, () => Array(after.length + 1).fill(0));
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      table[i][j] =
        before[i] === after[j]
          ? table[i + 1][j + 1] + 1
          : Math.max(table[i + 1][j], table[i][j + 1]);
  const differs = after.map(() => true);
  for (let i = 0, j = 0; i < before.length && j < after.length;)
    if (before[i] === after[j]) {
      differs[j++] = false;
      i++;
    } else if (table[i + 1][j] >= table[i][j + 1]) i++;
    else j++;
  return differs;
}

/** What stands before each word in its text: mostly a space; none before the pieces of `l'homme`. */
function gaps(side) {
  let behind = 0;
  return side.words.map(({ text }, number) => {
    const at = side.text.indexOf(text, behind);
    const gap = side.text.slice(behind, at);
    if (at < 0 || gap.trim()) return " "; // </s> is in no text
    behind = at + text.length;
    return number ? gap : "";
  });
}

const CLOSING = /^[\p{Pe}\p{Pf}\p{Po}\p{Pd}]+$/u;

/** The words with their spaces; no line breaks before a comma or behind an elision (`l'homme`). */
export function running(side, nodes) {
  const parts = [];
  const before = gaps(side);
  let group = null;
  nodes.forEach((node, number) => {
    const text = side.words[number].text;
    const isElided = number > 0 && /['’]$/.test(side.words[number - 1].text);
    const isJoined = !before[number] && (CLOSING.test(text) || isElided);
    if (!group || !isJoined) {
      group = make("span", { class: "joined" });
      parts.push(before[number], group);
    }
    group.append(node);
  });
  return parts;
}

function line(kind, label, lang, words) {
  return make(
    "div",
    { class: `line ${kind}` },
    make("p", { class: "label" }, label),
    make("p", { class: "text", dir: "auto", lang }, words),
  );
}

/** @param {HTMLElement} room @param {any} app */
export function showSentences(room, app) {
  const { now } = app;
  const [from, to] = now.model.languages;
  const long = now.source.text.length > 110 ? "long" : "";
  room.className = `sentences ${long}`;
  show(
    room,
    line("source", language(from), from, sourceWords(app)),
    line("target", `${language(to)}, ${manner(now, app.other)}`, to, targetWords(app)),
    otherLine(app),
  );
  markSentences(room, app);
}

/** The other model's translation, the words marked that are not in this one's. */
export function otherLine({ now, other }) {
  if (!other) return null;
  const lang = other.model.languages[1];
  return line("other", `${language(lang)}, ${manner(other, now)}`, lang, otherWords(now, other));
}

/** What tells a model from the one beside it, in two words, or else by its name. */
export function manner(explanation, beside) {
  const kind = kindOf(explanation);
  return beside && kindOf(beside) === kind ? explanation.model.name : kind;
}

function kindOf(explanation) {
  if (isTraditional(explanation)) return "without attention";
  return explanation.model.attention === "uniform" ? "every state alike" : "with attention";
}

function sourceWords({ now, canPush, isForbidden, forbid }) {
  const nodes = now.source.words.map((word, number) => {
    const attributes = { class: `word ${word.text === END ? "end" : ""}`, "data-word": number };
    if (!canPush) return make("span", attributes, word.text);
    const forbidden = isForbidden(word);
    const what = forbidden ? "allow the model to look here again" : "forbid the model to look here";
    return make(
      "button",
      {
        ...attributes,
        type: "button",
        "aria-pressed": String(forbidden),
        "aria-label": `${word.text}: ${what}`,
        title: `${word.text}: ${what}`,
        onclick: () => forbid(word, !forbidden),
      },
      word.text,
    );
  });
  return running(now.source, nodes);
}

function targetWords({ now, showStep }) {
  const nodes = now.target.words.map((word, number) => {
    const end = word.text === END;
    const texts = word.tokens.map((token) => readable(now.target.tokens[token]));
    const pieces =
      texts.join("") === word.text
        ? word.tokens.map((token, at) => part([token], texts[at]))
        : [part(word.tokens, word.text)]; // letters of several bytes, a space behind the word
    const about = `${word.text}, ${percent(wordProb(now, word))}: see how it was chosen`;
    return make(
      "button",
      {
        type: "button",
        class: `word ${end ? "end" : ""}`,
        "data-word": number,
        "aria-label": about,
        title: about,
        onclick: () => showStep(word.tokens.at(-1)),
      },
      pieces,
    );
  });
  return running(now.target, nodes);
}

function part(tokens, text) {
  const [first, last] = [tokens[0], tokens.at(-1)];
  return make("span", { class: "piece", "data-first": first, "data-last": last }, text);
}

function otherWords(now, other) {
  const texts = (side) => side.words.map((word) => word.text);
  const differs = differing(texts(now.target), texts(other.target));
  const nodes = other.target.words.map((word, number) =>
    make(
      differs[number] ? "mark" : "span",
      { class: `word ${word.text === END ? "end" : ""}` },
      word.text,
    ),
  );
  return running(other.target, nodes);
}

/** Where a long text scrolls in its lines: what happens now stays in sight, and keys can scroll. */
function scrollTexts(room) {
  for (const text of room.querySelectorAll(".text")) {
    const isLonger = text.scrollHeight > text.clientHeight + 2;
    if (isLonger) text.tabIndex = 0;
    else text.removeAttribute("tabindex");
    const now = text.querySelector(".current") ?? text.querySelector(".strongest");
    if (!isLonger || !now) continue;
    const [line, frame] = [now, text].map((one) => one.getBoundingClientRect().top);
    text.scrollTop += line - frame - text.clientHeight / 2;
  }
}

/** Shade the source by the weights of this step, and hide what is not yet written. */
export function markSentences(room, app) {
  const { now } = app;
  const stepping = app.view === "step";
  const { step, stage, read } = at(now, app.position);
  const words = wordOfTokens(now.source);
  const shades = now.source.words.map(() => 0);
  if (stepping && step >= 0 && stage >= 2)
    weightsOf(now, app.look)[step].forEach((one, token) => {
      if (words[token] >= 0) shades[words[token]] += one;
    });
  const most = Math.max(0.01, ...shades);
  for (const node of room.querySelectorAll(".source .word")) {
    const number = Number(node.dataset.word);
    node.style.setProperty("--w", shades[number].toFixed(4));
    node.classList.toggle("strongest", shades[number] === most);
    const first = now.source.words[number].tokens[0] ?? 0;
    node.classList.toggle("unread", stepping && first >= read);
  }
  const written = step < 0 ? 0 : step + (stage === 6 ? 1 : 0);
  for (const node of room.querySelectorAll(".target .piece")) {
    const [first, last] = [Number(node.dataset.first), Number(node.dataset.last)];
    node.classList.toggle("unwritten", stepping && first >= written);
    node.classList.toggle("current", stepping && first <= step && step <= last);
  }
  scrollTexts(room);
}
