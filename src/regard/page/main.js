/** The page: what is shown, where it stands, and what happens on a key or a click. */

import { make, place, show } from "./dom.js";
import { given, isTraditional, looksOf } from "./data.js";
import { arrowsView } from "./arrows.js";
import { showBeside } from "./beside.js";
import { longView } from "./long.js";
import { matrixView } from "./matrix.js";
import { player, swipes } from "./player.js";
import { markSentences, showSentences } from "./sentences.js";
import { askModels } from "./server.js";
import { stepView } from "./steps.js";
import { at, opening, positionOf, positions, told } from "./timeline.js";
import { openHelp, showFacts, showTools } from "./tools.js";
import { showChanges, showForm, showWelcome, whatIf } from "./whatif.js";
import { wordTable } from "./words.js";

const VIEWS = [
  ["step", "Step by step", stepView],
  ["matrix", "Matrix", matrixView],
  ["arrows", "Arrows", arrowsView],
  ["long", "Long view", longView],
];

const data = given();
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
const MEAN_LOOK = { layer: -1, head: 0 };

const app = {
  live: data.live,
  models: data.facts ?? data.explanations.map((one) => one.model),
  now: data.explanations.find((one) => !isTraditional(one)) ?? data.explanations[0] ?? null,
  other: null,
  position: 0,
  stepLook: MEAN_LOOK,
  figureLook: MEAN_LOOK,
  view: "step",
  byWords: true,
  speed: 1,
  playing: false,

  /** Whether scores can be changed: not of a file, nor where there is but one state to look at. */
  get canPush() {
    return app.live && app.now !== null && !isTraditional(app.now);
  },
  get look() {
    return app.view === "step" ? app.stepLook : app.figureLook;
  },
  go(position) {
    app.position = Math.max(0, Math.min(positions(app.now) - 1, position));
    move();
  },
  goToStage(stage) {
    const { step } = at(app.now, app.position);
    app.playerNow?.stop();
    app.go(positionOf(app.now, Math.max(0, step), stage));
  },
  showStep(token) {
    app.playerNow?.stop();
    if (app.view !== "step") app.setView("step");
    app.go(positionOf(app.now, token, 6));
  },
  setView(view) {
    app.view = view;
    render();
  },
  setLook(look) {
    if (app.view === "step") app.stepLook = look;
    else app.figureLook = look;
    render();
  },
  setUnits(byWords) {
    app.byWords = byWords;
    render();
  },
  /** While a weight is dragged nothing grows dim. */
  setBusy(busy, isDim = false) {
    document.body.classList.toggle("busy", busy && isDim);
    place("main").setAttribute("aria-busy", String(busy));
  },
  isForbidden: (word) =>
    word.tokens.length > 0 &&
    word.tokens.every((token) =>
      app.wish.push.some(
        ([step, where, amount]) => step === -1 && where === token && amount === null,
      ),
    ),
  /** The same sentence, changed: stay where we are. */
  replace(explanation) {
    app.now = explanation;
    app.position = Math.min(app.position, positions(explanation) - 1);
    render(app.view === "step");
  },
  /** The two models change places. */
  swap() {
    if (app.live) return app.translate(app.other.model.name, app.now.source.text);
    const { now, other, position } = app;
    app.begin(other);
    app.position = Math.min(position, positions(other) - 1);
    app.setOther(now);
  },
  /** A sentence that is new here. */
  begin(explanation) {
    app.now = explanation;
    app.other = null;
    app.position = opening(explanation) - 1;
    app.stepLook = lastLook(explanation);
    app.figureLook = shownLook(explanation);
    if (!app.models.some((one) => one.name === explanation.model.name))
      app.models.push(explanation.model);
    render();
  },
  /** What was changed is not what is shown after all. */
  redrawChanges() {
    showSentences(place("sentences"), app);
    showChanges(place("changes"), app);
    viewNow.update();
  },
  setOther(explanation) {
    app.other = explanation;
    render();
  },
  otherModel(name) {
    const own = app.models.find((one) => one.name === name);
    return own ? (companionOf(own, app.models, (one) => one)?.name ?? null) : null;
  },
};
Object.assign(app, whatIf(app));

/** The last layer's first head: nearest to the next word. */
function lastLook(explanation) {
  return looksOf(explanation).at(-explanation.layers.at(-1).weights.length);
}

/** What figures show at first: the last layer, the mean of its heads. */
function shownLook(explanation) {
  return explanation.model.heads > 1 ? MEAN_LOOK : lastLook(explanation);
}

