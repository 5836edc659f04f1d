/** The user's sentence, its translation, and the translation of the other model. */

import { make, show } from "./dom.js";
import {
  END,
  isTraditional,
  linksOf,
  percent,
  readable,
  weightsOf,
  wordOfTokens,
  wordProbability,
} from "../state/data.js";
import { locate } from "../state/timeline.js";

/** A language's English name, if the browser knows it. @param {string} code */
export function language(code) {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(code) || code;
  } catch {
    return code;
  }
}

/**
 * Which words of `after` are not in the longest common subsequence of both.
 * @param {string[]} before
 * @param {string[]} after
 */
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

/** The text before each word: mostly a space, none within `l'homme`. @param {TokenizedText} text */
function gaps(text) {
  let end = 0;
  return text.words.map((word, number) => {
    const start = text.text.indexOf(word.text, end);
    const gap = text.text.slice(end, start);
    if (start < 0 || gap.trim()) return " "; // </s> is in no text
    end = start + word.text.length;
    return number ? gap : "";
  });
}

const CLOSING = /^[\p{Pe}\p{Pf}\p{Po}\p{Pd}]+$/u;

/**
 * The words with their spaces; no line breaks before a comma or after an elision (`l'homme`).
 * @param {TokenizedText} text
 * @param {HTMLElement[]} nodes  one for each word
 */
