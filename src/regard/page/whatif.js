/** What if: a new sentence, a changed weight, a forbidden word, another next word. */

import { make, menu, place, show } from "./dom.js";
import { percent, readable } from "./data.js";
import { Trouble, ask } from "./server.js";
import { language } from "./sentences.js";

/**
 * What the user has changed, and how to ask the server for what then happens.
 * @param {any} app
 */
export function whatIf(app) {
  const wish = { push: [], beginning: [], beam: 1, model: "" };
  const confirmed = { push: [], beginning: [] }; // what the explanation that is shown was made with
  let weighing = false;
  let waiting = null; // the newest weight, while the answer to an older one is under way

  const question = (model, text) => ({
    model,
    text,
    beginning: wish.beginning,
    push: wish.push,
    beam: wish.beam,
    steps: 0,
  });

  /** Ask, show that something is under way, then the answer or the trouble. */
  async function send(path, body, arrive) {
    app.setBusy(true, path === "/api/explain");
    try {
      const answer = await ask("main", path, body);
      if (!answer) return;
      app.setBusy(false);
      showTrouble(null);
      wish.push = answer.explanation.push;
      Object.assign(confirmed, { push: wish.push, beginning: wish.beginning });
      arrive(answer.explanation);
    } catch (error) {
      app.setBusy(false);
      showTrouble(error);
      Object.assign(wish, confirmed);
      if (app.now) app.redrawChanges();
    }
  }

  const explain = (model, text, arrive) => {
    waiting = null;
    return send("/api/explain", question(model, text), arrive);
  };

  const again = () => explain(app.now.model.name, app.now.source.text, app.replace);

  return {
    wish,
    again,
    reset() {
      wish.push = [];
      wish.beginning = [];
      again();
    },
    /** Another sentence or another model: what was changed belonged to the former. */
    translate(model, text) {
      wish.push = [];
      wish.beginning = [];
      explain(model, text, (explanation) => {
        wish.model = "";
        app.begin(explanation);
        alongside(explanation);
      });
    },
    forbid(word, forbidden) {
      const places = word.tokens;
      wish.push = wish.push.filter(([step, at]) => step !== -1 || !places.includes(at));
      if (forbidden) wish.push = [...wish.push, ...places.map((at) => [-1, at, null])];
      again();
    },
    choose(step, id) {
      wish.beginning = [...app.now.target.ids.slice(0, step), id];
      wish.push = wish.push.filter(([at]) => at <= step);
      again();
    },
    /** A drag asks anew only when it is answered, so that each answer is seen. */
    async weigh(step, token, weight) {
      if (weighing) {
        waiting = [step, token, weight];
        return;
      }
      weighing = true;
      waiting = [step, token, weight];
      while (waiting) {
        const newest = waiting;
        waiting = null;
        await weighOnce(...newest);
      }
      weighing = false;
    },
    drop(pushes) {
      wish.push = wish.push.filter((one) => !pushes.includes(one));
      again();
    },
    dropBeginning() {
      wish.beginning = [];
      again();
    },
  };

  function weighOnce(step, token, weight) {
    // with the same changes the same words come again, but for those that a wider search found
    const isSearched = wish.beam > 1 && !wish.push.length && !wish.beginning.length;
    wish.beginning = (isSearched ? app.now.target.ids : wish.beginning).slice(0, step);
    wish.push = wish.push.filter(([at, where]) => at < step || (at === step && where !== token));
    const { model, source } = app.now;
    const body = { ...question(model.name, source.text), step, place: token, weight };
    return send("/api/weigh", body, app.replace);
  }

  /** The other model on the same sentence; if it fails, there is simply nothing beside. */
  async function alongside(explanation) {
    const model = app.otherModel(explanation.model.name);
    if (!model) return;
    const body = {
      model,
      text: explanation.source.text,
      beginning: [],
      push: [],
      beam: wish.beam,
      steps: 0,
    };
    try {
      const answer = await ask("other", "/api/explain", body);
      if (answer) app.setOther(answer.explanation);
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
    }
  }
}

/** What went wrong: what, where, what to do. */
export function showTrouble(error) {
  if (!error) return show(place("trouble"));
  show(
    place("trouble"),
    make(
      "div",
      { class: "trouble" },
      make("p", { class: "what" }, error.message),
      error.where && make("p", {}, make("span", { class: "quiet" }, "where: "), error.where),
      error.advice && make("p", {}, make("span", { class: "quiet" }, "to do: "), error.advice),
    ),
  );
}