/** What stands beside it: the first of the other kind, with attention or without, or the first. */
function companionOf(own, all, modelOf) {
  const isWithout = (one) => modelOf(one).attention === "none";
  const others = all.filter((one) => modelOf(one).name !== modelOf(own).name);
  return others.find((one) => isWithout(one) !== isWithout(own)) ?? others[0] ?? null;
}

let viewNow = null;
let besideNow = null;

/** Draw all of it; or `keep` what the user may have the hand on, and draw the rest around it. */
function render(keep = false) {
  const focus = remembered();
  app.playerNow?.stop();
  if (app.live && !keep) showForm(place("ask"), app);
  document.body.dataset.view = app.view;
  if (!app.now) return showWelcome(place("view"), app);
  showSentences(place("sentences"), app);
  show(
    place("advice"),
    app.now.caveat && make("p", { class: "advice", role: "note" }, app.now.caveat),
  );
  showChanges(place("changes"), app);
  showTabs();
  showView(keep);
  besideNow = app.view === "long" ? null : showBeside(place("beside"), app);
  place("beside").hidden = app.view === "long";
  show(place("words"), wordTable(app.now));
  showFacts(place("facts"), app);
  move();
  restore(focus);
}

function showView(keep) {
  const former = app.playerNow?.node;
  app.playerNow = app.view === "step" ? player(app) : null;
  if (keep) return former.replaceWith(app.playerNow.node);
  const [key, name, build] = VIEWS.find(([one]) => one === app.view);
  viewNow = build(app);
  const panel = make(
    "div",
    { role: "tabpanel", id: "panel", "aria-labelledby": `tab-${key}` },
    make("h2", { class: "unseen" }, name),
    app.playerNow?.node,
    viewNow.node,
  );
  show(place("view"), panel);
  if (app.playerNow) swipes(viewNow.node, (by) => app.playerNow.stage(by));
}

/** What had the focus, so that drawing anew does not lose it. */
function remembered() {
  const node = document.activeElement;
  if (!node || node === document.body) return null;
  const path = [];
  for (let one = node; one !== document.body && one?.parentElement; one = one.parentElement) {
    if (one.id) return { id: one.id, path };
    path.unshift([...one.parentElement.children].indexOf(one));
  }
  return null;
}

function restore(focus) {
  if (!focus || document.activeElement !== document.body) return;
  let node = place(focus.id);
  for (const child of focus.path) node = node?.children[child];
  node?.focus({ preventScroll: true });
}

/** Go to the position: nothing is drawn anew but what it changes. */
function move() {
  markSentences(place("sentences"), app);
  viewNow.update();
  app.playerNow?.update();
  besideNow?.update();
  if (app.view !== "step") return;
  const { step, stage } = at(app.now, app.position);
  const brief = app.playing && (step < 0 ? app.position > 0 : stage !== 6);
  if (!brief) place("said").textContent = told(app.now, app.position, app.look);
}

function showTabs() {
  const tabs = VIEWS.map(([key, name], number) =>
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
          const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
          if (!by) return;
          event.preventDefault();
          event.stopPropagation();
          app.setView(VIEWS[(number + by + VIEWS.length) % VIEWS.length][0]);
          place(`tab-${app.view}`).focus();
        },
      },
      name,
    ),
  );
  show(place("tabs"), make("div", { role: "tablist", "aria-label": "Views" }, tabs));
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]"))
    return;
  if (event.target.closest("input, textarea, select, [role=slider], [role=grid]")) return;
  if (event.key === "?") return openHelp();
  if (!app.now) return;
  const view = VIEWS[Number(event.key) - 1];
  if (view) return app.setView(view[0]);
  const play = app.playerNow;
  if (!play) return;
  if (event.key === " " && event.target.closest("button, summary, a")) return;
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const moves = {
    " ": () => play.toggle(),
    Home: () => app.go(0),
    End: () => app.go(play.last()),
  };
  const act = by ? () => (event.shiftKey ? play.token(by) : play.stage(by)) : moves[event.key];
  if (!act) return;
  event.preventDefault();
  if (event.key !== " ") play.stop();
  act();
}

async function start() {
  showTools(() => viewNow?.update());
  document.documentElement.classList.toggle("calm", calm.matches);
  calm.addEventListener("change", () =>
    document.documentElement.classList.toggle("calm", calm.matches),
  );
  document.addEventListener("keydown", onKey);
  if (app.now) {
    app.stepLook = lastLook(app.now);
    app.figureLook = shownLook(app.now);
    app.other = companionOf(app.now, data.explanations, (one) => one.model);
  }
  render();
  if (!app.live) return;
  const models = await askModels();
  if (models.length) app.models = models;
  render();
}

start();
