/** The page: its state, its drawing and its keys. */

import { byId, make, show } from "./parts/dom.js";
import {
  MEAN_OF_HEADS,
  hasSelfAttention,
  isTraditional,
  readData,
  selfAttentions,
} from "./state/data.js";
import { arrowsView } from "./views/arrows.js";
import { showComparison } from "./views/comparison.js";
import { linksView } from "./views/links.js";
import { longView } from "./views/long_view.js";
import { matrixView } from "./views/matrix.js";
import { ownWordsView } from "./views/own_words.js";
import { player, swipes } from "./parts/player.js";
import { markSentences, showSentences } from "./parts/sentences.js";
import { fetchModels } from "./state/server.js";
import { stepView } from "./views/steps.js";
import {
  describe,
  firstStepPosition,
  locate,
  positionCount,
  positionOf,
} from "./state/timeline.js";
import { openHelp, showFacts, showTools } from "./parts/tools.js";
import { showChanges } from "./parts/changes.js";
import { showForm, showWelcome } from "./parts/form.js";
import { whatIf } from "./state/what_if.js";
import { wordTable } from "./parts/word_table.js";

const VIEWS = [
  { key: "step", name: "Step by step", build: stepView },
  { key: "matrix", name: "Matrix", build: matrixView },
  { key: "arrows", name: "Arrows", build: arrowsView },
  { key: "long", name: "Long view", build: longView },
  { key: "own", name: "Own words", build: ownWordsView },
  { key: "links", name: "Links", build: linksView },
];
/** @param {Explanation} explanation */
function viewsOf(explanation) {
  return VIEWS.filter(({ key }) => key !== "own" || hasSelfAttention(explanation));
}

/** @type {Record<string, number>} */
const ARROW_KEYS = { ArrowRight: 1, ArrowLeft: -1 };

const data = readData();
/** @type {Explanation[]} */
const explanations = data.explanations;
const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");

const app = /** @type {App} */ ({
  live: data.live,
  models: data.facts ?? explanations.map(({ model }) => model),
  explanation: explanations.find((shown) => !isTraditional(shown)) ?? explanations[0] ?? null,
  other: null,
  position: 0,
  stepSelection: MEAN_OF_HEADS,
  figureSelection: MEAN_OF_HEADS,
  ownSelection: { side: "encoder", layer: 0, head: -1 },
  view: "step",
  byWords: true,
  speed: 1,
  playing: false,
  player: null,

  /** Not on a static page, and not without attention: then there is only one state to attend to. */
  get canChange() {
    return app.live && app.explanation !== null && !isTraditional(app.explanation);
  },
  get selection() {
    return app.view === "step" ? app.stepSelection : app.figureSelection;
  },
  goTo(position) {
    app.position = Math.max(0, Math.min(positionCount(app.explanation) - 1, position));
    move();
  },
  goToStage(stage) {
    const { step } = locate(app.explanation, app.position);
    app.player?.stop();
    app.goTo(positionOf(app.explanation, Math.max(0, step), stage));
  },
  showStep(token) {
    app.player?.stop();
    if (app.view !== "step") app.setView("step");
    app.goTo(positionOf(app.explanation, token, 6));
  },
  setView(view) {
    app.view = view;
    render();
  },
  setSelection(selection) {
    if (app.view === "step") app.stepSelection = selection;
    else app.figureSelection = selection;
    render();
  },
  setOwnSelection(changed) {
    const side = changed.side ?? app.ownSelection.side;
    const isKept = side === app.ownSelection.side;
    app.ownSelection = isKept ? { ...app.ownSelection, ...changed } : lastOwn(app.explanation, side);
    render();
  },
  setUnits(byWords) {
    app.byWords = byWords;
    render();
  },
  /** The page is dimmed, except while a weight is dragged. */
  setBusy(busy, isDim = false) {
    document.body.classList.toggle("busy", busy && isDim);
    byId("main").setAttribute("aria-busy", String(busy));
  },
  isForbidden: (word) =>
    word.tokens.length > 0 &&
    word.tokens.every((token) =>
      app.changes.scoreChanges.some(
        ([step, changed, amount]) => step === -1 && changed === token && amount === null,
      ),
    ),
  /** Show the same sentence after a change, at the same position. */
  replace(explanation) {
    app.explanation = explanation;
    app.position = Math.min(app.position, positionCount(explanation) - 1);
    render(app.view === "step");
  },
  /** Step through the other model, and compare with this one. */
  swap() {
    const { explanation, other, position } = app;
    if (!other) return;
    if (app.live) return app.translate(other.model.name, explanation.source.text);
    app.open(other);
    app.position = Math.min(position, positionCount(other) - 1);
    app.setOther(explanation);
  },
  /** Show a new sentence, or the same one by another model. */
  open(explanation) {
    app.explanation = explanation;
    app.other = null;
    app.position = firstStepPosition(explanation) - 1;
    app.stepSelection = lastLayerSelection(explanation);
    app.figureSelection = figureDefault(explanation);
    app.ownSelection = ownDefault(explanation);
    if (!app.models.some(({ name }) => name === explanation.model.name))
      app.models.push(explanation.model);
    render();
  },
  /** After a change that failed. */
  redrawChanges() {
    showSentences(byId("sentences"), app);
    showChanges(byId("changes"), app);
    view?.update();
  },
  setOther(explanation) {
    app.other = explanation;
    render();
  },
  otherModel(name) {
    const model = app.models.find((known) => known.name === name);
    return (model && companionOf(model, app.models)?.name) ?? null;
  },
});
Object.assign(app, whatIf(app));

