"""A pair is a pair, whatever its line contains."""

import gzip
import io
import json
import lzma
import os
import re
import sys
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import pytest
import zstandard
from hypothesis import assume, given
from hypothesis import strategies as st

from regard.data.formats import guess_languages, read_pairs
from regard.data.formats.kinds import subtitle_warning
from regard.data.formats.lines import MAX_LINE_BYTES, read_lines, read_texts
from regard.data.formats.pair import Pair, UnreadableLine
from regard.data.formats.tsv import choose_columns, columns_message
from regard.errors import RegardError
from regard.text.normalize import clean_line, normalize

LANGUAGES = ("en", "fr")
with_checksum = zstandard.ZstdCompressor(write_checksum=True).compress
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
    data = b"".join(line + draw(line_ends) for line in lines[:-1]) + lines[-1]
    if not lines[-1].strip(b"\r") or draw(st.booleans()):
        data += draw(line_ends)
    return (MARK if draw(st.booleans()) else b"") + data


@st.composite
def pairs_of_files(draw: st.DrawFn) -> tuple[bytes, bytes]:
    lines = draw(st.lists(st.tuples(odd_lines, odd_lines), min_size=1, max_size=12))
    source, target = ([pair[side] for pair in lines] for side in (0, 1))
    return draw(files_of_lines(source)), draw(files_of_lines(target))


def slow_lines(data: bytes) -> list[bytes]:
    data = data if b"\n" in data else data.replace(b"\r", b"\n")  # an old Mac's
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


@given(st.lists(st.lists(odd_lines, min_size=1, max_size=2), min_size=1, max_size=8), st.data())
def test_a_table_of_two_columns_gives_them(rows: list[list[bytes]], data: st.DataObject) -> None:
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


sentences = st.text("abcdefgh é中ж", min_size=3, max_size=9).filter(
    lambda text: text.strip() == text
)
fillers = {
    "number": lambda row: str(1000 + 7 * row),
    "score": lambda row: f"0.{row + 1}",
    "code": lambda row: "eng",
    "licence": lambda row: f"CC-BY 2.0 (France) by no. {row} of us",
    "nothing": lambda row: "",
}


@given(
    st.lists(
        st.tuples(sentences, sentences), min_size=4, max_size=9, unique_by=lambda pair: pair[0]
    ),
    st.lists(st.sampled_from(list(fillers)), min_size=1, max_size=3),
    st.integers(0, 3),
    st.integers(0, 3),
)
def test_a_table_of_more_columns_gives_the_two_of_text_whatever_else_it_holds(
    pairs: list[tuple[str, str]], others: list[str], before: int, between: int
) -> None:
    assume(all(len({text[:4] for text in side}) > 1 for side in zip(*pairs, strict=True)))
    first, second = others[:before], others[before:][:between]
    last = others[before + between :]
    rows = [
        "\t".join(
            [
                *(fillers[name](row) for name in first),
                source,
                *(fillers[name](row) for name in second),
                target,
                *(fillers[name](row) for name in last),
            ]
        )
        for row, (source, target) in enumerate(pairs)
    ]
    table = "".join(f"{row}\n" for row in rows).encode()
    columns = choose_columns(table.splitlines(), Path("a.tsv"))
    assert columns == (len(first), len(first) + 1 + len(second), 2 + len(others))
    with (
        patch("regard.data.formats.lines.MAX_LINE_BYTES", 2**20),
        tempfile.TemporaryDirectory() as folder,
    ):
        (Path(folder) / "a.tsv").write_bytes(table)
        read = list(read_pairs([Path(folder) / "a.tsv"], LANGUAGES))
        message = columns_message(Path(folder) / "a.tsv")
    assert read == [slow_pair(n, *map(str.encode, pair)) for n, pair in enumerate(pairs, 1)]
    assert bool(message) == bool(first or second)


def test_a_line_without_the_second_column_of_text_is_no_pair(
    write: Callable[[str, bytes], Path],
) -> None:
    table = write("a.tsv", b"1\tone dog\t2\tun chien\n3\ta cat\t4\n5\tmy cow\t6\tma vache\n")
    assert list(read_pairs([table], LANGUAGES)) == [
        Pair(1, "one dog", "un chien"),
        UnreadableLine(2, "not a pair"),
        Pair(3, "my cow", "ma vache"),
    ]


@pytest.mark.parametrize(
    ("table", "count"),
    [(b"a dog\tun chien\tein Hund\nMy cat\tmon chat\tmeine Katze\n", "3"), (b"1\t2\t3\n", "none")],
)
def test_a_table_whose_texts_cannot_be_told_is_refused(
    table: bytes, count: str, write: Callable[[str, bytes], Path]
) -> None:
    file = write("a.tsv", table)
    assert refusal(file) == (
        f"the table has 3 columns, and {count} of them may hold the texts\n"
        f"  where: {file}\n"
        "  to do: keep the source and the translation: cut -f1,2 a.tsv > pairs.tsv"
    )


