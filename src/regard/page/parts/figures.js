/** What matrix, arrows and long view share: their choices, and the line about a word. */

import { choice, make, show } from "./dom.js";
import {
  alternatives,
  argmax,
  percent,
  piece,
  weightsOf,
  wordProbability,
  wordWeights,
} from "../state/data.js";

/**
 * Words or tokens on both sides, and the weights between them.
 * @param {Explanation} explanation
 * @param {HeadSelection} selection
 * @param {boolean} byWords
 * @returns {Grid}
 */
export function grid(explanation, selection, byWords) {
  const { source, target } = explanation;
  if (byWords)
    return {
      source: source.words.map((word) => word.text),
      target: target.words.map((word) => word.text),
      weights: wordWeights(explanation, selection),
    };
  return {
    source: source.tokens.map((_, token) => piece(source, token)),
    target: target.tokens.map((_, token) => piece(target, token)),
    weights: weightsOf(explanation, selection),
  };
}

/** Choose words or tokens. @param {App} app */
export function unitChoice(app) {
  const options = [
    ["words", "Words"],
    ["tokens", "Subwords"],
  ];
  return choice("Units", options, app.byWords ? "words" : "tokens", (value) => {
    app.setUnits(value === "words");
  });
}

/** The colours of the weights from 0 to 1. */
export function legend() {
  return make(
    "div",
    { class: "legend" },
    make("span", {}, "0"),
    make("i", { role: "img", "aria-label": "Colour scale of the weights from 0 to 1" }),
    make("span", {}, "1"),
    make("span", { class: "quiet" }, "weight"),
  );
}

/**
 * One target word or token: its probability, its largest weight, its alternatives.
 * @param {Explanation} explanation
 * @param {HeadSelection} selection
 * @param {boolean} byWords
 * @param {number} row
 */
export function describeWord(explanation, selection, byWords, row) {
  const { source, target, weights } = grid(explanation, selection, byWords);
  const word = byWords ? explanation.target.words[row] : { tokens: [row] };
  const best = argmax(weights[row] ?? []);
  const others = alternatives(explanation, word);
  return [
    make("b", { class: "of-target", dir: "auto" }, target[row]),
    make("span", {}, ` has a probability of ${percent(wordProbability(explanation, word))}`),
    best >= 0 && make("span", {}, ", and attended most to "),
    best >= 0 && make("b", { class: "of-source", dir: "auto" }, source[best]),
    best >= 0 && make("span", {}, ` (weight ${weights[row][best].toFixed(2)})`),
    others && make("span", { class: "quiet" }, `. Alternatives: ${others}`),
  ];
}

/** The line below a figure about what is pointed at. @param {string} hint */
export function readout(hint) {
  const node = make("p", { class: "readout" }, make("span", { class: "quiet" }, hint));
  return { node, say: (/** @type {Child[]} */ ...parts) => show(node, ...parts) };
}

const LIGHT_INK_WEIGHT = 0.64; // above it, text needs the other colour, in both themes

/** Set an element's background to its weight. @param {HTMLElement} node @param {number} weight */
export function shade(node, weight) {
  node.style.setProperty("--w", weight.toFixed(4));
  node.classList.toggle("strong", weight > LIGHT_INK_WEIGHT);
}
