/** Requests to the server of the page; a newer request cancels an older one. */

import { keyHeader } from "./api_key.js";
import { unpack } from "./data.js";

/** An error in three parts: what happened, where, what to do. */
export class ServerError extends Error {
  /** @param {{what: string, where?: string, advice?: string}} parts */
  constructor({ what, where = "", advice = "" }) {
    super(what);
    this.where = where;
    this.advice = advice;
  }
}

/** @type {Map<string, AbortController>} */
const pending = new Map();

/**
 * @param {string} slot  a request cancels the pending one in its slot
 * @param {string} path
 * @param {object} body
 * @returns {Promise<Explanation | null>} null if the request was cancelled
 */
export async function request(slot, path, body) {
  pending.get(slot)?.abort();
  const controller = new AbortController();
  pending.set(slot, controller);
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...keyHeader() },
      body: JSON.stringify(body),
      signal: controller.signal,
    });
    const answer = await response.json().catch(() => ({}));
    if (controller.signal.aborted) return null;
    if (answer.error) throw new ServerError(answer.error);
    if (!answer.explanation)
      throw new ServerError({
        what: `the server sent an answer that this page cannot read (${response.status})`,
        where: path,
        advice: "reload the page, or start `regard explore` again",
      });
    return unpack(answer.explanation);
  } catch (error) {
    if (controller.signal.aborted) return null;
    if (error instanceof ServerError) throw error;
    throw new ServerError({
      what: "the server does not answer",
      where: path,
      advice: "try again; on your own machine, check that `regard explore` is still running",
    });
  } finally {
    if (pending.get(slot) === controller) pending.delete(slot);
  }
}

/** The models of the server. @returns {Promise<Model[]>} */
export async function fetchModels() {
  try {
    return (await (await fetch("api/models")).json()).models ?? [];
  } catch {
    return [];
  }
}
