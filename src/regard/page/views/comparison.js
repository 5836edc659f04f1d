/** The comparison: the other model on the same sentence. */

import { make, show } from "../parts/dom.js";
import { MEAN_OF_HEADS, argmax, isTraditional, lastLayer, readable } from "../state/data.js";
import { MIN_WEIGHT, arrows } from "./arrows.js";
import { grid } from "../parts/figures.js";
import { matrix } from "./matrix.js";
import { candidateList } from "../parts/candidates.js";
import { modelLabel, otherLine } from "../parts/sentences.js";
import { colourScale, strip } from "../parts/vectors.js";
import { locate } from "../state/timeline.js";

/** @param {HTMLElement} container @param {App} app @returns {{update: () => void}} */
export function showComparison(container, app) {
  const { explanation, other } = app;
  container.textContent = "";
  if (!other) {
    show(container, invitation(app));
    return { update() {} };
  }
  const heading = make(
    "header",
    {},
    make("h2", {}, nameOf(other, explanation)),
    make(
      "p",
      {},
      isTraditional(other)
        ? "The same sentence, but only the final hidden state is passed on: one vector, the " +
            "same at every step."
        : isTraditional(explanation)
          ? "The same sentence, but all hidden states are passed on: a new context at every step."
          : "The same sentence, read by another model with attention.",
    ),
    make(
      "button",
      { type: "button", class: "swap", onclick: () => app.swap() },
      "Step through this model instead",
    ),
  );
  const body = make("div", { class: "comparison-body" });
  show(container, heading, body);
  if (app.view === "step") return stepComparison(body, app, other);
  if (app.view === "matrix") {
    show(
      body,
      matrix(
        grid(other, MEAN_OF_HEADS, app.byWords),
        `Weights of ${other.model.name}`,
        () => {},
        true,
      ),
      remark(other, "One straight column: at every step, all the weight is on the final state."),
    );
    return { update() {} };
  }
  const cells = grid(other, MEAN_OF_HEADS, app.byWords);
  const figure = arrows(cells, MIN_WEIGHT, () => {});
  show(
    body,
    figure.node,
    remark(
      other,
      "Every word depends on the final state alone: there is nothing else to attend to.",
    ),
  );
  return { update: figure.update };
}

/** @param {Explanation} other @param {Explanation} explanation */
function nameOf(other, explanation) {
  if (isTraditional(other) === isTraditional(explanation)) return `The model ${other.model.name}`;
  return isTraditional(other) ? "The traditional model" : "The attention model";
}

/** @param {Explanation} other @param {string} ofTraditional */
function remark(other, ofTraditional) {
  const text = isTraditional(other) ? ofTraditional : "Each word has its own weights.";
  return make("p", { class: "quiet" }, text);
}

/** @param {App} app */
function invitation({ explanation, live }) {
  if (isTraditional(explanation) && !live)
    return make(
      "p",
      { class: "notice" },
      "This is the traditional model: it gets one vector, the same at every step.",
    );
  return make(
    "div",
    { class: "notice" },
    make("h2", {}, "No second model to compare with"),
    make(
      "p",
      {},
      "See the traditional model on the same sentence: ",
      make("code", {}, "regard demo"),
      " trains both; ",
      make("code", {}, "regard explore --model A --model B"),
      " shows two of your own.",
    ),
  );
}

/**
 * The contexts of both models at each step, and the other model's next tokens.
 * @param {HTMLElement} body
 * @param {App} app
 * @param {Explanation} other
 */
function stepComparison(body, app, other) {
  const { explanation } = app;
  const columns = [contexts(explanation, other), contexts(other, explanation)];
  const next = make("section", { "aria-label": "Its next word" });
  const weights = make("section", { "aria-label": "Its weights" });
  show(
    body,
    otherLine(app),
    make("h3", {}, "What the decoder is given at each step"),
    make(
      "div",
      { class: "contexts-pair" },
      columns.map((column) => column.node),
    ),
    weights,
    next,
  );
  let shownStep = -2;
  return {
    update() {
      const { step, stage } = locate(explanation, app.position);
      columns.forEach((column) => column.update(step, stage));
      if (step === shownStep) return;
      shownStep = step;
      const otherStep = Math.min(step, other.target.tokens.length - 1);
      if (otherStep < 0)
        return show(next, make("p", { class: "quiet" }, "It reads the sentence in the same way."));
      show(
        next,
        make(
          "h3",
          {},
          step > otherStep
            ? "Its translation has already ended"
            : `Its step ${otherStep + 1}: the likeliest next tokens`,
        ),
        candidateList(other, otherStep, 4),
      );
      const best = argmax(other.weights[otherStep]);
      show(
        weights,
        make(
          "p",
          { class: "quiet" },
          `Its largest weight: ${other.weights[otherStep][best].toFixed(2)} at ` +
            `“${readable(other.source.tokens[best])}”.`,
        ),
      );
    },
  };
}

/** @param {Explanation} explanation @param {Explanation} other */
function contexts(explanation, other) {
  const layer = lastLayer(explanation);
  const scale = colourScale(layer.context);
  const rows = explanation.target.tokens.map((token, step) =>
    make(
      "li",
      { "data-step": step },
      make("span", { class: "token", dir: "auto" }, readable(token)),
      strip({
        name: `Context for “${readable(token)}”`,
        numbers: layer.context[step],
        scale,
        kind: "context",
      }),
    ),
  );
  const list = make("ol", { class: "contexts", "data-model": explanation.model.name }, rows);
  return {
    node: make("div", {}, make("h4", {}, modelLabel(explanation, other)), list),
    /** @param {number} step @param {number} stage */
    update(step, stage) {
      rows.forEach((row, number) => {
        row.classList.toggle("unwritten", number > step || (number === step && stage < 4));
        row.classList.toggle("current", number === step);
      });
      const row = rows[Math.min(step, rows.length - 1)];
      if (row && list.scrollHeight > list.clientHeight)
        list.scrollTop = row.offsetTop - list.clientHeight / 2;
    },
  };
}
