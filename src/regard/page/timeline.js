/** What happens, one position after the other: the sentence is read, then written step by step. */

import { END, isTraditional, largest, percent, piece, readable, weightsOf } from "./data.js";

/** The stages of a step, in their order. */
export const STAGES = [
  { key: "hidden", name: "Hidden state" },
  { key: "score", name: "Scores" },
  { key: "weight", name: "Soft-max" },
  { key: "multiply", name: "Multiply" },
  { key: "add", name: "Add up" },
  { key: "together", name: "Together" },
  { key: "next", name: "Next word" },
];

/** Before the steps: nothing read, each token read, the states passed on. */
export function opening(explanation) {
  return explanation.source.tokens.length + 2;
}

export function positions(explanation) {
  return opening(explanation) + STAGES.length * explanation.target.tokens.length;
}

/**
 * Where a position is: tokens read, then the step and its stage.
 * @returns {{read: number, passed: boolean, step: number, stage: number}} step -1: still reading
 */
export function at(explanation, position) {
  const before = opening(explanation);
  const length = explanation.source.tokens.length;
  if (position < before)
    return { read: Math.min(position, length), passed: position > length, step: -1, stage: -1 };
  const behind = position - before;
  return {
    read: length,
    passed: true,
    step: Math.floor(behind / STAGES.length),
    stage: behind % STAGES.length,
  };
}

/** The position of a stage of a step. */
export function positionOf(explanation, step, stage) {
  return opening(explanation) + STAGES.length * step + stage;
}

const quote = (text) => `“${text}”`;

/** What happens now, in one sentence. */
export function told(explanation, position, look) {
  const { read, passed, step, stage } = at(explanation, position);
  if (step >= 0) return TOLD[STAGES[stage].key](explanation, step, look);
  if (passed) return toldPassing(explanation);
  return toldReading(explanation, read);
}

function toldReading(explanation, read) {
  const { tokens } = explanation.source;
  if (!read)
    return (
      `The sentence is cut into ${tokens.length} tokens, the last of them its end, ${END}. ` +
      "Nothing has been read yet."
    );
  const token = tokens[read - 1];
  if (read === tokens.length)
    return (
      `The encoder reads ${END}, the end of the sentence. The hidden state here is its ` +
      "final state."
    );
  return `The encoder reads ${quote(piece(explanation.source, read - 1))} and updates its hidden state${
    readable(token) === "." ? "" : ", which it passes on to the next step"
  }.`;
}

function toldPassing(explanation) {
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

function strongest(explanation, step, look) {
  const weights = weightsOf(explanation, look)[step];
  const token = largest(weights);
  return { name: quote(piece(explanation.source, token)), weight: weights[token] };
}

const TOLD = {
  hidden(explanation, step) {
    const before = explanation.target.tokens.slice(0, step).map(readable).slice(-6).join(" ");
    if (!step)
      return (
        "The decoder begins: its own hidden state, from the encoder's final state and the " +
        "sign <s>."
      );
    return `The decoder makes its own hidden state, from what it has written so far: ${
      step > 6 ? "… " : ""
    }${before}.`;
  },
  score(explanation, step, look) {
    if (isTraditional(explanation))
      return (
        "Without attention only the final state counts: its score is 0, and no other state " +
        "is looked at."
      );
    return `Each encoder state gets a score: how much does it matter for the next word? The highest goes to ${
      strongest(explanation, step, look).name
    }.`;
  },
  weight(explanation, step, look) {
    if (isTraditional(explanation))
      return "The soft-max makes weights of the scores: 100 % for the final state, at every step.";
    const { name, weight } = strongest(explanation, step, look);
    return (
      `The soft-max turns the scores into weights from 0 to 1 that add up to 1. ${name} ` +
      `gets ${percent(weight)}.`
    );
  },
  multiply(explanation, step, look) {
    if (isTraditional(explanation))
      return (
        "Each state is multiplied by its weight: the final one stays as it is, the others " +
        "vanish."
      );
    const { name } = strongest(explanation, step, look);
    return (
      `Each state is multiplied by its weight: ${name} stays strong, states with a small ` +
      "weight fade."
    );
  },
  add(explanation) {
    if (isTraditional(explanation))
      return (
        "Their sum is the context. It is the final state again, the same as at every other " +
        "step."
      );
    return (
      "The weighted states are added up. Their sum is the context: what the sentence says " +
      "about the next word."
    );
  },
  together() {
    return "Context and hidden state are put together, side by side, and fed forward.";
  },
  next(explanation, step) {
    const best = explanation.next[step][0];
    const written = quote(piece(explanation.target, step));
    const share = percent(explanation.prob[step]);
    if (step < explanation.given)
      return (
        `${written} was given, not chosen by the model, which finds it ${share} likely. It ` +
        "joins the translation."
      );
    if (best.id !== explanation.target.ids[step])
      return (
        `${quote(readable(best.token))} is likeliest here, but the search takes ${written} ` +
        `(${share}), with which the whole translation is likelier.`
      );
    if (best.token === END)
      return `The likeliest next token is ${END}, with ${share}: the translation is complete.`;
    return `The likeliest next token is ${written}, with ${share}. It joins the translation.`;
  },
};
