/** Links between the words, the source above, the translation below: as thick as their weights. */

import { draw, make } from "./dom.js";
import { END } from "./data.js";
import { about, grid, readout, unitChoice } from "./figures.js";
import { lookChoice } from "./stages.js";

const LEAST = 0.02; // weaker links are not drawn: there would be nothing to see
const THICKEST = 9; // pixels, of a link with weight 1
const THINNER = 5; // where there are many

/** @param {any} app */
export function arrowsView(app) {
  const line = readout("Point at a word to see its links alone.");
  const links = arrows(app.now, app.look, app.byWords, (row) =>
    line.say(...about(app.now, app.look, app.byWords, row)),
  );
  const node = make(
    "div",
    { class: "figure" },
    make("div", { class: "bar-row" }, unitChoice(app), lookChoice(app)),
    links.node,
    line.node,
  );
  return { node, update: links.update };
}

/** @param {(row: number) => void} read */
export function arrows(explanation, look, byWords, read) {
  const cells = grid(explanation, look, byWords);
  const sky = draw("svg", { class: "links", "aria-hidden": "true" });
  const above = wordList("source", "The sentence", cells.source);
  const below = wordList("target", "The translation", cells.target);
  const node = make("div", { class: "arrows" }, above.node, sky, below.node);
  const thickest = cells.target.length > 24 ? THINNER : THICKEST;
  const links = [];
  cells.weights.forEach((weights, row) =>
    weights.forEach((weight, column) => {
      if (weight < LEAST) return;
      const path = draw("path", {
        "data-row": row,
        "data-column": column,
        "data-weight": weight,
        fill: "none",
        "stroke-width": Math.max(0.75, thickest * weight),
      });
      path.style.setProperty("--w", weight);
      links.push({ path, row, column });
    }),
  );

  function highlight(kind, number) {
    node.classList.toggle("picking", number !== null);
    const picked = { source: new Map(), target: new Map() };
    for (const { path, row, column } of links) {
      const on = number !== null && (kind === "source" ? column : row) === number;
      path.classList.toggle("on", on);
      if (!on) continue;
      const weight = Number(path.dataset.weight);
      picked.source.set(column, Math.max(weight, picked.source.get(column) ?? 0));
      picked.target.set(row, Math.max(weight, picked.target.get(row) ?? 0));
    }
    for (const list of [above, below])
      list.words.forEach((word, at) => {
        const weight = picked[list.kind].get(at) ?? 0;
        word.classList.toggle("on", weight >= 0.1 || (list.kind === kind && at === number));
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
  links.sort((a, b) => a.path.dataset.weight - b.path.dataset.weight);
  sky.append(...links.map(({ path }) => path)); // the strong ones above the weak
  node.addEventListener("pointerleave", () => highlight("", null));

  function update() {
    if (!node.isConnected) return;
    node.classList.remove("upright");
    const fits = [above, below].every((list) => list.node.scrollWidth <= node.clientWidth + 1);
    node.classList.toggle("upright", !fits);
    const box = sky.getBoundingClientRect();
    sky.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    for (const { path, row, column } of links)
      path.setAttribute("d", link(above.words[column], below.words[row], box, !fits));
  }
  new ResizeObserver(update).observe(node);
  return { node, update };
}

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

/** From the middle of one word's edge to the middle of the other's, in a calm curve. */
function link(from, to, box, upright) {
  const [a, b] = [from, to].map((word) => word.getBoundingClientRect());
  if (upright) {
    const [y1, y2] = [a, b].map((one) => one.top + one.height / 2 - box.top);
    const [x1, x2] = [a.right - box.left + 4, b.left - box.left - 4];
    const middle = (x1 + x2) / 2;
    return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
  }
  const [x1, x2] = [a, b].map((one) => one.left + one.width / 2 - box.left);
  const [y1, y2] = [3, box.height - 3];
  const middle = (y1 + y2) / 2;
  return `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`;
}
