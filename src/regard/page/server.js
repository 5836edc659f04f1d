/** Ask the server on this machine; a newer question takes the place of one still under way. */

import { unpack } from "./data.js";

/** What went wrong, in three parts: what, where, and what to do. */
export class Trouble extends Error {
  constructor({ what, where = "", advice = "" }) {
    super(what);
    this.where = where;
    this.advice = advice;
  }
}

const underWay = new Map();

/**
 * @param {string} lane  a question replaces the one before it in its lane
 * @returns {Promise<any>} the answer, its explanation unpacked; null if it was replaced
 */
export async function ask(lane, path, question) {
  underWay.get(lane)?.abort();
  const controller = new AbortController();
  underWay.set(lane, controller);
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(question),
      signal: controller.signal,
    });
    const answer = await response.json().catch(() => ({}));
    if (controller.signal.aborted) return null;
    if (answer.error) throw new Trouble(answer.error);
    if (!answer.explanation)
      throw new Trouble({
        what: `the server answered in a way this page does not know (${response.status})`,
        where: path,
        advice: "start `regard explore` again",
      });
    return { ...answer, explanation: unpack(answer.explanation) };
  } catch (error) {
    if (controller.signal.aborted || error.name === "AbortError") return null;
    if (error instanceof Trouble) throw error;
    throw new Trouble({
      what: "the server does not answer",
      where: path,
      advice: "see whether `regard explore` still runs in its terminal",
    });
  } finally {
    if (underWay.get(lane) === controller) underWay.delete(lane);
  }
}

/** The models that the server has. @returns {Promise<any[]>} */
export async function askModels() {
  try {
    return (await (await fetch("/api/models")).json()).models ?? [];
  } catch {
    return [];
  }
}
