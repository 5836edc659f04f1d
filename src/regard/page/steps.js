/** Step by step: states, scores, weights, weighted states and their sum, the next words. */

import { draw, make, show } from "./dom.js";
import { scoreBar, scoreScale, weightDial } from "./bars.js";
import {
  END,
  isTraditional,
  largest,
  looksOf,
  piece,
  slice,
  weighted,
  weightsOf,
  wordOfTokens,
} from "./data.js";
import { openNumbers, reach, strip } from "./strips.js";
import { nextTokens } from "./next.js";
import { lookChoice, stageList } from "./stages.js";
import { STAGES, at } from "./timeline.js";

/** What each stage adds to the picture. */
const PARTS = ["hidden", "score", "weight", "multiplied", "sum", "together", "next"];
const HEADS = [
  ["state", "Encoder states"],
  ["score", "Score"],
  ["weight", "Weight"],
  ["multiplied", "Weight × state"],
];

/** @param {any} app @returns {{node: HTMLElement, update: () => void}} */
export function stepView(app) {
  const { now } = app;
  const full = {
    state: reach(now.states),
    hidden: reach(now.layers.at(-1).hidden),
    output: reach(now.layers.at(-1).output),
  };
  const rows = now.source.tokens.map((_, token) => tokenRow(app, token, full));
  const sumPlace = make("td", { class: "multiplied" });
  const hiddenPlace = make("div", { class: "card hidden-card" });
  const together = make("section", { class: "card together-card", "aria-label": "Together" });
  const next = make("section", { class: "card next-card", "aria-label": "Next word" });
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
    sumPlace,
  );
  const table = make(
    "table",
    { class: "states" },
    make("caption", { class: "unseen" }, "Encoder states, scores, weights and weighted states"),
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
    stages.told,
    lookChoice(app),
    make("div", { class: "left" }, hiddenPlace, frame, dragNote(app)),
    make("div", { class: "right" }, together, next),
  );

  let shown = -1;
  let shownOf = null;
  function update() {
    const { read, passed, step, stage } = at(app.now, app.position);
    node.dataset.stage = stage;
    node.dataset.passed = String(passed);
    // a changed weight shows at once what becomes of the next words
    const isChanged = step >= 0 && app.wish.push.some(([changed]) => changed === step);
    node.classList.toggle("changed", isChanged);
    const seen = isChanged ? STAGES.length : stage;
    PARTS.forEach((part, number) => node.classList.toggle(`later-${part}`, seen < number));
    stages.update();
    if (step >= 0 && (step !== shown || shownOf !== app.now)) {
      const scale = app.look.layer < 0 ? null : scoreScale(app.now, app.look);
      rows.forEach((row) => row.fill(step, scale));
      fillStep(app, step, full, { hiddenPlace, sumPlace, together, next });
      [shown, shownOf] = [step, app.now];
      if (document.activeElement?.role !== "slider")
        keepInSight(frame, rows[largest(weightsOf(app.now, app.look)[step])].node);
    }
    rows.forEach((row, token) => row.read(token < read, token === read - 1 && step < 0 && !passed));
    if (step < 0) keepInSight(frame, rows[Math.max(0, read - 1)].node);
  }
  return { node, update };
}

/** Scroll only the frame, never the page. */
function keepInSight(frame, row) {
  if (frame.scrollHeight <= frame.clientHeight) return;
  frame.scrollTop = row.offsetTop - frame.clientHeight / 2;
}

