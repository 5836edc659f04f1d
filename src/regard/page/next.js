/** The likeliest next tokens as bars; where the page is live, each can be chosen. */

import { make } from "./dom.js";
import { END, percent, readable } from "./data.js";

/**
 * @param {{explanation: any, step: number, most?: number, choose?: (id: number) => void}} given
 */
export function nextTokens({ explanation, step, most = 8, choose = null }) {
  const written = explanation.target.ids[step];
  const rows = explanation.next[step].slice(0, most);
  if (!rows.some((one) => one.id === written))
    rows.push({
      id: written,
      token: explanation.target.tokens[step],
      prob: explanation.prob[step],
    });
  return make(
    "ol",
    { class: "next", "data-step": step },
    rows.map((one) => candidate(one, one.id === written, choose)),
  );
}

function candidate(one, isWritten, choose) {
  const text = readable(one.token);
  const inside = [
    make("span", { class: `token ${one.token === END ? "end" : ""}`, dir: "auto" }, text),
    make("span", { class: "bar", "aria-hidden": "true" }, make("i", { css: { "--w": one.prob } })),
    make("span", { class: "number" }, percent(one.prob)),
    make("span", { class: "tick", "aria-hidden": "true" }, isWritten ? "✓" : ""),
    isWritten && make("span", { class: "unseen" }, ", written"),
  ];
  const attributes = { "data-id": one.id, "data-prob": one.prob };
  if (!choose || isWritten)
    return make("li", { class: isWritten ? "written" : "", ...attributes }, inside);
  const what = "go on with this instead";
  const button = make(
    "button",
    { type: "button", title: what, onclick: () => choose(one.id) },
    inside,
    make("span", { class: "unseen" }, `, ${what}`),
  );
  return make("li", attributes, button);
}
