"""A pair is the same pair in every format: Parquet, Arrow, saved datasets, translation memories."""

import gzip
import io
import json
import tempfile
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather, ipc

from regard.data.formats import (
    READERS,
    arrow,
    guess_languages,
    read_pairs,
    read_raw_pairs,
    tmx,
    zstd,
)
from regard.data.formats.lines import read_lines
from regard.data.formats.measured import read_measured
from regard.data.formats.pair import Pair, UnreadableLine
from regard.errors import RegardError
from regard.text.normalize import normalize

LANGUAGES = ("en", "fr")
CHUNK_ROWS = 3
"""Rows of a record batch that is written."""
Texts = Sequence[tuple[str | None, str | None]]

xml_texts = st.text(
    st.one_of(
        st.sampled_from("a é<>&'\"]\u00a0\u0301😀\t"),
        st.characters(min_codepoint=0x20, exclude_categories=["Cs", "Cc", "Cn"]).filter(
            lambda letter: letter < "\ufffe" or letter > "\uffff"
        ),
    ),
    max_size=9,
)
pairs_of_texts = st.lists(st.tuples(xml_texts, xml_texts), min_size=1, max_size=12)


def expected(texts: Texts) -> list[Pair | UnreadableLine]:
    """The obvious way."""
    return [
        UnreadableLine(number, "not a pair")
        if source is None or target is None
        else Pair(number, normalize(source).text, normalize(target).text)
        for number, (source, target) in enumerate(texts, 1)
    ]


def columns(
    texts: Texts, names: Sequence[str] = LANGUAGES, kind: pa.DataType | None = None
) -> pa.Table:
    sides = [[pair[side] for pair in texts] for side in range(2)]
    kind = kind or pa.string()
    extra = {"id": pa.array(range(len(texts)))}
    return pa.table(
        extra | {name: pa.array(side, kind) for name, side in zip(names, sides, strict=True)}
    )


def structs(texts: Texts) -> pa.Table:
    """As `datasets` keeps translations."""
    inner = pa.struct([(code, pa.string()) for code in LANGUAGES])
    rows = [dict(zip(LANGUAGES, pair, strict=True)) for pair in texts]
    return pa.table({"translation": pa.array(rows, inner)})


def write_parquet(table: pa.Table, folder: Path) -> Path:
    pq.write_table(table, folder / "a.parquet", row_group_size=5, use_dictionary=False)
    return folder / "a.parquet"


def write_parquet_in_dictionaries(table: pa.Table, folder: Path) -> Path:
    pq.write_table(table, folder / "a.parquet", compression="zstd", data_page_size=30)
    return folder / "a.parquet"


