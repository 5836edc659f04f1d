/** Where we are: the stages, what happens now, and which layer and head is looked at. */

import { choice, make } from "./dom.js";
import { looksOf } from "./data.js";
import { STAGES, at, told } from "./timeline.js";

/** The stages as a row of steps, and the sentence that says what happens now. */
export function stageList(app) {
  const phases = [
    { name: "Read", go: () => app.go(0) },
    { name: "Pass on", go: () => app.go(app.now.source.tokens.length + 1) },
    ...STAGES.map(({ name }, stage) => ({ name, go: () => app.goToStage(stage) })),
  ];
  const buttons = phases.map(({ name, go }, number) =>
    make(
      "button",
      { type: "button", onclick: go },
      make("span", { class: "badge" }, ["0", "→"][number] ?? number - 1),
      make("span", { class: "stage-name" }, name),
    ),
  );
  const happening = make("p", { class: "happening" });
  const where = make("p", { class: "where" });
  const list = make(
    "ol",
    {},
    buttons.map((one) => make("li", {}, one)),
  );
  return {
    nav: make("nav", { class: "stages", "aria-label": "Stages" }, list),
    told: make("div", { class: "told" }, where, happening),
    update() {
      const { now } = app;
      const { step, stage, passed, read } = at(now, app.position);
      const current = step >= 0 ? stage + 2 : Number(passed);
      buttons.forEach((button, number) => {
        button.classList.toggle("done", number < current);
        if (number === current) button.setAttribute("aria-current", "step");
        else button.removeAttribute("aria-current");
      });
      where.textContent =
        step >= 0
          ? `Token ${step + 1} of ${now.target.tokens.length}`
          : `Reading, ${Math.min(read, now.source.tokens.length)} of ${now.source.tokens.length}`;
      happening.textContent = told(now, app.position, app.look);
    },
  };
}

/** Which look is shown: one head of one layer, or the mean of the last layer's heads. */
export function lookChoice(app) {
  const looks = looksOf(app.now);
  if (looks.length < 2) return "";
  const heads = app.now.model.heads > 1;
  const options = looks.map((look) => [
    `${look.layer},${look.head}`,
    `Layer ${look.layer + 1}${heads ? `, head ${look.head + 1}` : ""}`,
  ]);
  if (heads) options.push(["-1,0", `Layer ${app.now.layers.length}, mean of its heads`]);
  return choice("Layer and head", options, `${app.look.layer},${app.look.head}`, (value) => {
    const [layer, head] = value.split(",").map(Number);
    app.setLook({ layer, head });
  });
}