/** The model that is asked next: the one that was chosen, or else the one that is shown. */
function modelToAsk(app) {
  const name = app.wish.model || app.now?.model.name;
  return app.models.find((one) => one.name === name) ?? app.now?.model ?? app.models[0];
}

function askFor(model) {
  const from = model?.languages ? language(model.languages[0]) : "the source language";
  return `A sentence in ${from}`;
}

/** The form for a sentence of one's own. */
export function showForm(room, app) {
  const model = modelToAsk(app);
  const field = make("textarea", {
    id: "sentence",
    name: "text",
    rows: "1",
    dir: "auto",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: askFor(model),
    onkeydown: (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    },
  });
  const shown = app.now?.source.text ?? "";
  const former = room.querySelector("textarea");
  field.value = former?.dataset.shown === shown ? former.value : shown; // what is being typed stays
  field.dataset.shown = shown;
  const names = app.models.map((one) => [one.name, one.name]);
  const pickModel = (name) => {
    const text = field.value.trim() || shown;
    app.wish.model = name;
    field.placeholder = askFor(modelToAsk(app));
    if (text) app.translate(name, text);
    else showWelcome(place("view"), app);
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
      menu("Search", beams, String(app.wish.beam), (size) => {
        app.wish.beam = Number(size);
        if (app.now) app.again();
      }),
    ),
  );
  room.hidden = false;
  show(room, form);
}

/** Before the first sentence: what there will be to see. */
export function showWelcome(room, app) {
  const model = modelToAsk(app);
  const example = "The black cat ate the mouse.";
  show(
    room,
    make(
      "div",
      { class: "welcome" },
      make("h2", {}, "See how a sentence is translated, step by step"),
      make(
        "p",
        {},
        "The encoder reads it token by token. Before each word it writes, the decoder " +
          "gives every hidden state of the encoder a score, makes weights of the scores, " +
          "and adds the states up by their weights. The traditional model is given the " +
          "final state alone.",
      ),
      make(
        "p",
        {},
        "Type a sentence above. Then change what you like: a weight, a word, the model.",
      ),
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

/** What was changed, as chips that can be taken away again. */
export function showChanges(room, app) {
  const { now } = app;
  if (!app.live) return show(room);
  const chips = [...forbiddenChips(app), ...weightChips(app), ...beginningChips(app)];
  const hint = make(
    "p",
    { class: "quiet" },
    app.canPush
      ? "What if? Click a word of your sentence to forbid it, drag a weight at the " +
          "soft-max, or click another next word."
      : "What if? Click another next word, and the model goes on from there.",
  );
  if (!chips.length) return show(room, now && hint);
  show(
    room,
    make(
      "div",
      { class: "chips", role: "group", "aria-label": "What you changed" },
      make("span", { class: "label" }, "You changed"),
      chips,
      make("button", { type: "button", class: "reset", onclick: () => app.reset() }, "Reset all"),
    ),
    app.wish.beam > 1 &&
      make(
        "p",
        { class: "quiet" },
        "After a change, the likeliest token is taken at each step, without a beam.",
      ),
  );
}

function chip(text, remove) {
  return make(
    "button",
    {
      type: "button",
      class: "chip",
      "aria-label": `${text}: take back`,
      title: "Take back",
      onclick: remove,
    },
    make("span", { dir: "auto" }, text),
    make("span", { "aria-hidden": "true" }, " ×"),
  );
}

function forbiddenChips(app) {
  return app.now.source.words
    .filter((word) => app.isForbidden(word))
    .map((word) => chip(`${word.text} → forbidden`, () => app.forbid(word, false)));
}

function weightChips(app) {
  const { now, wish } = app;
  return wish.push
    .filter((push) => push[0] >= 0)
    .map((push) => {
      const [step, token] = push;
      const weight = now.weights[step]?.[token];
      const text = `token ${step + 1}: ${readable(now.source.tokens[token])} → ${
        weight === undefined ? "changed" : percent(weight)
      }`;
      return chip(text, () => app.drop([push]));
    });
}

function beginningChips(app) {
  const { now, wish } = app;
  if (!wish.beginning.length || !now.given) return [];
  const text = now.target.tokens.slice(0, now.given).map(readable).join(" ");
  return [chip(`begins with: ${text}`, () => app.dropBeginning())];
}
