/** For long sentences: the text flows; point at a word, and what it looked at is shaded. */

import { make } from "./dom.js";
import { END } from "./data.js";
import { about, grid, legend, readout, shade } from "./figures.js";
import { language, otherLine, running } from "./sentences.js";

/** @param {any} app */
export function longView(app) {
  const { now, look } = app;
  const cells = grid(now, look, true);
  const line = readout("Point at a word of the translation: the words it looked at are shaded.");
  const [from, to] = now.model.languages;
  const source = flow(now.source, cells.source, from);
  const target = flow(now.target, cells.target, to);
  const map = overview(cells, (row) => point("target", row));

  function point(kind, number) {
    const [words, others] =
      kind === "target" ? [target.words, source.words] : [source.words, target.words];
    for (const word of [...words, ...others]) {
      shade(word, 0);
      word.removeAttribute("aria-current");
    }
    words[number]?.setAttribute("aria-current", "true");
    others.forEach((word, other) => {
      const weight =
        kind === "target" ? cells.weights[number][other] : cells.weights[other][number];
      shade(word, weight);
      word.dataset.weight = weight;
    });
    map.mark(kind, number);
    if (kind === "target") line.say(...about(now, look, true, number));
    else line.say(...heeded(cells, number));
  }
  for (const [kind, { words }] of Object.entries({ source, target }))
    words.forEach((word, number) => {
      for (const event of ["pointerenter", "focus", "click"])
        word.addEventListener(event, () => point(kind, number));
    });
  const block = (kind, name, { node }) =>
    make(
      "section",
      { class: `flow ${kind}`, "aria-label": name },
      make("p", { class: "label" }, name),
      node,
    );
  const node = make(
    "div",
    { class: "figure long-view" },
    make("div", { class: "bar-row" }, legend()),
    make(
      "div",
      { class: "flows" },
      block("source", language(from), source),
      block("target", language(to), target),
    ),
    line.node,
    otherLine(app),
    make("h3", {}, "Overview"),
    map.node,
    make(
      "p",
      { class: "quiet" },
      "Source across, translation down; a point is as strong as its weight.",
    ),
  );
  if (cells.target.length) point("target", 0);
  return { node, update: map.paint };
}

/** A source word is heeded by the target words that give it weight. */
function heeded({ source, target, weights }, column) {
  const rows = weights
    .map((row, number) => ({ number, weight: row[column] }))
    .filter(({ weight }) => weight >= 0.1)
    .sort((a, b) => b.weight - a.weight)
    .slice(0, 4);
  const names = rows.map(({ number, weight }) => `${target[number]} (${weight.toFixed(2)})`);
  return [
    make("b", { class: "of-source", dir: "auto" }, source[column]),
    names.length ? ` was looked at by ${names.join(", ")}.` : " was looked at by no word much.",
  ];
}

function flow(side, texts, lang) {
  const words = texts.map((text, number) =>
    make(
      "button",
      { type: "button", class: `word ${text === END ? "end" : ""}`, "data-word": number },
      text,
    ),
  );
  return { words, node: make("p", { class: "text", dir: "auto", lang }, running(side, words)) };
}

/** The whole matrix, small. */
function overview({ source, target, weights }, pick) {
  const canvas = make("canvas", {
    role: "img",
    "aria-label": `All weights: ${source.length} source words across, ${target.length} target words down`,
  });
  const row = make("i", { "aria-hidden": "true" });
  const node = make("div", { class: "overview" }, canvas, row);
  const [width, height] = [Math.max(1, source.length), Math.max(1, target.length)];
  node.style.setProperty("--columns", width);
  node.style.setProperty("--rows", height);

  function paint() {
    const cell = Math.max(6, Math.ceil((2 * node.clientWidth) / width));
    canvas.width = cell * width;
    canvas.height = cell * height;
    const pen = canvas.getContext("2d");
    pen.fillStyle = getComputedStyle(node).getPropertyValue("--weight").trim();
    weights.forEach((line, y) =>
      line.forEach((weight, x) => {
        pen.globalAlpha = weight;
        pen.fillRect(x * cell, y * cell, cell, cell);
      }),
    );
  }
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    pick(Math.min(height - 1, Math.floor(((event.clientY - box.top) / box.height) * height)));
  });
  new ResizeObserver(() => node.isConnected && paint()).observe(node);
  return {
    node,
    paint,
    mark(kind, number) {
      row.className = kind;
      row.style.setProperty("--at", number);
    },
  };
}
