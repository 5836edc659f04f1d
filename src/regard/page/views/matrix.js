/** The weights as a heat map: the source across, the translation down. */

import { make } from "../parts/dom.js";
import { describeWord, grid, legend, readout, shade, unitChoice } from "../parts/figures.js";
import { headChoice } from "../parts/stages.js";

/** @param {App} app @returns {View} */
export function matrixView(app) {
  const line = readout("Point at a cell, or move with the arrow keys, to read its weight.");
  const cells = grid(app.explanation, app.selection, app.byWords);
  const node = make(
    "div",
    { class: "figure" },
    make("div", { class: "bar-row" }, unitChoice(app), headChoice(app), legend()),
    matrix(cells, `Weights of ${app.explanation.model.name}`, (row, column) =>
      line.say(
        ...cellText(cells, row, column),
        ...describeWord(app.explanation, app.selection, app.byWords, row),
      ),
    ),
    line.node,
  );
  return { node, update() {} };
}

/**
 * @param {Grid} cells
 * @param {number} row
 * @param {number} column
 * @param {string} both  the class of both words, where both are of one sentence
 */
export function cellText({ source, target, weights }, row, column, both = "") {
  return [
    make("span", { class: "reading" }, weights[row][column].toFixed(3)),
    make("b", { class: both || "of-target", dir: "auto" }, target[row]),
    " at ",
    make("b", { class: both || "of-source", dir: "auto" }, source[column]),
    ". ",
  ];
}

/** Scripts that are also written vertically. */
const VERTICAL = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/;

/**
 * @param {Grid} cells
 * @param {string} label
 * @param {(row: number, column: number) => void} read  called with the cell pointed at
 * @param {boolean} isSmall
 */
export function matrix(cells, label, read, isSmall = false) {
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
      "aria-label": label,
      css: { "--columns": cells.source.length },
    },
    make(
      "thead",
      { role: "rowgroup" },
      make("tr", { role: "row" }, make("td", { role: "cell" }), heads),
    ),
    make("tbody", { role: "rowgroup" }, body),
  );
  for (const kind of ["pointerover", "click", "focusin"])
    table.addEventListener(kind, ({ target }) => {
      const pointed = /** @type {HTMLElement} */ (target).closest("td[data-weight]");
      if (pointed instanceof HTMLTableCellElement)
        point(table, pointed, read);
    });
  table.addEventListener("keydown", (event) => moveByKey(event, table));
  /** @type {HTMLElement | null} */
  const firstCell = table.querySelector("[data-weight]");
  if (firstCell) firstCell.tabIndex = 0;
  return make("div", { class: "scroll matrix-frame" }, table);
}

/** @param {Grid} cells @param {number} row @param {number} column @param {boolean} isSmall */
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

/** @param {number} weight */
function brief(weight) {
  return weight.toFixed(2).replace("0.", ".");
}

/**
 * Mark a cell and the heads of its row and column.
 * @param {HTMLTableElement} table
 * @param {HTMLTableCellElement} pointed
 * @param {(row: number, column: number) => void} read
 */
function point(table, pointed, read) {
  for (const node of table.querySelectorAll(".pointed")) node.classList.remove("pointed");
  const { row, column } = pointed.dataset;
  pointed.classList.add("pointed");
  pointed.parentElement?.firstElementChild?.classList.add("pointed");
  table.querySelector(`th[data-column="${column}"]`)?.classList.add("pointed");
  /** @type {NodeListOf<HTMLElement>} */
  const reachable = table.querySelectorAll('[tabindex="0"]');
  for (const node of reachable) node.tabIndex = -1;
  pointed.tabIndex = 0;
  read(Number(row), Number(column));
}

/** @param {KeyboardEvent} event @param {HTMLTableElement} table */
function moveByKey(event, table) {
  const { row, column } = /** @type {HTMLElement} */ (event.target).dataset;
  /** @type {Record<string, number[]>} */
  const steps = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
  if (!(event.key in steps) || row === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  const [down, right] = steps[event.key];
  const next = `[data-row="${Number(row) + down}"][data-column="${Number(column) + right}"]`;
  /** @type {HTMLElement | null} */ (table.querySelector(next))?.focus();
}
