/** Scores and weights as bars; where the page is live, a weight can be dragged. */

import { make } from "./dom.js";
import { formatNumber, percent, weightsOf } from "../state/data.js";

/**
 * The range of a head's scores, zero included.
 * @param {Explanation} explanation
 * @param {HeadSelection} selection
 * @returns {ScoreRange}
 */
export function scoreRange(explanation, selection) {
  const scores = explanation.layers[selection.layer].scores[selection.head].flat();
  const low = scores.reduce((/** @type {number} */ least, score) => Math.min(least, score ?? 0), 0);
  const high = scores.reduce((/** @type {number} */ most, score) => Math.max(most, score ?? 0), 0);
  return { low, size: high - low || 1 };
}

/** @param {number | null} score @param {ScoreRange} range */
export function scoreBar(score, { low, size }) {
  if (score === null)
    return make("span", { class: "score-bar none", "data-score": "null" }, "no score");
  const [zero, end] = [0, score].map((number) => (number - low) / size);
  return make(
    "span",
    { class: `score-bar ${score < 0 ? "negative" : ""}`, "data-score": score },
    make(
      "span",
      { class: "track", "aria-hidden": "true", css: { "--zero-at": zero } },
      make("i", { css: { "--from": Math.min(zero, end), "--w": Math.abs(end - zero) } }),
    ),
    make("span", { class: "number" }, formatNumber(score)),
  );
}

/**
 * The weight of a source token as a bar from 0 to 1; on the live page it can be dragged.
 * @param {App} app
 * @param {number} token
 * @param {string} name
 */
export function weightBar(app, token, name) {
  const { selection } = app;
  const fillBar = make("i");
  const number = make("span", { class: "number" });
  const track = make("span", { class: "track" }, fillBar);
  const node = make("span", { class: "weight-bar" }, track, number);
  let step = 0;
  /** @type {HTMLElement | null} */
  let handle = null;
  if (app.canChange) {
    handle = make("b", {
      class: "handle",
      role: "slider",
      tabindex: "0",
      "aria-label": `Weight of “${name}”`,
      "aria-valuemin": "0",
      "aria-valuemax": "100",
    });
    track.append(handle);
    const dragged = handle;
    makeDraggable(track, dragged, (weight) => {
      setHandle(dragged, weight);
      app.setWeight(step, token, weight);
    });
  }
  return {
    node,
    /** @param {number} newStep */
    update(newStep) {
      step = newStep;
      const weight = weightsOf(app.explanation, selection)[step][token];
      fillBar.style.setProperty("--w", String(weight));
      node.dataset.weight = String(weight);
      node.classList.toggle("weak", weight < 0.02);
      number.textContent = percent(weight);
      if (handle) setHandle(handle, app.explanation.weights[step][token]);
    },
  };
}

/** @param {HTMLElement} handle @param {number} weight */
function setHandle(handle, weight) {
  handle.style.setProperty("--w", String(weight));
  handle.dataset.weight = String(weight);
  handle.setAttribute("aria-valuenow", String(Math.round(100 * weight)));
  handle.setAttribute("aria-valuetext", percent(weight));
}

/**
 * Let a handle be moved by pointer or arrow keys.
 * @param {HTMLElement} track
 * @param {HTMLElement} handle
 * @param {(weight: number) => void} report  called with its place on the track, from 0 to 1
 */
function makeDraggable(track, handle, report) {
  const weightAt = (/** @type {PointerEvent} */ event) => {
    const box = track.getBoundingClientRect();
    return Math.round(100 * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width))) / 100;
  };
  track.addEventListener("pointerdown", (event) => {
    track.setPointerCapture(event.pointerId);
    handle.focus({ preventScroll: true });
    report(weightAt(event));
  });
  track.addEventListener("pointermove", (event) => {
    if (track.hasPointerCapture(event.pointerId)) report(weightAt(event));
  });
  handle.addEventListener("keydown", (event) => {
    const value = Number(handle.dataset.weight);
    /** @type {Record<string, number>} */
    const moves = {
      ArrowRight: value + 0.05,
      ArrowUp: value + 0.05,
      ArrowLeft: value - 0.05,
      ArrowDown: value - 0.05,
      PageUp: value + 0.2,
      PageDown: value - 0.2,
      Home: 0,
      End: 1,
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    event.stopPropagation();
    report(Math.round(100 * Math.min(1, Math.max(0, moves[event.key]))) / 100);
  });
}
