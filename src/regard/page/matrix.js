/** The weights as a heat map: the source across, the translation down. */

import { make } from "./dom.js";
import { about, grid, legend, readout, shade, unitChoice } from "./figures.js";
import { lookChoice } from "./stages.js";

/** @param {any} app */
export function matrixView(app) {
  const line = readout("Point at a cell, or walk with the arrow keys, to read its weight.");
  const node = make(
    "div",
    { class: "figure" },
    make("div", { class: "bar-row" }, unitChoice(app), lookChoice(app), legend()),
    matrix(app.now, app.look, app.byWords, (row, column, grid) =>
      line.say(...cellText(grid, row, column), ...about(app.now, app.look, app.byWords, row)),
    ),
    line.node,
  );
  return { node, update() {} };
}

function cellText({ source, target, weights }, row, column) {
  return [
    make("span", { class: "reading" }, weights[row][column].toFixed(3)),
    make("b", { class: "of-target", dir: "auto" }, target[row]),
    " at ",
    make("b", { class: "of-source", dir: "auto" }, source[column]),
    ". ",
  ];
}

/** Scripts that are written downwards too. */
const VERTICAL = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/;

/** @param {(row: number, column: number, grid: any) => void} read */
export function matrix(explanation, look, byWords, read, isSmall = false) {
  const cells = grid(explanation, look, byWords);
  const many = isSmall || cells.source.length > 24 || cells.target.length > 40;
  const body = cells.target.map((word, row) =>
    make(
      "tr",
      { role: "row" },
      make("th", { role: "rowheader", scope: "row", dir: "auto" }, word),
      cells.source.map((_, column) => cell(cells, row, column, many)),
    ),
  );
  const heads = cells.source.map((word, column) =>
    make(
      "th",
      { role: "columnheader", scope: "col", "data-column": column },
      make("span", { dir: "auto", class: VERTICAL.test(word) ? "vertical" : "" }, word),
    ),
  );
  const table = make(
    "table",
    {
      class: `matrix ${many ? "many" : ""}`,
      role: "grid",
      "aria-label": `Weights of ${explanation.model.name}`,
      css: { "--columns": cells.source.length },
    },
    make(
      "thead",
      { role: "rowgroup" },
      make("tr", { role: "row" }, make("td", { role: "cell" }), heads),
    ),
    make("tbody", { role: "rowgroup" }, body),
  );
  const go = (at) => point(table, at, (row, column) => read(row, column, cells));
  table.addEventListener("pointerover", (event) => go(event.target.closest("[data-weight]")));
  table.addEventListener("click", (event) => go(event.target.closest("[data-weight]")));
  table.addEventListener("focusin", (event) => go(event.target.closest("[data-weight]")));
  table.addEventListener("keydown", (event) => walk(event, table));
  const firstCell = table.querySelector("[data-weight]");
  if (firstCell) firstCell.tabIndex = 0;
  return make("div", { class: "scroll matrix-frame" }, table);
}

function cell({ source, target, weights }, row, column, isSmall) {
  const weight = weights[row][column];
  const node = make(
    "td",
    {
      role: "gridcell",
      tabindex: "-1",
      "data-row": row,
      "data-column": column,
      "data-weight": weight,
      "aria-label": `${target[row]} at ${source[column]}: ${weight.toFixed(2)}`,
    },
    !isSmall && weight >= 0.005 && make("span", { "aria-hidden": "true" }, brief(weight)),
  );
  shade(node, weight);
  return node;
}

function brief(weight) {
  return weight.toFixed(2).replace("0.", ".");
}

function point(table, at, read) {
  if (!at) return;
  for (const node of table.querySelectorAll(".pointed")) node.classList.remove("pointed");
  const { row, column } = at.dataset;
  at.classList.add("pointed");
  at.parentElement.firstElementChild.classList.add("pointed");
  table.querySelector(`th[data-column="${column}"]`).classList.add("pointed");
  for (const node of table.querySelectorAll('[tabindex="0"]')) node.tabIndex = -1;
  at.tabIndex = 0;
  read(Number(row), Number(column));
}

function walk(event, table) {
  const { row, column } = event.target.dataset;
  const steps = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
  if (!(event.key in steps) || row === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  const [down, right] = steps[event.key];
  table
    .querySelector(`[data-row="${Number(row) + down}"][data-column="${Number(column) + right}"]`)
    ?.focus();
}
