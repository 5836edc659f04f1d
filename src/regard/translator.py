"""Text in, translation out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np

from regard import models
from regard.config import SearchOptions
from regard.errors import RegardError, needs_extra
from regard.search.beam import FinishReason, Hypothesis, Task, beam, greedy
from regard.search.protocols import Engine, Forced
from regard.search.sampling import Sampling, sample
from regard.shapes import Float
from regard.storage.model_file import (
    ModelFile,
    is_file,
    read_model,
    read_model_file,
    read_model_folder,
)
from regard.system import cores
from regard.text.normalize import normalize
from regard.text.vocabulary import Vocabulary

BATCH = 128
"""Sentences that are translated together, at most."""
ROOM = 3_000_000
"""Numbers that are held for a batch, about, while it is read and while a token is chosen."""
FOR_STATE = 8
"""Numbers held for each number of an encoder's state: gates, and the states of two layers."""
FOR_TOKEN = 2
"""Numbers held for each token that a hypothesis could go on with: its logit and its probability."""


@dataclass(frozen=True)
class Translation:
    source: str
    """What was translated, tidied: control characters are spaces, accents are composed."""
    text: str
    log_prob: float
    """Natural logarithm of the translation's probability, its </s> included; where it was cut
    (`ending`), that of all that had been written, without a </s>."""
    finish_reason: FinishReason
    """end: it ended by itself; limit: it was cut at its longest; repetition: it went in circles."""
    tokens: list[str]
    """The translation's subwords; ▁ stands for a space."""
    source_tokens: list[str]
    """The source's subwords."""
    _forced: Callable[[], Forced] = field(compare=False, repr=False)
    """Reads the translation again to see where the model looks."""

    @cached_property
    def weights(self) -> Float[np.ndarray, "T S"]:
        """How much each token (and </s>) looked at each source token (and </s>); rows sum to 1."""
        return self._forced().token_weights()

    def __getstate__(self) -> dict[str, object]:
        """For another process: with what the model looked at, and without the model."""
        return {**vars(self), "look": Seen(self._forced())}


class Seen(NamedTuple):
    """A look that has been taken."""

    forced: Forced

    def __call__(self) -> Forced:
        return self.forced


@runtime_checkable
class SupportsShortlist(Engine, Protocol):
    """An engine that knows the few tokens that a sentence may need."""

    def with_shortlist(self) -> Engine:
        """The same engine, which chooses among them alone."""


