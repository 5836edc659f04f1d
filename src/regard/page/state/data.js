/** The explanations of the page, and functions that read one of them. */

import { byId } from "../parts/dom.js";

export const END = "</s>";
export const SHOWN_NUMBERS = 16; // of a vector, in its strip
export const MEAN_OF_HEADS = { layer: -1, head: 0 };

/** The data that Python put into the page. */
export function readData() {
  const data = JSON.parse(byId("data").textContent ?? "");
  return { ...data, explanations: (data.explanations || []).map(unpack) };
}

/** The explanation with its packed vectors as rows of numbers. @returns {Explanation} */
export function unpack(/** @type {any} */ explanation) {
  const layers = explanation.layers.map((/** @type {any} */ layer) => ({
    ...layer,
    hidden: rowsOf(layer.hidden),
    context: rowsOf(layer.context),
    output: rowsOf(layer.output),
  }));
  const [states, values] = [rowsOf(explanation.states), explanation.values.map(rowsOf)];
  return { ...explanation, layers, states, values };
}

/**
 * @param {number[][] | {float32: string, rows: number, columns: number}} packed
 * @returns {number[][]}
 */
function rowsOf(packed) {
  if (Array.isArray(packed)) return packed;
  const bytes = Uint8Array.from(atob(packed.float32), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Array.from({ length: packed.rows }, (_, row) =>
    Array.from({ length: packed.columns }, (_, column) =>
      view.getFloat32(4 * (row * packed.columns + column), true),
    ),
  );
}

/** Without attention the decoder gets the final state alone. @param {Explanation} explanation */
export function isTraditional(explanation) {
  return explanation.model.attention === "none";
}

/** @param {Explanation} explanation */
export function lastLayer(explanation) {
  return explanation.layers[explanation.layers.length - 1];
}

/** Each head of each layer. @param {Explanation} explanation @returns {HeadSelection[]} */
export function headsOf(explanation) {
  return explanation.layers.flatMap((layer, number) =>
    layer.weights.map((_, head) => ({ layer: number, head })),
  );
}

/**
 * The weights of one head, or the mean of the last layer's heads: target × source tokens.
 * @param {Explanation} explanation
 * @param {HeadSelection} selection
 */
export function weightsOf(explanation, selection) {
  if (selection.layer < 0) return explanation.weights;
  return explanation.layers[selection.layer].weights[selection.head];
}

/**
 * The weights between words: the sum over a source word's tokens, the mean over a target word's.
 * @param {Explanation} explanation
 * @param {HeadSelection} selection
 */
export function wordWeights(explanation, selection) {
  if (selection.layer < 0) return explanation.word_weights;
  const weights = weightsOf(explanation, selection);
  return explanation.target.words.map((target) =>
    explanation.source.words.map(
      (source) =>
        sum(target.tokens.map((t) => sum(source.tokens.map((s) => weights[t][s])))) /
        Math.max(1, target.tokens.length),
    ),
  );
}

/**
 * The part of an encoder state, or of a context, that belongs to one head.
 * @param {number[]} vector
 * @param {Explanation} explanation
 * @param {HeadSelection} selection
 */
export function headSlice(vector, explanation, selection) {
  const size = vector.length / explanation.layers[selection.layer].weights.length;
  return vector.slice(selection.head * size, (selection.head + 1) * size);
}

/**
 * What a decoder layer adds up: the encoder states, or its projection of these.
 * @param {Explanation} explanation
 * @param {HeadSelection} selection
 */
export function addedUp(explanation, selection) {
  return explanation.values[selection.layer] ?? explanation.states;
}

/**
 * The layers of self-attention of one side; none if it is recurrent.
 * @param {Explanation} explanation
 * @param {string} side
 */
export function selfAttentions(explanation, side) {
  return side === "encoder" ? explanation.encoder_attentions : explanation.decoder_attentions;
}

/**
 * The links of a word, the most probable first.
 * @param {Explanation} explanation
 * @param {string} side  source or target
 * @param {number} word
 */
export function linksOf({ alignment }, side, word) {
  const own = alignment.links.filter((link) => link[side === "source" ? 0 : 1] === word);
  return own.sort((one, other) => other[2] - one[2]);
}

/** @param {Explanation} explanation */
export function hasSelfAttention({ encoder_attentions, decoder_attentions }) {
  return encoder_attentions.length + decoder_attentions.length > 0;
}

/**
 * The weights of one head, or the mean of all heads for -1.
 * @param {number[][][]} heads
 * @param {number} head
 */
export function ownWeights(heads, head) {
  if (head >= 0) return heads[head];
  return heads[0].map((row, t) =>
    row.map((_, s) => sum(heads.map((weights) => weights[t][s])) / heads.length),
  );
}

/**
 * The words of a text, each with the rows of its tokens; with a first token before the text, each
 * token is one row later, and the last one has none.
 * @param {TokenizedText} text
 * @param {string | null} first
 */
export function wordsOfRows(text, first) {
  const words = text.words.map(({ text: name, tokens }) => ({
    name,
    rows: first === null ? tokens : tokens.map((token) => token + 1),
  }));
  const count = text.tokens.length;
  const all = first === null ? words : [{ name: first, rows: [0] }, ...words];
  return all
    .map(({ name, rows }) => ({ name, rows: rows.filter((row) => row < count) }))
    .filter(({ rows }) => rows.length > 0);
}

/**
 * A state multiplied by its weight, computed here.
 * @param {Explanation} explanation
 * @param {HeadSelection} selection
 * @param {number} step
 * @param {number} token
 */
export function weightedState(explanation, selection, step, token) {
  const weight = weightsOf(explanation, selection)[step][token];
  const state = headSlice(addedUp(explanation, selection)[token], explanation, selection);
  return state.map((number) => weight * number);
}

/** For each token the index of its word. @param {TokenizedText} text */
export function wordOfTokens(text) {
  const words = text.tokens.map(() => -1);
  text.words.forEach((word, number) => word.tokens.forEach((token) => (words[token] = number)));
  return words;
}

const SPACE = "␣"; // how a token that is a space alone is shown

/** A token as text, without the sign for a space. @param {string} token */
export function readable(token) {
  return token.replace(/^▁/, "").replaceAll("▁", " ") || SPACE;
}

/**
 * A token as text, with a hyphen where its word continues.
 * @param {TokenizedText} tokenized
 * @param {number} token
 */
export function piece(tokenized, token) {
  const word = tokenized.words.find(({ tokens }) => tokens.includes(token));
  const text = readable(tokenized.tokens[token]);
  if (!word || word.tokens.length < 2 || /^\p{P}+$/u.test(text)) return text;
  if (text === SPACE) return text;
  const first = word.tokens.find((index) => readable(tokenized.tokens[index]) !== SPACE) === token;
  const last = word.tokens.at(-1) === token;
  return `${first ? "" : "‑"}${text}${last ? "" : "‑"}`;
}

/**
 * The product of the probabilities of a word's tokens.
 * @param {Explanation} explanation
 * @param {{tokens: number[]}} word
 */
export function wordProbability(explanation, word) {
  return word.tokens.reduce((product, token) => product * explanation.probabilities[token], 1);
}

/**
 * The likeliest first tokens of a word, other than the one that was written, as text.
 * @param {Explanation} explanation
 * @param {{tokens: number[]}} word
 */
export function alternatives(explanation, word) {
  const [first] = word.tokens;
  return (explanation.next[first] ?? [])
    .filter(({ id }) => id !== explanation.target.ids[first])
    .slice(0, 3)
    .map(({ token, probability }) => `${readable(token)} ${percent(probability)}`)
    .join(" · ");
}

/** The index of the largest number; -1 if there are none. @param {number[]} numbers */
export function argmax(numbers) {
  let best = -1;
  numbers.forEach((number, index) => {
    if (best < 0 || number > numbers[best]) best = index;
  });
  return best;
}

/** @param {number[]} numbers */
export function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

/** 0.934 is 93 %; a percentage below 10 keeps one decimal place. @param {number} share */
export function percent(share) {
  const hundred = 100 * share;
  if (hundred === 0) return "0 %";
  if (hundred < 0.1) return "< 0.1 %";
  return `${hundred >= 9.95 ? Math.round(hundred) : hundred.toFixed(1)} %`;
}

/** A number that fits next to a bar. @param {number} number @param {number} digits */
export function formatNumber(number, digits = 2) {
  const text = number.toFixed(Math.abs(number) >= 100 ? 0 : digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}
