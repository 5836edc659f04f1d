/** What the user has changed. */

import { make, show } from "./dom.js";
import { percent, readable } from "../state/data.js";

/** The changes as chips; a click undoes one. @param {HTMLElement} container @param {App} app */
export function showChanges(container, app) {
  if (!app.live) return show(container);
  const chips = [...forbiddenChips(app), ...weightChips(app), ...prefixChips(app)];
  const hint = make(
    "p",
    { class: "quiet" },
    app.canChange
      ? "What if? Click a word of your sentence to forbid it, drag a weight at the " +
          "softmax, or click another next word."
      : "What if? Click another next word, and the model continues from there.",
  );
  if (!chips.length) return show(container, hint);
  show(
    container,
    make(
      "div",
      { class: "chips", role: "group", "aria-label": "What you changed" },
      make("span", { class: "label" }, "You changed"),
      chips,
      make("button", { type: "button", class: "reset", onclick: () => app.reset() }, "Reset all"),
    ),
    app.changes.beam > 1 &&
      make(
        "p",
        { class: "quiet" },
        "After a change, the search is greedy: it takes the likeliest token at each step.",
      ),
  );
}

/** @param {string} text @param {() => void} remove */
function chip(text, remove) {
  return make(
    "button",
    {
      type: "button",
      class: "chip",
      "aria-label": `${text}: undo`,
      title: "Undo",
      onclick: remove,
    },
    make("span", { dir: "auto" }, text),
    make("span", { "aria-hidden": "true" }, " ×"),
  );
}

/** @param {App} app */
function forbiddenChips(app) {
  return app.explanation.source.words
    .filter((word) => app.isForbidden(word))
    .map((word) => chip(`${word.text} → forbidden`, () => app.forbid(word, false)));
}

/** @param {App} app */
function weightChips(app) {
  const { explanation, changes } = app;
  return changes.scoreChanges
    .filter((change) => change[0] >= 0)
    .map((change) => {
      const [step, token] = change;
      const weight = explanation.weights[step]?.[token];
      const text = `token ${step + 1}: ${readable(explanation.source.tokens[token])} → ${
        weight === undefined ? "changed" : percent(weight)
      }`;
      return chip(text, () => app.removeScoreChanges([change]));
    });
}

/** @param {App} app */
function prefixChips(app) {
  const { explanation, changes } = app;
  if (!changes.prefix.length || !explanation.prefix_length) return [];
  const text = explanation.target.tokens
    .slice(0, explanation.prefix_length)
    .map(readable)
    .join(" ");
  return [chip(`begins with: ${text}`, () => app.removePrefix())];
}
