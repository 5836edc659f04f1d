/** The form for a new sentence, the introduction before the first one, and errors. */

import { byId, make, menu, show } from "./dom.js";
import { language } from "./sentences.js";

/** Show an error, or none. @param {ErrorParts | null} error */
export function showError(error) {
  if (!error) return show(byId("error"));
  show(
    byId("error"),
    make(
      "div",
      { class: "error" },
      make("p", { class: "what" }, error.message),
      error.where && make("p", {}, make("span", { class: "quiet" }, "where: "), error.where),
      error.advice && make("p", {}, make("span", { class: "quiet" }, "to do: "), error.advice),
    ),
  );
}

/** The model for the next sentence: the one that was chosen, or the one that is shown. @param {App} app */
function modelToAsk(app) {
  const name = app.changes.model || app.explanation?.model.name;
  return app.models.find((model) => model.name === name) ?? app.explanation?.model ?? app.models[0];
}

/** @param {Model} model */
function placeholder(model) {
  const from = model?.languages ? language(model.languages[0]) : "the source language";
  return `A sentence in ${from}`;
}

/** The form for a new sentence. @param {HTMLElement} container @param {App} app */
export function showForm(container, app) {
  const model = modelToAsk(app);
  const field = make("textarea", {
    id: "sentence",
    name: "text",
    rows: "1",
    dir: "auto",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: placeholder(model),
    onkeydown: (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    },
  });
  const shown = app.explanation?.source.text ?? "";
  const former = container.querySelector("textarea");
  field.value = former?.dataset.shown === shown ? former.value : shown; // keep unsent text
  field.dataset.shown = shown;
  const names = app.models.map(({ name }) => [name, name]);
  const pickModel = (/** @type {string} */ name) => {
    const text = field.value.trim() || shown;
    app.changes.model = name;
    field.placeholder = placeholder(modelToAsk(app));
    if (text) app.translate(name, text);
    else showWelcome(byId("view"), app);
  };
  const beams = [1, 2, 3, 5, 10].map((size) => [
    String(size),
    size === 1 ? "greedy" : `beam ${size}`,
  ]);
  const form = make(
    "form",
    {
      onsubmit: (event) => {
        event.preventDefault();
        if (field.value.trim()) app.translate(modelToAsk(app)?.name ?? "", field.value.trim());
      },
    },
    make("label", { for: "sentence" }, "Your sentence"),
    make(
      "div",
      { class: "field" },
      field,
      make("button", { type: "submit", class: "main" }, "Translate"),
    ),
    make(
      "div",
      { class: "menus" },
      names.length > 1 && menu("Model", names, model.name, pickModel),
      menu("Search", beams, String(app.changes.beam), (size) => {
        app.changes.beam = Number(size);
        if (app.explanation) app.askAgain();
      }),
    ),
  );
  container.hidden = false;
  show(container, form);
}

/** An introduction, before the first sentence. @param {HTMLElement} container @param {App} app */
export function showWelcome(container, app) {
  const model = modelToAsk(app);
  const example = "The black cat ate the mouse.";
  show(
    container,
    make(
      "div",
      { class: "welcome" },
      make("h2", {}, "See how a sentence is translated, step by step"),
      make(
        "p",
        {},
        "The encoder reads it token by token. Before each word it writes, the decoder " +
          "gives every hidden state of the encoder a score, turns the scores into weights, " +
          "and adds up the weighted states. The traditional model gets the final state alone.",
      ),
      make("p", {}, "Type a sentence above. Then change a weight, a word or the model."),
      model?.languages[0] === "en" &&
        make(
          "button",
          {
            type: "button",
            class: "main",
            onclick: () => app.translate(model.name, example),
          },
          `Begin with “${example}”`,
        ),
    ),
  );
}
