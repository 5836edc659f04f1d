/** A text and its translation as words with links, from what the server answers for its parts: its
 * lines, or parts of long ones. What is between two parts is copied. */

/**
 * @param {string} text
 * @param {DetailedTranslation} translation
 * @returns {LinkedText}
 */
export function linkedText(text, translation) {
  /** @type {LinkedText} */
  const linked = { source: [], target: [], links: [], warnings: [] };
  const counts = { source: 0, target: 0 };
  let end = 0;
  for (const part of translation.parts) {
    const start = text.indexOf(part.source, end);
    if (start < 0) return unlinked(text, translation.text);
    addGap(linked, text.slice(end, start));
    end = start + part.source.length;
    for (const { source, target, probability } of part.alignment.links)
      linked.links.push([counts.source + source, counts.target + target, probability]);
    for (const warning of part.warnings)
      linked.warnings.push({
        message: warning.message,
        stretch: characters(part.source).slice(...warning.source).join(""),
      });
    counts.source += addWords(linked.source, part.source, part.source_words, counts.source);
    counts.target += addWords(linked.target, part.text, part.words, counts.target);
  }
  addGap(linked, text.slice(end));
  const written = linked.target.map((piece) => piece.text).join("");
  return written === translation.text ? linked : unlinked(text, translation.text);
}

/** @param {LinkedText} linked @param {string} text  what both sides have */
function addGap(linked, text) {
  linked.source.push(gap(text));
  linked.target.push(gap(text));
}

/** Two texts without links. @param {string} source @param {string} target @returns {LinkedText} */
export function unlinked(source, target) {
  return { source: [gap(source)], target: [gap(target)], links: [], warnings: [] };
}

/** @param {string} text @returns {Piece} */
function gap(text) {
  return { text, word: -1, probability: 1 };
}

/** Spans count code points, and so does this. @param {string} text */
function characters(text) {
  return Array.from(text);
}

/**
 * Append the words of a line and what is between them.
 * @param {Piece[]} pieces
 * @param {string} line
 * @param {SpannedWord[]} words
 * @param {number} first  the number of its first word
 */
function addWords(pieces, line, words, first) {
  const all = characters(line);
  let end = 0;
  words.forEach(({ span, probability = 1 }, index) => {
    pieces.push(gap(all.slice(end, span[0]).join("")));
    pieces.push({ text: all.slice(...span).join(""), word: first + index, probability });
    end = span[1];
  });
  pieces.push(gap(all.slice(end).join("")));
  return words.length;
}

const MIN_LIT = 0.3; // less probable links do not light up

/**
 * The words that are linked to one.
 * @param {LinkedText} linked
 * @param {Side} side
 * @param {number} word
 */
export function linkedWords({ links }, side, word) {
  const [own, other] = side === "source" ? [0, 1] : [1, 0];
  return links.filter((link) => link[own] === word && link[2] > MIN_LIT).map((link) => link[other]);
}
