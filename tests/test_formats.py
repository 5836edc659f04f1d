"""A pair is a pair, whatever its line contains."""

import gzip
import json
import lzma
import os
import re
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.data.formats import guess_languages, read_pairs
from regard.data.formats.lines import MAX_LINE_BYTES, read_lines, read_texts
from regard.data.formats.pair import Pair, UnreadableLine
from regard.errors import RegardError
from regard.text.languages import parse_languages
from regard.text.normalize import clean_line, normalize

LANGUAGES = ("en", "fr")
MARK = b"\xef\xbb\xbf"
MAX_BYTES = 40

ENDS = ["", " ", "\t", "\u2028", "\u2029", "\x85", "\x0c", "\x0b", "\r", "\0", "\x1c", "\ufeff"]
SPACES = ["\u00a0", "\u3000", "\u200b", "\u200d", "\u2000", "\ue000"]
WORDS = ["word", "3.5", '"', "{", "\U0001f469\u200d\U0001f680", "e\u0301", "é"]
odd_texts = st.lists(
    st.one_of(st.sampled_from(ENDS + SPACES + WORDS), st.characters(exclude_categories=["Cs"])),
    max_size=6,
).map(lambda parts: "".join(parts).replace("\n", ""))
odd_lines = st.one_of(
    odd_texts.map(str.encode),
    st.sampled_from([b"\x80abc", b"ab\xc3", b"\xed\xa0\x80", b"a\xffb", b"\xc3\r", MARK + b"x"]),
    st.integers(MAX_BYTES - 2, MAX_BYTES + 3).map(lambda size: b"x" * size),
    st.integers(MAX_BYTES // 2 - 2, MAX_BYTES // 2 + 2).map(lambda size: "é".encode() * size),
)
line_ends = st.sampled_from([b"\n", b"\r\n"])


@st.composite
def files_of_lines(draw: st.DrawFn, lines: list[bytes]) -> bytes:
    """A file with these lines and either line end, perhaps with a byte order mark at the start."""
    data = b"".join(line + draw(line_ends) for line in lines)
    if lines[-1] and draw(st.booleans()):
        data = data[: -2 if data.endswith(b"\r\n") else -1]
    return (MARK if draw(st.booleans()) else b"") + data


@st.composite
def pairs_of_files(draw: st.DrawFn) -> tuple[bytes, bytes]:
    lines = draw(st.lists(st.tuples(odd_lines, odd_lines), min_size=1, max_size=12))
    source, target = ([pair[side] for pair in lines] for side in (0, 1))
    return draw(files_of_lines(source)), draw(files_of_lines(target))


def slow_lines(data: bytes) -> list[bytes]:
    lines = data.removeprefix(MARK).split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return [line.removesuffix(b"\r") for line in lines]


def slow_clean_line(text: str) -> str:
    unseen = ("\u2028", "\u2029", "\ufeff")
    spaced = [" " if unicodedata.category(c) == "Cc" or c in unseen else c for c in text]
    return unicodedata.normalize("NFC", "".join(spaced).strip())


def slow_pair(number: int, source: bytes, target: bytes) -> Pair | UnreadableLine:
    if len(source) > MAX_BYTES or len(target) > MAX_BYTES:
        return UnreadableLine(number, "too long")
    try:
        return Pair(number, normalize(source.decode()).text, normalize(target.decode()).text)
    except UnicodeDecodeError:
        return UnreadableLine(number, "not utf-8")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def write_file(name: str, data: bytes) -> Path:
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write_file


def read_all(files: dict[str, bytes]) -> list[Pair | UnreadableLine]:
    limit = patch("regard.data.formats.lines.MAX_LINE_BYTES", MAX_BYTES)
    with tempfile.TemporaryDirectory() as folder, limit:
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        return list(read_pairs([Path(folder) / name for name in files], LANGUAGES))


@given(pairs_of_files())
def test_two_texts_give_exactly_their_pairs_line_by_line(files: tuple[bytes, bytes]) -> None:
    lines = zip(slow_lines(files[0]), slow_lines(files[1]), strict=True)
    expected = [slow_pair(number, *pair) for number, pair in enumerate(lines, 1)]
    assert read_all({"a.en": files[0], "a.fr": files[1]}) == expected


@given(st.lists(st.lists(odd_lines, min_size=1, max_size=4), min_size=1, max_size=8), st.data())
def test_a_table_gives_its_first_two_columns(rows: list[list[bytes]], data: st.DataObject) -> None:
    table = data.draw(files_of_lines([b"\t".join(row) for row in rows]))
    expected: list[Pair | UnreadableLine] = []
    for number, line in enumerate(slow_lines(table), 1):
        columns = line.split(b"\t")
        if len(line) > MAX_BYTES:
            expected.append(UnreadableLine(number, "too long"))
        elif len(columns) < 2:
            expected.append(UnreadableLine(number, "not a pair"))
        else:
            expected.append(slow_pair(number, columns[0], columns[1]))
    assert read_all({"a.tsv": table}) == expected


json_pairs = st.tuples(odd_texts, odd_texts)
json_lines = st.one_of(
    st.tuples(
        json_pairs,
        st.sampled_from(
            [
                lambda pair: {"source": pair[0], "target": pair[1]},
                lambda pair: {"fr": pair[1], "id": 7, "en": pair[0]},
                lambda pair: {"translation": {"en": pair[0], "fr": pair[1]}},
            ]
        ),
        st.booleans(),
    ).map(lambda drawn: (json.dumps(drawn[1](drawn[0]), ensure_ascii=drawn[2]).encode(), drawn[0])),
    st.sampled_from(
        [
            (b"", "not a pair"),
            (b"[]", "not a pair"),
            (b"null", "not a pair"),
            (b"{", "not a pair"),
            (b'{"source": "a"}', "not a pair"),
            (b'{"source": "a", "target": 3}', "not a pair"),
            (b'{"en": "a", "de": "b"}', "not a pair"),
            (b'{"translation": "b"}', "not a pair"),
            (b'{"translation": {"en": "a"}}', "not a pair"),
            (b"[" * 100_000, "not a pair"),
            (b"9" * 10_000, "not a pair"),
            (b'{"source": "\xff", "target": "b"}', "not utf-8"),
            (b'{"source": "a", "target": "\\ud83d"}', "not utf-8"),
        ]
    ),
)


@given(st.lists(json_lines, min_size=1, max_size=8), st.data())
def test_a_file_of_json_objects_gives_their_texts(
    lines: list[tuple[bytes, tuple[str, str] | str]], data: st.DataObject
) -> None:
    expected = [
        UnreadableLine(number, found)
        if isinstance(found, str)
        else Pair(number, normalize(found[0]).text, normalize(found[1]).text)
        for number, (_, found) in enumerate(lines, 1)
    ]
    content = data.draw(files_of_lines([line for line, _ in lines]))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.jsonl").write_bytes(content)
        assert list(read_pairs([Path(folder) / "a.jsonl"], LANGUAGES)) == expected


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_a_packed_file_reads_like_the_file(
    suffix: str, pack: Callable[[bytes], bytes], write: Callable[[str, bytes], Path]
) -> None:
    source, target = b"one\r\ntwo\n", "un\ndeux\u2028\x85".encode()
    table = b"one\tun\ntwo\tdeux\n"
    expected = [Pair(1, "one", "un"), Pair(2, "two", "deux")]
    mixed = [write(f"a.en{suffix}", pack(source)), write("a.fr", target)]
    assert list(read_pairs(mixed, LANGUAGES)) == expected
    assert list(read_pairs([write(f"a.tsv{suffix}", pack(table))], LANGUAGES)) == expected


@given(odd_texts)
def test_a_clean_line_is_one_line_and_cleaning_it_again_changes_nothing(text: str) -> None:
    assert clean_line(text) == slow_clean_line(text)
    assert clean_line(clean_line(text)) == clean_line(text)
    assert len(clean_line(text).splitlines()) <= 1


def test_every_control_character_becomes_one_space() -> None:
    control = [chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) == "Cc"]
    assert len(control) == 65
    for character in [*control, "\u2028", "\u2029", "\ufeff"]:
        assert clean_line(f" a{character}b ") == "a b"


