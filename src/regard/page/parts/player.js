/** The player: buttons and a scrubber; keys and swipes use it too. */

import { make, menu, iconButton } from "./dom.js";
import {
  describe,
  firstStepPosition,
  locate,
  positionCount,
  positionOf,
} from "../state/timeline.js";

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
const STAGE_DURATION = 1600; // milliseconds that a stage is shown at speed 1

/** @param {App} app @returns {Player} */
export function player(app) {
  const last = () => positionCount(app.explanation) - 1;
  let timer = 0;

  const scrubber = make("input", {
    type: "range",
    min: 0,
    max: last(),
    step: 1,
    "aria-label": "Where in the translation",
    oninput: (event) => {
      stop();
      app.goTo(Number(event.target.value));
    },
  });
  const playButton = iconButton("Play", SIGNS.play, () => toggle(), "play");
  const press = (/** @type {() => void} */ move) => () => {
    stop();
    move();
  };
  const buttons = {
    start: iconButton(
      "To the beginning (Home)",
      SIGNS.start,
      press(() => app.goTo(0)),
    ),
    tokenBack: iconButton(
      "One token back (Shift ←)",
      SIGNS.tokenBack,
      press(() => token(-1)),
    ),
    back: iconButton(
      "One stage back (←)",
      SIGNS.back,
      press(() => stage(-1)),
      "line",
    ),
    on: iconButton(
      "One stage forward (→)",
      SIGNS.on,
      press(() => stage(1)),
      "line",
    ),
    tokenOn: iconButton(
      "One token forward (Shift →)",
      SIGNS.tokenOn,
      press(() => token(1)),
    ),
    end: iconButton(
      "To the end (End)",
      SIGNS.end,
      press(() => app.goTo(last())),
    ),
  };
  const { start, tokenBack, back, on, tokenOn, end } = buttons;
  const speed = menu("Speed", SPEEDS, String(app.speed), (value) => {
    app.speed = Number(value);
  });
  const node = make(
    "div",
    { class: "player", role: "group", "aria-label": "Player" },
    make("div", { class: "scrub" }, scrubber, ticks(app)),
    make("div", { class: "buttons" }, start, tokenBack, back, playButton, on, tokenOn, end, speed),
  );

  /** @param {number} by */
  function stage(by) {
    app.goTo(app.position + by);
  }

  /** Go to the same stage of another step, or one token while reading. @param {number} by */
  function token(by) {
    const { step, stage: current } = locate(app.explanation, app.position);
    if (step < 0) app.goTo(app.position + by);
    else if (step + by < 0) app.goTo(firstStepPosition(app.explanation) - 1);
    else if (step + by < app.explanation.target.tokens.length)
      app.goTo(positionOf(app.explanation, step + by, current));
    else app.goTo(last());
  }

  function toggle() {
    if (timer) return stop();
    if (app.position >= last()) app.goTo(0);
    playButton.classList.add("playing");
    name("Pause", SIGNS.pause);
    app.playing = true;
    tick();
  }

  function tick() {
    const reading =
      locate(app.explanation, app.position).step < 0 &&
      !locate(app.explanation, app.position).passed;
    timer = window.setTimeout(
      () => {
        app.goTo(app.position + 1);
        if (app.position >= last()) stop();
        else tick();
      },
      (reading ? STAGE_DURATION / 3 : STAGE_DURATION) / app.speed,
    );
  }

  function stop() {
    window.clearTimeout(timer);
    timer = 0;
    app.playing = false;
    name("Play", SIGNS.play);
  }

  /** @param {string} text @param {string} path */
  function name(text, path) {
    playButton.setAttribute("aria-label", text);
    playButton.title = `${text} (space)`;
    playButton.querySelector("path")?.setAttribute("d", path);
  }

  function update() {
    scrubber.value = String(app.position);
    scrubber.style.setProperty("--w", String(app.position / Math.max(1, last())));
    scrubber.setAttribute("aria-valuetext", describe(app.explanation, app.position, app.selection));
    for (const button of [start, tokenBack, back])
      button.setAttribute("aria-disabled", String(app.position === 0));
    for (const button of [on, tokenOn, end])
      button.setAttribute("aria-disabled", String(app.position === last()));
  }
  return { node, update, toggle, stop, stage, token, last };
}

/** The marks under the scrubber at which each step begins. @param {App} app */
function ticks({ explanation }) {
  const count = positionCount(explanation) - 1 || 1;
  const marks = explanation.target.tokens.map((_, step) =>
    make("i", { css: { "--at": (positionOf(explanation, step, 0) - 0.5) / count } }),
  );
  return make("div", { class: "ticks", "aria-hidden": "true" }, marks);
}

/**
 * Swipes to the left and right on a touch screen.
 * @param {HTMLElement} area
 * @param {(by: number) => void} on
 */
export function swipes(area, on) {
  /** @type {Touch | null} */
  let start = null;
  area.addEventListener(
    "touchstart",
    (event) => {
      const busy = /** @type {Element} */ (event.target).closest("input, .track, .scroll");
      start = event.touches.length === 1 && !busy ? event.touches[0] : null;
    },
    { passive: true },
  );
  area.addEventListener(
    "touchend",
    (event) => {
      if (!start) return;
      const [end] = event.changedTouches;
      const [x, y] = [end.clientX - start.clientX, end.clientY - start.clientY];
      if (Math.abs(x) > 48 && Math.abs(x) > 2 * Math.abs(y)) on(x < 0 ? 1 : -1);
      start = null;
    },
    { passive: true },
  );
}
