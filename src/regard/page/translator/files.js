/** Files, chosen or dropped: what the server translates is offered for download. */

import { byId, make, show } from "../parts/dom.js";
import { postFile } from "./service.js";

/**
 * A field to choose a file, and the page as the place to drop one.
 * @param {Translating} app
 */
export function makeFiles(app) {
  if (!app.settings.filesTranslation) return;
  const suffixes = app.settings.supportedFilesFormat;
  const status = make("p", { class: "quiet", role: "status", id: "file-status" });
  const field = make("input", {
    type: "file",
    id: "file",
    class: "visually-hidden",
    accept: suffixes.join(","),
    onchange: () => {
      const [file] = field.files ?? [];
      if (file) translateFile(app, file, status);
      field.value = "";
    },
  });
  show(
    byId("documents"),
    make(
      "div",
      { class: "file-row" },
      field,
      make("label", { for: "file", class: "file-button" }, "Translate a file"),
      make("span", { class: "quiet" }, `or drop it on this page: ${suffixes.join(" ")}`),
    ),
    status,
  );
  const holdsFile = (/** @type {DragEvent} */ event) =>
    event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragover", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    document.body.classList.remove("dropping");
    if (!holdsFile(event)) return;
    event.preventDefault();
    const [file] = event.dataTransfer?.files ?? [];
    if (file) translateFile(app, file, status);
  });
}

/** @param {Translating} app @param {File} file @param {HTMLElement} status */
async function translateFile(app, file, status) {
  show(status, `Translating ${file.name} …`);
  try {
    const answer = await postFile(file, app.source, app.target);
    if (!answer) return; // another file came
    const address = new URL(answer.translatedFileUrl, window.location.href);
    const here = `download_file${address.pathname.split("download_file").at(-1)}`;
    show(status, make("a", { href: here, class: "download", download: "" }, `Download ${file.name}, translated`));
  } catch (error) {
    show(status, make("span", { class: "too-long" }, `${file.name}: ${/** @type {Error} */ (error).message}`));
  }
}