def test_the_longest_line_is_complete_and_a_longer_one_is_truncated(
    write: Callable[[str, bytes], Path],
) -> None:
    most = 2**20
    sizes = [most, most + 1, most + 2, 3 * most, 2]
    for end in (b"\n", b"\r\n"):
        file = write("a.en", b"".join(b"x" * size + end for size in sizes))
        assert [len(line) for line in read_lines(file)] == [min(size, most + 1) for size in sizes]
        pairs = list(read_pairs([file, file], LANGUAGES))
        assert [type(pair) for pair in pairs] == [
            Pair,
            UnreadableLine,
            UnreadableLine,
            UnreadableLine,
            Pair,
        ]
        assert pairs[1] == UnreadableLine(2, "too long")


def test_a_text_to_translate_is_one_for_each_line_whatever_it_holds(
    write: Callable[[str, bytes], Path],
) -> None:
    file = write("a.txt", MARK + b"a\xffb\n\n \r\nc\x0cd\xe2\x80\xa8e")
    assert list(read_texts(file)) == ["a\ufffdb", "", "", "c d e"]
    assert list(read_texts(write("b.txt", b""))) == []


@contextmanager
def said(content: bytes, is_all: bool) -> Iterator[None]:
    """`content` on standard input, through a pipe that is then closed or stays open."""
    reader, writer = os.pipe()
    os.write(writer, content)
    if is_all:
        os.close(writer)
    before = os.dup(0)
    os.dup2(reader, 0)
    try:
        yield
    finally:
        os.dup2(before, 0)
        for descriptor in (before, reader) if is_all else (before, reader, writer):
            os.close(descriptor)


