/** A vector as a strip of coloured cells; negative and positive numbers have two colours. */

import { make, show } from "./dom.js";
import { SHOWN_NUMBERS, formatNumber } from "../state/data.js";

/** The absolute value that gets the full colour; 3 % are larger. @param {number[][]} rows */
export function colourScale(rows) {
  const sizes = rows.flatMap((row) => row.slice(0, SHOWN_NUMBERS).map(Math.abs));
  sizes.sort((a, b) => a - b);
  return sizes[Math.floor(0.97 * (sizes.length - 1))] || 1;
}

/** A number's colour on the diverging scale. @param {number} number @param {number} scale */
export function colour(number, scale) {
  const share = Math.min(1, Math.abs(number) / scale);
  const end = number < 0 ? "--minus" : "--plus";
  return `color-mix(in oklab, var(${end}) ${(100 * share).toFixed(1)}%, var(--zero))`;
}

/**
 * The first numbers of a vector as a strip; a click shows all of them.
 * @param {Vector & {kind?: string}} vector
 */
export function strip({ name, numbers, scale, kind = "" }) {
  const cells = numbers.slice(0, SHOWN_NUMBERS);
  const stops = cells.map((number, index) => {
    const [from, to] = [index, index + 1].map(
      (edge) => `${((100 * edge) / cells.length).toFixed(2)}%`,
    );
    return `${colour(number, scale)} ${from} ${to}`;
  });
  const texts = cells.map((number) => formatNumber(number));
  return make("span", {
    class: `strip ${kind}`,
    role: "img",
    "aria-label": `${name}: ${numbers.length} numbers, ${texts.slice(0, 4).join(", ")}, …`,
    title: `${name}: ${texts.join("  ")} …`,
    "data-numbers": cells.join(" "),
    css: { "background-image": `linear-gradient(to right, ${stops.join(", ")})` },
    onclick: () => openNumbers([{ name, numbers, scale }]),
  });
}

/** A dialog with every number of these vectors. @param {Vector[]} vectors */
export function openNumbers(vectors) {
  const dialog = make("dialog", { class: "numbers", "aria-label": "Numbers", autofocus: true });
  const parts = vectors.flatMap(({ name, numbers, scale }) => [
    make("h2", {}, name),
    make(
      "p",
      { class: "cells", tabindex: "0", role: "group", "aria-label": `${name}, all numbers` },
      numbers.map((number) =>
        make("span", { css: { "--colour": colour(number, scale) } }, formatNumber(number, 3), " "),
      ),
    ),
  ]);
  const close = make("button", { type: "button", onclick: () => dialog.close() }, "Close");
  show(dialog, ...parts, close);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}
