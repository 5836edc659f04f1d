/** Make elements. Texts from users become text nodes, never markup. */

const SVG = document.querySelector("svg")?.namespaceURI ?? "";

/** @param {HTMLElement | SVGElement} element @param {Attributes} attributes */
function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (typeof value === "object") {
      for (const [key, amount] of Object.entries(value))
        element.style.setProperty(key, String(amount));
    } else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** @param {Element} element @param {Child[]} children */
function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : String(child));
  }
}

/**
 * An HTML element.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} attributes
 * @param {Child[]} children
 */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  setAttributes(element, attributes);
  append(element, children);
  return element;
}

/**
 * An SVG element.
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} attributes
 * @param {Child[]} children
 */
export function makeSvg(name, attributes = {}, ...children) {
  const element = /** @type {SVGElementTagNameMap[Name]} */ (document.createElementNS(SVG, name));
  setAttributes(element, attributes);
  append(element, children);
  return element;
}

/** @param {string} id */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** Replace the contents of an element. @param {Element} element @param {Child[]} children */
export function show(element, ...children) {
  element.textContent = "";
  append(element, children);
}

/**
 * A button with an icon and a name for screen readers.
 * @param {string} name
 * @param {string} path  of the icon, in 24 × 24 units
 * @param {() => void} onclick
 * @param {string} kind  more classes
 */
export function iconButton(name, path, onclick, kind = "") {
  const icon = makeSvg(
    "svg",
    { viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    makeSvg("path", { d: path }),
  );
  return make(
    "button",
    { type: "button", class: `icon ${kind}`, "aria-label": name, title: name, onclick },
    icon,
  );
}

/**
 * A row of buttons, of which one is pressed.
 * @param {string} name
 * @param {string[][]} options  value and label
 * @param {string} chosen
 * @param {(value: string) => void} pick
 */
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

/**
 * A labelled drop-down list.
 * @param {string} name
 * @param {string[][]} options  value and label
 * @param {string} chosen
 * @param {(value: string) => void} pick
 */
export function menu(name, options, chosen, pick) {
  const select = make(
    "select",
    { onchange: (event) => pick(event.target.value), "aria-label": name },
    options.map(([value, text]) => make("option", { value, selected: value === chosen }, text)),
  );
  return make("label", { class: "menu" }, make("span", {}, name), select);
}
