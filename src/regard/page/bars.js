/** Scores and weights as bars; where the page is live, a weight can be dragged. */

import { make } from "./dom.js";
import { percent, short, weightsOf } from "./data.js";

/** The range of all scores of this look, zero included. */
export function scoreScale(explanation, look) {
  const all = explanation.layers[look.layer].scores[look.head].flat().filter((one) => one !== null);
  const low = all.reduce((least, one) => Math.min(least, one), 0);
  const high = all.reduce((most, one) => Math.max(most, one), 0);
  return { low, size: high - low || 1 };
}

export function scoreBar(score, { low, size }) {
  if (score === null)
    return make("span", { class: "score-bar none", "data-score": "null" }, "not looked at");
  const [zero, end] = [0, score].map((one) => (one - low) / size);
  return make(
    "span",
    { class: `score-bar ${score < 0 ? "negative" : ""}`, "data-score": score },
    make(
      "span",
      { class: "track", "aria-hidden": "true", css: { "--zero-at": zero } },
      make("i", { css: { "--from": Math.min(zero, end), "--w": Math.abs(end - zero) } }),
    ),
    make("span", { class: "number" }, short(score)),
  );
}

/** A weight as a bar from 0 to 1; where the page is live, it can be dragged. */
export function weightDial(app, token, name) {
  const { look } = app;
  const fillBar = make("i");
  const number = make("span", { class: "number" });
  const track = make("span", { class: "track" }, fillBar);
  const node = make("span", { class: "weight-bar" }, track, number);
  let step = 0;
  let handle = null;
  if (app.canPush) {
    handle = make("b", {
      class: "handle",
      role: "slider",
      tabindex: "0",
      "aria-label": `Weight of “${name}”`,
      "aria-valuemin": "0",
      "aria-valuemax": "100",
    });
    track.append(handle);
    draggable(track, handle, (weight) => {
      setHandle(weight);
      app.weigh(step, token, weight);
    });
  }
  function setHandle(weight) {
    handle.style.setProperty("--w", weight);
    handle.dataset.weight = weight;
    handle.setAttribute("aria-valuenow", String(Math.round(100 * weight)));
    handle.setAttribute("aria-valuetext", percent(weight));
  }
  return {
    node,
    fill(at) {
      step = at;
      const weight = weightsOf(app.now, look)[step][token];
      fillBar.style.setProperty("--w", weight);
      node.dataset.weight = weight;
      node.classList.toggle("weak", weight < 0.02);
      number.textContent = percent(weight);
      if (handle) setHandle(app.now.weights[step][token]);
    },
  };
}

/** A track whose handle gives a share from 0 to 1, by pointer or by arrow keys. */
function draggable(track, handle, give) {
  const share = (event) => {
    const box = track.getBoundingClientRect();
    return Math.round(100 * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width))) / 100;
  };
  track.addEventListener("pointerdown", (event) => {
    track.setPointerCapture(event.pointerId);
    handle.focus({ preventScroll: true });
    give(share(event));
  });
  track.addEventListener("pointermove", (event) => {
    if (track.hasPointerCapture(event.pointerId)) give(share(event));
  });
  handle.addEventListener("keydown", (event) => {
    const value = Number(handle.dataset.weight);
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
    give(Math.round(100 * Math.min(1, Math.max(0, moves[event.key]))) / 100);
  });
}
