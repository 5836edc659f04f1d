/**
 * The types of the translator page, for `tsc`. This file has no code and is not part of the page.
 *
 * @typedef {"source" | "target"} Side
 * @typedef {{text: string, span: [number, number], probability?: number}} SpannedWord
 * @typedef {{source: number, target: number, probability: number}} WordLink
 *
 * @typedef {object} TranslatedPart  a line, or a part of a long one
 * @property {string} source
 * @property {string} text
 * @property {SpannedWord[]} source_words
 * @property {SpannedWord[]} words
 * @property {{links: WordLink[]}} alignment
 * @property {{message: string, source: [number, number]}[]} warnings
 *
 * @typedef {object} DetailedTranslation  what /v1/translate answers for a text
 * @property {string} source  its language
 * @property {string} text
 * @property {string[]} alternatives
 * @property {TranslatedPart[]} parts
 *
 * @typedef {{text: string, word: number, probability: number}} Piece
 *   word -1: what is between words
 *
 * @typedef {object} LinkedText
 * @property {Piece[]} source
 * @property {Piece[]} target
 * @property {[source: number, target: number, probability: number][]} links
 * @property {{message: string, stretch: string}[]} warnings
 *
 * @typedef {{code: string, name: string, targets: string[]}} Language
 *
 * @typedef {object} Settings  what /frontend/settings answers
 * @property {number} charLimit
 * @property {number} frontendTimeout  milliseconds after the last key
 * @property {boolean} apiKeys
 * @property {boolean} filesTranslation
 * @property {string[]} supportedFilesFormat
 * @property {{source: {code: string}, target: {code: string}}} language
 *
 * @typedef {{source: string, target: string, text: string, translation: string}} Entry
 *   a former translation
 *
 * @typedef {object} Translating  the one mutable object of the page
 * @property {Settings} settings
 * @property {Language[]} languages
 * @property {string} source  a language, or auto
 * @property {string} target
 * @property {string} detected  the language of the text that is shown
 * @property {string} text
 * @property {string} translation
 * @property {LinkedText} linked
 * @property {boolean} isWaiting
 */
