/** Links between the source above and the translation below, as thick as their weights. */

import { makeSvg, make } from "../parts/dom.js";
import { END } from "../state/data.js";
import { describeWord, grid, readout, unitChoice } from "../parts/figures.js";
import { headChoice } from "../parts/stages.js";

export const MIN_WEIGHT = 0.02; // weaker links would be invisible and are not drawn
const MAX_LINK_WIDTH = 9; // pixels, of a link with weight 1
const MAX_LINK_WIDTH_OF_MANY = 5; // where there are many links

/** @param {App} app @returns {View} */
export function arrowsView(app) {
  const line = readout("Point at a word to see its links alone.");
  const cells = grid(app.explanation, app.selection, app.byWords);
  const links = arrows(cells, MIN_WEIGHT, (row) =>
    line.say(...describeWord(app.explanation, app.selection, app.byWords, row)),
  );
  const node = make(
    "div",
    { class: "figure" },
    make("div", { class: "bar-row" }, unitChoice(app), headChoice(app)),
    links.node,
    line.node,
  );
  return { node, update: links.update };
}

/**
 * @param {Grid} cells
 * @param {number} least  the smallest weight that is drawn
 * @param {(row: number) => void} read  called with the target word that is pointed at
 */
export function arrows(cells, least, read) {
  const picture = makeSvg("svg", { class: "links", "aria-hidden": "true" });
  const above = wordList("source", "The sentence", cells.source);
  const below = wordList("target", "The translation", cells.target);
  const node = make("div", { class: "arrows" }, above.node, picture, below.node);
  const thickest = cells.target.length > 24 ? MAX_LINK_WIDTH_OF_MANY : MAX_LINK_WIDTH;
  /** @type {{path: SVGPathElement, row: number, column: number, weight: number}[]} */
  const links = [];
  cells.weights.forEach((weights, row) =>
    weights.forEach((weight, column) => {
      if (weight < least) return;
      const path = makeSvg("path", {
        "data-row": row,
        "data-column": column,
        "data-weight": weight,
        fill: "none",
        "stroke-width": Math.max(0.75, thickest * weight),
      });
      path.style.setProperty("--w", String(weight));
      links.push({ path, row, column, weight });
    }),
  );

  /** @param {string} kind @param {number | null} number */
  function highlight(kind, number) {
    node.classList.toggle("picking", number !== null);
    /** @type {Record<string, Map<number, number>>} */
    const picked = { source: new Map(), target: new Map() };
    for (const { path, row, column, weight } of links) {
      const on = number !== null && (kind === "source" ? column : row) === number;
      path.classList.toggle("on", on);
      if (!on) continue;
      picked.source.set(column, Math.max(weight, picked.source.get(column) ?? 0));
      picked.target.set(row, Math.max(weight, picked.target.get(row) ?? 0));
    }
    for (const list of [above, below])
      list.words.forEach((word, index) => {
        const weight = picked[list.kind].get(index) ?? 0;
        word.classList.toggle("on", weight >= 0.1 || (list.kind === kind && index === number));
      });
    if (kind === "target" && number !== null) read(number);
  }
  for (const list of [above, below])
    list.words.forEach((word, number) => {
      const on = () => highlight(list.kind, number);
      word.addEventListener("pointerenter", on);
      word.addEventListener("focus", on);
      word.addEventListener("click", on);
      word.addEventListener("blur", () => highlight(list.kind, null));
    });
  links.sort((a, b) => a.weight - b.weight);
  picture.append(...links.map(({ path }) => path)); // the strong ones above the weak
  node.addEventListener("pointerleave", () => highlight("", null));

  function update() {
    if (!node.isConnected) return;
    node.classList.remove("upright");
    const fits = [above, below].every((list) => list.node.scrollWidth <= node.clientWidth + 1);
    node.classList.toggle("upright", !fits);
    const box = picture.getBoundingClientRect();
    picture.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    for (const { path, row, column } of links)
      path.setAttribute("d", link(above.words[column], below.words[row], box, !fits));
  }
  new ResizeObserver(update).observe(node);
  return { node, update };
}

/** @param {"source" | "target"} kind @param {string} name @param {string[]} texts */
function wordList(kind, name, texts) {
  const words = texts.map((text, number) =>
    make(
      "button",
      {
        type: "button",
        class: `word ${text === END ? "end" : ""}`,
        "data-word": number,
        dir: "auto",
      },
      text,
    ),
  );
  const items = words.map((word) => make("li", {}, word));
  return { kind, words, node: make("ul", { class: `words ${kind}`, "aria-label": name }, items) };
}

/**
 * The path of a curve between the middles of two words' edges.
 * @param {HTMLElement} from
 * @param {HTMLElement} to
 * @param {DOMRect} box  of the picture
 * @param {boolean} upright
 */
function link(from, to, box, upright) {
  const [a, b] = [from, to].map((word) => word.getBoundingClientRect());
  if (upright) {
    const [y1, y2] = [a, b].map((word) => word.top + word.height / 2 - box.top);
    const [x1, x2] = [a.right - box.left + 4, b.left - box.left - 4];
    const middle = (x1 + x2) / 2;
    return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
  }
  const [x1, x2] = [a, b].map((word) => word.left + word.width / 2 - box.left);
  const [y1, y2] = [3, box.height - 3];
  const middle = (y1 + y2) / 2;
  return `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`;
}
