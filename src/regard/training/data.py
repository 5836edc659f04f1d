"""The text of a run: the training pairs, the validation pairs, the vocabularies."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from regard.config import AugmentOptions, DataOptions, VocabularyOptions
from regard.data.augment import Augmentation, augmented, needs_links
from regard.data.corpus import CHUNK_PAIRS, Corpus, Numbers, ParallelTexts
from regard.data.encode import EncodedEpochs, EncodedOnDemand, EncodedTexts, encode_epochs
from regard.data.formats import read_pairs, table_message
from regard.data.formats.pair import Pair
from regard.data.guidance import WordLinks
from regard.data.lexicon import (
    EMPTY_LEXICON,
    Lexicon,
    evenly_spread,
    learn_lexicon,
    read_lexicon,
    sample_indices,
    write_lexicon,
)
from regard.data.mixture import (
    CORPORA,
    CORPUS,
    JoinedTexts,
    MixedEncoded,
    MixedTexts,
    PairTags,
    corpus_folders,
)
from regard.errors import RegardError
from regard.storage.folder import ModelInfo
from regard.system import cores
from regard.text.identification import SAMPLE_TEXTS, languages_warning
from regard.text.languages import Languages
from regard.text.tags import NO_TAG, tag_prefix
from regard.text.vocabulary import Vocabulary, learn
from regard.training.corpora import (
    CorpusMixture,
    held_out_tags,
    mix,
    read_corpora,
    read_corpus,
    share_messages,
)
from regard.training.guided_alignment import NumberedTexts
from regard.training.report import Report

MAX_VALID_PAIRS = 3000
"""Validation pairs that are used, evenly spread; more would take time and change little."""

LEXICON = "lexicon.json"
"""The file of the words that translate each other, in the folder of all that training needs."""
LENGTH_SAMPLE = 20_000
"""Pairs whose lengths are counted, evenly spread."""
LENGTH_SHARE = 0.999
"""The share of the sources that are no longer than `longest_source`."""


class Data(NamedTuple):
    """The text files of a run."""

    train: tuple[Path, ...]
    """A file for each language, or one with both."""
    valid: tuple[Path, ...]
    """Likewise; if empty, pairs of the training text are held out."""
    languages: tuple[str, str]
    """Codes of the source and the target language."""


class Parallel(NamedTuple):
    """Sources and their translations, in the same order."""

    sources: list[str]
    targets: list[str]
    tags: tuple[str, ...] = ()
    """The tag of each pair; none: no pair has one."""

    def every(self, step: int, first: int) -> "Parallel":
        """One of `step` pairs, from the pair `first` on."""
        part = slice(first, None, step)
        return Parallel(self.sources[part], self.targets[part], self.tags[part])

    def prefixes(self, known: Sequence[str]) -> list[str]:
        """What stands before each source; `known` are the tags of the model."""
        return [tag_prefix(tag, known) for tag in self.tags or [NO_TAG] * len(self.sources)]


class TrainingText(NamedTuple):
    """The text of a run."""

    texts: NumberedTexts
    """What is learned from, of all corpora."""
    valid: Parallel
    fingerprint: str
    """Of the corpora."""
    mixed: CorpusMixture | None = None
    """How several corpora are mixed; None for one without a share and a tag."""

    @property
    def learned(self) -> ParallelTexts:
        """What the first epoch is, without tags: of it subwords and word links are learned."""
        return MixedTexts(self.texts, self.mixed.mixture) if self.mixed else self.texts

    @property
    def tags(self) -> PairTags | None:
        return self.mixed.tags if self.mixed else None


class WithoutHeldOut:
    """A corpus without the last of every `interval` pairs."""

    def __init__(self, corpus: NumberedTexts, interval: int) -> None:
        self.corpus, self.interval = corpus, interval

    def __len__(self) -> int:
        return len(self.corpus) - len(self.corpus) // self.interval

    def kept(self, indices: Numbers) -> Numbers:
        """The indices that these pairs have in the corpus."""
        return indices + indices // (self.interval - 1)

    def sources(self, indices: Numbers) -> list[str]:
        return self.corpus.sources(self.kept(indices))

    def targets(self, indices: Numbers) -> list[str]:
        return self.corpus.targets(self.kept(indices))

    @property
    def lines(self) -> Numbers:
        return self.corpus.lines[self.kept(np.arange(len(self)))]


def read_valid(data: Data, max_characters: int, report: Report) -> Parallel:
    """The validation pairs with text of at most `max_characters` on both sides.

    Raises RegardError if there are none.
    """
    lines = list(read_pairs(data.valid, data.languages))
    pairs = [
        (line.source, line.target)
        for line in lines
        if isinstance(line, Pair)
        and all(0 < len(text) <= max_characters for text in (line.source, line.target))
    ]
    if left_out := len(lines) - len(pairs):
        report.message(
            f"{left_out:,} of {len(lines):,} validation pairs are left out: a side is empty, not"
            f" UTF-8, or longer than {max_characters:,} characters"
        )
    if not pairs:
        raise RegardError(
            "the validation text has no pairs",
            ", ".join(map(str, data.valid)),
            "give files with text on both sides",
        )
    step = -(-len(pairs) // MAX_VALID_PAIRS)
    sources, targets = zip(*pairs[::step], strict=True)
    return Parallel(list(sources), list(targets))


def hold_out(corpus: Corpus | JoinedTexts, max_pairs: int) -> tuple[WithoutHeldOut, Parallel]:
    """Hold out at most `max_pairs` and a tenth of the pairs: the other pairs, and those held out.

    Raises RegardError if there are fewer than 20 pairs.
    """
    held = min(max_pairs, MAX_VALID_PAIRS, len(corpus) // 10)
    if held < 2:
        raise RegardError(
            f"{len(corpus)} pairs are too few to hold some out for validation",
            "the training text",
            "give more text, or validation files with --valid",
        )
    interval = -(-len(corpus) // held)
    indices = held_out_indices(len(corpus), interval)
    valid = Parallel(corpus.sources(indices), corpus.targets(indices))
    return WithoutHeldOut(corpus, interval), valid


def held_out_indices(pairs: int, interval: int) -> Numbers:
    """The pairs that `WithoutHeldOut` leaves out."""
    return np.arange(pairs // interval) * interval + interval - 1


def learn_vocabularies(
    corpus: ParallelTexts, options: VocabularyOptions, languages: Languages, report: Report
) -> tuple[Vocabulary, Vocabulary]:
    """Of the source and of the target; the same one twice if it is joint."""
    step = -(-len(corpus) // options.sample_pairs)
    indices = np.arange(0, len(corpus), step)
    chunks = np.array_split(indices, -(-len(indices) // 10_000))
    where = "the training text"
    report.message(f"learning subwords from {len(indices):,} pairs")
    sources = (text for chunk in chunks for text in corpus.sources(chunk))
    targets = (text for chunk in chunks for text in corpus.targets(chunk))
    if options.joint:
        texts = (text for side in (sources, targets) for text in side)
        both = learn(texts, options.size, where, languages)
        return both, both
    return (
        learn(sources, options.size, where, languages[:1]),
        learn(targets, options.size, where, languages[1:]),
    )


def prepare_text(
    training: Path,
    data: Data,
    options: DataOptions,
    known_tags: Sequence[str],
    seed: int,
    report: Report,
) -> TrainingText:
    """The text of a run, whose model knows these tags.

    The corpora are prepared in the folder `training` if they are not there.
    """
    is_new = not corpus_folders(training)
    if options.corpora:
        corpus: Corpus | JoinedTexts
        corpus = read_corpora(data.languages, options, training / CORPORA, report)
    else:
        corpus = read_corpus(data.train, data.languages, options, training / CORPUS, report)
        for line in corpus.report.lines():
            report.message(line)
    texts, valid = choose_valid(corpus, data, options, report)
    mixed = None
    if isinstance(corpus, JoinedTexts):
        interval = texts.interval if isinstance(texts, WithoutHeldOut) else 0
        mixed = mix(corpus, interval, options, known_tags, seed)
        for message in share_messages(mixed):
            report.message(message)
    if is_new:
        for warning in text_warnings(texts, valid, data):
            report.message(warning)
    return TrainingText(texts, valid, corpus.fingerprint, mixed)


def choose_valid(
    corpus: Corpus | JoinedTexts, data: Data, options: DataOptions, report: Report
) -> tuple[NumberedTexts, Parallel]:
    """The training text and the validation text, which is held out of it if none was given."""
    if data.valid:
        valid = read_valid(data, options.max_characters, report)
        tags = (options.valid_tag,) * len(valid.sources) if options.valid_tag else ()
        return corpus, valid._replace(tags=tags)
    texts, valid = hold_out(corpus, options.held_out)
    report.message(
        f"no validation text was given: {len(valid.sources):,} pairs are held out for it"
    )
    if isinstance(corpus, JoinedTexts):
        indices = held_out_indices(len(corpus), texts.interval)
        valid = valid._replace(tags=held_out_tags(corpus, options, indices))
    return texts, valid


def text_warnings(texts: ParallelTexts, valid: Parallel, data: Data) -> Iterator[str]:
    """What the user should know of the text before training, in one line each."""
    for files in (data.train, data.valid):
        if message := table_message(files):
            yield message
    indices = np.arange(0, len(texts), max(1, len(texts) // SAMPLE_TEXTS))
    sample = Parallel(texts.sources(indices), texts.targets(indices))
    parts = {"training text": sample} | ({"validation text": valid} if data.valid else {})
    for name, part in parts.items():
        if warning := languages_warning(part.sources, part.targets, data.languages, name):
            yield warning
    if shared := count_shared(texts, valid):
        yield (
            f"{shared:,} of {len(valid.sources):,} validation pairs"
            f" ({shared / len(valid.sources):.0%}) are in the training text: the scores of these"
            " tell nothing about new text"
        )


def count_shared(texts: ParallelTexts, valid: Parallel) -> int:
    """How many validation pairs are in the training text."""
    wanted = Counter(zip(valid.sources, valid.targets, strict=True))
    missing = set(wanted)
    for begin in range(0, len(texts), CHUNK_PAIRS):
        indices = np.arange(begin, min(begin + CHUNK_PAIRS, len(texts)))
        missing.difference_update(zip(texts.sources(indices), texts.targets(indices), strict=True))
    return sum(count for pair, count in wanted.items() if pair not in missing)


def prepare_lexicon(
    training: Path, texts: ParallelTexts, options: AugmentOptions, report: Report
) -> Lexicon:
    """The words that translate each other, if a change of the training text needs them.

    They are learned unless they are in the folder `training`, and saved there.
    """
    if not needs_links(options):
        return EMPTY_LEXICON
    file = training / LEXICON
    if not file.exists():
        indices = sample_indices(texts)
        report.message(f"learning word links from {len(indices):,} pairs")
        write_lexicon(file, learn_lexicon(texts, indices))
    return read_lexicon(file)


def prepare_encoded(
    training: Path,
    text: TrainingText,
    augmentation: Augmentation,
    word_links: WordLinks | None,
    info: ModelInfo,
    report: Report,
) -> EncodedTexts:
    """The training text as token ids, each epoch with the shares of its corpora."""
    encoded = prepare_pairs(training, text, augmentation, word_links, info, report)
    return MixedEncoded(encoded, text.mixed.mixture) if text.mixed else encoded


def prepare_pairs(
    training: Path,
    text: TrainingText,
    augmentation: Augmentation,
    word_links: WordLinks | None,
    info: ModelInfo,
    report: Report,
) -> EncodedTexts:
    """All training pairs as token ids: from the folder `training` if epochs are to be encoded
    beforehand, which is done now if they are not there; else encoded when it is asked for."""
    options, vocabulary = info.config.data, info.config.vocabulary
    on_demand = EncodedOnDemand(
        text.texts,
        info.source,
        info.target,
        vocabulary.source_bpe_dropout,
        vocabulary.target_bpe_dropout,
        augmentation,
        info.config.train.seed,
        word_links,
        text.tags,
    )
    if not options.encoded_epochs:
        return on_demand
    folder, epochs = training / "encoded", options.encoded_epochs
    if not folder.exists():
        task = f"encoding {epochs} epochs" if epochs > 1 else "encoding the text"
        tick = report.progress(task, epochs * len(text.texts))
        encode_epochs(on_demand, epochs, cores(), folder, tick)
    return EncodedEpochs(folder)


def longest_source(
    texts: ParallelTexts, source: Vocabulary, augmentation: Augmentation, seed: int
) -> int:
    """The length that 99.9 % of the training sources do not exceed, in tokens."""
    indices = evenly_spread(len(texts), LENGTH_SAMPLE)
    sources = augmented(texts, indices, augmentation, seed, epoch=0).sources
    lengths = [len(ids) for ids in source.encode(sources)]
    return int(np.quantile(lengths, LENGTH_SHARE, method="higher"))