export function runningText(text, nodes) {
  /** @type {Leaf[]} */
  const parts = [];
  const before = gaps(text);
  /** @type {HTMLElement | null} */
  let group = null;
  nodes.forEach((node, number) => {
    const isElided = number > 0 && /['’]$/.test(text.words[number - 1].text);
    const isJoined = !before[number] && (CLOSING.test(text.words[number].text) || isElided);
    if (!group || !isJoined) {
      group = make("span", { class: "joined" });
      parts.push(before[number], group);
    }
    group.append(node);
  });
  return parts;
}

/** @param {string} kind @param {string} label @param {string} lang @param {Child} words */
function line(kind, label, lang, words) {
  return make(
    "div",
    { class: `line ${kind}` },
    make("p", { class: "label" }, label),
    make("p", { class: "text", dir: "auto", lang }, words),
  );
}

/** @param {HTMLElement} container @param {App} app */
export function showSentences(container, app) {
  const { explanation } = app;
  const [from, to] = explanation.model.languages;
  const long = explanation.source.text.length > 110 ? "long" : "";
  container.className = `sentences ${long}`;
  show(
    container,
    line("source", language(from), from, sourceWords(app)),
    line("target", `${language(to)}, ${modelLabel(explanation, app.other)}`, to, targetWords(app)),
    otherLine(app),
  );
  linkWords(container, explanation);
  markSentences(container, app);
}

const MIN_SHOWN = 0.3; // less probable links do not light up

/**
 * Light up the words that are linked to the one that is pointed at, or that has the focus.
 * @param {HTMLElement} container
 * @param {Explanation} explanation
 */
function linkWords(container, explanation) {
  for (const [side, other] of [
    ["source", "target"],
    ["target", "source"],
  ]) {
    /** @type {NodeListOf<HTMLElement>} */
    const words = container.querySelectorAll(`.${side} .word`);
    words.forEach((word, number) => {
      const links = linksOf(explanation, side, number).filter((link) => link[2] > MIN_SHOWN);
      const linked = links.map((link) => link[other === "source" ? 0 : 1]);
      const light = (/** @type {boolean} */ on) => {
        word.classList.toggle("linked", on && linked.length > 0);
        for (const index of linked)
          container
            .querySelector(`.${other} .word[data-word="${index}"]`)
            ?.classList.toggle("linked", on);
      };
      word.addEventListener("pointerenter", () => light(true));
      word.addEventListener("pointerleave", () => light(false));
      word.addEventListener("focusin", () => light(true));
      word.addEventListener("focusout", () => light(false));
    });
  }
}

/** The other model's translation; words that are not in this model's are marked. @param {App} app */
export function otherLine({ explanation, other }) {
  if (!other) return null;
  const lang = other.model.languages[1];
  return line(
    "other",
    `${language(lang)}, ${modelLabel(other, explanation)}`,
    lang,
    otherWords(explanation, other),
  );
}

/**
 * The kind of a model, or its name if the other model is of the same kind.
 * @param {Explanation} explanation
 * @param {Explanation | null} other
 */
export function modelLabel(explanation, other) {
  const kind = kindOf(explanation);
  return other && kindOf(other) === kind ? explanation.model.name : kind;
}

/** @param {Explanation} explanation */
function kindOf(explanation) {
  if (isTraditional(explanation)) return "without attention";
  return explanation.model.attention === "uniform" ? "uniform attention" : "with attention";
}

/** @param {App} app */
function sourceWords({ explanation, canChange, isForbidden, forbid }) {
  const nodes = explanation.source.words.map((word, number) => {
    const attributes = { class: `word ${word.text === END ? "end" : ""}`, "data-word": number };
    if (!canChange) return make("span", attributes, word.text);
    const isOff = isForbidden(word);
    const what = isOff ? "allow attention to this word again" : "forbid attention to this word";
    return make(
      "button",
      {
        ...attributes,
        type: "button",
        "aria-pressed": String(isOff),
        "aria-label": `${word.text}: ${what}`,
        title: `${word.text}: ${what}`,
        onclick: () => forbid(word, !isOff),
      },
      word.text,
    );
  });
  return runningText(explanation.source, nodes);
}

/** @param {App} app */
function targetWords({ explanation, showStep }) {
  const nodes = explanation.target.words.map((word, number) => {
    const end = word.text === END;
    const texts = word.tokens.map((token) => readable(explanation.target.tokens[token]));
    const pieces =
      texts.join("") === word.text
        ? word.tokens.map((token, index) => part([token], texts[index]))
        : [part(word.tokens, word.text)]; // a character of several tokens, or a space after the word
    const about = `${word.text}, ${percent(wordProbability(explanation, word))}: see how it was chosen`;
    return make(
      "button",
      {
        type: "button",
        class: `word ${end ? "end" : ""}`,
        "data-word": number,
        "aria-label": about,
        title: about,
        onclick: () => showStep(word.tokens[word.tokens.length - 1]),
      },
      pieces,
    );
  });
  return runningText(explanation.target, nodes);
}

/** @param {number[]} tokens @param {string} text */
function part(tokens, text) {
  const [first, last] = [tokens[0], tokens.at(-1)];
  return make("span", { class: "piece", "data-first": first, "data-last": last }, text);
}

/** @param {Explanation} explanation @param {Explanation} other */
function otherWords(explanation, other) {
  const texts = (/** @type {TokenizedText} */ text) => text.words.map((word) => word.text);
  const differs = differing(texts(explanation.target), texts(other.target));
  const nodes = other.target.words.map((word, number) =>
    make(
      differs[number] ? "mark" : "span",
      { class: `word ${word.text === END ? "end" : ""}` },
      word.text,
    ),
  );
  return runningText(other.target, nodes);
}

/** Scroll long texts to the current word, and let keys scroll them. @param {HTMLElement} container */
function scrollTexts(container) {
  /** @type {NodeListOf<HTMLElement>} */
  const texts = container.querySelectorAll(".text");
  for (const text of texts) {
    const isLonger = text.scrollHeight > text.clientHeight + 2;
    if (isLonger) text.tabIndex = 0;
    else text.removeAttribute("tabindex");
    const current = text.querySelector(".current") ?? text.querySelector(".strongest");
    if (!isLonger || !current) continue;
    const [line, frame] = [current, text].map((node) => node.getBoundingClientRect().top);
    text.scrollTop += line - frame - text.clientHeight / 2;
  }
}

/**
 * Shade the source by the weights of this step, and hide what is not yet written.
 * @param {HTMLElement} container
 * @param {App} app
 */
export function markSentences(container, app) {
  const { explanation } = app;
  const stepping = app.view === "step";
  const { step, stage, read } = locate(explanation, app.position);
  const words = wordOfTokens(explanation.source);
  const shades = explanation.source.words.map(() => 0);
  if (stepping && step >= 0 && stage >= 2)
    weightsOf(explanation, app.selection)[step].forEach((weight, token) => {
      if (words[token] >= 0) shades[words[token]] += weight;
    });
  const most = Math.max(0.01, ...shades);
  /** @type {NodeListOf<HTMLElement>} */
  const sourceNodes = container.querySelectorAll(".source .word");
  for (const node of sourceNodes) {
    const number = Number(node.dataset.word);
    node.style.setProperty("--w", shades[number].toFixed(4));
    node.classList.toggle("strongest", shades[number] === most);
    const first = explanation.source.words[number].tokens[0] ?? 0;
    node.classList.toggle("unread", stepping && first >= read);
  }
  const written = step < 0 ? 0 : step + (stage === 6 ? 1 : 0);
  /** @type {NodeListOf<HTMLElement>} */
  const pieces = container.querySelectorAll(".target .piece");
  for (const node of pieces) {
    const [first, last] = [Number(node.dataset.first), Number(node.dataset.last)];
    node.classList.toggle("unwritten", stepping && first >= written);
    node.classList.toggle("current", stepping && first <= step && step <= last);
  }
  scrollTexts(container);
}
