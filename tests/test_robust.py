"""The laws of hard inputs: whatever is typed, a translation ends, and both engines write it."""

import sys
from pathlib import Path

import pytest

import regard
from regard.config import SearchOptions
from regard.export.export import export
from regard.text.normalize import normalize

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
import robust

TEXTS = [
    *robust.strings(100, seed=7),
    "I",
    "42",
    "😀",
    "cat " * 500,
    "日本語のテキスト",
    "",
]
SOME = slice(0, None, 3)
"""What the slower engine reads."""
MANY = 2000
"""Strings of the proof."""


@pytest.fixture(scope="module")
def translators(model, tmp_path_factory):
    """One model in every engine, with the limits that a user has who sets none."""
    found = {"PyTorch": regard.load(model)}
    for precision in ("fp32", "int8"):
        file = tmp_path_factory.mktemp("robust") / f"{precision}.regard"
        export(model, file, precision, [])
        found[precision] = regard.load(file)
    return {name: one.with_options(SearchOptions(beam=1)) for name, one in found.items()}


def test_the_strings_are_many_hard_and_always_the_same():
    texts = robust.strings(1000, seed=7)
    assert robust.strings(1000, seed=7) == texts != robust.strings(1000, seed=8)
    assert len(set(texts)) > 900
    assert max(map(len, texts)) == 5000 and "" in texts
    assert all(text.encode("utf-8") or not text for text in texts)
    letters = {character for text in texts for character in text}
    assert {"\x00", "\u200d", "\u2028"} < letters and max(letters) > "\U0001f3ff"


@pytest.mark.proof
def test_thousands_of_strings_are_translated_within_their_limits_alike_in_both_engines(translators):
    texts = robust.strings(MANY, seed=8)
    results = {name: one.translate_sentences(texts) for name, one in translators.items()}
    for name, found in results.items():
        assert not robust.too_long(translators[name], found)
    pair = results["PyTorch"], results["fp32"]
    assert all(one.is_tie for one in robust.differences(translators["PyTorch"], *pair))


@pytest.mark.parametrize(("name", "part"), [("int8", slice(None)), ("PyTorch", SOME)])
def test_whatever_is_typed_a_translation_ends_within_its_limit(translators, name, part):
    texts = TEXTS[part]
    found = translators[name].translate_sentences(texts)
    assert [one.source for one in found] == texts
    assert not robust.too_long(translators[name], found)
    assert all(normalize(one.source).text or not one.text.strip() for one in found)


def test_both_engines_write_the_same_for_strings_that_mean_nothing(translators):
    texts = TEXTS[SOME]
    some, others = (translators[name].translate_sentences(texts) for name in ("PyTorch", "fp32"))
    assert all(one.is_tie for one in robust.differences(translators["PyTorch"], some, others))


def test_lines_of_strings_give_one_line_each(translators):
    found = translators["int8"].translate(TEXTS[SOME])
    assert len(found) == len(TEXTS[SOME])
    assert not any("\n" in one.text for one in found)
