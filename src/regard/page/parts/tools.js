/** The edges of the page: the theme, the help, the facts about the models. */

import { make, byId, show, iconButton } from "./dom.js";
import { openDialog, themeButton } from "./theme.js";

const QUESTION =
  "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm-1 14h2v2h-2zm1-10a4 4 0 0 1 4 4c0 2.6-3 2.9-3 5h-2c0-3.2 3-3.4 3-5a2 2 0 0 0-4 0H8a4 4 0 0 1 4-4z";
const KEYS = [
  ["Space", "play or pause"],
  ["→  ←", "one stage forward, one back"],
  ["Shift →  Shift ←", "one token forward, one back"],
  ["Home  End", "to the beginning, to the end"],
  ["1  2  3  4  5  6", "step by step, matrix, arrows, long view, own words (of a Transformer), links"],
  ["?", "this help"],
];
/** @param {() => void} onTheme */
export function showTools(onTheme) {
  show(
    byId("tools"),
    themeButton(onTheme),
    iconButton("Help: keys and colours", QUESTION, openHelp),
  );
}

export function openHelp() {
  const keys = KEYS.map(([key, what]) => [
    make("dt", {}, make("kbd", {}, key)),
    make("dd", {}, what),
  ]);
  const colours = [
    ["of-source", "the sentence that is read"],
    ["of-target", "the translation that is written"],
    ["of-weight", "a weight, from 0 to 1: the stronger the colour, the larger"],
  ].map(([kind, what]) => make("li", {}, make("i", { class: `swatch ${kind}` }), what));
  const vector = make(
    "li",
    {},
    make("i", { class: "swatch diverging" }),
    "the numbers of a vector, from negative over zero to positive; click a strip to see " +
      "all of them",
  );
  openDialog(
    "How to use this page",
    make(
      "p",
      {},
      "The page shows how the model translates, stage by stage. Every number is what the " +
        "model computed for this sentence.",
    ),
    make("h3", {}, "Keys"),
    make("dl", {}, keys.flat()),
    make(
      "p",
      { class: "quiet" },
      "On a touch screen, swipe left or right for one stage forward or back.",
    ),
    make("h3", {}, "Colours"),
    make("ul", { class: "colours" }, colours, vector),
  );
}

/** The layers of both sides, and their types. @param {Model} model */
function layerTypes(model) {
  const sides = [model.encoder_layers, model.decoder_layers];
  const types = [model.encoder_layer_type, model.decoder_layer_type].map(typeName);
  return types[0] === types[1]
    ? `${sides.join(" + ")} ${types[0]}`
    : `${sides[0]} ${types[0]} + ${sides[1]} ${types[1]}`;
}

/** @param {string} type */
function typeName(type) {
  return type === "self-attention" ? type : type.toUpperCase();
}

/** The sizes and kinds of the models. @param {HTMLElement} container @param {App} app */
export function showFacts(container, app) {
  const models = app.other ? [app.explanation.model, app.other.model] : [app.explanation.model];
  show(
    container,
    models.map((model) =>
      make(
        "p",
        {},
        make("b", {}, model.name),
        ` (${model.languages.join(" → ")}): attention ${model.attention}, ` +
          `encoder ${model.encoder}; layers ${layerTypes(model)}, heads ${model.heads}; `,
        `states of ${model.encoder_size} numbers, hidden states of ${model.decoder_size}, embeddings ` +
          `of ${model.embedding_size}.`,
      ),
    ),
    !app.live &&
      make(
        "p",
        { class: "what-if" },
        "What if it looked elsewhere? This page is a file with one translation. On the live " +
          "page you can drag weights, forbid words, choose other words and type your own " +
          "sentences: ",
        make("code", {}, "regard explore"),
      ),
  );
}