/** The first head of the last layer. @param {Explanation} explanation @returns {HeadSelection} */
function lastLayerSelection(explanation) {
  return { layer: explanation.layers.length - 1, head: 0 };
}

/** What a figure shows at first. @param {Explanation} explanation @returns {HeadSelection} */
function figureDefault(explanation) {
  return explanation.model.heads > 1 ? MEAN_OF_HEADS : lastLayerSelection(explanation);
}

/**
 * The last layer of one side's self-attention, the mean of its heads.
 * @param {Explanation} explanation
 * @param {string} side
 * @returns {OwnSelection}
 */
function lastOwn(explanation, side) {
  return { side, layer: selfAttentions(explanation, side).length - 1, head: -1 };
}

/** @param {Explanation} explanation */
function ownDefault(explanation) {
  return lastOwn(explanation, explanation.encoder_attentions.length ? "encoder" : "decoder");
}

/**
 * The model to compare with: the first of the other kind (with or without attention), or the first.
 * @param {Model} model
 * @param {Model[]} all
 */
function companionOf(model, all) {
  const isWithout = (/** @type {Model} */ { attention }) => attention === "none";
  const others = all.filter(({ name }) => name !== model.name);
  return others.find((other) => isWithout(other) !== isWithout(model)) ?? others[0] ?? null;
}

/** @type {View | null} */
let view = null;
/** @type {{update: () => void} | null} */
let comparison = null;

/** Draw the page; `keep` the view in which the user may be dragging a weight. */
function render(keep = false) {
  const focus = rememberFocus();
  app.player?.stop();
  if (app.live && !keep) showForm(byId("ask"), app);
  if (app.explanation) app.view = currentView().key;
  document.body.dataset.view = app.view;
  if (!app.explanation) return showWelcome(byId("view"), app);
  showSentences(byId("sentences"), app);
  show(
    byId("advice"),
    app.explanation.advice && make("p", { class: "advice", role: "note" }, app.explanation.advice),
  );
  showChanges(byId("changes"), app);
  showTabs();
  showView(keep);
  comparison = app.view === "long" ? null : showComparison(byId("comparison"), app);
  byId("comparison").hidden = app.view === "long";
  show(byId("words"), wordTable(app.explanation));
  showFacts(byId("facts"), app);
  move();
  restoreFocus(focus);
}

/** @param {boolean} keep */
function showView(keep) {
  const former = app.player?.node;
  app.player = app.view === "step" ? player(app) : null;
  if (keep && former && app.player) return former.replaceWith(app.player.node);
  const { key, name, build } = currentView();
  view = build(app);
  const panel = make(
    "div",
    { role: "tabpanel", id: "panel", "aria-labelledby": `tab-${key}` },
    make("h2", { class: "visually-hidden" }, name),
    app.player?.node,
    view.node,
  );
  show(byId("view"), panel);
  if (app.player) swipes(view.node, app.player.stage);
}

