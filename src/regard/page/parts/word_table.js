/** A table of the words of the translation: the numbers of the pictures as text. */

import { make } from "./dom.js";
import { alternatives, argmax, percent, wordProbability } from "../state/data.js";

const FINISH_REASONS = {
  eos: "The model ended it with </s>.",
  length: "It was cut at the maximum length.",
  repetition: "It repeated itself and was cut.",
};

/** @param {Explanation} explanation */
export function wordTable(explanation) {
  const { source, word_weights: weights } = explanation;
  const rows = explanation.target.words.map((word, row) => {
    const best = argmax(weights[row]);
    const probability = wordProbability(explanation, word);
    return make(
      "tr",
      { "data-word": row },
      make("th", { scope: "row", dir: "auto" }, word.text),
      make("td", { class: "number", "data-probability": probability }, percent(probability)),
      make("td", { dir: "auto", class: "most" }, source.words[best]?.text ?? ""),
      make("td", { class: "number" }, best < 0 ? "" : weights[row][best].toFixed(2)),
      make("td", { class: "quiet" }, alternatives(explanation, word)),
    );
  });
  const heads = [
    "Word",
    "Probability",
    "Attended most to",
    "Weight",
    "Alternatives to its first token",
  ];
  return make(
    "details",
    { class: "word-table" },
    make("summary", {}, "Every word in a table"),
    make(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Every word" },
      make(
        "table",
        {},
        make(
          "thead",
          {},
          make(
            "tr",
            {},
            heads.map((text) => make("th", { scope: "col" }, text)),
          ),
        ),
        make("tbody", {}, rows),
      ),
    ),
    make(
      "p",
      { class: "quiet" },
      `The translation has a log-probability of ${explanation.log_prob.toFixed(2)}. ` +
        `${FINISH_REASONS[explanation.finish_reason] ?? ""}`,
    ),
  );
}
