/** The word alignment: which word of the sentence each word of the translation translates. */

import { make } from "../parts/dom.js";
import { readout } from "../parts/figures.js";
import { linksOf } from "../state/data.js";
import { arrows } from "./arrows.js";

const MIN_PROBABILITY = 0.1; // less probable links are not drawn

/** @type {Record<string, string>} */
const ORIGINS = {
  head: "From the model's alignment head, which was trained to link words.",
  attention: "From the attention weights, for want of an alignment head: less reliable.",
  none: "This model has neither an alignment head nor attention, so there are no links.",
};

/** @param {App} app @returns {View} */
export function linksView({ explanation }) {
  const line = readout("Point at a word to see its links alone.");
  const figure = arrows(linkGrid(explanation), MIN_PROBABILITY, (row) =>
    line.say(...describeLinks(explanation, row)),
  );
  const node = make(
    "div",
    { class: "figure" },
    make("p", { class: "quiet" }, ORIGINS[explanation.alignment.method]),
    figure.node,
    line.node,
  );
  return { node, update: figure.update };
}

/** The words of both sides with the probabilities of their links. @returns {Grid} */
function linkGrid(/** @type {Explanation} */ { source, target, alignment }) {
  const weights = target.words.map(() => source.words.map(() => 0));
  for (const [from, to, probability] of alignment.links) weights[to][from] = probability;
  const texts = (/** @type {Word[]} */ words) => words.map(({ text }) => text);
  return { source: texts(source.words), target: texts(target.words), weights };
}

/** @param {Explanation} explanation @param {number} row */
function describeLinks(explanation, row) {
  const linked = linksOf(explanation, "target", row).map(([from, , probability]) => [
    make("b", { class: "of-source", dir: "auto" }, explanation.source.words[from].text),
    make("span", {}, ` (${probability.toFixed(2)}) `),
  ]);
  return [
    make("b", { class: "of-target", dir: "auto" }, explanation.target.words[row].text),
    make("span", {}, linked.length ? " translates " : " translates no word of the sentence."),
    ...linked.flat(),
  ];
}