/** The path to the element with the focus, which is to have it after drawing again. */
function rememberFocus() {
  const node = document.activeElement;
  if (!node || node === document.body) return null;
  /** @type {number[]} */
  const path = [];
  for (let at = node; at !== document.body && at.parentElement; at = at.parentElement) {
    if (at.id) return { id: at.id, path };
    path.unshift([...at.parentElement.children].indexOf(at));
  }
  return null;
}

/** @param {ReturnType<typeof rememberFocus>} focus */
function restoreFocus(focus) {
  if (!focus || document.activeElement !== document.body) return;
  /** @type {Element | null} */
  let node = byId(focus.id);
  for (const child of focus.path) node = node?.children[child] ?? null;
  if (node instanceof HTMLElement) node.focus({ preventScroll: true });
}

/** Update what depends on the position. */
function move() {
  markSentences(byId("sentences"), app);
  view?.update();
  app.player?.update();
  comparison?.update();
  if (app.view !== "step") return;
  const { step, stage } = locate(app.explanation, app.position);
  const brief = app.playing && (step < 0 ? app.position > 0 : stage !== 6);
  if (!brief)
    byId("announcement").textContent = describe(app.explanation, app.position, app.selection);
}

/** The chosen view, or the first one where the model has no such view. */
function currentView() {
  return viewsOf(app.explanation).find(({ key }) => key === app.view) ?? VIEWS[0];
}

function showTabs() {
  const views = viewsOf(app.explanation);
  const tabs = views.map(({ key, name }, number) =>
    make(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${key}`,
        "aria-selected": String(key === app.view),
        "aria-controls": "panel",
        tabindex: key === app.view ? "0" : "-1",
        title: `${name} (${number + 1})`,
        onclick: () => app.setView(key),
        onkeydown: (event) => {
          const by = ARROW_KEYS[event.key];
          if (!by) return;
          event.preventDefault();
          event.stopPropagation();
          app.setView(views[(number + by + views.length) % views.length].key);
          byId(`tab-${app.view}`).focus();
        },
      },
      name,
    ),
  );
  show(byId("tabs"), make("div", { role: "tablist", "aria-label": "Views" }, tabs));
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]"))
    return;
  const target = /** @type {Element} */ (event.target);
  if (target.closest("input, textarea, select, [role=slider], [role=grid]")) return;
  if (event.key === "?") return openHelp();
  if (!app.explanation) return;
  const chosen = viewsOf(app.explanation)[Number(event.key) - 1];
  if (chosen) return app.setView(chosen.key);
  const { player } = app;
  if (!player) return;
  if (event.key === " " && target.closest("button, summary, a")) return;
  const by = ARROW_KEYS[event.key];
  /** @type {Record<string, () => void>} */
  const actions = {
    " ": () => player.toggle(),
    Home: () => app.goTo(0),
    End: () => app.goTo(player.last()),
  };
  const move = event.shiftKey ? player.token : player.stage;
  const act = by ? () => move(by) : actions[event.key];
  if (!act) return;
  event.preventDefault();
  if (event.key !== " ") player.stop();
  act();
}

async function start() {
  showTools(() => view?.update());
  document.documentElement.classList.toggle("reduced-motion", reducedMotion.matches);
  reducedMotion.addEventListener("change", () =>
    document.documentElement.classList.toggle("reduced-motion", reducedMotion.matches),
  );
  document.addEventListener("keydown", onKey);
  if (app.explanation) {
    app.stepSelection = lastLayerSelection(app.explanation);
    app.figureSelection = figureDefault(app.explanation);
    app.ownSelection = ownDefault(app.explanation);
    const other = companionOf(app.explanation.model, app.models);
    app.other = explanations.find(({ model }) => model === other) ?? null;
  }
  render();
  if (!app.live) return;
  const models = await fetchModels();
  if (models.length) app.models = models;
  render();
  const asked = new URLSearchParams(window.location.hash.slice(1));
  const [model, text] = [asked.get("model") ?? "", asked.get("text") ?? ""];
  if (text && app.models.some(({ name }) => name === model)) app.translate(model, text);
}

start();
