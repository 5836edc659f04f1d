/** The positions of the player: the sentence is read, then written step by step. */

import { END, argmax, isTraditional, percent, piece, readable, weightsOf } from "./data.js";

/**
 * The stages of a step, in order, and what happens in each.
 * @type {{name: string, describe: (explanation: Explanation, step: number,
 *   selection: HeadSelection) => string}[]}
 */
export const STAGES = [
  { name: "Hidden state", describe: describeHidden },
  { name: "Scores", describe: describeScores },
  { name: "Softmax", describe: describeWeights },
  { name: "Multiply", describe: describeProducts },
  { name: "Add up", describe: describeContext },
  { name: "Together", describe: () => TOGETHER },
  { name: "Next word", describe: describeNext },
];
const TOGETHER = "Context and hidden state are joined into one vector and fed forward.";

/**
 * The number of positions before the first step: one before reading, one for each token, one at
 * which the states are passed on.
 * @param {Explanation} explanation
 */
export function firstStepPosition(explanation) {
  return explanation.source.tokens.length + 2;
}

/** @param {Explanation} explanation */
export function positionCount(explanation) {
  return firstStepPosition(explanation) + STAGES.length * explanation.target.tokens.length;
}

/**
 * What happens at a position: the number of tokens read, whether the states are passed on, and the
 * step and its stage; both are -1 while the sentence is read.
 * @param {Explanation} explanation
 * @param {number} position
 */
export function locate(explanation, position) {
  const before = firstStepPosition(explanation);
  const length = explanation.source.tokens.length;
  if (position < before)
    return { read: Math.min(position, length), passed: position > length, step: -1, stage: -1 };
  const offset = position - before;
  return {
    read: length,
    passed: true,
    step: Math.floor(offset / STAGES.length),
    stage: offset % STAGES.length,
  };
}

/**
 * The position of a stage of a step.
 * @param {Explanation} explanation
 * @param {number} step
 * @param {number} stage
 */
export function positionOf(explanation, step, stage) {
  return firstStepPosition(explanation) + STAGES.length * step + stage;
}

/**
 * What happens at a position, in one or two sentences.
 * @param {Explanation} explanation
 * @param {number} position
 * @param {HeadSelection} selection
 */
export function describe(explanation, position, selection) {
  const { read, passed, step, stage } = locate(explanation, position);
  if (step >= 0) return STAGES[stage].describe(explanation, step, selection);
  return passed ? describePassing(explanation) : describeReading(explanation, read);
}

/** @param {string} text */
function quote(text) {
  return `“${text}”`;
}

/** @param {Explanation} explanation @param {number} read */
function describeReading(explanation, read) {
  const { tokens } = explanation.source;
  if (!read)
    return (
      `The sentence is cut into ${tokens.length} tokens, the last of them its end, ${END}. ` +
      "Nothing has been read yet."
    );
  const token = tokens[read - 1];
  if (explanation.encoder_attentions.length)
    return (
      `${quote(piece(explanation.source, read - 1))} attends to the words of its own sentence: the ` +
      "encoder adds up its state from theirs, for all tokens at once."
    );
  if (read === tokens.length)
    return (
      `The encoder reads ${END}, the end of the sentence. The hidden state here is its ` +
      "final state."
    );
  return `The encoder reads ${quote(piece(explanation.source, read - 1))} and updates its hidden state${
    readable(token) === "." ? "" : ", which it passes on to the next step"
  }.`;
}

/** @param {Explanation} explanation */
function describePassing(explanation) {
  const { length } = explanation.source.tokens;
  if (isTraditional(explanation))
    return (
      "Only the final hidden state is passed on to the decoder. All that the sentence says " +
      "must fit into this one vector."
    );
  return (
    `All ${length} hidden states are passed on to the decoder, one for each token, not the ` +
    "final one alone."
  );
}

/**
 * The source token with the largest weight.
 * @param {Explanation} explanation
 * @param {number} step
 * @param {HeadSelection} selection
 */
function strongest(explanation, step, selection) {
  const weights = weightsOf(explanation, selection)[step];
  const token = argmax(weights);
  return { name: quote(piece(explanation.source, token)), weight: weights[token] };
}

/** @param {Explanation} explanation @param {number} step */
function describeHidden(explanation, step) {
  const before = explanation.target.tokens.slice(0, step).map(readable).slice(-6).join(" ");
  const attends = explanation.decoder_attentions.length > 0;
  if (!step)
    return attends
      ? "The decoder computes its first hidden state, from the start token <s>."
      : "The decoder computes its first hidden state, from the encoder's final state and the " +
          "start token <s>.";
  return `The decoder ${
    attends ? "attends to" : "computes its hidden state from"
  } what it has written so far: ${
    step > 6 ? "… " : ""
  }${before}.`;
}

/** @param {Explanation} explanation @param {number} step @param {HeadSelection} selection */
function describeScores(explanation, step, selection) {
  if (isTraditional(explanation))
    return (
      "Without attention only the final state counts: its score is 0, and no other state " +
      "has one."
    );
  return `Each encoder state gets a score: how much does it matter for the next word? The highest goes to ${
    strongest(explanation, step, selection).name
  }.`;
}

/** @param {Explanation} explanation @param {number} step @param {HeadSelection} selection */
function describeWeights(explanation, step, selection) {
  if (isTraditional(explanation))
    return "The softmax turns the scores into weights: 100 % for the final state, at every step.";
  const { name, weight } = strongest(explanation, step, selection);
  return (
    `The softmax turns the scores into weights from 0 to 1 that add up to 1. ${name} ` +
    `gets ${percent(weight)}.`
  );
}

/** @param {Explanation} explanation @param {number} step @param {HeadSelection} selection */
function describeProducts(explanation, step, selection) {
  if (isTraditional(explanation))
    return (
      "Each state is multiplied by its weight: the final one stays as it is, the others " +
      "vanish."
    );
  const { name } = strongest(explanation, step, selection);
  return (
    `Each state is multiplied by its weight: ${name} stays strong, states with a small ` +
    "weight fade."
  );
}

/** @param {Explanation} explanation */
function describeContext(explanation) {
  if (isTraditional(explanation))
    return (
      "Their sum is the context. It is the final state again, the same as at every other " + "step."
    );
  return (
    "The weighted states are added up. Their sum is the context: what the sentence says " +
    "about the next word."
  );
}

/** @param {Explanation} explanation @param {number} step */
function describeNext(explanation, step) {
  const best = explanation.next[step][0];
  const written = quote(piece(explanation.target, step));
  const share = percent(explanation.probabilities[step]);
  if (step < explanation.prefix_length)
    return (
      `${written} was given, not chosen by the model, which gives it a probability of ${share}. ` +
      "It joins the translation."
    );
  if (best.id !== explanation.target.ids[step])
    return (
      `${quote(readable(best.token))} is the likeliest token here, but the search takes ${written} ` +
      `(${share}), because the complete translation is then more likely.`
    );
  if (best.token === END)
    return `The likeliest next token is ${END}, with ${share}: the translation is complete.`;
  return `The likeliest next token is ${written}, with ${share}. It joins the translation.`;
}
