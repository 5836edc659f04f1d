/** Self-attention as a heat map: each token of a sentence, and what it takes from its own sentence. */

import { choice, make, menu } from "../parts/dom.js";
import { legend, readout, unitChoice } from "../parts/figures.js";
import { ownWeights, piece, selfAttentions, wordsOfRows } from "../state/data.js";
import { cellText, matrix } from "./matrix.js";

const SENTENCES = [
  ["encoder", "Source"],
  ["decoder", "Translation"],
];
const START = "<s>";
const MEAN = -1;

/** @param {App} app @returns {View} */
export function ownWordsView(app) {
  const line = readout("Point at a cell, or move with the arrow keys, to read its weight.");
  const { side } = app.ownSelection;
  const sides = SENTENCES.filter(([key]) => selfAttentions(app.explanation, key).length);
  const cells = ownGrid(app);
  const node = make(
    "div",
    { class: `figure own-${side}` },
    make(
      "div",
      { class: "bar-row" },
      sides.length > 1 &&
        choice("Sentence", sides, side, (value) => app.setOwnSelection({ side: value })),
      unitChoice(app),
      layerMenu(app),
      headMenu(app),
      legend(),
    ),
    make("p", { class: "quiet note" }, whatIsShown(app.explanation.model, side)),
    matrix(cells, `Self-attention of ${app.explanation.model.name}`, (row, column) =>
      line.say(...cellText(cells, row, column, side === "encoder" ? "of-source" : "of-target")),
    ),
    line.node,
  );
  return { node, update() {} };
}

/** @param {Model} model @param {string} side */
function whatIsShown({ encoder }, side) {
  return side === "encoder" && encoder === "bidirectional"
    ? "Each word attends to all words of its own sentence. A row is a word; its weights say from " +
        "which words its new state is added up."
    : "Each word attends to the words before it and to itself, not to what comes later.";
}

/** @param {App} app */
function layerMenu(app) {
  const { side, layer } = app.ownSelection;
  const layers = selfAttentions(app.explanation, side);
  if (layers.length < 2) return "";
  const options = layers.map((_, number) => [String(number), `${number + 1} of ${layers.length}`]);
  return menu("Layer", options, String(layer), (value) =>
    app.setOwnSelection({ layer: Number(value) }),
  );
}

/** @param {App} app */
function headMenu(app) {
  const { side, layer, head } = app.ownSelection;
  const heads = selfAttentions(app.explanation, side)[layer].weights;
  if (heads.length < 2) return "";
  const options = heads.map((_, number) => [String(number), `${number + 1} of ${heads.length}`]);
  options.push([String(MEAN), "mean of all"]);
  return menu("Head", options, String(head), (value) =>
    app.setOwnSelection({ head: Number(value) }),
  );
}

/** @param {App} app @returns {Grid} */
function ownGrid(app) {
  const { explanation, ownSelection } = app;
  const { side, layer, head } = ownSelection;
  const { weights } = selfAttentions(explanation, side)[layer];
  const tokens = ownWeights(weights, head);
  const text = side === "encoder" ? explanation.source : explanation.target;
  const names = text.tokens.map((_, token) => piece(text, token));
  // what the decoder reads is one token behind what it writes
  const rows = side === "encoder" ? names : [START, ...names.slice(0, -1)];
  if (!app.byWords) return { source: rows, target: rows, weights: tokens };
  const words = wordsOfRows(text, side === "decoder" ? START : null);
  const mean = (/** @type {number[]} */ values) =>
    values.reduce((total, value) => total + value, 0) / values.length;
  return {
    source: words.map(({ name }) => name),
    target: words.map(({ name }) => name),
    weights: words.map((row) =>
      words.map((column) =>
        mean(row.rows.map((t) => column.rows.reduce((total, s) => total + tokens[t][s], 0))),
      ),
    ),
  };
}