@dataclass(frozen=True)
class Translator:
    """A model, ready to translate."""

    engine: Engine
    source: Vocabulary
    target: Vocabulary
    languages: tuple[str, str]
    options: SearchOptions
    encoder_size: int
    """Numbers in a state of the encoder."""
    workers: int = 1
    """Batches that are translated at the same time."""

    def with_options(self, options: SearchOptions) -> "Translator":
        """The same model, searched in another way."""
        return replace(self, options=options)

    def with_shortlist(self) -> "Translator":
        """The same model, which chooses among the few hundred tokens that a sentence may need.

        Raises RegardError if its file holds no shortlist, or it is a folder.
        """
        if not isinstance(self.engine, SupportsShortlist):
            raise RegardError(
                "only a .regard file has a shortlist",
                "the search",
                "export the model with `regard export`, and load the file",
            )
        return replace(self, engine=self.engine.with_shortlist())

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        """The best translation of each text, in order; an empty text gives an empty one.

        A text is read as one sentence: `regard.lines.translate_lines` cuts those that are several.
        """
        return [best[0] for best in self.search_all(texts, "", self.search(1))]

    def n_best(self, texts: Sequence[str]) -> list[list[Translation]]:
        """The translations that the beam found for each text, best first."""
        return self.search_all(texts, "", self.search(self.options.beam))

    def search(self, count: int) -> Callable[[Task], list[list[Hypothesis]]]:
        """Finds the `count` best translations of each sentence, with the options' beam."""
        if self.options.beam == 1:
            return lambda task: [[one] for one in greedy(self.engine, task)]
        size, alpha = self.options.beam, self.options.length_penalty
        return lambda task: [best[:count] for best in beam(self.engine, task, size, alpha)]

    def translate_with_prefix(
        self, texts: Sequence[str], beginning: str
    ) -> list[list[Translation]]:
        """Like `n_best`, for translations that begin with `beginning`."""
        size, alpha = self.options.beam, self.options.length_penalty
        return self.search_all(texts, beginning, lambda task: beam(self.engine, task, size, alpha))

    def sample(self, texts: Sequence[str], sampling: Sampling) -> list[Translation]:
        """One translation of each text, drawn from the model's distribution."""
        drawn = self.search_all(
            texts, "", lambda task: [[h] for h in sample(self.engine, task, sampling)]
        )
        return [one[0] for one in drawn]

    def force(self, sources: Sequence[str], targets: Sequence[str]) -> list[Forced]:
        """How the model reads given translations, all at once: for long texts, give some dozens.

        Raises RegardError if these are not two lists of one length.
        """
        require_list(sources)
        require_list(targets)
        if len(sources) != len(targets):
            raise RegardError(
                f"{len(sources)} texts and {len(targets)} translations are given",
                "force",
                "give one translation for each text",
            )
        if not sources:
            return []
        return self.engine.force(
            self.source.encode([normalize(text) for text in sources]),
            self.target.encode([normalize(text) for text in targets]),
        )

    def search_all(
        self,
        texts: Sequence[str],
        beginning: str,
        search: Callable[[Task], list[list[Hypothesis]]],
    ) -> list[list[Translation]]:
        """Search in batches of like length; hand the results back in the order of the texts."""
        require_list(texts)
        tidied = [normalize(text) for text in texts]
        encoded = self.source.encode(tidied)
        given = self.target.encode([normalize(beginning)])[0] if beginning else []
        found: list[list[Translation]] = [
            [Translation(text, "", 0.0, "eos", [], [], nothing_to_look_at)] for text in tidied
        ]
        places = sorted(
            (place for place, ids in enumerate(encoded) if ids), key=lambda p: len(encoded[p])
        )
        lengths = [len(ids) for ids in encoded]
        for_sentence = self.options.beam * self.engine.tokens * FOR_TOKEN
        batches = make_batches(places, lengths, for_sentence, self.encoder_size * FOR_STATE)

        def translate(batch: Sequence[int]) -> list[list[Hypothesis]]:
            sources = [encoded[place] for place in batch]
            limits = [len(given) + self.limit(len(ids)) for ids in sources]
            return search(Task(sources, limits, given, indices=batch))

        # the longest first, so that the workers end together
        results = parallel_map(translate, batches[::-1], self.workers)
        for batch, result in zip(batches[::-1], results, strict=True):
            for place, hypotheses in zip(batch, result, strict=True):
                found[place] = (
                    first_of_each_text(
                        self.translation(tidied[place], encoded[place], one) for one in hypotheses
                    )
                    or found[place]
                )
        return found

    def limit(self, length: int) -> int:
        """The most tokens that the translation of `length` tokens may have."""
        return self.options.max_length(length)

    def translation(self, text: str, ids: list[int], hypothesis: Hypothesis) -> Translation:
        return Translation(
            text,
            self.target.decode(hypothesis.tokens),
            hypothesis.log_prob,
            hypothesis.finish_reason,
            self.target.pieces(hypothesis.tokens),
            self.source.pieces(ids),
            lambda: self.engine.force([ids], [hypothesis.tokens])[0],
        )


def first_of_each_text(translations: Iterable[Translation]) -> list[Translation]:
    """A text may have been written in several ways, cut into other tokens."""
    first: dict[str, Translation] = {}
    for translation in translations:
        first.setdefault(translation.text, translation)
    return list(first.values())


