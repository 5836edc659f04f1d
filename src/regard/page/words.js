/** Every word of the translation in a table: what a picture shows, to be read. */

import { make } from "./dom.js";
import { largest, percent, readable, wordProb } from "./data.js";

const ENDINGS = {
  end: "It ended by itself.",
  limit: "It was cut at its longest.",
  repetition: "It went in circles and was cut.",
};

/** @param {any} explanation */
export function wordTable(explanation) {
  const { source, target, word_weights: weights, next, log_prob: logProb, ending } = explanation;
  const rows = target.words.map((word, row) => {
    const best = largest(weights[row]);
    const others = (next[word.tokens[0]] ?? [])
      .filter((one) => one.id !== target.ids[word.tokens[0]])
      .slice(0, 3);
    return make(
      "tr",
      { "data-word": row },
      make("th", { scope: "row", dir: "auto" }, word.text),
      make(
        "td",
        { class: "number", "data-prob": wordProb(explanation, word) },
        percent(wordProb(explanation, word)),
      ),
      make("td", { dir: "auto", class: "most" }, source.words[best]?.text ?? ""),
      make("td", { class: "number" }, best < 0 ? "" : weights[row][best].toFixed(2)),
      make(
        "td",
        { class: "quiet" },
        others.map((one) => `${readable(one.token)} ${percent(one.prob)}`).join(" · "),
      ),
    );
  });
  const heads = [
    "Word",
    "Probability",
    "Looked most at",
    "Weight",
    "Runners-up for its first token",
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
      `The whole translation has a log-probability of ${logProb.toFixed(2)}. ` +
        `${ENDINGS[ending] ?? ""}`,
    ),
  );
}
