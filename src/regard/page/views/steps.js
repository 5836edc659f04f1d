/** Step by step: states, scores, weights, weighted states and their sum, the next words. */

import { make, makeSvg, show } from "../parts/dom.js";
import { scoreBar, scoreRange, weightBar } from "../parts/bars.js";
import {
  END,
  argmax,
  headSlice,
  headsOf,
  isTraditional,
  lastLayer,
  piece,
  weightedState,
  weightsOf,
  wordOfTokens,
} from "../state/data.js";
import { colourScale, openNumbers, strip } from "../parts/vectors.js";
import { candidateList } from "../parts/candidates.js";
import { headChoice, stageList } from "../parts/stages.js";
import { STAGES, locate } from "../state/timeline.js";

/** What each stage adds to the picture. */
const PARTS = ["hidden", "score", "weight", "multiplied", "sum", "together", "next"];
const HEADS = [
  ["state", "Encoder states"],
  ["score", "Score"],
  ["weight", "Weight"],
  ["multiplied", "Weight × state"],
];

/** @param {App} app @returns {View} */
export function stepView(app) {
  const { explanation } = app;
  const scales = {
    state: colourScale(explanation.states),
    hidden: colourScale(lastLayer(explanation).hidden),
    output: colourScale(lastLayer(explanation).output),
  };
  const rows = explanation.source.tokens.map((_, token) => tokenRow(app, token, scales));
  const cards = {
    context: make("td", { class: "multiplied" }),
    hidden: make("div", { class: "card hidden-card" }),
    together: make("section", { class: "card together-card", "aria-label": "Together" }),
    next: make("section", { class: "card next-card", "aria-label": "Next word" }),
  };
  const heads = make(
    "tr",
    {},
    make("th", { class: "name", scope: "col" }, "Token"),
    HEADS.map(([key, text]) => make("th", { class: key, scope: "col" }, text)),
  );
  const foot = make(
    "tr",
    {},
    make("th", { scope: "row", class: "name" }, "Context"),
    make("td", { class: "state" }),
    make("td", { class: "score" }),
    make("td", { class: "weight", "aria-hidden": "true" }, "their sum ="),
    cards.context,
  );
  const table = make(
    "table",
    { class: "states" },
    make(
      "caption",
      { class: "visually-hidden" },
      "Encoder states, scores, weights and weighted states",
    ),
    make("thead", {}, heads),
    make(
      "tbody",
      {},
      rows.map((row) => row.node),
    ),
    make("tfoot", {}, foot),
  );
  const frame = make(
    "div",
    { class: "frame", tabindex: "0", role: "region", "aria-label": "The encoder states" },
    table,
  );
  const stages = stageList(app);
  const node = make(
    "div",
    { class: "steps" },
    stages.nav,
    stages.description,
    headChoice(app),
    make("div", { class: "left" }, cards.hidden, frame, dragNote(app)),
    make("div", { class: "right" }, cards.together, cards.next),
  );

  let shownStep = -1;
  /** @type {Explanation | null} */
  let shownExplanation = null;
  function update() {
    const { read, passed, step, stage } = locate(app.explanation, app.position);
    node.dataset.stage = String(stage);
    node.dataset.passed = String(passed);
    // after a changed weight, the next words are shown at once
    const isChanged = step >= 0 && app.changes.scoreChanges.some(([changed]) => changed === step);
    node.classList.toggle("changed", isChanged);
    const seen = isChanged ? STAGES.length : stage;
    PARTS.forEach((part, number) => node.classList.toggle(`later-${part}`, seen < number));
    stages.update();
    if (step >= 0 && (step !== shownStep || shownExplanation !== app.explanation)) {
      const range = app.selection.layer < 0 ? null : scoreRange(app.explanation, app.selection);
      rows.forEach((row) => row.update(step, range));
      updateCards(app, step, scales, cards);
      [shownStep, shownExplanation] = [step, app.explanation];
      if (document.activeElement?.role !== "slider")
        keepInSight(frame, rows[argmax(weightsOf(app.explanation, app.selection)[step])].node);
    }
    rows.forEach((row, token) => row.read(token < read, token === read - 1 && step < 0 && !passed));
    if (step < 0) keepInSight(frame, rows[Math.max(0, read - 1)].node);
  }
  return { node, update };
}

/** Scroll the frame, not the page. @param {HTMLElement} frame @param {HTMLElement} row */
function keepInSight(frame, row) {
  if (frame.scrollHeight <= frame.clientHeight) return;
  frame.scrollTop = row.offsetTop - frame.clientHeight / 2;
}

/**
 * @param {App} app
 * @param {number} step
 * @param {{state: number, hidden: number, output: number}} scales
 * @param {Record<"context" | "hidden" | "together" | "next", HTMLElement>} cards
 */
