/** What if: a new sentence, a changed weight, a forbidden word, another next word. */

import { byId, make, menu, show } from "./dom.js";
import { percent, readable } from "./data.js";
import { ServerError, request } from "./server.js";
import { language } from "./sentences.js";

/**
 * The changes of the user, and the requests for what the model then does.
 * @param {App} app
 * @returns {WhatIf}
 */
export function whatIf(app) {
  /** @type {Changes} */
  const changes = { scoreChanges: [], prefix: [], beam: 1, model: "" };
  /** The changes with which the explanation that is shown was made. */
  let confirmed = { scoreChanges: changes.scoreChanges, prefix: changes.prefix };
  let isSending = false;
  /** @type {[number, number, number] | null} */
  let waiting = null; // the newest weight, while an older one is being sent

  const question = (/** @type {string} */ model, /** @type {string} */ text) => ({
    model,
    text,
    prefix: changes.prefix,
    score_changes: changes.scoreChanges,
    beam: changes.beam,
    steps: 0,
  });

  /**
   * Send a request, and show that it is pending, then its answer or its error.
   * @param {string} path
   * @param {object} body
   * @param {(explanation: Explanation) => void} onAnswer
   */
  async function send(path, body, onAnswer) {
    app.setBusy(true, path === "/api/explain");
    try {
      const explanation = await request("main", path, body);
      if (!explanation) return;
      app.setBusy(false);
      showError(null);
      changes.scoreChanges = explanation.score_changes;
      confirmed = { scoreChanges: changes.scoreChanges, prefix: changes.prefix };
      onAnswer(explanation);
    } catch (error) {
      app.setBusy(false);
      showError(/** @type {ServerError} */ (error));
      Object.assign(changes, confirmed);
      if (app.explanation) app.redrawChanges();
    }
  }

  /** @type {(model: string, text: string, onAnswer: (answer: Explanation) => void) => Promise<void>} */
  const explain = (model, text, onAnswer) => {
    waiting = null;
    return send("/api/explain", question(model, text), onAnswer);
  };

  const askAgain = () => {
    const { model, source } = app.explanation;
    return explain(model.name, source.text, app.replace);
  };

  return {
    changes,
    askAgain,
    reset() {
      changes.scoreChanges = [];
      changes.prefix = [];
      askAgain();
    },
    /** Changes belong to a sentence and a model; another one begins without any. */
    translate(model, text) {
      changes.scoreChanges = [];
      changes.prefix = [];
      explain(model, text, (explanation) => {
        changes.model = "";
        app.open(explanation);
        translateForComparison(explanation);
      });
    },
    forbid({ tokens }, isForbidden) {
      changes.scoreChanges = changes.scoreChanges.filter(
        ([step, token]) => step !== -1 || !tokens.includes(token),
      );
      if (isForbidden) for (const token of tokens) changes.scoreChanges.push([-1, token, null]);
      askAgain();
    },
    choose(step, id) {
      changes.prefix = [...app.explanation.target.ids.slice(0, step), id];
      changes.scoreChanges = changes.scoreChanges.filter(([changed]) => changed <= step);
      askAgain();
    },
    /** While a weight is being sent, only the newest one waits, so that each answer is seen. */
    async setWeight(step, token, weight) {
      waiting = [step, token, weight];
      if (isSending) return;
      isSending = true;
      while (waiting) {
        /** @type {[number, number, number]} */
        const newest = waiting;
        waiting = null;
        await sendWeight(...newest);
      }
      isSending = false;
    },
    removeScoreChanges(removed) {
      changes.scoreChanges = changes.scoreChanges.filter((change) => !removed.includes(change));
      askAgain();
    },
    removePrefix() {
      changes.prefix = [];
      askAgain();
    },
  };

  /** @param {number} step @param {number} token @param {number} weight */
  function sendWeight(step, token, weight) {
    // the same changes give the same tokens again, except those that a beam search found
    const isSearched = changes.beam > 1 && !changes.scoreChanges.length && !changes.prefix.length;
    changes.prefix = (isSearched ? app.explanation.target.ids : changes.prefix).slice(0, step);
    changes.scoreChanges = changes.scoreChanges.filter(
      ([changed, other]) => changed < step || (changed === step && other !== token),
    );
    const { model, source } = app.explanation;
    const body = { ...question(model.name, source.text), step, source_token: token, weight };
    return send("/api/set-weight", body, app.replace);
  }

  /**
   * Translate with the other model; if that fails, there is no comparison.
   * @param {Explanation} explanation
   */
  async function translateForComparison({ model, source }) {
    const other = app.otherModel(model.name);
    if (!other) return;
    const body = { ...question(other, source.text), prefix: [], score_changes: [] };
    try {
      const explanation = await request("other", "/api/explain", body);
      if (explanation) app.setOther(explanation);
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
    }
  }
}

/** Show an error in three parts, or none. @param {ServerError | null} error */
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

/** The changes as chips; a click undoes one. @param {HTMLElement} container @param {App} app */
export function showChanges(container, app) {
  if (!app.live) return show(container);
  const chips = [...forbiddenChips(app), ...weightChips(app), ...prefixChips(app)];
  const hint = make(
    "p",
    { class: "quiet" },
    app.canChange
      ? "What if? Click a word of your sentence to forbid it, drag a weight at the " +
          "soft-max, or click another next word."
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
