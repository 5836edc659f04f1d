/** What matrix, arrows and long view share: their choices, and the line that reads a word out. */

import { choice, make, show } from "./dom.js";
import { largest, percent, piece, readable, weightsOf, wordProb, wordWeights } from "./data.js";

/**
 * Words or subwords on both sides, and the weights between them.
 * @typedef {{source: string[], target: string[], weights: number[][]}} Grid
 * @returns {Grid}
 */
export function grid(explanation, look, byWords) {
  const { source, target } = explanation;
  if (byWords)
    return {
      source: source.words.map((word) => word.text),
      target: target.words.map((word) => word.text),
      weights: wordWeights(explanation, look),
    };
  return {
    source: source.tokens.map((_, token) => piece(source, token)),
    target: target.tokens.map((_, token) => piece(target, token)),
    weights: weightsOf(explanation, look),
  };
}

/** Words or tokens: a switch. */
export function unitChoice(app) {
  const options = [
    ["words", "Words"],
    ["tokens", "Subwords"],
  ];
  return choice("Units", options, app.byWords ? "words" : "tokens", (value) => {
    app.setUnits(value === "words");
  });
}

/** From no weight to all of it, in colours. */
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

/** What there is to say about one target word (or token). @returns {HTMLElement[]} */
export function about(explanation, look, byWords, row) {
  const { source, target, weights } = grid(explanation, look, byWords);
  const word = byWords ? explanation.target.words[row] : { tokens: [row] };
  const best = largest(weights[row] ?? []);
  const first = word.tokens[0];
  const others = (explanation.next[first] ?? [])
    .filter((one) => one.id !== explanation.target.ids[first])
    .slice(0, 3);
  return [
    make("b", { class: "of-target", dir: "auto" }, target[row]),
    make("span", {}, ` has a probability of ${percent(wordProb(explanation, word))}`),
    best >= 0 && make("span", {}, ", and looked most at "),
    best >= 0 && make("b", { class: "of-source", dir: "auto" }, source[best]),
    best >= 0 && make("span", {}, ` (weight ${weights[row][best].toFixed(2)})`),
    others.length > 0 &&
      make(
        "span",
        { class: "quiet" },
        `. Runners-up: ${others
          .map((one) => `${readable(one.token)} ` + `${percent(one.prob)}`)
          .join(" · ")}`,
      ),
  ].filter(Boolean);
}

/** The line below a figure that says what is pointed at. */
export function readout(hint) {
  const node = make("p", { class: "readout" }, make("span", { class: "quiet" }, hint));
  return { node, say: (...parts) => show(node, ...parts) };
}

const INK_TURNS = 0.64; // the weight from which the ground calls for the other ink, in both themes

/** A weight's ground, and whether its ink is the light or the dark one. */
export function shade(node, weight) {
  node.style.setProperty("--w", weight.toFixed(4));
  node.classList.toggle("strong", weight > INK_TURNS);
}