function updateCards(app, step, scales, cards) {
  const { explanation, selection } = app;
  const layer = explanation.layers[Math.max(0, selection.layer)];
  const written = explanation.target.tokens[step];
  const title = make(
    "p",
    { class: "card-title" },
    make("span", { class: "badge" }, `${step + 1}`),
    make("span", {}, "Decoder, hidden state"),
  );
  if (selection.layer < 0) {
    const hint = () => make("p", { class: "quiet" }, "Choose one layer and head to see it.");
    show(cards.hidden, title, hint());
    show(cards.context, make("span", { class: "quiet" }, "Each head has its own."));
    show(cards.together, make("h3", {}, "Together"), hint());
  } else {
    const hidden = layer.hidden[step];
    const context = layer.context[step];
    const ofHead = headSlice(context, explanation, selection);
    const hiddenStrip = () =>
      strip({ name: "Hidden state", numbers: hidden, scale: scales.hidden, kind: "hidden" });
    const contextStrip = (/** @type {number[]} */ numbers) =>
      strip({ name: "Context", numbers, scale: scales.state, kind: "context" });
    const count = explanation.layers.length;
    show(cards.hidden, title, hiddenStrip());
    show(cards.context, contextStrip(ofHead));
    show(
      cards.together,
      make("h3", {}, "Context and hidden state, fed forward"),
      make(
        "div",
        { class: "pair" },
        labelled("context", contextStrip(context)),
        labelled("hidden state", hiddenStrip()),
      ),
      make("p", { class: "arrow", "aria-hidden": "true" }, arrow()),
      labelled(
        `fed forward${count > 1 ? `, layer ${selection.layer + 1} of ${count}` : ""}`,
        strip({
          name: "Fed forward",
          numbers: layer.output[step],
          scale: scales.output,
          kind: "output",
        }),
      ),
    );
  }
  const choose = app.live ? (/** @type {number} */ id) => app.choose(step, id) : null;
  show(
    cards.next,
    make("h3", {}, "The likeliest next tokens"),
    candidateList(explanation, step, 8, choose),
    make("p", { class: "quiet" }, nextNote(app, written)),
  );
}

/** @param {App} app */
function dragNote(app) {
  if (!app.canChange) return "";
  return make(
    "p",
    { class: "quiet drag-note" },
    make("i", { "aria-hidden": "true" }),
    headsOf(app.explanation).length > 1
      ? "Drag a diamond to change a weight, which is the mean of the last layer's heads. The others follow."
      : "Drag a diamond to change a weight. The others follow.",
  );
}

/** @param {App} app @param {string} written */
function nextNote({ live }, written) {
  if (live) return "Click another token, and the model continues from there.";
  return written === END ? "The translation ends here." : "The ticked token joins the translation.";
}

function arrow() {
  return makeSvg(
    "svg",
    { viewBox: "0 0 24 18" },
    makeSvg("path", {
      d: "M12 1v14M6 10l6 6 6-6",
      fill: "none",
      stroke: "currentColor",
      "stroke-width": 1.6,
    }),
  );
}

/** @param {string} text @param {HTMLElement} node */
function labelled(text, node) {
  return make("div", { class: "labelled" }, node, make("span", { class: "quiet" }, text));
}

/**
 * @param {App} app
 * @param {number} token
 * @param {{state: number}} scales
 */
function tokenRow(app, token, scales) {
  const { explanation, selection } = app;
  const name = piece(explanation.source, token);
  const words = wordOfTokens(explanation.source);
  const siblings = explanation.source.words[words[token]]?.tokens ?? [token];
  const score = make("td", { class: "score" });
  const weight = make("td", { class: "weight" });
  const multiplied = make("td", { class: "multiplied" });
  const isEnd = explanation.source.tokens[token] === END;
  const state = {
    name: `State at “${name}”`,
    numbers: explanation.states[token],
    scale: scales.state,
  };
  let vectors = [state];
  const details = make(
    "button",
    {
      type: "button",
      class: `token ${isEnd ? "end" : ""}`,
      dir: "auto",
      title: `${name}: all its numbers`,
      onclick: () => openNumbers(vectors),
    },
    name,
  );
  const node = make(
    "tr",
    { "data-token": token, class: partClass(siblings, token) },
    make("th", { class: "name", scope: "row" }, details),
    make("td", { class: "state" }, strip(state)),
    score,
    weight,
    multiplied,
  );
  const bar = weightBar(app, token, name);
  weight.append(bar.node);

  /** @param {number} step @param {ScoreRange | null} range */
  function update(step, range) {
    const current = app.explanation;
    node.classList.toggle("largest", argmax(weightsOf(current, selection)[step]) === token);
    bar.update(step);
    if (!range) {
      show(score, make("span", { class: "quiet" }, "–"));
      show(multiplied, make("span", { class: "quiet" }, "–"));
      return;
    }
    const scores = current.layers[selection.layer].scores[selection.head];
    show(score, scoreBar(scores[step][token], range));
    const numbers = weightedState(current, selection, step, token);
    const weighted = { name: `Weight × state at “${name}”`, numbers, scale: scales.state };
    vectors = [state, weighted];
    show(multiplied, strip({ ...weighted, kind: "weighted" }));
  }
  return {
    node,
    update,
    /** @param {boolean} isRead @param {boolean} isNow */
    read(isRead, isNow) {
      node.classList.toggle("unread", !isRead);
      node.classList.toggle("reading", isNow);
      node.classList.toggle("final", token === explanation.source.tokens.length - 1);
      node.classList.toggle(
        "not-passed",
        isTraditional(explanation) && token < explanation.source.tokens.length - 1,
      );
    },
  };
}

/**
 * The classes of a token that is one of several in its word: a line joins them.
 * @param {number[]} siblings  the tokens of the word
 * @param {number} token
 */
function partClass(siblings, token) {
  if (siblings.length < 2) return "";
  const edges = [token === siblings[0] && "first-part", token === siblings.at(-1) && "last-part"];
  return ["part", ...edges.filter(Boolean)].join(" ");
}