def make_batches(
    places: Sequence[int], lengths: Sequence[int], for_sentence: int, for_token: int
) -> list[list[int]]:
    """`places`, whose lengths grow, in batches for whose numbers there is room: `for_sentence`, and
    `for_token` times its longest sentence's tokens, for each sentence."""
    batches: list[list[int]] = []

    def room(place: int) -> int:
        return min(BATCH, ROOM // (for_sentence + for_token * lengths[place]))

    for place in places:
        if not batches or len(batches[-1]) >= room(place):
            batches.append([])
        batches[-1].append(place)
    if len(batches) > 1 and len(batches[-1]) == 1 and room(places[-1]) > 1:
        # a sentence alone has graphs of its own, which a long text is not to hold as well
        batches[-1].insert(0, batches[-2].pop())
    return batches


Given = TypeVar("Given")
Made = TypeVar("Made")


def parallel_map(
    work: Callable[[Given], Made], given: Sequence[Given], workers: int
) -> Iterator[Made]:
    """`work` on each, in order, by so many threads: an engine's products do not hold Python up."""
    if workers == 1 or len(given) < 2:
        yield from map(work, given)
        return
    pool = ThreadPoolExecutor(workers)
    try:
        yield from pool.map(work, given)
    finally:
        pool.shutdown(cancel_futures=True)


def require_list(texts: Sequence[str]) -> None:
    if isinstance(texts, str):
        raise RegardError("one text is given, not a list of them", repr(texts), "give [text]")


def nothing_to_look_at() -> Forced:
    """The looks of an empty translation: none."""
    return Forced(np.zeros(0, np.float32), np.zeros((1, 1, 0, 0), np.float32))


def load(
    model: str | Path = models.DEFAULT, device: str = "auto", workers: int = 0, threads: int = 1
) -> Translator:
    """Open a model: a folder, a file that `regard export` wrote, or one that comes along, by name.

    A folder's model runs through PyTorch on `device`, and takes no workers. A file's runs through
    ONNX Runtime: `workers` batches at a time (0: one a core), each on `threads` cores; so does a
    folder's where PyTorch is not installed. Raises RegardError if the model is not there or
    damaged, a number too small, or something is asked for that such a model cannot do.
    """
    if workers < 0 or threads < 1:
        raise RegardError(
            f"{workers} workers of {threads} threads cannot work",
            "workers, threads",
            "give at least 1 thread, and 0 workers for one a core",
        )
    path = models.find(model)
    if is_file(path):
        if device not in ("auto", "cpu"):
            raise RegardError(
                f"a file runs on the CPU, not on '{device}'",
                str(path),
                "leave --device out, or give the model folder that the file was exported from",
            )
        return open_model_file(read_model_file(path), str(path), workers, threads)
    bundle = read_model_folder(path)
    if not find_spec("torch"):
        if device not in ("auto", "cpu"):
            raise needs_extra(f"--device {device}", "torch", "train", ", or leave --device out")
        return open_model_file(bundle, str(path), workers, threads)
    if workers or threads != 1:
        raise RegardError(
            "workers and threads are for files, and a folder runs through PyTorch",
            str(path),
            "leave --workers and --threads out, or export the model to a file",
        )
    from regard.engine.torch import load_engine

    engine = load_engine(bundle, str(path), device)
    card, config = bundle.card, bundle.card.config
    return Translator(
        engine, card.source, card.target, card.languages, config.search, config.model.encoder_size
    )


def open_light(model: str | Path) -> Translator:
    """Open a model through ONNX Runtime even where PyTorch is: it starts in a fraction of the time,
    and is meant for a single sentence. Errors as `load`."""
    path = models.find(model)
    return open_model_file(read_model(path), str(path), workers=1, threads=1)


def open_model_file(bundle: ModelFile, where: str, workers: int, threads: int) -> Translator:
    from regard.engine.onnx.engine import load_bundle

    card = bundle.card
    return Translator(
        load_bundle(bundle, where, threads),
        card.source,
        card.target,
        card.languages,
        card.config.search,
        card.config.model.encoder_size,
        workers or max(1, cores() // threads),
    )
