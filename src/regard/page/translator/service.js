/** Requests to the server's own API; a newer request cancels an older one of its kind. */

import { keyHeader } from "../state/api_key.js";

/** What the server answers instead of a translation. */
export class Refusal extends Error {
  /** @param {string} message @param {number} status @param {number} retryAfter */
  constructor(message, status = 0, retryAfter = 0) {
    super(message);
    this.status = status;
    /** Seconds until it may be asked again; 0 if that is not known. */
    this.retryAfter = retryAfter;
  }
}

/** @type {Map<string, AbortController>} */
const underWay = new Map();

/** Cancel the request of this kind. @param {string} kind */
export function cancel(kind) {
  underWay.get(kind)?.abort();
  underWay.delete(kind);
}

/**
 * @param {string} kind
 * @param {string} path
 * @param {RequestInit} options
 * @returns {Promise<any>} the answer, or null if the request was cancelled
 */
async function send(kind, path, options) {
  cancel(kind);
  const controller = new AbortController();
  underWay.set(kind, controller);
  try {
    const response = await fetch(path, { ...options, signal: controller.signal });
    const answer = await response.json().catch(() => ({}));
    if (controller.signal.aborted) return null;
    if (response.ok) return answer;
    const wait = Number(response.headers.get("retry-after")) || 0;
    const message = answer.error ?? `the server answered with status ${response.status}`;
    throw new Refusal(String(message), response.status, wait);
  } catch (error) {
    if (controller.signal.aborted) return null;
    if (error instanceof Refusal) throw error;
    throw new Refusal("The server does not answer. Your text is still here; try again later.");
  } finally {
    if (underWay.get(kind) === controller) underWay.delete(kind);
  }
}

/** @param {string} path */
export function fetchJson(path) {
  return send(path, path, {});
}

/** @param {string} kind @param {string} path @param {object} body */
export function postJson(kind, path, body) {
  return send(kind, path, {
    method: "POST",
    headers: { "content-type": "application/json", ...keyHeader() },
    body: JSON.stringify(body),
  });
}

/** @param {File} file @param {string} source @param {string} target */
export function postFile(file, source, target) {
  const form = new FormData();
  form.append("file", file);
  form.append("source", source);
  form.append("target", target);
  return send("file", "translate_file", { method: "POST", headers: keyHeader(), body: form });
}
