"""Sides in the wrong languages are told, by names and by texts; right ones never are."""

import sys
from pathlib import Path

import pytest

from conftest import DATA
from regard.data.formats import named_languages, names_warning, refuse_swapped
from regard.data.formats.lines import read_texts
from regard.errors import RegardError
from regard.lesson.corpus import split_lesson
from regard.text.identification import identifier, identify, languages_warning

LESSON = split_lesson(100, 10, seed=3).train
ENGLISH = [example.source for example in LESSON]
FRENCH = [example.target for example in LESSON]


def test_right_sides_bring_no_warning():
    assert not languages_warning(ENGLISH, FRENCH, ("en", "fr"), "text")
    assert not languages_warning(ENGLISH, FRENCH, ("en-GB", "fr-CA"), "text")
    lower = [text.lower().replace("'", " ' ").replace(".", " .") for text in FRENCH]
    assert not languages_warning(ENGLISH, lower, ("en", "fr"), "text")


def test_swapped_sides_are_told_in_one_line():
    assert languages_warning(FRENCH, ENGLISH, ("en", "fr"), "test text") == (
        "test text: by a sample, the source is in fr and the translation is in en, but the"
        " languages are en-fr; the two sides may have been swapped"
    )


@pytest.mark.parametrize(
    ("sources", "targets", "languages", "words"),
    [
        (ENGLISH, ENGLISH, ("en", "fr"), "the source is in en and the translation is in en, but"),
        (FRENCH, FRENCH, ("en", "fr"), "the source is in fr and the translation is in fr, but"),
        (ENGLISH, FRENCH, ("de", "es"), "the source is in en and the translation is in fr, but"),
        (ENGLISH, ENGLISH, ("xx", "fr"), "sample, the translation is in en, but"),
    ],
)
def test_a_side_in_another_language_is_told(sources, targets, languages, words):
    warning = languages_warning(sources, targets, languages, "text")
    assert words in warning and warning.endswith("check the files") and "\n" not in warning


def test_what_is_not_certain_is_not_told():
    mixed = [*ENGLISH[:70], *FRENCH[:30]]
    numbers = [str(1000 + 7 * number) for number in range(100)]
    unknown = [ENGLISH, mixed, numbers, ENGLISH[:5], []]
    for texts, code in zip(unknown, ("xx", "fr", "fr", "fr", "fr"), strict=True):
        assert identify(texts, code) == ""


def test_paraphrases_in_one_language_bring_no_warning():
    assert not languages_warning(ENGLISH, ENGLISH, ("en", "en"), "text")


def test_languages_near_to_each_other_are_not_told_apart():
    norwegian = "Jeg har ikke sett den svarte katten i dag, men hunden sover på gulvet i stua."
    assert identify([norwegian] * 20, "da") == ""
    assert identify([norwegian] * 20, "fr") in ("no", "nb")


def test_without_the_library_nothing_is_checked(monkeypatch):
    monkeypatch.setitem(sys.modules, "py3langid", None)
    identifier.cache_clear()
    try:
        assert not languages_warning(FRENCH, ENGLISH, ("en", "fr"), "text")
    finally:
        identifier.cache_clear()


@pytest.mark.parametrize(
    "folder", ["multi30k", "enja-small-50k", "newstest-enfr", "wpt03-dev-enfr"]
)
def test_texts_of_real_corpora_bring_no_warning(folder):
    files = sorted((DATA / folder).glob("*.en"))
    if not files:
        pytest.skip(f"these data are not on this machine: {folder}")
    for file in files:
        for code in ("fr", "de", "ja"):
            if (other := file.with_suffix(f".{code}")).exists():
                sides = [list(read_texts(side))[:3000] for side in (file, other)]
                assert not languages_warning(*sides, ("en", code), "text")
                assert "swapped" in languages_warning(*sides[::-1], ("en", code), "text")


EN, FR = Path("val.en"), Path("val.fr")


@pytest.mark.parametrize(
    ("files", "languages", "is_told"),
    [
        ((EN, FR), ("en", "fr"), False),
        ((FR, EN), ("en", "fr"), True),
        ((EN, FR), ("de", "es"), True),
        ((Path("a.eng_Latn"), Path("a.fra_Latn")), ("en", "fr"), False),
        ((EN, FR), ("en-GB", "fr-CA"), False),
        ((Path("a.txt"), FR), ("en", "fr"), False),
        ((Path("a.fr-en.tsv"),), ("en", "fr"), True),
        ((Path("a.tsv"),), ("en", "fr"), False),
        ((), ("en", "fr"), False),
    ],
)
def test_names_that_show_other_languages_are_told(files, languages, is_told):
    warning = names_warning(files, languages)
    assert bool(warning) == is_told
    if is_told:
        assert "-".join(named_languages(files)) in warning and "-".join(languages) in warning


def test_validation_files_the_wrong_way_round_are_refused():
    train = (Path("train.en"), Path("train.fr"))
    with pytest.raises(RegardError) as refused:
        refuse_swapped((FR, EN), train, ("en", "fr"))
    assert refused.value.what == "the validation files are the wrong way round"
    assert refused.value.to_do == "give the file in en first"


@pytest.mark.parametrize(
    ("valid", "train", "languages"),
    [
        ((EN, FR), ("t.en", "t.fr"), ("en", "fr")),
        ((FR, EN), ("t.fr", "t.en"), ("en", "fr")),  # these names are misleading on purpose
        ((EN, Path("b.de")), ("t.en", "t.fr"), ("en", "fr")),
        ((Path("a.txt"), Path("b.txt")), ("t.en", "t.fr"), ("en", "fr")),
        ((), ("t.en", "t.fr"), ("en", "fr")),
    ],
)
def test_validation_files_whose_names_may_be_right_are_not_refused(valid, train, languages):
    refuse_swapped(valid, tuple(map(Path, train)), languages)