def write_arrow(table: pa.Table, folder: Path) -> Path:
    with ipc.new_file(str(folder / "a.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=CHUNK_ROWS)
    return folder / "a.arrow"


def write_stream(table: pa.Table, folder: Path, name: str = "a.arrow") -> Path:
    with ipc.new_stream(str(folder / name), table.schema) as writer:
        writer.write_table(table, max_chunksize=CHUNK_ROWS)
    return folder / name


def write_feather(table: pa.Table, folder: Path) -> Path:
    feather.write_feather(table, str(folder / "a.feather"), compression="lz4", chunksize=2)
    return folder / "a.feather"


def write_dataset(table: pa.Table, folder: Path) -> Path:
    """As `save_to_disk` of the library datasets does."""
    saved = folder / "saved"
    saved.mkdir()
    middle = len(table) // 2
    names = [f"data-0000{number}-of-00002.arrow" for number in range(2)]
    for name, part in zip(names, (table[:middle], table[middle:]), strict=True):
        write_stream(part, saved, name)
    (saved / "dataset_info.json").write_text("{}")
    state = {"_data_files": [{"filename": name} for name in names], "_split": "train"}
    (saved / "state.json").write_text(json.dumps(state))
    return saved


WRITERS = {
    "parquet": write_parquet,
    "parquet, dictionaries": write_parquet_in_dictionaries,
    "arrow file": write_arrow,
    "arrow stream": write_stream,
    "feather": write_feather,
    "dataset": write_dataset,
}
TABLES = {
    "columns": columns,
    "source and target": lambda texts: columns(texts, ("source", "target")),
    "other forms of codes": lambda texts: columns(texts, ("eng_Latn", "FR")),
    "large": lambda texts: columns(texts, kind=pa.large_string()),
    "views": lambda texts: columns(texts, kind=pa.string_view()),
    "structs": structs,
}
optional = st.one_of(st.none(), xml_texts)


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@settings(max_examples=15)
@given(texts=st.lists(st.tuples(optional, optional), min_size=1, max_size=9))
def test_a_table_gives_its_rows_and_a_row_without_a_text_is_no_pair(
    write: Callable[[pa.Table, Path], Path], table: Callable[[Texts], pa.Table], texts: Texts
) -> None:
    with tempfile.TemporaryDirectory() as folder, patch.object(arrow, "BATCH_ROWS", 2):
        file = write(table(texts), Path(folder))
        assert list(read_pairs([file], LANGUAGES)) == expected(texts)


def test_a_column_of_dictionaries_is_text(tmp_path: Path) -> None:
    texts = [("one", "un"), ("one", None), ("two", "deux")]
    table = columns(texts)
    coded = table.set_column(1, "en", table["en"].dictionary_encode())
    assert list(read_pairs([write_arrow(coded, tmp_path)], LANGUAGES)) == expected(texts)


def test_a_missing_struct_is_no_pair(tmp_path: Path) -> None:
    inner = pa.struct([(code, pa.string()) for code in LANGUAGES])
    rows = [{"en": "one", "fr": "un"}, None, {"en": "two", "fr": "deux"}]
    table = pa.table({"translation": pa.array(rows, inner)})
    for write in (write_parquet, write_stream):
        assert list(read_pairs([write(table, tmp_path)], LANGUAGES)) == expected(
            [("one", "un"), (None, None), ("two", "deux")]
        )


def test_bytes_that_are_not_utf_8_are_told_for_their_row_alone(tmp_path: Path) -> None:
    raw = pa.array([b"one", b"\xff", b"two"], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 3, raw.buffers())
    table = pa.table({"en": text, "fr": pa.array(["un", "x", "deux"])})
    wanted = [Pair(1, "one", "un"), UnreadableLine(2, "not utf-8"), Pair(3, "two", "deux")]
    for write in (write_arrow, write_stream, write_parquet):
        assert list(read_pairs([write(table, tmp_path)], LANGUAGES)) == wanted


# Translation memories


def unit(*variants: tuple[str, str], attribute: str = "xml:lang") -> str:
    """A unit from the codes and the inner XML of its segments."""
    inner = "".join(f'<tuv {attribute}="{code}"><seg>{text}</seg></tuv>' for code, text in variants)
    return f"<tu>{inner}</tu>"


def memory(units: str, encoding: str = "UTF-8", doctype: str = "") -> str:
    return (
        f'<?xml version="1.0" encoding="{encoding}"?>\n{doctype}<tmx version="1.4">'
        f'<header srclang="en"/><body>\n{units}</body></tmx>'
    )


def write_memory(folder: Path, content: str, encoding: str = "utf-8") -> Path:
    (folder / "a.tmx").write_bytes(content.encode(encoding))
    return folder / "a.tmx"


def read_units(folder: Path, units: str) -> list[tuple[str, str] | str]:
    lines = read_raw_pairs([write_memory(folder, memory(units))], LANGUAGES)
    return [line.reason if isinstance(line, UnreadableLine) else line[1:] for line in lines]


@pytest.mark.parametrize("codes", [("en", "fr"), ("EN-GB", "fr-CA"), ("eng", "fr_FR")])
@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("UTF-8", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("UTF-16", "utf-16"),
        ("UTF-16", "utf-8"),
        ("utf-16", "utf-16-le"),
        ("utf-16", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("GB18030", "gb18030"),
    ],
)
@settings(max_examples=10)
@given(texts=pairs_of_texts, size=st.integers(1, 30))
def test_a_translation_memory_gives_its_units_in_every_encoding(
    codes: tuple[str, str], declared: str, encoding: str, texts: Texts, size: int
) -> None:
    units = "\n".join(
        unit(*((code, escape(text)) for code, text in zip(codes, pair, strict=True)))
        for pair in texts
    )
    with tempfile.TemporaryDirectory() as name, patch.object(tmx, "READ_BYTES", size):
        file = write_memory(Path(name), memory(units, declared), encoding)
        assert list(read_pairs([file], LANGUAGES)) == expected(texts)


def test_a_translation_memory_in_another_encoding_is_read(tmp_path: Path) -> None:
    units = unit(("en", "café £"), ("fr", "œuf"), attribute="lang")
    for declared in ("windows-1252", "ISO-8859-15"):
        content = memory(units, declared).replace("£", "£" if "1252" in declared else "e")
        file = write_memory(tmp_path, content, declared)
        [pair] = read_pairs([file], LANGUAGES)
        assert pair.target == "œuf"
    file = write_memory(
        tmp_path, memory(unit(("en", "cat"), ("fr", "猫")), "Shift_JIS"), "shift_jis"
    )
    assert list(read_pairs([file], LANGUAGES)) == [Pair(1, "cat", "猫")]


@pytest.mark.parametrize(
    ("segment", "text"),
    [
        ("<bpt i='1'>&lt;b></bpt>Black<ept i='1'>&lt;/b></ept> cat", "Black cat"),
        ("a <ph x='1'>{name}</ph> cat", "a  cat"),
        ("line<ph type='lb'/>break", "line break"),
        ("one <hi type='term'>black</hi> cat", "one black cat"),
        ("a <bpt i='1'>&lt;a title=\"<sub>Go home</sub>\"></bpt>link<ept i='1'/>", "a link"),
        ("<it pos='begin'>\\b </it>bold<ut>x</ut>", "bold"),
        ("<hi>a<ph>x<sub><hi>y</hi></sub></ph>b</hi>c", "abc"),
        ("<![CDATA[a < b]]> &amp; c", "a < b & c"),
        ("<!-- note -->cat", "cat"),
        ("&#233;t&#xE9;", "été"),
    ],
)
def test_native_code_is_no_text_and_what_is_highlighted_is(
    segment: str, text: str, tmp_path: Path
) -> None:
    assert read_units(tmp_path, unit(("en", segment), ("fr", "x"))) == [(text, "x")]


@pytest.mark.parametrize(
    ("wanted", "codes", "chosen"),
    [
        ("fr", ["fr-CA", "fr-FR", "fr"], 2),
        ("fr", ["fr-CA", "fr-FR"], 0),
        ("fr-FR", ["fr", "fr-CA", "FR_fr"], 2),
        ("fr-BE", ["fr-CA", "fr", "fr-FR"], 1),
        ("fr-BE", ["de", "fr-CA", "fr-FR"], 1),
        ("fr", ["de", "", "français"], None),
    ],
)
def test_of_several_variants_the_nearest_is_read(
    wanted: str, codes: list[str], chosen: int | None, tmp_path: Path
) -> None:
    content = unit(("en", "cat"), *((code, f"chat {n}") for n, code in enumerate(codes)))
    content += unit(("en", "a"), (wanted, "b"))
    line, _ = read_pairs([write_memory(tmp_path, memory(content))], ("en", wanted))
    assert line == (
        UnreadableLine(1, "not a pair") if chosen is None else Pair(1, "cat", f"chat {chosen}")
    )


def test_a_unit_without_both_languages_shifts_no_other(tmp_path: Path) -> None:
    units = [
        unit(("en", "one"), ("fr", "un")),
        unit(("en", "two")),
        unit(("en", "a"), ("en-GB", "b")),
        "<tu><note>three</note><tuv xml:lang='en'><prop>x</prop><seg>three</seg></tuv>"
        "<tuv xml:lang='fr'><note>n</note><seg>trois</seg></tuv></tu>",
        unit(("en", ""), ("fr", "")),
    ]
    assert read_units(tmp_path, "".join(units)) == [
        ("one", "un"), "not a pair", "not a pair", ("three", "trois"), ("", ""),
    ]  # fmt: skip


SECRET = "the secret of another file"
BOMB = "<!DOCTYPE tmx [<!ENTITY a 'haha'><!ENTITY b '&a;&a;&a;'>]>"


@pytest.mark.parametrize(
    "doctype",
    [
        BOMB,
        "<!DOCTYPE tmx [<!ENTITY a SYSTEM 'secret.txt'>]>",
        "<!DOCTYPE tmx [<!ENTITY % a SYSTEM 'secret.txt'> %a;]>",
        "<!DOCTYPE tmx SYSTEM 'secret.txt' [<!ENTITY a 'x'>]>",
        "<!DOCTYPE tmx [<!ENTITY a PUBLIC 'x' 'secret.txt'>]>",
    ],
)
def test_entities_are_refused_and_nothing_else_is_read(
    doctype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.txt").write_text(SECRET)
    content = memory(unit(("en", "&a;"), ("fr", "b")), doctype=doctype)
    file = write_memory(tmp_path, content)
    with pytest.raises(RegardError) as refused:
        list(read_pairs([file], LANGUAGES))
    assert refused.value.what.startswith("the file declares an entity, 'a'")
    assert SECRET not in str(refused.value)


def test_a_document_type_in_another_file_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tmx14.dtd").write_text(f"<!ENTITY nbsp '{SECRET}'>")
    units = unit(("en", "a&nbsp;b"), ("fr", "c")) + unit(("en", "d"), ("fr", "e"))
    for doctype in ('<!DOCTYPE tmx SYSTEM "tmx14.dtd">', '<!DOCTYPE tmx PUBLIC "x" "tmx14.dtd">'):
        file = write_memory(tmp_path, memory(units, doctype=doctype))
        assert list(read_pairs([file], LANGUAGES)) == [
            UnreadableLine(1, "not a pair"),
            Pair(2, "d", "e"),
        ]


# What cannot be read


def refusal(file: Path) -> list[str]:
    with pytest.raises(RegardError) as refused:
        list(read_pairs([file], LANGUAGES))
    assert len(str(refused.value).splitlines()) == 3
    return [refused.value.what, refused.value.where, refused.value.to_do]


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.parquet", b"", "damaged"),
        ("a.parquet", b"no table", "damaged"),
        ("a.arrow", b"", "damaged"),
        ("a.arrow", b"no table at all", "damaged"),
        ("a.arrow", b"ARROW1\0\0no table", "damaged"),
        ("a.feather", b"FEA1....", "Feather of version 1"),
        ("a.parquet.gz", gzip.compress(b"x", mtime=0), "not read from a compressed file"),
        ("a.tmx", b"", "no element found"),
        ("a.tmx", b"<html/>", "its first element is <html>"),
        ("a.tmx", b"<tmx/>", "has no units"),
        ("a.tmx", memory(unit(("en", "a"), ("de", "b"))).encode(), "none of the 1 units has"),
        ("a.tmx", memory(unit(("en", "a")))[:-20].encode(), "not well-formed XML"),
        ("a.tmx", memory("<tu></tuv>").encode(), "mismatched tag"),
        ("a.tmx", memory("\x01").encode(), "not well-formed XML"),
        ("a.tmx", memory("&x;").encode(), "undefined entity"),
        ("a.tmx", memory("é").encode("latin-1"), "the text is not UTF-8"),
        ("a.tmx", memory("", "klingon").encode(), "the encoding klingon is not known"),
        ("a.tmx", memory("", "unicode_escape").encode(), "the encoding unicode_escape"),
        ("a.tmx", memory("", "utf-7").encode(), "the encoding utf-7"),
        ("a.tmx.gz", gzip.compress(memory("").encode(), mtime=0)[:-9], "compression"),
        ("a.tmx.gz", b"<tmx/>", "compression"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_in_three_lines(
    name: str, content: bytes, what: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    told = refusal(tmp_path / name)
    assert what in told[0] and name in told[1]


@settings(max_examples=60)
@given(data=st.data())
def test_a_table_with_changed_bytes_gives_pairs_or_is_refused(data: st.DataObject) -> None:
    texts = [(f"text {n}", f"texte {n}") for n in range(20)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write = data.draw(
            st.sampled_from([write_parquet, write_arrow, write_stream, write_feather])
        )
        file = write(columns(texts), folder)
        content = bytearray(file.read_bytes())
        for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
            content[place] = data.draw(st.integers(0, 255))
        file.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        try:
            assert len(list(read_pairs([file], LANGUAGES))) <= 20
        except RegardError as refused:
            assert len(str(refused).splitlines()) == 3


def test_a_table_without_the_languages_is_refused_with_its_columns(tmp_path: Path) -> None:
    what, where, to_do = refusal(
        write_parquet(columns([("a", "b")], ("english", "text")), tmp_path)
    )
    assert what == "none of the columns are those of en and fr"
    assert where.endswith("a.parquet, with id, english, text")
    assert to_do == "name two columns source and target, or en and fr"
    numbers = pa.table({"en": pa.array([1]), "fr": pa.array(["un"])})
    assert (
        refusal(write_arrow(numbers, tmp_path))[0]
        == "the column en holds no text: its type is int64"
    )
    assert refusal(write_arrow(columns([]), tmp_path))[0] == "the table has no rows"
    twice = pa.table([["a"], ["b"], ["c"]], names=["en", "fr", "en"])
    assert refusal(write_stream(twice, tmp_path))[0] == "the table has two columns called en"


def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path)[0] == "the folder holds no dataset: there is no dataset_info.json"
    saved = write_dataset(columns([("a", "b")] * 4), tmp_path)
    (tmp_path / "dataset_dict.json").write_text("{}")
    what, _, to_do = refusal(tmp_path)
    assert what == "the folder holds several datasets: saved"
    assert to_do == f"give one of them, such as {saved}"
    (saved / "state.json").write_text('{"_data_files": [{"filename": "../other.arrow"}]}')
    assert refusal(saved)[0] == "the dataset's rows are not in its own Arrow files in their order"
    (saved / "state.json").write_text("[]")
    assert refusal(saved)[0] == "state.json is damaged"


@pytest.mark.parametrize(
    ("module", "name"),
    [("pyarrow", "a.parquet"), ("pyarrow", "a.arrow"), ("zstandard", "a.tsv.zst")],
)
def test_a_missing_library_is_told_with_the_extra_that_has_it(
    module: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, module, None)
    what, where, to_do = refusal(tmp_path / name)
    assert f"needs {module}, which is not installed" in what and "'.[formats]'" in to_do
    assert where == "this Python"


# Zstandard


@given(st.lists(st.binary(max_size=200), max_size=5), st.integers(1, 7), st.booleans())
def test_a_file_in_zstandard_is_its_content_however_many_frames_it_has(
    parts: list[bytes], size: int, knows_size: bool
) -> None:
    compressor = zstandard.ZstdCompressor(write_content_size=knows_size)
    packed = b"".join(map(compressor.compress, parts))
    with tempfile.TemporaryDirectory() as name, patch.object(zstd, "PIECE_BYTES", size):
        (Path(name) / "a.zst").write_bytes(packed)
        with io.BufferedReader(zstd.ZstdReader(Path(name) / "a.zst")) as stream:
            assert stream.read() == b"".join(parts)


def test_a_file_in_zstandard_that_is_cut_or_changed_is_refused(tmp_path: Path) -> None:
    content = b"".join(b"line %d\n" % (number * number) for number in range(1000))
    packed = zstandard.ZstdCompressor(write_checksum=True).compress(content)
    file = tmp_path / "a.en.zst"
    file.write_bytes(packed)
    assert b"\n".join(read_lines(file)) + b"\n" == content
    changed = packed[:99] + bytes([packed[99] ^ 1]) + packed[100:]
    for damaged in (packed[:-1], packed[:30], packed[:3], packed + b"x", b"plain text\n", changed):
        file.write_bytes(damaged)
        with pytest.raises(RegardError, match="its compression does not match its name"):
            list(read_lines(file))


def test_a_small_file_in_zstandard_does_not_fill_the_memory(tmp_path: Path) -> None:
    file = tmp_path / "a.en.zst"
    with file.open("wb") as raw, zstandard.ZstdCompressor().stream_writer(raw) as stream:
        for _ in range(300):
            stream.write(bytes(1 << 20))
    assert file.stat().st_size < 1 << 16
    tracemalloc.start()
    try:
        assert [len(line) for line in read_lines(file)] == [2**20 + 1]
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("write", [write_parquet_in_dictionaries, write_stream, write_dataset])
def test_memory_does_not_grow_with_the_table(
    write: Callable[[pa.Table, Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of pyarrow, which has the texts."""

    def peak(count: int) -> int:
        folder = tmp_path / str(count)
        folder.mkdir()
        file = write(columns([(f"text {n}" * 9, f"texte {n}" * 9) for n in range(count)]), folder)
        before, most = pa.total_allocated_bytes(), 0
        for number, _ in enumerate(read_raw_pairs([file], LANGUAGES)):
            if number % 64 == 0:
                most = max(most, pa.total_allocated_bytes() - before)
        return most

    monkeypatch.setattr(arrow, "BATCH_ROWS", 256)
    monkeypatch.setattr("test_tables.CHUNK_ROWS", 500)
    assert peak(32_000) < 1.2 * peak(16_000) + (1 << 16)


# Names and test text


def test_every_format_is_a_row_of_the_table_and_its_suffix_names_no_language() -> None:
    for suffix in (".tsv", ".jsonl", ".tmx", ".parquet", ".arrow", ".feather"):
        assert suffix in READERS
        assert guess_languages([Path(f"train.en-fr{suffix}")]) == LANGUAGES
    assert guess_languages([Path("train.en.zst"), Path("train.fr.zst")]) == LANGUAGES


def test_no_pair_of_a_test_text_is_left_out(tmp_path: Path) -> None:
    texts = [("one", "un"), ("two ", "deux\nlignes")]
    measured = read_measured([write_parquet(columns(texts), tmp_path)], LANGUAGES)
    assert measured == (["one", "two"], ["un", "deux lignes"])
    with pytest.raises(RegardError, match="line 2 of the test text cannot be used: not a pair"):
        read_measured([write_stream(columns([*texts[:1], ("a", None)]), tmp_path)], LANGUAGES)
