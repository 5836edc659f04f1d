"""The models of a server: which languages they translate, and the languages of a text."""

import re
from array import array
from collections.abc import Collection, Sequence
from functools import cached_property
from importlib import import_module
from mmap import ACCESS_READ, mmap
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import Any, NamedTuple

import numpy as np

from regard import models
from regard.errors import RegardError, refuse_system_error
from regard.markup.document import text_without_tags
from regard.serving.language_names import NAMES
from regard.storage.model_file import read_model_info
from regard.text.languages import Languages, canonical, without_region

CONTRACT_CODES = {"zh": "zh-Hans", "zt": "zh-Hant", "pb": "pt-BR"}
"""Codes that are written in another way in answers."""
WRITTEN_LETTER = re.compile(r"[^\W\d_]")
MIN_CONFIDENCE = 0.01
"""Languages that are less probable are not named."""
SAMPLE_CHARACTERS = 5000
"""Of a text, by which its language is told."""
UNKNOWN_LANGUAGE = "en"
"""What is answered, with a confidence of 0, for a text in none of the languages."""
LEAST_EVIDENCE = 1 / 3
"""A text is in none of the languages if all of them together are less probable than so much of what
they are without a text."""


class Guess(NamedTuple):
    code: str
    confidence: float
    """In percent."""


class Catalog:
    """The directions that can be translated, by their languages."""

    def __init__(self, paths: Sequence[Path], only: Collection[str] = ()) -> None:
        """`only` are the languages that are offered, as users write them; all if it is empty.

        Raises RegardError if a model is missing or damaged, or two translate the same way, or if
        no model translates between languages that are offered, or knows one of them.
        """
        self.models: dict[Languages, Path] = {}
        for path in map(models.find, paths):
            direction = read_model_info(path).languages
            languages = shown_code(direction[0]), shown_code(direction[1])
            if languages in self.models:
                raise RegardError(
                    f"{self.models[languages]} translates {'-'.join(languages)} too",
                    str(path),
                    "give one model for each direction",
                )
            self.models[languages] = path
        if only:
            self.offer(only)

    def offer(self, codes: Collection[str]) -> None:
        """Keep the directions between these languages. Raises RegardError."""
        known = {code: self.known(code) for code in codes}
        for code, language in known.items():
            if language is None:
                raise RegardError(
                    f"no model knows the language {code}",
                    "--load-only",
                    f"choose among {', '.join(self.languages)}",
                )
        offered = {
            direction: path
            for direction, path in self.models.items()
            if set(direction) <= set(known.values())
        }
        if not offered:
            directions = ", ".join(map("-".join, self.models))
            raise RegardError(
                f"no model translates between {' and '.join(codes)}",
                "--load-only",
                f"name both languages of a direction; there are {directions}",
            )
        self.models = offered

    @property
    def paths(self) -> list[Path]:
        """Of the models."""
        return [*self.models.values()]

    @property
    def languages(self) -> list[str]:
        """All languages, the source of the first model first."""
        return list(dict.fromkeys(code for direction in self.models for code in direction))

    def targets(self, source: str) -> list[str]:
        """The languages that a text in `source` can be translated to, itself among them."""
        others = [target for own, target in self.models if own == source]
        return sorted({source, *others})

    def known(self, code: str) -> str | None:
        """The language that a user's code means, in any letter case; None for one that no model
        knows."""
        for spelled in (code, canonical(code)):
            wanted = shown_code(spelled).lower()
            for language in self.languages:
                if language.lower() == wanted:
                    return language
        return None

    def guesses(self, text: str) -> list[Guess]:
        """The languages that a text may be in, of those that the models know, likeliest first."""
        shares = self.shares(text) if WRITTEN_LETTER.search(text) else {}
        ranked = [
            Guess(self.identified[code], round(100 * share, 1))
            for code, share in shares.items()
            if share >= MIN_CONFIDENCE
        ]
        return ranked or [Guess(UNKNOWN_LANGUAGE, 0.0)]

    def shares(self, text: str) -> dict[str, float]:
        """How probable the languages of the models are for a text in one of them, by the codes of
        the library, the likeliest first; nothing for a text in another language."""
        ranked = {code: float(share) for code, share in self.identifier.rank(text)}
        own = {code: share for code, share in ranked.items() if code in self.identified}
        evidence = sum(own.values())
        if not own or evidence < LEAST_EVIDENCE * len(own) / len(ranked):
            return {}
        return {code: share / evidence for code, share in own.items()}

    @cached_property
    def identified(self) -> dict[str, str]:
        """The languages, by the codes that the library has for them."""
        return {without_region(language): language for language in self.languages}

    @cached_property
    def identifier(self) -> Any:
        """Of py3langid, with its large tables in files, whose pages need no memory before they are
        read; it takes a second to load. Raises RegardError if the disk is full."""
        library = import_module("py3langid.langid")
        try:
            tables = import_module("py3langid.modelio").load_model(
                library.MODEL_DIR / library.MODEL_FILE
            )
            likelihoods, priors, codes, transitions, rows, features = tables
            table = np.frombuffer(in_file(likelihoods.data), likelihoods.dtype)
            moves = in_file(memoryview(transitions)).cast(transitions.typecode)
        except OSError as error:
            refuse_system_error(error, "load the identifier of languages", gettempdir())
        return library.LanguageIdentifier(
            table.reshape(likelihoods.shape),
            priors,
            codes,
            moves,
            array("i", features),
            norm_probs=True,
            tk_row=rows,
        )


def in_file(numbers: memoryview) -> memoryview:
    """The same bytes, in a temporary file. Raises OSError."""
    with TemporaryFile() as file:
        file.write(numbers.cast("B"))
        file.flush()
        return memoryview(mmap(file.fileno(), 0, access=ACCESS_READ))


def sample_of(text: str, form: str) -> str:
    """What people read of the beginning of a text."""
    beginning = text[:SAMPLE_CHARACTERS]
    return beginning if form == "text" else text_without_tags(beginning)


def shown_code(code: str) -> str:
    return CONTRACT_CODES.get(code.lower(), code)


def name_of(code: str) -> str:
    """In English."""
    return NAMES.get(code) or NAMES.get(without_region(code)) or code
