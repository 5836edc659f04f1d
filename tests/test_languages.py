"""A language is the same one in every form of its code."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.errors import RegardError
from regard.text.languages import (
    COMMON_SCRIPTS,
    canonical,
    is_language,
    parse_languages,
    script,
    without_region,
)

FORMS = {
    "en": ["en", "EN", "eng", "eng_Latn", "en_latn", "ENG-LATN"],
    "en-GB": ["en-GB", "en_gb", "eng_GB", "eng-Latn-GB"],
    "fr": ["fr", "fra", "fre", "fra_Latn"],
    "zh-Hans": ["zh-Hans", "zho_Hans", "ZH_HANS", "chi-Hans"],
    "zh-Hant-TW": ["zh-Hant-TW", "zho_hant_tw"],
    "ja": ["ja", "jpn", "jpn_Jpan", "JA"],
    "ko": ["ko", "kor"],
    "es-419": ["es-419", "ES_419", "spa-419"],
    "pt-BR": ["pt_BR", "pt-BR", "por_BR"],
    "yue": ["yue", "YUE"],
    "xx": ["xx", "XX"],
    "qaa": ["qaa", "QAA"],
}
EACH = [(form, code) for code, forms in FORMS.items() for form in forms]
codes = st.sampled_from(list(FORMS))


@pytest.mark.parametrize(("form", "code"), EACH)
def test_every_form_of_a_code_has_one_canonical_form(form, code):
    assert canonical(form) == canonical(code) == code
    assert script(form) == script(code)
    assert without_region(form) == without_region(code)


@given(codes, codes, st.sampled_from("-_"))
def test_a_pair_of_canonical_codes_is_read_as_those_codes(source, target, separator):
    assert parse_languages(f"{source}{separator}{target}") == (source, target)


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("EN-FR", ("en", "fr")),
        ("en_fr", ("en", "fr")),
        ("eng_Latn-fra_Latn", ("en", "fr")),
        ("es-419-en", ("es-419", "en")),
        ("EN_US-FR_FR", ("en-US", "fr-FR")),
        ("zh-hant-en", ("zh-Hant", "en")),
        ("en-en", ("en", "en")),
    ],
)
def test_a_pair_is_read_in_the_forms_of_other_tools(text, pair):
    assert parse_languages(text) == pair


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "en",
        "en-",
        "en fr",
        "en-US",
        "pt_BR",
        "english-french",
        "en-fr-de",
        "EN-PT-BR",
        "en-fr\n",
    ],
)
def test_what_is_no_pair_or_could_be_two_is_refused(wrong):
    with pytest.raises(RegardError) as refused:
        parse_languages(wrong)
    assert str(refused.value) == (
        f"'{wrong}' is not a pair of languages\n"
        "  where: --languages\n"
        "  to do: write two codes of two or three letters: --languages en-fr, or"
        " --languages zh-Hant-en"
    )


@pytest.mark.parametrize("text", ["en", "EN", "pt_BR", "es-419", "zho_Hans", "zho_hans", "xx"])
def test_a_code_is_a_language(text):
    assert is_language(text)


@pytest.mark.parametrize("text", ["", "en-fr", "EN_FR", "french", "e", "en-FR-x", "12", "2013"])
def test_what_is_no_code_or_two_codes_is_not_a_language(text):
    assert not is_language(text)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *(("en", "Latn"), ("ja", "Jpan"), ("zh", "Hans"), ("zh-TW", "Hant"), ("yue", "Hant")),
        *(("sr", "Cyrl"), ("sr_Latn", "Latn"), ("kor_Hang", "Hang"), ("bo", "Tibt")),
        *(("es-419", "Latn"), ("en-US", "Latn"), ("chr", "Cher"), ("xx", ""), ("qaa", "")),
    ],
)
def test_the_script_is_that_of_the_code_or_of_most_of_its_writers(code, expected):
    assert script(code) == expected


def test_the_scripts_that_are_known_without_a_library_are_those_of_the_library():
    from langcodes import Language

    for code, known in COMMON_SCRIPTS.items():
        assert Language.get(code).maximize().script == known


def test_a_variety_and_a_region_belong_to_their_language():
    for code in ("zh", "cmn", "zh-TW", "zho_Hant"):
        assert without_region(code) == "zh"
    assert without_region("en-GB") == "en" and without_region("xx") == "xx"


def test_the_codes_of_most_models_need_no_library():
    program = (
        "import sys; from regard.text.languages import *;"
        "parse_languages('en-fr'); script('ja'); without_region('de');"
        "assert 'langcodes' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@given(st.text(max_size=12) | st.text("-_aex1\u00e9", max_size=12))
def test_no_text_is_too_odd_to_be_asked_for_its_code(text):
    assert canonical(text) == canonical(canonical(text))
    assert isinstance(without_region(text), str)
