/** Play, pause, go on and back: by buttons, by the scrubber, by keys and by a swipe. */

import { make, menu, signButton } from "./dom.js";
import { STAGES, at, opening, positionOf, positions, told } from "./timeline.js";

const SIGNS = {
  start: "M6 5h2v14H6zM19 5v14l-9-7z",
  end: "M16 5h2v14h-2zM5 5v14l9-7z",
  tokenBack: "M12 6v12l-8-6zM20 6v12l-8-6z",
  tokenOn: "M4 6v12l8-6zM12 6v12l8-6z",
  back: "M15 5l-7 7 7 7",
  on: "M9 5l7 7-7 7",
  play: "M7 4v16l13-8z",
  pause: "M6 4h4v16H6zM14 4h4v16h-4z",
};
const SPEEDS = [
  ["0.5", "½×"],
  ["1", "1×"],
  ["2", "2×"],
  ["4", "4×"],
];
const PAUSE = 1600; // milliseconds that a stage is shown at speed 1

/** @param {any} app */
export function player(app) {
  const last = () => positions(app.now) - 1;
  let timer = 0;

  const scrubber = make("input", {
    type: "range",
    min: 0,
    max: last(),
    step: 1,
    "aria-label": "Where in the translation",
    oninput: (event) => {
      stop();
      app.go(Number(event.target.value));
    },
  });
  const playButton = signButton("Play", SIGNS.play, () => toggle(), { class: "sign play" });
  const press = (move) => () => {
    stop();
    move();
  };
  const buttons = {
    start: signButton(
      "To the beginning (Home)",
      SIGNS.start,
      press(() => app.go(0)),
    ),
    tokenBack: signButton(
      "One token back (Shift ←)",
      SIGNS.tokenBack,
      press(() => token(-1)),
    ),
    back: signButton(
      "One stage back (←)",
      SIGNS.back,
      press(() => stage(-1)),
      { class: "sign line" },
    ),
    on: signButton(
      "One stage forward (→)",
      SIGNS.on,
      press(() => stage(1)),
      { class: "sign line" },
    ),
    tokenOn: signButton(
      "One token forward (Shift →)",
      SIGNS.tokenOn,
      press(() => token(1)),
    ),
    end: signButton(
      "To the end (End)",
      SIGNS.end,
      press(() => app.go(last())),
    ),
  };
  const { start, tokenBack, back, on, tokenOn, end } = buttons;
  const speed = menu("Speed", SPEEDS, String(app.speed), (value) => (app.speed = Number(value)));
  const node = make(
    "div",
    { class: "player", role: "group", "aria-label": "Player" },
    make("div", { class: "scrub" }, scrubber, ticks(app)),
    make("div", { class: "buttons" }, start, tokenBack, back, playButton, on, tokenOn, end, speed),
  );

  function stage(by) {
    app.go(app.position + by);
  }

  /** To the same stage of another step; before the first step, to where the reading begins. */
  function token(by) {
    const { step, stage: current } = at(app.now, app.position);
    if (step < 0) {
      const reading = app.position + by;
      app.go(reading);
    } else if (step + by < 0) app.go(opening(app.now) - 1);
    else if (step + by < app.now.target.tokens.length)
      app.go(positionOf(app.now, step + by, current));
    else app.go(last());
  }

  function toggle() {
    if (timer) return stop();
    if (app.position >= last()) app.go(0);
    playButton.classList.add("playing");
    name("Pause", SIGNS.pause);
    app.playing = true;
    tick();
  }

  function tick() {
    const reading = at(app.now, app.position).step < 0 && !at(app.now, app.position).passed;
    timer = window.setTimeout(
      () => {
        app.go(app.position + 1);
        if (app.position >= last()) stop();
        else tick();
      },
      (reading ? PAUSE / 3 : PAUSE) / app.speed,
    );
  }

  function stop() {
    window.clearTimeout(timer);
    timer = 0;
    app.playing = false;
    name("Play", SIGNS.play);
  }

  function name(text, path) {
    playButton.setAttribute("aria-label", text);
    playButton.title = `${text} (space)`;
    playButton.querySelector("path").setAttribute("d", path);
  }

  function update() {
    scrubber.value = app.position;
    scrubber.style.setProperty("--w", app.position / Math.max(1, last()));
    scrubber.setAttribute("aria-valuetext", told(app.now, app.position, app.look));
    for (const button of [start, tokenBack, back])
      button.setAttribute("aria-disabled", String(app.position === 0));
    for (const button of [on, tokenOn, end])
      button.setAttribute("aria-disabled", String(app.position === last()));
  }
  return { node, update, toggle, stop, stage, token, last };
}

/** Under the scrubber: where the reading ends and each step begins. */
function ticks({ now }) {
  const count = positions(now) - 1 || 1;
  const marks = now.target.tokens.map((_, step) =>
    make("i", { css: { "--at": (positionOf(now, step, 0) - 0.5) / count } }),
  );
  return make("div", { class: "ticks", "aria-hidden": "true" }, marks);
}

/** Left and right on a touch screen: one stage forward, one back. */
export function swipes(area, on) {
  let start = null;
  area.addEventListener(
    "touchstart",
    (event) => {
      const busy = event.target.closest("input, .track, .scroll");
      start = event.touches.length === 1 && !busy ? event.touches[0] : null;
    },
    { passive: true },
  );
  area.addEventListener(
    "touchend",
    (event) => {
      if (!start) return;
      const [x, y] = ["clientX", "clientY"].map((key) => event.changedTouches[0][key] - start[key]);
      if (Math.abs(x) > 48 && Math.abs(x) > 2 * Math.abs(y)) on(x < 0 ? 1 : -1);
      start = null;
    },
    { passive: true },
  );
}

/** The name of the stage at this position, for who counts them. */
export function stageName(explanation, position) {
  const { stage, passed } = at(explanation, position);
  return stage >= 0 ? STAGES[stage].name : passed ? "Pass on" : "Read";
}
