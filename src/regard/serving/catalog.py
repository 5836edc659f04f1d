"""The models of a server: which languages they translate, and the languages of a text."""

import re
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from tempfile import gettempdir
from typing import Any, NamedTuple

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
"""What is answered, with a confidence of 0, for a text without letters."""


class Guess(NamedTuple):
    code: str
    confidence: float
    """In percent."""


class Catalog:
    """The directions that can be translated, by their languages."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Raises RegardError if a model is missing or damaged, or two translate the same way."""
        self.paths = [models.find(path) for path in paths]
        self.models: dict[Languages, Path] = {}
        for path in self.paths:
            direction = read_model_info(path).languages
            languages = shown_code(direction[0]), shown_code(direction[1])
            if languages in self.models:
                raise RegardError(
                    f"{self.models[languages]} translates {'-'.join(languages)} too",
                    str(path),
                    "give one model for each direction",
                )
            self.models[languages] = path

    @cached_property
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
        unknown = [Guess(UNKNOWN_LANGUAGE, 0.0)]
        if not WRITTEN_LETTER.search(text) or len(self.identifier.nb_classes) == 0:
            return unknown
        ranked = [
            Guess(self.identified[code], round(100 * float(share), 1))
            for code, share in self.identifier.rank(text)
            if share >= MIN_CONFIDENCE
        ]
        return ranked or unknown

    @cached_property
    def identified(self) -> dict[str, str]:
        """The languages, by the codes that the library has for them."""
        return {without_region(language): language for language in self.languages}

    @cached_property
    def identifier(self) -> Any:
        """Of py3langid, with the tables of the catalog's languages alone; it takes a second to
        load. Raises RegardError if the disk is full, where the library unpacks its model."""
        library = import_module("py3langid.langid")
        try:
            tables = import_module("py3langid.modelio").load_model(
                library.MODEL_DIR / library.MODEL_FILE
            )
        except OSError as error:
            refuse_system_error(error, "load the identifier of languages", gettempdir())
        likelihoods, priors, codes, transitions, rows, features = tables
        own = [column for column, code in enumerate(codes) if code in self.identified]
        return library.LanguageIdentifier(
            likelihoods[:, own],
            priors[own],
            [codes[column] for column in own],
            transitions,
            features,
            norm_probs=True,
            tk_row=rows,
        )


def sample_of(text: str, form: str) -> str:
    """What people read of the beginning of a text."""
    beginning = text[:SAMPLE_CHARACTERS]
    return beginning if form == "text" else text_without_tags(beginning)


def shown_code(code: str) -> str:
    return CONTRACT_CODES.get(code.lower(), code)


def name_of(code: str) -> str:
    """In English."""
    return NAMES.get(code) or NAMES.get(without_region(code)) or code