function fillStep(app, step, full, { hiddenPlace, sumPlace, together, next }) {
  const { now, look } = app;
  const layer = now.layers[Math.max(0, look.layer)];
  const written = now.target.tokens[step];
  const title = make(
    "p",
    { class: "card-title" },
    make("span", { class: "badge" }, `${step + 1}`),
    make("span", {}, "Decoder, hidden state"),
  );
  if (look.layer < 0) {
    show(hiddenPlace, title, make("p", { class: "quiet" }, "Choose one layer and head to see it."));
    show(sumPlace, make("span", { class: "quiet" }, "of each look, not of their mean"));
    show(together, make("h3", {}, "Together"), make("p", { class: "quiet" }, "Choose one look."));
  } else {
    const hidden = layer.hidden[step];
    const context = layer.context[step];
    const sliced = context.slice(...slice(now, look));
    const hiddenStrip = () =>
      strip({ name: "Hidden state", numbers: hidden, full: full.hidden, kind: "hidden" });
    show(hiddenPlace, title, hiddenStrip());
    show(sumPlace, strip({ name: "Context", numbers: sliced, full: full.state, kind: "context" }));
    show(
      together,
      make("h3", {}, "Context and hidden state, fed forward"),
      make(
        "div",
        { class: "pair" },
        labelled(
          "context",
          strip({ name: "Context", numbers: context, full: full.state, kind: "context" }),
        ),
        labelled("hidden state", hiddenStrip()),
      ),
      make("p", { class: "arrow", "aria-hidden": "true" }, arrow()),
      labelled(
        `fed forward${
          now.layers.length > 1 ? `, layer ${look.layer + 1} of ` + `${now.layers.length}` : ""
        }`,
        strip({
          name: "Fed forward",
          numbers: layer.output[step],
          full: full.output,
          kind: "output",
        }),
      ),
    );
  }
  show(
    next,
    make("h3", {}, "The likeliest next tokens"),
    nextTokens({ explanation: now, step, choose: app.live ? (id) => app.choose(step, id) : null }),
    make("p", { class: "quiet" }, nextNote(app, written)),
  );
}

function dragNote(app) {
  if (!app.canPush) return "";
  const many = looksOf(app.now).length > 1;
  return make(
    "p",
    { class: "quiet drag-note" },
    make("i", { "aria-hidden": "true" }),
    many
      ? "Drag a diamond: it is the weight in the last layer, the mean of its heads. The others follow."
      : "Drag a diamond to change a weight. The others follow.",
  );
}

function nextNote({ live }, written) {
  if (live) return "Click another one, and the model goes on from there.";
  return written === END ? "The translation ends here." : "The ticked one joins the translation.";
}

function arrow() {
  return draw(
    "svg",
    { viewBox: "0 0 24 18" },
    draw("path", {
      d: "M12 1v14M6 10l6 6 6-6",
      fill: "none",
      stroke: "currentColor",
      "stroke-width": 1.6,
    }),
  );
}

function labelled(text, node) {
  return make("div", { class: "labelled" }, node, make("span", { class: "quiet" }, text));
}

function tokenRow(app, token, full) {
  const { now, look } = app;
  const name = piece(now.source, token);
  const words = wordOfTokens(now.source);
  const mates = now.source.words[words[token]]?.tokens ?? [token];
  const known = {};
  const score = make("td", { class: "score" });
  const weight = make("td", { class: "weight" });
  const multiplied = make("td", { class: "multiplied" });
  const isEnd = now.source.tokens[token] === END;
  const details = make(
    "button",
    {
      type: "button",
      class: `token ${isEnd ? "end" : ""}`,
      dir: "auto",
      title: `${name}: all its numbers`,
      onclick: () => openNumbers(Object.values(known)),
    },
    name,
  );
  const state = now.states[token];
  known.state = { name: `State at “${name}”`, numbers: state, full: full.state };
  const node = make(
    "tr",
    { "data-token": token, class: partOf(mates, token) },
    make("th", { class: "name", scope: "row" }, details),
    make("td", { class: "state" }, strip({ ...known.state })),
    score,
    weight,
    multiplied,
  );
  const dial = weightDial(app, token, name);
  weight.append(dial.node);

  function fill(step, scale) {
    const explanation = app.now;
    node.classList.toggle("largest", largest(weightsOf(explanation, look)[step]) === token);
    dial.fill(step);
    if (!scale) {
      show(score, make("span", { class: "quiet" }, "–"));
      show(multiplied, make("span", { class: "quiet" }, "–"));
      return;
    }
    show(score, scoreBar(explanation.layers[look.layer].scores[look.head][step][token], scale));
    const numbers = weighted(explanation, look, step, token);
    known.weighted = { name: `Weight × state at “${name}”`, numbers, full: full.state };
    show(multiplied, strip({ ...known.weighted, kind: "weighted" }));
  }
  return {
    node,
    fill,
    read(isRead, isNow) {
      node.classList.toggle("unread", !isRead);
      node.classList.toggle("reading", isNow);
      node.classList.toggle("final", token === now.source.tokens.length - 1);
      node.classList.toggle(
        "kept-back",
        isTraditional(now) && token < now.source.tokens.length - 1,
      );
    },
  };
}

/** Pieces of one word are held together by a line beside them. */
function partOf(mates, token) {
  if (mates.length < 2) return "";
  const edges = [token === mates[0] && "first-part", token === mates.at(-1) && "last-part"];
  return ["part", ...edges.filter(Boolean)].join(" ");
}
