"""The laws of case: taken off before the model reads a line, and put back on its translation."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.special import PLACEHOLDER_SYMBOLS
from regard.text.case import find_case, put_back, take_off
from regard.text.edits import EditedText
from regard.text.spans import Span

SYMBOL, OTHER = PLACEHOLDER_SYMBOLS[:2]
KNOWN = ["Anna", "Friday", "NATO", "UFO", "Hund", "Straße", "Berlin", "I", "Rome"]


def count(word):
    """A vocabulary of small letters, and of some names and acronyms."""
    is_common = word.islower() and word not in " ".join(KNOWN).lower().split()
    return 1 if word in KNOWN or is_common else 1 + len(word)


def read(text, language):
    return take_off(EditedText(text), find_case(text, language, count), language, count).text


LINES = [
    ("en", "capitals", "THE DOOR IS OPEN.", "The door is open."),
    ("en", "capitals", "MIND THE GAP", "Mind the gap"),
    ("en", "capitals", "ANNA MET NATO ON FRIDAY", "Anna met NATO on Friday"),
    ("en", "capitals", "I KNOW I'M LATE. DON'T WAIT!", "I know I'm late. Don't wait!"),
    ("en", "capitals", f"OPEN {SYMBOL} AND {OTHER} 2.", f"Open {SYMBOL} and {OTHER} 2."),
    ("en", "capitals", f"{SYMBOL} IS OPEN", f"{SYMBOL} is open"),
    ("en", "capitals", '"GO!" THEY SAID', '"Go!" They said'),
    ("en", "one word", "Door.", "door."),
    ("en", "one word", f"“House” {SYMBOL}!", f"“house” {SYMBOL}!"),
    ("en", "as written", "Anna.", "Anna."),
    ("en", "as written", "The door", "The door"),
    ("de", "as written", "Tür.", "Tür."),
    ("tr", "one word", "Iyi", "ıyi"),
    ("en", "as written", "UFO", "UFO"),
    ("en", "as written", "NATO NEWS", "NATO NEWS"),
    ("en", "as written", "HENRY VIII", "HENRY VIII"),
    ("en", "as written", "I", "I"),
    ("en", "as written", "The door is OPEN.", "The door is OPEN."),
    ("en", "as written", "3 + 4 = 7", "3 + 4 = 7"),
    ("fr", "capitals", "L'ÉTÉ À LA PLAGE", "L'été à la plage"),
    ("fr", "capitals", "LE 1ER ÉTAGE", "Le 1er étage"),
    ("de", "capitals", "DER HUND IST IN BERLIN", "Der Hund ist in Berlin"),
    ("tr", "capitals", "IŞIK VE İYİ", "Işık ve iyi"),
    ("el", "capitals", "Ο ΔΡΟΜΟΣ ΕΔΩ", "Ο δρομος εδω"),
    ("en", "title", "The Old House by the River", "The old house by the river"),
    ("en", "title", "How I Met Anna in Rome Last Year", "How I met Anna in Rome last year"),
    ("en", "title", "The House on the Hill", "The house on the hill"),
    ("fr", "title", "La Vieille Maison de la Plage Verte", "La vieille maison de la plage verte"),
    ("en", "as written", "Anna Smith of Berlin", "Anna Smith of Berlin"),
    (
        "en",
        "as written",
        "Anna and Friday and Rome and Berlin",
        "Anna and Friday and Rome and Berlin",
    ),
    ("en", "as written", "The old House by the River", "The old House by the River"),
    ("de", "as written", "Der Hund Das Haus Die Maus", "Der Hund Das Haus Die Maus"),
    ("ja", "as written", "これ は 本 です ね", "これ は 本 です ね"),
    ("en", "as written", "", ""),
]


def test_the_translation_of_one_word_with_a_capital_has_one():
    for text, expected in (
        ("« porte » ou l'été.", "« Porte » ou l'été."),
        ("", ""),
        ("3 !", "3 !"),
    ):
        assert put_back(EditedText(text), "one word", "fr").text == expected


@pytest.mark.parametrize(("language", "case", "text", "expected"), LINES)
def test_a_line_is_read_in_its_usual_case(language, case, text, expected):
    assert find_case(text, language, count) == case
    assert read(text, language) == expected


@pytest.mark.parametrize(
    ("language", "case", "text", "expected"),
    [
        ("fr", "capitals", f"L'été {SYMBOL} à 1er.", f"L'ÉTÉ {SYMBOL} À 1ER."),
        ("de", "capitals", "Die Straße", "DIE STRASSE"),
        ("tr", "capitals", "ışık iyi", "IŞIK İYİ"),
        ("en", "title", "The old house by the river", "The Old House by the River"),
        ("en", "title", f"{SYMBOL} in the house. a dog", f"{SYMBOL} in the House. A Dog"),
        ("fr", "title", "La vieille maison", "La vieille maison"),
        ("en", "as written", "The old house", "The old house"),
    ],
)
def test_a_translation_is_written_in_the_case_of_its_source(language, case, text, expected):
    assert put_back(EditedText(text), case, language).text == expected


@given(
    st.text() | st.text("aßéiIıİ .'-ς1" + SYMBOL), st.sampled_from(["en", "fr", "tr", "de", "el"])
)
def test_capitals_that_are_taken_off_and_put_back_are_the_same(text, language):
    capitals = unicodedata.normalize("NFC", put_back(EditedText(text), "capitals", language).text)
    taken = take_off(EditedText(capitals), "capitals", language, count)
    back = put_back(taken, "capitals", language)
    assert unicodedata.normalize("NFC", back.text) == capitals


@given(st.text("Aßé I.ς"))
def test_each_letter_of_capitals_leads_back_to_its_own(text):
    edited = put_back(EditedText(text), "capitals", "de")
    for index, letter in enumerate(edited.text):
        span = edited.original(Span(index, index + 1))
        assert letter in text[slice(*span)].upper()
        assert "ß" in text or span == (index, index + 1)
