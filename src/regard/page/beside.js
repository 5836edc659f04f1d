/** Beside the attention model: the traditional one on the same sentence. */

import { make, show } from "./dom.js";
import { isTraditional, largest, readable } from "./data.js";
import { arrows } from "./arrows.js";
import { matrix } from "./matrix.js";
import { nextTokens } from "./next.js";
import { manner, otherLine } from "./sentences.js";
import { reach, strip } from "./strips.js";
import { at } from "./timeline.js";

const MEAN = { layer: -1, head: 0 };

/** @param {HTMLElement} room @param {any} app @returns {{update: () => void}} */
export function showBeside(room, app) {
  const { now, other } = app;
  room.textContent = "";
  if (!other) {
    show(room, invitation(app));
    return { update() {} };
  }
  const heading = make(
    "header",
    {},
    make("h2", {}, nameOf(other, now)),
    make(
      "p",
      {},
      isTraditional(other)
        ? "The same sentence, but only the final hidden state is passed on: one vector, the " +
            "same at every step."
        : isTraditional(now)
          ? "The same sentence, but all hidden states are passed on: a new context at every step."
          : "The same sentence, read by another model with attention.",
    ),
    make(
      "button",
      { type: "button", class: "swap", onclick: () => app.swap() },
      "Go through this one instead",
    ),
  );
  const body = make("div", { class: "beside-body" });
  show(room, heading, body);
  if (app.view === "step") return stepsBeside(body, app);
  if (app.view === "matrix") {
    show(
      body,
      matrix(other, MEAN, app.byWords, () => {}, true),
      remark(other, "One straight column: whatever it writes, it is given the final state alone."),
    );
    return { update() {} };
  }
  const figure = arrows(other, MEAN, app.byWords, () => {});
  show(
    body,
    figure.node,
    remark(other, "Every word hangs on the final state: it has nothing else to look at."),
  );
  return { update: figure.update };
}

function nameOf(other, now) {
  if (isTraditional(other) === isTraditional(now)) return `The model ${other.model.name}`;
  return isTraditional(other) ? "The traditional model" : "The attention model";
}

function remark(other, ofTraditional) {
  const text = isTraditional(other) ? ofTraditional : "Each word has weights of its own.";
  return make("p", { class: "quiet" }, text);
}

function invitation({ now, live }) {
  if (isTraditional(now) && !live)
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

/** The contexts of both models, step under step, and the other's next words. */
function stepsBeside(body, app) {
  const { now, other } = app;
  const columns = [contexts(now, other), contexts(other, now)];
  const next = make("section", { "aria-label": "Its next word" });
  const weights = make("section", { "aria-label": "Its weights" });
  show(
    body,
    otherLine(app),
    make("h3", {}, "What the decoder is given at each step"),
    make(
      "div",
      { class: "contexts-pair" },
      columns.map((one) => one.node),
    ),
    weights,
    next,
  );
  let shown = -2;
  return {
    update() {
      const { step, stage } = at(now, app.position);
      columns.forEach((one) => one.update(step, stage));
      if (step === shown) return;
      shown = step;
      const own = Math.min(step, other.target.tokens.length - 1);
      if (own < 0)
        return show(next, make("p", { class: "quiet" }, "It reads the sentence in the same way."));
      const ended = step > own;
      show(
        next,
        make(
          "h3",
          {},
          ended ? "It has ended already" : `Its step ${own + 1}: the likeliest next tokens`,
        ),
        nextTokens({ explanation: other, step: own, most: 4 }),
      );
      const best = largest(other.weights[own]);
      show(
        weights,
        make(
          "p",
          { class: "quiet" },
          `Its largest weight: ${other.weights[own][best].toFixed(2)} at ` +
            `“${readable(other.source.tokens[best])}”.`,
        ),
      );
    },
  };
}

function contexts(explanation, beside) {
  const layer = explanation.layers.at(-1);
  const full = reach(layer.context);
  const rows = explanation.target.tokens.map((token, step) =>
    make(
      "li",
      { "data-step": step },
      make("span", { class: "token", dir: "auto" }, readable(token)),
      strip({
        name: `Context for “${readable(token)}”`,
        numbers: layer.context[step],
        full,
        kind: "context",
      }),
    ),
  );
  const list = make("ol", { class: "contexts", "data-model": explanation.model.name }, rows);
  return {
    node: make("div", {}, make("h4", {}, manner(explanation, beside)), list),
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