json_pairs = st.tuples(odd_texts, odd_texts)
json_lines = st.one_of(
    st.tuples(
        json_pairs,
        st.sampled_from(
            [
                lambda pair: {"source": pair[0], "target": pair[1]},
                lambda pair: {"fr": pair[1], "id": 7, "en": pair[0]},
                lambda pair: {"translation": {"en": pair[0], "fr": pair[1]}},
                lambda pair: {"EN": pair[0], "fra_Latn": pair[1]},
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


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [(".gz", gzip.compress), (".xz", lzma.compress), (".zst", with_checksum)],
)
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
        assert to_do == (
            "  to do: give the source and the translation, or one file in .tsv, .jsonl, .tmx,"
            " .parquet, .arrow, .feather, or a folder of a dataset"
        )


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    for name in ("no.txt", "no.gz", "no.xz", "no.zst"):
        assert refusal(tmp_path / name, tmp_path / name) == (
            "cannot read a file: no such file or directory\n"
            f"  where: {tmp_path / name}\n"
            "  to do: check the path"
        )
    if sys.platform != "win32":
        assert refusal(tmp_path, tmp_path).startswith("cannot read a file: is a directory\n")


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [(".gz", gzip.compress), (".xz", lzma.compress), (".zst", with_checksum)],
)
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


@pytest.mark.parametrize("code", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_utf_16_and_utf_32_without_their_mark_are_refused(
    code: str, write: Callable[[str, bytes], Path]
) -> None:
    file = write("a.en", "À l'est\nHello there\n".encode(code))
    assert refusal(file, file) == (
        "the text is UTF-16 or UTF-32, without a byte order mark\n"
        f"  where: {file}\n  to do: convert it to UTF-8 with iconv"
    )


def office_document() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "é".encode("latin-1"))
    return packed.getvalue()


def archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        opened.writestr("a.txt", "é".encode("latin-1"))
    return packed.getvalue()


KINDS = {
    "a PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
    "an RTF document": b"{\\rtf1\\ansi Hello}",
    "an office document": office_document(),
    "compressed with zip": archive(),
    "a picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "a picture ": b"\xff\xd8\xff\xe0\0\x10JFIF",
    "a picture  ": b"GIF89a\x01\0\x01\0\x80\xff",
    "a sound or a film": b"\0\0\0\x1cftypisom\xff",
    "a program": b"\x7fELF\x02\x01\x01\0" + b"\x80" * 9,
    "a database": b"SQLite format 3\0\x10\0\xff",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_no_text_is_refused_with_its_kind(
    kind: str, write: Callable[[str, bytes], Path]
) -> None:
    file = write("a.txt", KINDS[kind])
    with pytest.raises(RegardError) as refused:
        next(read_texts(file))
    assert refused.value.what == f"the file is {kind.strip()}"
    assert refused.value.where == str(file) and refused.value.to_do


@pytest.mark.parametrize(
    "text", ["BZh is a word", "MZ is one too", "%PDF-1.7 is a format", "a\0b\0c"]
)
def test_a_text_that_begins_like_another_kind_is_a_text(
    text: str, write: Callable[[str, bytes], Path]
) -> None:
    assert list(read_lines(write("a.txt", f"{text}\n".encode()))) == [text.encode()]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"one\rtwo\r\rfour\r", [b"one", b"two", b"", b"four"]),
        (MARK + b"one\rtwo", [b"one", b"two"]),
        (b"one\rtwo\n", [b"one\rtwo"]),
        (b"one\r\n", [b"one"]),
    ],
)
def test_carriage_returns_end_lines_where_nothing_else_does(
    content: bytes, lines: list[bytes], write: Callable[[str, bytes], Path]
) -> None:
    assert list(read_lines(write("mac.txt", content))) == lines
    with said(content, is_all=True):
        assert list(read_lines(Path("-"))) == lines


@pytest.mark.parametrize(
    ("name", "lines", "is_told"),
    [
        ("talk.srt", [], True),
        ("talk.VTT", ["WEBVTT"], True),
        ("talk.txt", ["1", "00:00:01,000 --> 00:00:02,830", "Hello."], True),
        ("talk.txt", ["WEBVTT", "", "00:01.000 --> 00:02.830"], True),
        ("talk.txt", ["At 00:00 --> nothing", "Hello."], False),
    ],
)
def test_subtitles_are_told_by_the_name_or_the_times(
    name: str, lines: list[str], is_told: bool
) -> None:
    warning = subtitle_warning(Path(name), lines)
    assert bool(warning) == is_told
    assert not is_told or (warning.startswith(f"{name} holds subtitles") and "\n" not in warning)


@pytest.mark.parametrize(
    ("names", "languages"),
    [
        (["train.en", "train.fr"], ("en", "fr")),
        (["train.lc.norm.tok.en.gz", "train.lc.norm.tok.fr.gz"], ("en", "fr")),
        (["news.2013.pt_BR.txt.xz", "folder.x/news.ast"], ("pt-BR", "ast")),
        (["a.zh-Hans.txt", "a.eng.src"], ("zh-Hans", "en")),
        (["dev.zho_Hans", "dev.jpn_Jpan"], ("zh-Hans", "ja")),
        (["train.EN", "train.FR.TXT"], ("en", "fr")),
        (["train.es-419", "train.xx"], ("es-419", "xx")),
        (["train.EN_FR.tsv"], ("en", "fr")),
        (["train.en-fr.tsv"], ("en", "fr")),
        (["train.en-GB-pt_BR.jsonl.gz"], ("en-GB", "pt-BR")),
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
        ["a.en", "a.eng_Latn"],
        ["a.en-US.tsv"],
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
