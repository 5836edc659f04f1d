"""Text in, translation out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeVar, get_args

import numpy as np

from regard import models
from regard.config import SearchOptions
from regard.errors import RegardError, nearest, needs_extra
from regard.search.beam import Task, beam, greedy
from regard.search.protocols import Engine, Forced, Hypothesis, SupportsShortlist
from regard.search.sampling import Sampling, sample
from regard.shapes import Float
from regard.storage.model_file import ModelFile, is_file, read_model
from regard.system import cores
from regard.text.normalize import normalize
from regard.text.vocabulary import Vocabulary
from regard.translation import SentenceTranslation, Translation, cut_into_sentences, join

Search = Callable[[Task], list[list[Hypothesis]]]
"""Returns the hypotheses of each sentence, best first."""
EngineName = Literal["auto", "onnx", "torch"]


@dataclass(frozen=True)
class Translator:
    """A model, ready to translate."""

    engine: Engine
    source: Vocabulary
    target: Vocabulary
    languages: tuple[str, str]
    options: SearchOptions
    workers: int = 1
    """Batches that are translated at the same time."""

    def with_options(self, options: SearchOptions) -> "Translator":
        """The same model, searched in another way."""
        return replace(self, options=options)

    def with_shortlist(self) -> "Translator":
        """The same model, which chooses among the few hundred tokens that a sentence may need.

        Raises RegardError if its file holds no shortlist, or if it is a folder.
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

        A text of several sentences is cut, translated sentence by sentence, and joined again with
        the white space of the source.
        Raises RegardError if one text is given instead of a list.
        """
        require_list(texts)
        parts = [cut_into_sentences(text, self.languages[0]) for text in texts]
        best = iter(self.best_of([part.text for sentences in parts for part in sentences]))
        return [
            join(
                text, [next(best)._replace(whitespace=part.whitespace) for part in sentences], self
            )
            for text, sentences in zip(texts, parts, strict=True)
        ]

    def translate_sentences(self, texts: Sequence[str]) -> list[Translation]:
        """Like `translate`, for texts that are one sentence each: none is cut."""
        return [ranked[0] for ranked in self.search_all(texts, "", self.search(1))]

    def n_best(self, texts: Sequence[str]) -> list[list[Translation]]:
        """The translations that the beam finished for each text, best first; no text is cut."""
        return self.search_all(texts, "", self.search(self.options.beam))

    def translate_with_prefix(self, texts: Sequence[str], prefix: str) -> list[list[Translation]]:
        """Like `n_best`, for translations that begin with the target text `prefix`."""
        size, penalty = self.options.beam, self.options.length_penalty
        return self.search_all(texts, prefix, lambda task: beam(self.engine, task, size, penalty))

    def sample(self, texts: Sequence[str], sampling: Sampling) -> list[Translation]:
        """One translation of each text, drawn from the model's distribution; no text is cut."""

        def draw(task: Task) -> list[list[Hypothesis]]:
            return [[hypothesis] for hypothesis in sample(self.engine, task, sampling)]

        return [drawn[0] for drawn in self.search_all(texts, "", draw)]

    def force(self, sources: Sequence[str], targets: Sequence[str]) -> list[Forced]:
        """Forced decoding of given translations, all at once: for long texts, give some dozens.

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
            self.source.encode([normalize(text).text for text in sources]),
            self.target.encode([normalize(text).text for text in targets]),
        )

    def attend(self, sentences: Sequence[SentenceTranslation]) -> list[Float[np.ndarray, "_ _"]]:
        """The attention weights [T S] of each sentence: of every target token (with </s> where it
        ended by itself) to every source token (with </s>)."""
        longest = [max(len(each.source_ids), len(each.ids)) for each in sentences]
        indices = sorted(range(len(sentences)), key=longest.__getitem__)
        weights = {}
        for batch in make_batches(indices, lambda index: self.engine.batch_size(longest[index], 1)):
            sources = [sentences[index].source_ids for index in batch]
            targets = [sentences[index].ids for index in batch]
            for index, forced in zip(batch, self.engine.force(sources, targets), strict=True):
                weights[index] = forced.token_weights()[: sentences[index].target_length]
        return [weights[index] for index in range(len(sentences))]

    def search(self, count: int) -> Search:
        """Finds the `count` best translations of each sentence, with the options' beam."""
        size, penalty = self.options.beam, self.options.length_penalty
        if size == 1:
            return lambda task: [[hypothesis] for hypothesis in greedy(self.engine, task)]
        return lambda task: [best[:count] for best in beam(self.engine, task, size, penalty)]

    def best_of(self, texts: Sequence[str]) -> list[SentenceTranslation]:
        """The best translation of each normalized sentence."""
        return [ranked[0] for ranked in self.search_sentences(texts, "", self.search(1))]

    def search_all(
        self, texts: Sequence[str], prefix: str, search: Search
    ) -> list[list[Translation]]:
        """The translations of each text as one sentence; different ones alone."""
        require_list(texts)
        ranked = self.search_sentences([normalize(text).text for text in texts], prefix, search)
        return [
            first_of_each_text(join(text, [part], self) for part in parts)
            for text, parts in zip(texts, ranked, strict=True)
        ]

    def search_sentences(
        self, texts: Sequence[str], prefix: str, search: Search
    ) -> list[list[SentenceTranslation]]:
        """Search in batches of similar length; the results are in the order of `texts`."""
        encoded = self.source.encode(texts)
        prefix_ids = self.target.encode([normalize(prefix).text])[0] if prefix else []
        ranked = [[SentenceTranslation("", "", [], [], 0.0, "eos")] for _ in texts]
        lengths = [len(ids) for ids in encoded]
        indices = sorted(
            (index for index, ids in enumerate(encoded) if ids), key=lengths.__getitem__
        )

        def batch_size(index: int) -> int:
            return self.engine.batch_size(lengths[index], self.options.beam)

        def translate(batch: Sequence[int]) -> list[list[Hypothesis]]:
            max_lengths = [
                len(prefix_ids) + self.options.max_length(lengths[index]) for index in batch
            ]
            sources = [encoded[index] for index in batch]
            return search(Task(sources, max_lengths, prefix_ids, indices=batch))

        # the longest first, so that the workers end together
        batches = make_batches(indices, batch_size)[::-1]
        results = parallel_map(translate, batches, self.workers)
        for batch, result in zip(batches, results, strict=True):
            for index, hypotheses in zip(batch, result, strict=True):
                text, ids = texts[index], encoded[index]
                if hypotheses:
                    ranked[index] = [
                        SentenceTranslation(text, self.target.decode(each.tokens), ids, *each)
                        for each in hypotheses
                    ]
        return ranked


