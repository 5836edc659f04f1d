/** Light or dark, and dialogs: what both pages have. */

import { byId, iconButton, make } from "./dom.js";

const SUN =
  "M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM11 1h2v4h-2zM11 19h2v4h-2zM1 11h4v2H1zM19 11h4v2h-4zM4.9 3.5l2.8 2.8-1.4 1.4-2.8-2.8zM17.7 16.3l2.8 2.8-1.4 1.4-2.8-2.8zM20.5 4.9l-2.8 2.8-1.4-1.4 2.8-2.8zM7.7 17.7l-2.8 2.8-1.4-1.4 2.8-2.8z";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function savedTheme() {
  try {
    return window.localStorage.getItem("regard-theme");
  } catch {
    return null; // a file opened from disk may have no storage
  }
}

function applyTheme() {
  const theme = savedTheme() ?? (dark.matches ? "dark" : "light");
  if (!byId("tools").dataset.byHand) document.documentElement.dataset.theme = theme;
}

/**
 * A button that switches the theme, which is the system's until then.
 * @param {() => void} onTheme
 */
export function themeButton(onTheme) {
  applyTheme();
  dark.addEventListener("change", () => {
    applyTheme();
    onTheme();
  });
  return iconButton("Light or dark", SUN, () => {
    const root = document.documentElement;
    const theme = root.dataset.theme === "dark" ? "light" : "dark";
    root.dataset.theme = theme;
    byId("tools").dataset.byHand = "true";
    try {
      window.localStorage.setItem("regard-theme", theme);
    } catch {
      // the choice is lost when the page is closed
    }
    onTheme();
  });
}

/**
 * Show a dialog with a button that closes it, unless one is open.
 * @param {string} title
 * @param {Child[]} content
 */
export function openDialog(title, ...content) {
  if (document.querySelector("dialog[open]")) return;
  const dialog = make("dialog", {
    class: "help",
    "aria-labelledby": "dialog-title",
    autofocus: true,
  });
  dialog.append(make("h2", { id: "dialog-title" }, title));
  dialog.append(make("div", {}, ...content));
  dialog.append(
    make("button", { type: "button", class: "main", onclick: () => dialog.close() }, "Close"),
  );
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}
