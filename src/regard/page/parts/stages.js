/** The stages of a step, what happens in the current one, and the choice of layer and head. */

import { choice, make } from "./dom.js";
import { headsOf } from "../state/data.js";
import { STAGES, describe, locate } from "../state/timeline.js";

/** The stages as buttons, and a sentence about the current one. @param {App} app */
export function stageList(app) {
  const phases = [
    { name: "Read", onclick: () => app.goTo(0) },
    { name: "Pass on", onclick: () => app.goTo(app.explanation.source.tokens.length + 1) },
    ...STAGES.map(({ name }, stage) => ({ name, onclick: () => app.goToStage(stage) })),
  ];
  const buttons = phases.map(({ name, onclick }, number) =>
    make(
      "button",
      { type: "button", onclick },
      make("span", { class: "badge" }, ["0", "→"][number] ?? number - 1),
      make("span", { class: "stage-name" }, name),
    ),
  );
  const happening = make("p", { class: "happening" });
  const where = make("p", { class: "where" });
  const list = make(
    "ol",
    {},
    buttons.map((button) => make("li", {}, button)),
  );
  return {
    nav: make("nav", { class: "stages", "aria-label": "Stages" }, list),
    description: make("div", { class: "description" }, where, happening),
    update() {
      const { explanation } = app;
      const { step, stage, passed, read } = locate(explanation, app.position);
      const current = step >= 0 ? stage + 2 : Number(passed);
      buttons.forEach((button, number) => {
        button.classList.toggle("done", number < current);
        if (number === current) button.setAttribute("aria-current", "step");
        else button.removeAttribute("aria-current");
      });
      where.textContent =
        step >= 0
          ? `Token ${step + 1} of ${explanation.target.tokens.length}`
          : `Reading, ${read} of ${explanation.source.tokens.length}`;
      happening.textContent = describe(explanation, app.position, app.selection);
    },
  };
}

/** Choose one head of one layer, or the mean of the last layer's heads. @param {App} app */
export function headChoice(app) {
  const selections = headsOf(app.explanation);
  if (selections.length < 2) return "";
  const hasHeads = app.explanation.model.heads > 1;
  const options = selections.map((selection) => [
    `${selection.layer},${selection.head}`,
    `Layer ${selection.layer + 1}${hasHeads ? `, head ${selection.head + 1}` : ""}`,
  ]);
  if (hasHeads) options.push(["-1,0", `Layer ${app.explanation.layers.length}, mean of its heads`]);
  const chosen = `${app.selection.layer},${app.selection.head}`;
  return choice("Layer and head", options, chosen, (value) => {
    const [layer, head] = value.split(",").map(Number);
    app.setSelection({ layer, head });
  });
}
