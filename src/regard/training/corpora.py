"""The training text of a run: prepared from the files on the command line, or from the corpora of
the options."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from regard.config import CorpusOptions, DataOptions
from regard.data.clean import Limits
from regard.data.corpus import Corpus, Numbers, open_corpus, prepare_parts
from regard.data.file_patterns import matching_files
from regard.data.formats import guess_languages, named_languages
from regard.data.mixture import JoinedTexts, Mixture, PairTags, make_mixture
from regard.errors import RegardError
from regard.system import cores
from regard.text.languages import Languages
from regard.text.tags import tag_prefix
from regard.training.report import Report

CorpusParts = Sequence[tuple[Path, ...]]
"""Text files in pairs, or files of pairs: all of one corpus."""


class CorpusMixture(NamedTuple):
    """What the options say of several corpora, for their training text."""

    mixture: Mixture
    tags: PairTags


def corpus_parts(options: DataOptions) -> list[CorpusParts]:
    """The files of each corpus of the options. Raises RegardError if there are none."""
    return [matching_files(corpus.files) for corpus in options.corpora]


def corpus_files(options: DataOptions) -> list[Path]:
    """All files of the corpora of the options, in order."""
    return [file for parts in corpus_parts(options) for part in parts for file in part]


def corpora_languages(options: DataOptions) -> Languages:
    """The languages that the names of the files show, of which there may be no others.

    Raises RegardError if there are none, or others.
    """
    parts = [part for corpus in corpus_parts(options) for part in corpus]
    named = [part for part in parts if named_languages(part)]
    languages = guess_languages(named[0] if named else parts[0])
    for part in named:
        if guess_languages(part) != languages:
            raise RegardError(
                f"the names of the files show {'-'.join(languages)} and"
                f" {'-'.join(guess_languages(part))}",
                f"data.corpora: {' '.join(map(str, part))}",
                "check the order of the files, or name the languages: --languages"
                f" {'-'.join(languages)}",
            )
    return languages


def tags_of(corpora: Sequence[CorpusOptions]) -> tuple[str, ...]:
    """The tags of the corpora, each once."""
    return tuple(dict.fromkeys(corpus.tag for corpus in corpora if corpus.tag))


def read_corpus(
    files: tuple[Path, ...],
    languages: tuple[str, str],
    options: DataOptions,
    folder: Path,
    report: Report,
) -> Corpus:
    """The corpus of these files, which is prepared in `folder` if it is not there."""
    return read_parts_of_corpus([files], languages, options, folder, report)


def read_parts_of_corpus(
    parts: CorpusParts,
    languages: tuple[str, str],
    options: DataOptions,
    folder: Path,
    report: Report,
) -> Corpus:
    if folder.exists():
        return open_corpus(folder)
    limits = Limits(**{name: getattr(options, name) for name in Limits._fields})
    first = " and ".join(file.name for file in parts[0])
    more = f" and {len(parts) - 1} more" if len(parts) > 1 else ""
    tick = report.progress(f"reading {first}{more}", 0)
    return prepare_parts(parts, languages, limits, folder, tick, cores())


def read_corpora(
    languages: tuple[str, str], options: DataOptions, folder: Path, report: Report
) -> JoinedTexts:
    """The corpora of the options, each of which is prepared in `folder` if it is not there."""
    corpora = []
    for number, (corpus, parts) in enumerate(
        zip(options.corpora, corpus_parts(options), strict=True), 1
    ):
        read = read_parts_of_corpus(parts, languages, options, folder / str(number), report)
        corpora.append(read)
        named = f" (tag {corpus.tag})" if corpus.tag else ""
        report.message(f"corpus {number}{named}: {', '.join(corpus.files)}")
        for line in read.report.lines():
            report.message(f"  {line}")
    return JoinedTexts(corpora)


def mix(
    texts: JoinedTexts, interval: int, options: DataOptions, tags: Sequence[str], seed: int
) -> CorpusMixture:
    """How the corpora are mixed, of which the last of every `interval` pairs is held out; 0: none.
    `tags` are those that the model knows."""
    ends = [int(end) - (int(end) // interval if interval else 0) for end in texts.ends]
    sizes = [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
    weights = [corpus.weight for corpus in options.corpora]
    prefixes = tuple(tag_prefix(corpus.tag, tags) for corpus in options.corpora)
    return CorpusMixture(
        make_mixture(sizes, weights, options.temperature, seed), PairTags(tuple(ends), prefixes)
    )


def share_messages(mixed: CorpusMixture) -> list[str]:
    """What an epoch has of each corpus, in one line each."""
    total = sum(mixed.mixture.sizes)
    counts = zip(mixed.mixture.sizes, mixed.mixture.counts, strict=True)
    return [
        f"corpus {number} gives {count:,} of {total:,} pairs of an epoch ({count / total:.1%}):"
        f" each of its pairs {count / max(1, size):.2f} times"
        for number, (size, count) in enumerate(counts, 1)
    ]


def held_out_tags(corpora: JoinedTexts, options: DataOptions, indices: Numbers) -> tuple[str, ...]:
    """The tag of the corpus of each of these pairs."""
    names = PairTags(tuple(corpora.ends.tolist()), tuple(corpus.tag for corpus in options.corpora))
    return tuple(names.of(indices))
