/** The likeliest next tokens as bars; on the live page each can be chosen. */

import { make } from "./dom.js";
import { END, percent, readable } from "../state/data.js";

/**
 * @param {Explanation} explanation
 * @param {number} step
 * @param {number} count  of tokens; the written one is added if it is not among them
 * @param {((id: number) => void) | null} choose
 */
export function candidateList(explanation, step, count = 8, choose = null) {
  const written = explanation.target.ids[step];
  const candidates = explanation.next[step].slice(0, count);
  if (!candidates.some(({ id }) => id === written))
    candidates.push({
      id: written,
      token: explanation.target.tokens[step],
      probability: explanation.probabilities[step],
    });
  return make(
    "ol",
    { class: "next", "data-step": step },
    candidates.map((candidate) => candidateRow(candidate, candidate.id === written, choose)),
  );
}

/**
 * @param {Candidate} candidate
 * @param {boolean} isWritten
 * @param {((id: number) => void) | null} choose
 */
function candidateRow({ id, token, probability }, isWritten, choose) {
  const inside = [
    make("span", { class: `token ${token === END ? "end" : ""}`, dir: "auto" }, readable(token)),
    make(
      "span",
      { class: "bar", "aria-hidden": "true" },
      make("i", { css: { "--w": probability } }),
    ),
    make("span", { class: "number" }, percent(probability)),
    make("span", { class: "tick", "aria-hidden": "true" }, isWritten ? "✓" : ""),
    isWritten && make("span", { class: "visually-hidden" }, ", written"),
  ];
  const attributes = { "data-id": id, "data-probability": probability };
  if (!choose || isWritten)
    return make("li", { class: isWritten ? "written" : "", ...attributes }, inside);
  const what = "continue with this token instead";
  const button = make(
    "button",
    { type: "button", title: what, onclick: () => choose(id) },
    inside,
    make("span", { class: "visually-hidden" }, `, ${what}`),
  );
  return make("li", attributes, button);
}
