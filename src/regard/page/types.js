/**
 * The types of the page, for `tsc`. This file has no code and is not part of the page.
 *
 * @typedef {{text: string, tokens: number[]}} Word  `tokens` are the indices of its tokens
 * @typedef {{text: string, tokens: string[], ids: number[], words: Word[]}} TokenizedText
 * @typedef {{id: number, token: string, probability: number}} Candidate
 * @typedef {[step: number, sourceToken: number, amount: number | null]} ScoreChange
 *   step -1: all steps; `null`: the token gets no weight
 *
 * @typedef {object} Layer  of the decoder; T target tokens, S source tokens, H heads
 * @property {number[][]} hidden  T × decoder size
 * @property {(number | null)[][][]} scores  H × T × S
 * @property {number[][][]} weights  H × T × S
 * @property {number[][]} context  T × encoder size, or decoder size where projections are added up
 * @property {number[][]} output  T × embedding size
 *
 * @typedef {object} SelfAttention  H heads, T tokens of one sentence
 * @property {(number | null)[][][]} scores  H × T × T
 * @property {number[][][]} weights  H × T × T
 *
 * @typedef {object} Model
 * @property {string} name
 * @property {string[]} languages  source and target
 * @property {string} attention
 * @property {string} encoder_layer_type
 * @property {string} decoder_layer_type
 * @property {string} encoder
 * @property {number} encoder_layers
 * @property {number} decoder_layers
 * @property {number} heads
 * @property {number} embedding_size
 * @property {number} encoder_size
 * @property {number} decoder_size
 *
 * @typedef {object} Alignment
 * @property {"head" | "attention" | "none"} method  the alignment head, or the attention weights
 * @property {[source: number, target: number, probability: number][]} links  between words
 *
 * @typedef {object} Explanation  what `regard.explain.explanation.as_json` returns
 * @property {Model} model
 * @property {TokenizedText} source
 * @property {TokenizedText} target
 * @property {number} prefix_length
 * @property {number} log_prob
 * @property {"eos" | "length" | "repetition"} finish_reason
 * @property {number[][]} states  S × encoder size
 * @property {number[][][]} values  for each decoder layer S × decoder size; none in a recurrent one
 * @property {Layer[]} layers
 * @property {SelfAttention[]} encoder_attentions  of each layer of self-attention
 * @property {SelfAttention[]} decoder_attentions
 * @property {number[][]} weights  T × S
 * @property {number[][]} word_weights  target words × source words
 * @property {Alignment} alignment
 * @property {Candidate[][]} next  the likeliest tokens at each step
 * @property {number[]} probabilities
 * @property {ScoreChange[]} score_changes
 * @property {string} advice
 *
 * @typedef {{layer: number, head: number}} HeadSelection
 *   layer -1: the last, the mean of its heads
 * @typedef {{side: string, layer: number, head: number}} OwnSelection
 *   of self-attention; side is encoder or decoder, head -1 the mean of all
 * @typedef {{source: string[], target: string[], weights: number[][]}} Grid
 * @typedef {{low: number, size: number}} ScoreRange
 * @typedef {{name: string, numbers: number[], scale: number}} Vector
 *   `scale` is the number that gets the full colour
 *
 * @typedef {Node | string | number | null | undefined | false} Leaf
 * @typedef {Leaf | Leaf[] | (Leaf | Leaf[])[]} Child
 * @typedef {string | number | boolean | null | undefined | Record<string, string | number>
 *   | ((event: any) => unknown)} AttributeValue
 * @typedef {Record<string, AttributeValue>} Attributes
 *   `css` holds custom properties; a name that begins with `on` is an event
 * @typedef {{node: HTMLElement, update: () => void}} View
 * @typedef {View & {toggle: () => void, stop: () => void, stage: (by: number) => void,
 *   token: (by: number) => void, last: () => number}} Player
 *
 * @typedef {{message: string, where: string, advice: string}} ErrorParts
 *
 * @typedef {object} Changes  what the user has changed
 * @property {ScoreChange[]} scoreChanges
 * @property {number[]} prefix  target tokens with which the translation begins
 * @property {number} beam
 * @property {string} model  the model chosen for the next sentence; "": the one that is shown
 *
 * @typedef {object} WhatIf  the part of `App` that asks the server
 * @property {Changes} changes
 * @property {() => Promise<void>} askAgain
 * @property {() => void} reset
 * @property {(model: string, text: string) => void} translate
 * @property {(word: Word, isForbidden: boolean) => void} forbid
 * @property {(step: number, id: number) => void} choose
 * @property {(step: number, token: number, weight: number) => Promise<void>} setWeight
 * @property {(removed: ScoreChange[]) => void} removeScoreChanges
 * @property {() => void} removePrefix
 *
 * @typedef {object} AppState  what is shown
 * @property {boolean} live  whether a server answers
 * @property {Model[]} models
 * @property {Explanation} explanation  null before the first sentence, when only the form is shown
 * @property {Explanation | null} other  the same sentence by another model, for comparison
 * @property {number} position
 * @property {HeadSelection} stepSelection  layer and head in the step view
 * @property {HeadSelection} figureSelection  layer and head in the other views
 * @property {OwnSelection} ownSelection  in the view of self-attention
 * @property {string} view
 * @property {boolean} byWords
 * @property {number} speed
 * @property {boolean} playing
 * @property {Player | null} player  in the step view
 * @property {boolean} canChange  whether scores can be changed
 * @property {HeadSelection} selection  layer and head in this view
 * @property {(position: number) => void} goTo
 * @property {(stage: number) => void} goToStage
 * @property {(token: number) => void} showStep
 * @property {(view: string) => void} setView
 * @property {(selection: HeadSelection) => void} setSelection
 * @property {(selection: Partial<OwnSelection>) => void} setOwnSelection
 * @property {(byWords: boolean) => void} setUnits
 * @property {(busy: boolean, isDim?: boolean) => void} setBusy
 * @property {(word: Word) => boolean} isForbidden
 * @property {(explanation: Explanation) => void} replace
 * @property {() => void} swap
 * @property {(explanation: Explanation) => void} open
 * @property {() => void} redrawChanges
 * @property {(explanation: Explanation) => void} setOther
 * @property {(name: string) => string | null} otherModel
 *
 * @typedef {AppState & WhatIf} App  the one mutable object
 */