def test_a_hyphen_is_standard_input() -> None:
    with said(b"one\ntwo", is_all=True):
        assert list(read_texts(Path("-"))) == ["one", "two"]


def test_a_line_is_given_before_the_next_is_said() -> None:
    with said(b"one\n", is_all=False):
        assert list(islice(read_texts(Path("-")), 1)) == ["one"]


@pytest.mark.parametrize("letter", ["é", "中", "😀"])
@pytest.mark.parametrize("more", range(5))
def test_a_truncated_line_ends_with_a_complete_character(
    write: Callable[[str, bytes], Path], letter: str, more: int
) -> None:
    line = "x" * (MAX_LINE_BYTES - more) + letter * 10
    [line_read] = read_lines(write("long.txt", line.encode()))
    assert line.encode().startswith(line_read)
    assert MAX_LINE_BYTES < len(line_read) <= MAX_LINE_BYTES + 4
    assert line.startswith(line_read.decode())


def test_half_of_a_surrogate_pair_is_not_text() -> None:
    assert clean_line("a dog \ud83d runs\udce9") == "a dog   runs"


def refusal(*files: Path) -> str:
    with pytest.raises(RegardError) as refused:
        list(read_pairs(files, LANGUAGES))
    return str(refused.value)


def test_texts_of_unequal_length_are_refused_with_both_counts(
    write: Callable[[str, bytes], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write("train.de", b"x\n" * 4500)
    write("train.en", b"x\n" * 4011)
    monkeypatch.chdir(tmp_path)
    assert refusal(Path("train.de"), Path("train.en")) == (
        "line 4012 has a source but no translation\n"
        "  where: train.de (4,500 lines), train.en (4,011 lines)\n"
        "  to do: give both files the same number of lines"
    )
    assert refusal(Path("train.en"), Path("train.de")) == (
        "line 4012 has a translation but no source\n"
        "  where: train.en (4,011 lines), train.de (4,500 lines)\n"
        "  to do: give both files the same number of lines"
    )


def test_a_blank_last_line_without_its_partner_is_still_a_line(
    write: Callable[[str, bytes], Path],
) -> None:
    message = refusal(write("a.en", b"one\n\n"), write("a.fr", b"un\n"))
    assert message.startswith("line 2 has a source but no translation\n")
    message = refusal(write("a.en", b"one\n"), write("a.fr", b"un\n\n"))
    assert message.startswith("line 2 has a translation but no source\n")


@pytest.mark.parametrize("content", [b"", MARK])
def test_an_empty_file_is_refused(content: bytes, write: Callable[[str, bytes], Path]) -> None:
    empty, full = write("a.en", content), write("a.fr", b"un\n")
    message = (
        f"the file is empty\n  where: {empty}\n  to do: give a file with one text on each line"
    )
    assert refusal(empty, full) == refusal(full, empty) == refusal(empty, empty) == message
    assert refusal(write("a.tsv", content)).startswith("the file is empty\n")
    assert refusal(write("a.jsonl", content)).startswith("the file is empty\n")


def test_too_few_and_too_many_files_are_refused(tmp_path: Path) -> None:
    text, table = tmp_path / "train.en", tmp_path / "train.tsv"
    for files in ([], [text], [text, text, text], [table, table], [text, table]):
        what, where, to_do = refusal(*files).splitlines()
        assert what == "a corpus is two text files, or one file that holds both sides"
        assert where == f"  where: {', '.join(map(str, files)) or 'the command line'}"
        assert to_do.endswith("give the source and the translation, or one file in .tsv or .jsonl")


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    for name in ("no.txt", "no.gz", "no.xz"):
        assert refusal(tmp_path / name, tmp_path / name) == (
            "cannot read a file: no such file or directory\n"
            f"  where: {tmp_path / name}\n"
            "  to do: check the path"
        )
    if sys.platform != "win32":
        assert refusal(tmp_path, tmp_path).startswith("cannot read a file: is a directory\n")


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_a_damaged_packed_file_is_refused(
    suffix: str, pack: Callable[[bytes], bytes], write: Callable[[str, bytes], Path]
) -> None:
    packed = pack(b"".join(b"line %d\n" % number for number in range(1000)))
    garbled = packed[:40] + b"\xff\xff\xff\xff\xff\xff" + packed[46:]
    for damaged in (b"not packed\n", packed[:-20], packed[: len(packed) // 2], garbled):
        file = write(f"a.en{suffix}", damaged)
        what, where, to_do = refusal(file, file).splitlines()
        assert what == "the file is damaged, or its compression does not match its name"
        assert re.fullmatch(re.escape(f"  where: {file}, after line ") + r"\d+", where)
        assert to_do == "  to do: compress or download it again"


@pytest.mark.parametrize("code", ["utf-16", "utf-16-be", "utf-32", "utf-32-be"])
def test_utf_16_and_utf_32_are_refused(code: str, write: Callable[[str, bytes], Path]) -> None:
    mark = "\ufeff" if code.endswith("be") else ""
    file = write("a.en", f"{mark}one\ntwo\n".encode(code))
    assert refusal(file, file) == (
        f"the text is UTF-16 or UTF-32\n  where: {file}\n  to do: convert it to UTF-8 with iconv"
    )


@pytest.mark.parametrize(
    ("names", "languages"),
    [
        (["train.en", "train.fr"], ("en", "fr")),
        (["train.lc.norm.tok.en.gz", "train.lc.norm.tok.fr.gz"], ("en", "fr")),
        (["news.2013.pt_BR.txt.xz", "folder.x/news.ast"], ("pt_BR", "ast")),
        (["a.zh-Hans.txt", "a.eng.src"], ("zh-Hans", "eng")),
        (["train.en-fr.tsv"], ("en", "fr")),
        (["train.en-GB-pt_BR.jsonl.gz"], ("en-GB", "pt_BR")),
    ],
)
def test_the_ends_of_the_names_show_the_languages(
    names: list[str], languages: tuple[str, str]
) -> None:
    assert guess_languages([Path(name) for name in names]) == languages


@pytest.mark.parametrize(
    "names",
    [
        ["train.src", "train.tgt"],
        ["train.txt", "valid.txt"],
        ["dev", "en"],
        ["a.en", "b.en"],
        ["a.en", "a.EN"],
        ["a.en", "a.french"],
        ["train.tsv"],
        ["train.en.tsv"],
        ["train.en-fr", "train.fr"],
        ["a.en", "a.fr", "a.de"],
        ["-", "-"],
    ],
)
def test_names_that_do_not_show_the_languages_are_refused(names: list[str]) -> None:
    with pytest.raises(RegardError) as refused:
        guess_languages([Path(name) for name in names])
    assert str(refused.value) == (
        "the names of the files do not show the languages\n"
        f"  where: {', '.join(names)}\n"
        "  to do: name the languages: --languages en-fr"
    )


def test_two_codes_with_a_hyphen_are_a_pair_of_languages() -> None:
    assert parse_languages("en-fr") == ("en", "fr")
    assert parse_languages("pt-BR-en") == ("pt-BR", "en")
    assert parse_languages("eng_Latn-fra_Latn") == ("eng_Latn", "fra_Latn")
    for wrong in ("", "en", "en-", "en fr", "EN-FR", "english-french", "en-fr-de", "en-fr\n"):
        with pytest.raises(RegardError) as refused:
            parse_languages(wrong)
        assert str(refused.value) == (
            f"'{wrong}' is not a pair of languages\n"
            "  where: --languages\n"
            "  to do: write two codes of two or three letters: --languages en-fr"
        )
