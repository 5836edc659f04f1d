/** A view for long sentences: the text wraps, and the words that a word attended to are shaded. */

import { make } from "../parts/dom.js";
import { END } from "../state/data.js";
import { describeWord, grid, legend, readout, shade } from "../parts/figures.js";
import { language, otherLine, runningText } from "../parts/sentences.js";

/** @param {App} app @returns {View} */
export function longView(app) {
  const { explanation, selection } = app;
  const cells = grid(explanation, selection, true);
  const line = readout("Point at a word of the translation: the words it attended to are shaded.");
  const [from, to] = explanation.model.languages;
  const source = flow(explanation.source, from);
  const target = flow(explanation.target, to);
  const map = overview(cells, (row) => point("target", row));

  /** @param {"source" | "target"} kind @param {number} number */
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
      word.dataset.weight = String(weight);
    });
    map.mark(kind, number);
    if (kind === "target") line.say(...describeWord(explanation, selection, true, number));
    else line.say(...attendedBy(cells, number));
  }
  /** @param {"source" | "target"} kind @param {ReturnType<typeof flow>} text @param {string} name */
  function block(kind, { node, words }, name) {
    words.forEach((word, number) => {
      for (const event of ["pointerenter", "focus", "click"])
        word.addEventListener(event, () => point(kind, number));
    });
    return make(
      "section",
      { class: `flow ${kind}`, "aria-label": name },
      make("p", { class: "label" }, name),
      node,
    );
  }
  const node = make(
    "div",
    { class: "figure long-view" },
    make("div", { class: "bar-row" }, legend()),
    make(
      "div",
      { class: "flows" },
      block("source", source, language(from)),
      block("target", target, language(to)),
    ),
    line.node,
    otherLine(app),
    make("h3", {}, "Overview"),
    map.node,
    make(
      "p",
      { class: "quiet" },
      "Source across, translation down; the darker a point, the larger its weight.",
    ),
  );
  if (cells.target.length) point("target", 0);
  return { node, update: map.paint };
}

/** The target words that give a source word weight. @param {Grid} cells @param {number} column */
function attendedBy({ source, target, weights }, column) {
  const rows = weights
    .map((row, number) => ({ number, weight: row[column] }))
    .filter(({ weight }) => weight >= 0.1)
    .sort((a, b) => b.weight - a.weight)
    .slice(0, 4);
  const names = rows.map(({ number, weight }) => `${target[number]} (${weight.toFixed(2)})`);
  return [
    make("b", { class: "of-source", dir: "auto" }, source[column]),
    names.length ? ` was attended to by ${names.join(", ")}.` : " got little weight from any word.",
  ];
}

/** @param {TokenizedText} text @param {string} lang */
function flow(text, lang) {
  const words = text.words.map((word, number) =>
    make(
      "button",
      { type: "button", class: `word ${word.text === END ? "end" : ""}`, "data-word": number },
      word.text,
    ),
  );
  return { words, node: make("p", { class: "text", dir: "auto", lang }, runningText(text, words)) };
}

/** All weights as a small picture. @param {Grid} cells @param {(row: number) => void} pick */
function overview({ source, target, weights }, pick) {
  const canvas = make("canvas", {
    role: "img",
    "aria-label": `All weights: ${source.length} source words across, ${target.length} target words down`,
  });
  const row = make("i", { "aria-hidden": "true" });
  const node = make("div", { class: "overview" }, canvas, row);
  const [width, height] = [Math.max(1, source.length), Math.max(1, target.length)];
  node.style.setProperty("--columns", String(width));
  node.style.setProperty("--rows", String(height));

  function paint() {
    const cell = Math.max(6, Math.ceil((2 * node.clientWidth) / width));
    canvas.width = cell * width;
    canvas.height = cell * height;
    const pen = canvas.getContext("2d");
    if (!pen) return;
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
    /** @param {string} kind @param {number} number */
    mark(kind, number) {
      row.className = kind;
      row.style.setProperty("--at", String(number));
    },
  };
}
