/** What the user can ask: a new sentence, a changed weight, a forbidden word, another next word. */

import { ServerError, request } from "./server.js";
import { showError } from "../parts/form.js";

/**
 * The changes of the user, and the requests for what the model then does.
 * @param {App} app
 * @returns {WhatIf}
 */
export function whatIf(app) {
  /** @type {Changes} */
  const changes = { scoreChanges: [], prefix: [], beam: 1, model: "" };
  /** The changes with which the explanation that is shown was made. */
  let confirmed = { scoreChanges: changes.scoreChanges, prefix: changes.prefix };
  let isSending = false;
  /** @type {[number, number, number] | null} */
  let waiting = null; // the newest weight, while an older one is being sent

  const question = (/** @type {string} */ model, /** @type {string} */ text) => ({
    model,
    text,
    prefix: changes.prefix,
    score_changes: changes.scoreChanges,
    beam: changes.beam,
    steps: 0,
  });

  /**
   * Send a request, and show that it is pending, then its answer or its error.
   * @param {string} path
   * @param {object} body
   * @param {(explanation: Explanation) => void} onAnswer
   */
  async function send(path, body, onAnswer) {
    app.setBusy(true, path === "api/explain");
    try {
      const explanation = await request("main", path, body);
      if (!explanation) return;
      app.setBusy(false);
      showError(null);
      changes.scoreChanges = explanation.score_changes;
      confirmed = { scoreChanges: changes.scoreChanges, prefix: changes.prefix };
      onAnswer(explanation);
    } catch (error) {
      app.setBusy(false);
      showError(/** @type {ServerError} */ (error));
      Object.assign(changes, confirmed);
      if (app.explanation) app.redrawChanges();
    }
  }

  /** @type {(model: string, text: string, onAnswer: (answer: Explanation) => void) => Promise<void>} */
  const explain = (model, text, onAnswer) => {
    waiting = null;
    return send("api/explain", question(model, text), onAnswer);
  };

  const askAgain = () => {
    const { model, source } = app.explanation;
    return explain(model.name, source.text, app.replace);
  };

  return {
    changes,
    askAgain,
    reset() {
      changes.scoreChanges = [];
      changes.prefix = [];
      askAgain();
    },
    /** Changes belong to a sentence and a model; another one begins without any. */
    translate(model, text) {
      changes.scoreChanges = [];
      changes.prefix = [];
      explain(model, text, (explanation) => {
        changes.model = "";
        app.open(explanation);
        translateForComparison(explanation);
      });
    },
    forbid({ tokens }, isForbidden) {
      changes.scoreChanges = changes.scoreChanges.filter(
        ([step, token]) => step !== -1 || !tokens.includes(token),
      );
      if (isForbidden) for (const token of tokens) changes.scoreChanges.push([-1, token, null]);
      askAgain();
    },
    choose(step, id) {
      changes.prefix = [...app.explanation.target.ids.slice(0, step), id];
      changes.scoreChanges = changes.scoreChanges.filter(([changed]) => changed <= step);
      askAgain();
    },
    /** While a weight is being sent, only the newest one waits, so that each answer is seen. */
    async setWeight(step, token, weight) {
      waiting = [step, token, weight];
      if (isSending) return;
      isSending = true;
      while (waiting) {
        /** @type {[number, number, number]} */
        const newest = waiting;
        waiting = null;
        await sendWeight(...newest);
      }
      isSending = false;
    },
    removeScoreChanges(removed) {
      changes.scoreChanges = changes.scoreChanges.filter((change) => !removed.includes(change));
      askAgain();
    },
    removePrefix() {
      changes.prefix = [];
      askAgain();
    },
  };

  /** @param {number} step @param {number} token @param {number} weight */
  function sendWeight(step, token, weight) {
    // the same changes give the same tokens again, except those that a beam search found
    const isSearched = changes.beam > 1 && !changes.scoreChanges.length && !changes.prefix.length;
    changes.prefix = (isSearched ? app.explanation.target.ids : changes.prefix).slice(0, step);
    changes.scoreChanges = changes.scoreChanges.filter(
      ([changed, other]) => changed < step || (changed === step && other !== token),
    );
    const { model, source } = app.explanation;
    const body = { ...question(model.name, source.text), step, source_token: token, weight };
    return send("api/set-weight", body, app.replace);
  }

  /**
   * Translate with the other model; if that fails, there is no comparison.
   * @param {Explanation} explanation
   */
  async function translateForComparison({ model, source }) {
    const other = app.otherModel(model.name);
    if (!other) return;
    const body = { ...question(other, source.text), prefix: [], score_changes: [] };
    try {
      const explanation = await request("other", "api/explain", body);
      if (explanation) app.setOther(explanation);
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
    }
  }
}
