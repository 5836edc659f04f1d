/** A vector as a strip of coloured cells; the colours run from negative over zero to positive. */

import { make, show } from "./dom.js";
import { SHOWN, short } from "./data.js";

/** The size that has the full colour: few numbers are larger. @param {number[][]} rows */
export function reach(rows) {
  const sizes = rows.flatMap((row) => row.slice(0, SHOWN).map(Math.abs)).sort((a, b) => a - b);
  return sizes[Math.floor(0.97 * (sizes.length - 1))] || 1;
}

/** A number's colour on the diverging scale. */
export function tint(number, full) {
  const share = Math.min(1, Math.abs(number) / full);
  const end = number < 0 ? "--minus" : "--plus";
  return `color-mix(in oklab, var(${end}) ${(100 * share).toFixed(1)}%, var(--zero))`;
}

/**
 * The first numbers of a vector as a strip; all of them on a click.
 * @param {{name: string, numbers: number[], full: number, kind?: string, more?: object}} vector
 */
export function strip({ name, numbers, full, kind = "", more = {} }) {
  const cells = numbers.slice(0, SHOWN);
  const stops = cells.map((number, at) => {
    const [from, to] = [at, at + 1].map((edge) => `${((100 * edge) / cells.length).toFixed(2)}%`);
    return `${tint(number, full)} ${from} ${to}`;
  });
  const begin = cells.slice(0, 4).map((one) => short(one)).join(", ");
  return make("span", {
    class: `strip ${kind}`,
    role: "img",
    "aria-label": `${name}: ${numbers.length} numbers, ${begin}, …`,
    title: `${name}: ${cells.map((one) => short(one)).join("  ")} …`,
    "data-numbers": cells.join(" "),
    css: { "background-image": `linear-gradient(to right, ${stops.join(", ")})` },
    onclick: () => openNumbers([{ name, numbers, full }]),
    ...more,
  });
}

/** A window with every number of these vectors. */
export function openNumbers(vectors) {
  const dialog = make("dialog", { class: "numbers", "aria-label": "Numbers", autofocus: true });
  const parts = vectors.flatMap(({ name, numbers, full }) => [
    make("h2", {}, name),
    make(
      "p",
      { class: "cells", tabindex: "0", role: "group", "aria-label": `${name}, all numbers` },
      numbers.map((number) =>
        make("span", { css: { "--tint": tint(number, full) } }, short(number, 3), " "),
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
