/** The explanations as the page reads them, and what can be asked of one. */

import { place } from "./dom.js";

/**
 * @typedef {{text: string, tokens: number[]}} Word
 * @typedef {{text: string, tokens: string[], ids: number[], words: Word[]}} Side
 * @typedef {{hidden: number[][], scores: (number|null)[][][], weights: number[][][],
 *   context: number[][], output: number[][]}} Layer
 * @typedef {{id: number, token: string, prob: number}} Candidate
 * @typedef {{model: any, source: Side, target: Side, given: number, log_prob: number,
 *   ending: string, states: number[][], layers: Layer[], weights: number[][],
 *   word_weights: number[][], next: Candidate[][], prob: number[], caveat: string,
 *   push: [number, number, number|null][]}} Explanation
 * @typedef {{layer: number, head: number}} Look  `layer` -1 is the last one, the mean of its heads
 */

export const END = "</s>";
export const SHOWN = 16; // numbers of a vector that its strip shows

/** What Python put into the page. */
export function given() {
  const data = JSON.parse(place("data").textContent);
  return { ...data, explanations: (data.explanations || []).map(unpack) };
}

/** @returns {Explanation} with its long vectors as rows of numbers. */
export function unpack(explanation) {
  const layers = explanation.layers.map((layer) => ({
    ...layer,
    hidden: rowsOf(layer.hidden),
    context: rowsOf(layer.context),
    output: rowsOf(layer.output),
  }));
  return { ...explanation, layers, states: rowsOf(explanation.states) };
}

/** @returns {number[][]} */
function rowsOf(packed) {
  if (Array.isArray(packed)) return packed;
  const bytes = Uint8Array.from(atob(packed.float32), (sign) => sign.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Array.from({ length: packed.rows }, (_, row) =>
    Array.from({ length: packed.columns }, (_, column) =>
      view.getFloat32(4 * (row * packed.columns + column), true),
    ),
  );
}

/** A model without attention: the decoder gets the final state alone. */
export function isTraditional(explanation) {
  return explanation.model.attention === "none";
}

/** All looks of a model: one for each head of each layer. @returns {Look[]} */
export function looksOf(explanation) {
  return explanation.layers.flatMap((layer, number) =>
    layer.weights.map((_, head) => ({ layer: number, head })),
  );
}

/** The weights of one look, or those of the last layer on average. @returns {number[][]} */
export function weightsOf(explanation, look) {
  if (look.layer < 0) return explanation.weights;
  return explanation.layers[look.layer].weights[look.head];
}

/** The same between words: summed over a source word's tokens, averaged over a target word's. */
export function wordWeights(explanation, look) {
  if (look.layer < 0) return explanation.word_weights;
  const weights = weightsOf(explanation, look);
  return explanation.target.words.map((target) =>
    explanation.source.words.map(
      (source) =>
        sum(target.tokens.map((t) => sum(source.tokens.map((s) => weights[t][s])))) /
        Math.max(1, target.tokens.length),
    ),
  );
}

/** The part of every encoder state that one head weighs. @returns {[number, number]} */
export function slice(explanation, look) {
  const heads = explanation.layers[look.layer].weights.length;
  const size = explanation.states[0].length / heads;
  return [look.head * size, (look.head + 1) * size];
}

/** A state multiplied by its weight: computed here from what the model gave. */
export function weighted(explanation, look, step, token) {
  const weight = weightsOf(explanation, look)[step][token];
  return explanation.states[token].slice(...slice(explanation, look)).map((one) => weight * one);
}

/** For each token the number of its word. @param {Side} side @returns {number[]} */
export function wordOfTokens(side) {
  const words = side.tokens.map(() => -1);
  side.words.forEach((word, number) => word.tokens.forEach((token) => (words[token] = number)));
  return words;
}

const SPACE = "␣"; // how a token is shown that is a space alone

/** A subword as people read it: the sign for a space left out. */
export function readable(token) {
  return token.replace(/^▁/, "").replaceAll("▁", " ") || SPACE;
}

/** A subword with dashes where its word goes on. */
export function piece(side, token) {
  const word = side.words.find((one) => one.tokens.includes(token));
  const text = readable(side.tokens[token]);
  if (!word || word.tokens.length < 2 || /^\p{P}+$/u.test(text)) return text;
  if (text === SPACE) return text;
  const first = word.tokens.find((one) => readable(side.tokens[one]) !== SPACE) === token;
  const last = word.tokens.at(-1) === token;
  return `${first ? "" : "‑"}${text}${last ? "" : "‑"}`;
}

/** The probability of a whole word: that of its tokens, one after the other. */
export function wordProb(explanation, word) {
  return word.tokens.reduce((product, token) => product * explanation.prob[token], 1);
}

/** The place of the largest number; -1 where there is none. */
export function largest(numbers) {
  let best = -1;
  numbers.forEach((one, at) => {
    if (one !== null && (best < 0 || one > numbers[best])) best = at;
  });
  return best;
}

export function sum(numbers) {
  return numbers.reduce((total, one) => total + one, 0);
}

/** 0.934 is 93 %; small ones keep a digit that says something. */
export function percent(share) {
  const hundred = 100 * share;
  if (hundred === 0) return "0 %";
  if (hundred < 0.1) return "< 0.1 %";
  return `${hundred >= 9.95 ? Math.round(hundred) : hundred.toFixed(1)} %`;
}

/** A number with as many digits as fit beside a bar. */
export function short(number, digits = 2) {
  const text = number.toFixed(Math.abs(number) >= 100 ? 0 : digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}
