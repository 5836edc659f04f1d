/** Make elements. Whatever users wrote becomes text, never markup. */

/**
 * @typedef {string | number | Node | null | undefined | false} Child
 */

const SVG = document.querySelector("svg").namespaceURI;

/** @param {Element} element @param {Record<string, any>} attributes */
function give(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "css") {
      for (const [key, amount] of Object.entries(value)) element.style.setProperty(key, amount);
    } else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** @param {Element} element @param {Child[]} children */
function fill(element, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** An HTML element. @returns {any} */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  give(element, attributes);
  fill(element, children);
  return element;
}

/** An SVG element. @returns {any} */
export function draw(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  give(element, attributes);
  fill(element, children);
  return element;
}

/** The element with this id. @returns {any} */
export function place(id) {
  return document.getElementById(id);
}

/** Put these in place of what the element holds. */
export function show(element, ...children) {
  element.textContent = "";
  fill(element, children);
}

/** A button with a drawn sign and a name that is read aloud. */
export function signButton(name, path, onclick, extra = {}) {
  const sign = draw(
    "svg",
    { viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    draw("path", { d: path }),
  );
  return make(
    "button",
    { type: "button", class: "sign", "aria-label": name, title: name, onclick, ...extra },
    sign,
  );
}

/** One of a few choices, as a row of buttons. */
export function choice(name, options, chosen, pick) {
  const buttons = options.map(([value, text]) =>
    make(
      "button",
      {
        type: "button",
        "aria-pressed": String(value === chosen),
        "data-choice": value,
        onclick: () => pick(value),
      },
      text,
    ),
  );
  return make("div", { class: "choice", role: "group", "aria-label": name }, buttons);
}

/** A labelled list to choose from. */
export function menu(name, options, chosen, pick) {
  const select = make(
    "select",
    { onchange: (event) => pick(event.target.value), "aria-label": name },
    options.map(([value, text]) => make("option", { value, selected: value === chosen }, text)),
  );
  return make("label", { class: "menu" }, make("span", {}, name), select);
}