def first_of_each_text(translations: Iterable[Translation]) -> list[Translation]:
    """A text may have been written in several ways, cut into other tokens."""
    first: dict[str, Translation] = {}
    for translation in translations:
        first.setdefault(translation.text, translation)
    return list(first.values())


def make_batches(indices: Sequence[int], batch_size: Callable[[int], int]) -> list[list[int]]:
    """Sentences, sorted by length, in batches of at most `batch_size(longest)`, and of one where
    that is 0."""
    batches: list[list[int]] = []
    for index in indices:
        if not batches or len(batches[-1]) >= batch_size(index):
            batches.append([])
        batches[-1].append(index)
    if len(batches) > 1 and len(batches[-1]) == 1 and batch_size(indices[-1]) > 1:
        # a sentence alone has graphs of its own, which a long text is not to hold as well
        batches[-1].insert(0, batches[-2].pop())
    return batches


Input = TypeVar("Input")
Output = TypeVar("Output")


def parallel_map(
    work: Callable[[Input], Output], inputs: Sequence[Input], workers: int
) -> Iterator[Output]:
    """`work` on each input, in order, by threads: an engine's products release Python's lock."""
    if workers == 1 or len(inputs) < 2:
        yield from map(work, inputs)
        return
    pool = ThreadPoolExecutor(workers)
    try:
        yield from pool.map(work, inputs)
    finally:
        pool.shutdown(cancel_futures=True)


def require_list(texts: Sequence[str]) -> None:
    if isinstance(texts, str):
        raise RegardError("one text is given, not a list of them", repr(texts), "give [text]")


def load(
    model: str | Path = models.DEFAULT,
    engine: EngineName = "auto",
    device: str = "auto",
    workers: int = 0,
    threads: int = 1,
) -> Translator:
    """Open a model: a folder, a file that `regard export` wrote, or a built-in one, by name.

    `engine` runs it: onnx (ONNX Runtime, on the CPU, `workers` batches at a time, 0 for one a
    core, each on `threads` cores) or torch (PyTorch, on `device`, a batch at a time). auto takes
    onnx for a file; for a folder torch where PyTorch is installed, and onnx elsewhere.
    Raises RegardError if there is no such model or it is damaged, if a number is too small, or if
    the engine does not support the model, the device, or workers and threads.
    """
    if workers < 0 or threads < 1:
        raise RegardError(
            f"{workers} workers of {threads} threads cannot work",
            "workers, threads",
            "give at least 1 thread, and 0 workers for one a core",
        )
    if engine not in get_args(EngineName):
        raise RegardError(
            f"there is no engine '{engine}'", "engine", nearest(engine, get_args(EngineName))
        )
    path, has_torch = models.find(model), find_spec("torch") is not None
    opened = read_model(path)
    if engine == "onnx" or (engine == "auto" and (is_file(path) or not has_torch)):
        refuse_device(path, device, engine)
        from regard.engine.onnx.engine import load_onnx_engine

        onnx_engine = load_onnx_engine(opened, str(path), threads)
        return translator(onnx_engine, opened, workers or max(1, cores() // threads))
    if not has_torch:
        raise needs_extra("the engine torch", "torch", "train", ", or leave the engine out")
    if workers or threads != 1:
        raise RegardError(
            "--workers and --threads work with ONNX Runtime only; this model runs in PyTorch",
            str(path),
            "leave --workers and --threads out, or "
            + ("the engine" if is_file(path) else "export the model to a file"),
        )
    from regard.engine.torch import load_engine

    return translator(load_engine(opened, str(path), device), opened, 1)


def refuse_device(path: Path, device: str, engine: EngineName) -> None:
    """Raises RegardError if `device` is one on which ONNX Runtime does not run a model here; the
    advice depends on the `engine` that was asked for."""
    if device in ("auto", "cpu"):
        return
    if engine == "auto" and not is_file(path):
        raise needs_extra(f"--device {device}", "torch", "train", ", or leave --device out")
    raise RegardError(
        f"this model runs in ONNX Runtime, on the CPU, not on '{device}'",
        str(path),
        "leave --device out, or "
        + (
            "give the model folder that the file was exported from"
            if is_file(path)
            else "choose the engine torch"
        ),
    )


def translator(engine: Engine, opened: ModelFile, workers: int) -> Translator:
    info = opened.info
    return Translator(engine, info.source, info.target, info.languages, info.config.search, workers)
