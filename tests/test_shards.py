"""The laws of bulk translation: shards in, shards out, on one machine."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import needs_posix
from regard.cli import add_local_addresses, main
from regard.errors import RegardError
from regard.export.export import export
from regard.lesson.corpus import examples
from regard.shards import parquet, run
from regard.shards.formats import shard_format
from regard.shards.plan import Destination, plan_shards, refuse_existing, refuse_replacing
from regard.shards.run import Begun, Listener, Lost, refuse_failures, translate_shards
from regard.shards.shard import Shard
from regard.shards.writing import WrittenLine

TEMPLATE = Shard(Path(), Path(), "text", "loud")
NEW, AGAIN = Begun({"model": "loud"}, False, False), Begun({"model": "loud"}, True, False)
SILENT = Listener(lambda _: None, lambda *_: None)


def loud(line: bytes) -> str:
    return line.decode("utf-8", "replace").upper()


def shout(chunks):
    """A pool that translates into capitals."""
    for chunk in chunks:
        yield [WrittenLine(loud(line), ()) for line in chunk.lines]


def stopping_after(count, pool=shout):
    """The same, interrupted after so many chunks."""

    def translate(chunks):
        with closing(pool(chunks)) as outcomes:
            for number, outcome in enumerate(outcomes):
                if number == count:
                    raise KeyboardInterrupt
                yield outcome

    return translate


def losing(word: bytes):
    """The same, which cannot translate chunks with this word."""

    def translate(chunks):
        for chunk in chunks:
            error = RegardError("3 workers died", chunk.origin, "look there")
            is_deadly = any(word in line for line in chunk.lines)
            yield (
                Lost(error) if is_deadly else [WrittenLine(loud(line), ()) for line in chunk.lines]
            )

    return translate


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(run, "RECORDS_OF_CHUNK", 3)
    monkeypatch.setattr(parquet, "READ_ROWS", 4)


def table(values, kind=None, **columns):
    names = {"id": list(range(len(values))), **columns, "text": pa.array(values, kind)}
    return pa.table(names).replace_schema_metadata({"made by": "a test"})


def shard_of(source: Path, out: Path) -> Shard:
    return TEMPLATE._replace(source=source, out=out)


KINDS = [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
if int(pa.__version__.partition(".")[0]) > 18:  # which cannot write it
    KINDS.append(pa.string_view())
CELLS = st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=9))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(CELLS, st.sampled_from(KINDS), st.integers(1, 9), st.sampled_from(["zstd", "none"]))
def test_a_table_has_one_more_column_and_is_otherwise_the_same(
    tmp_path, small_chunks, values, kind, group, compression
):
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    lists = [[number] * (number % 3) for number in range(len(values))]
    stored = table(values, None if pa.types.is_dictionary(kind) else kind, lists=lists)
    if pa.types.is_dictionary(kind):
        stored = stored.set_column(2, "text", stored["text"].cast(pa.string()).dictionary_encode())
    pq.write_table(stored, source, row_group_size=group, compression=compression)
    out.unlink(missing_ok=True)
    assert translate_shards([shard_of(source, out)], shout, NEW, SILENT) == []
    before, after = pq.ParquetFile(source), pq.ParquetFile(out)
    assert after.schema_arrow.names == [*before.schema_arrow.names, "loud"]
    assert after.schema_arrow.metadata[b"made by"] == b"a test"
    read = after.read()
    assert read.drop_columns(["loud"]).equals(before.read(), check_metadata=True)
    assert read["loud"].to_pylist() == [
        None if value is None else as_lines(value) for value in values
    ]
    groups = [file.metadata.num_row_groups for file in (before, after)]
    assert groups[0] == groups[1]
    for number in range(groups[1]):
        own = [file.metadata.row_group(number) for file in (before, after)]
        assert own[0].num_rows == own[1].num_rows
        used = {own[1].column(index).compression for index in range(own[1].num_columns)}
        assert used == {"UNCOMPRESSED" if compression == "none" else "ZSTD"}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.parquet", "out.parquet"]


def as_lines(value: str) -> str:
    """Capitals of each line; carriage returns before line feeds are line ends."""
    return "\n".join(line.upper() for line in value.split("\n"))


def test_line_ends_in_cells_stay(tmp_path):
    values = ["a\nb", "a\r\nb\r\n", "\n\n", "", "a\r", "a\rb"]
    pq.write_table(table(values), tmp_path / "in.parquet")
    out = tmp_path / "out.parquet"
    translate_shards([shard_of(tmp_path / "in.parquet", out)], shout, NEW, SILENT)
    assert pq.read_table(out)["loud"].to_pylist() == [value.upper() for value in values]


def test_strings_that_are_not_utf8_are_translated(tmp_path):
    values = pa.array([b"caf\xe9", b"cat"], pa.binary())
    stored = pa.table({"text": pa.Array.from_buffers(pa.string(), 2, values.buffers())})
    pq.write_table(stored, tmp_path / "in.parquet")
    out = tmp_path / "out.parquet"
    assert translate_shards([shard_of(tmp_path / "in.parquet", out)], shout, NEW, SILENT) == []
    assert pq.read_table(out)["loud"].to_pylist() == ["CAF\ufffd", "CAT"]


def test_a_large_row_group_is_divided_and_read_in_slices(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "SLICE_BYTES", 4000)
    values = [f"{number} " + "cat " * 20 for number in range(400)]
    pq.write_table(table(values), tmp_path / "in.parquet", use_dictionary=False)
    sizes = []

    def watch(chunks):
        for chunk in chunks:
            sizes.append(len(chunk.lines))
            yield [WrittenLine(loud(line), ()) for line in chunk.lines]

    out = tmp_path / "out.parquet"
    translate_shards([shard_of(tmp_path / "in.parquet", out)], watch, NEW, SILENT)
    assert pq.read_table(out)["loud"].to_pylist() == [value.upper() for value in values]
    assert pq.ParquetFile(out).metadata.num_row_groups > 5


TEXTS = st.lists(
    st.binary(max_size=6).filter(lambda line: not set(line) & set(b"\n\r\0\xfe\xff")), max_size=20
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.integers(0, 12), st.booleans())
def test_a_run_that_was_interrupted_anywhere_ends_like_one_that_was_not(
    tmp_path, small_chunks, texts, count, as_tables
):
    folder = tmp_path / "run"
    shards = []
    for number, lines in enumerate(texts):
        source = folder / "in" / (f"{number}.parquet" if as_tables else f"{number}.txt")
        source.parent.mkdir(parents=True, exist_ok=True)
        if as_tables:
            pq.write_table(table([line.decode("latin-1") for line in lines]), source)
        else:
            source.write_bytes(b"".join(b"-" + line + b"\n" for line in lines))
        shards.append(shard_of(source, folder / "out" / source.name))
    before = {shard.source: shard.source.read_bytes() for shard in shards}
    try:
        translate_shards(shards, stopping_after(count), NEW, SILENT)
    except KeyboardInterrupt:
        assert not all(shard.out.exists() for shard in shards)
    written = []
    listener = Listener(written.append, lambda *_: None)
    assert translate_shards(shards, shout, AGAIN, listener) == []
    for shard, lines in zip(shards, texts, strict=True):
        assert shard.source.read_bytes() == before[shard.source]
        if as_tables:
            found = pq.read_table(shard.out)["loud"].to_pylist()
            assert found == [line.decode("latin-1").upper() for line in lines]
        else:
            expected = "".join(f"-{loud(line)}\n" for line in lines)
            assert shard.out.read_bytes() == expected.encode()
    names = sorted(file.name for file in (folder / "out").iterdir())
    assert names == sorted(shard.out.name for shard in shards)
    assert sum(written) <= sum(map(len, texts))
    for file in (folder / "out").iterdir():
        file.unlink()


def test_what_was_translated_before_an_interruption_is_not_translated_again(tmp_path, small_chunks):
    (tmp_path / "in.txt").write_text("".join(f"{number}\n" for number in range(20)))
    shards = [shard_of(tmp_path / "in.txt", tmp_path / "out.txt")]
    with pytest.raises(KeyboardInterrupt):
        translate_shards(shards, stopping_after(4), NEW, SILENT)
    assert (tmp_path / "out.txt.part").read_text().count("\n") == 12
    seen = []

    def watch(chunks):
        for chunk in chunks:
            seen.extend(chunk.lines)
            yield [WrittenLine(loud(line), ()) for line in chunk.lines]

    assert translate_shards(shards, watch, AGAIN, SILENT) == []
    assert seen == [str(number).encode() for number in range(12, 20)]


def test_a_lost_chunk_fails_its_shard_and_all_others_are_complete(tmp_path, small_chunks):
    texts = {"a": "cat\n" * 5, "b": "cat\n" * 7 + "deadly\n" + "cat\n" * 9, "c": "dog\n" * 4}
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text)
    shards = [shard_of(tmp_path / f"{name}.txt", tmp_path / f"{name}.out") for name in texts]
    [failure] = translate_shards(shards, losing(b"deadly"), NEW, SILENT)
    assert failure.shard == shards[1] and "died" in failure.error.what
    assert [shard.out.exists() for shard in shards] == [True, False, True]
    with pytest.raises(RegardError, match=r"1 of 3 files .*b\.txt: 3 workers died"):
        refuse_failures([failure], 3)
    assert (tmp_path / "b.out.part").read_text() == "CAT\n" * 6
    assert translate_shards(shards, shout, AGAIN, SILENT) == []
    assert shards[1].out.read_text() == texts["b"].upper()


def test_a_damaged_shard_fails_and_all_others_are_complete(tmp_path, small_chunks):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"cat\n" * 50_000)[:-30])
    (tmp_path / "b.txt").write_text("dog\n")
    stored = tmp_path / "c.parquet"
    pq.write_table(table(["cat"] * 99), stored, compression="none", use_dictionary=False)
    content = bytearray(stored.read_bytes())
    content[20:600] = b"\xff" * 580
    stored.write_bytes(content)
    sources = [tmp_path / "a.txt.gz", tmp_path / "b.txt", stored]
    shards = [shard_of(source, tmp_path / "out" / source.name) for source in sources]
    failures = translate_shards(shards, shout, NEW, SILENT)
    assert [failure.shard for failure in failures] == [shards[0], shards[2]]
    assert all("damaged" in failure.error.what for failure in failures)
    assert shards[1].out.read_text() == "DOG\n"


def test_a_source_that_has_changed_is_not_resumed(tmp_path, small_chunks):
    source = tmp_path / "in.txt"
    source.write_text("cat\n" * 9)
    shards = [shard_of(source, tmp_path / "out.txt")]
    with pytest.raises(KeyboardInterrupt):
        translate_shards(shards, stopping_after(2), NEW, SILENT)
    source.write_text("dog\n" * 9)
    [failure] = translate_shards(shards, shout, AGAIN, SILENT)
    assert "was begun with text" in failure.error.what
    other = Begun({"model": "soft"}, True, False)
    [failure] = translate_shards(shards, shout, other, SILENT)
    assert "was begun with model 'loud'" in failure.error.what


def test_a_table_that_was_complete_but_not_named_is_named(tmp_path):
    pq.write_table(table(["a cat"]), tmp_path / "in.parquet")
    shard = shard_of(tmp_path / "in.parquet", tmp_path / "out.parquet")
    translate_shards([shard], shout, NEW, SILENT)
    content = shard.out.read_bytes()
    shard.out.rename(tmp_path / "out.parquet.part")
    assert translate_shards([shard], losing(b"cat"), AGAIN, SILENT) == []
    assert shard.out.read_bytes() == content
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.parquet", "out.parquet"]


def plan(folder, names, out="out", is_folder=True):
    destination = Destination(folder / out, is_folder)
    shards = plan_shards([folder / name for name in names], destination, TEMPLATE)
    return {
        str(shard.source.relative_to(folder)): str(shard.out.relative_to(folder))
        for shard in shards
    }


def test_outputs_have_the_paths_of_their_inputs_below_the_folder_that_all_share(tmp_path):
    for name in ("in/a.txt", "in/de/b.txt", "in/de/c.txt.gz", "in/[x].txt", "other/a.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert plan(tmp_path, ["in/a.txt"]) == {"in/a.txt": "out/a.txt"}
    assert plan(tmp_path, ["in/a.txt"], "new.txt", False) == {"in/a.txt": "new.txt"}
    assert plan(tmp_path, ["in/[x].txt"]) == {"in/[x].txt": "out/[x].txt"}
    assert plan(tmp_path, ["in/[a-z].txt"]) == {"in/a.txt": "out/a.txt"}
    assert plan(tmp_path, ["in/**/*.txt*", "in/a.txt"]) == {
        "in/[x].txt": "out/[x].txt",
        "in/a.txt": "out/a.txt",
        "in/de/b.txt": "out/de/b.txt",
        "in/de/c.txt.gz": "out/de/c.txt",
    }
    assert plan(tmp_path, ["in/*/b.txt"]) == {"in/de/b.txt": "out/de/b.txt"}
    assert plan(tmp_path, ["in/a.txt", "other/a.txt"]) == {
        "in/a.txt": "out/in/a.txt",
        "other/a.txt": "out/other/a.txt",
    }
    (tmp_path / "in" / "out").mkdir()
    (tmp_path / "in" / "out" / "a.txt").touch()  # an earlier output is no input
    assert plan(tmp_path, ["in/**/b.txt", "in/**/a.txt"], "in/out") == {
        "in/a.txt": "in/out/a.txt",
        "in/de/b.txt": "in/out/de/b.txt",
    }
    with pytest.raises(RegardError, match="no file matches"):
        plan(tmp_path, ["in/*.en"])
    (tmp_path / "in" / "a.txt.xz").touch()
    with pytest.raises(RegardError, match="would have the same translation"):
        plan(tmp_path, ["in/a.txt*"])


def test_a_translation_never_replaces_a_source_or_an_output(tmp_path):
    (tmp_path / "a.txt").touch()
    shards = [shard_of(tmp_path / "a.txt", tmp_path / "a.txt")]
    with pytest.raises(RegardError, match="would replace a source"):
        refuse_replacing(shards)
    with pytest.raises(RegardError, match="exists already"):
        refuse_existing(shards)
    (tmp_path / "b.txt.part").touch()
    with pytest.raises(RegardError, match="unfinished translation"):
        refuse_existing([shard_of(tmp_path / "a.txt", tmp_path / "b.txt")])


@pytest.mark.parametrize(
    ("change", "what", "where"),
    [
        ({"column": "txt"}, "no column 'txt'", "id, text"),
        ({"column": "id"}, "holds int64, not text", "in.parquet"),
        ({"target_column": "id"}, "a column 'id' already", "id, text"),
    ],
    ids=str,
)
def test_a_wrong_column_is_refused_with_the_columns_that_there_are(tmp_path, change, what, where):
    pq.write_table(table(["a"]), tmp_path / "in.parquet")
    shard = shard_of(tmp_path / "in.parquet", tmp_path / "out")._replace(**change)
    with pytest.raises(RegardError) as refused:
        shard_format(shard.source).check(shard)
    assert what in refused.value.what and where in refused.value.where


def test_what_follows_ray_is_an_address_or_the_next_word():
    def words(*given):
        return add_local_addresses(list(given), {"--ray"})

    for address in ("auto", "127.0.0.1:6379", "ray://head:10001", "[::1]:6379", "local"):
        assert words("--ray", address, "in.txt") == ["--ray", address, "in.txt"]
    for other in ("in.txt", "--out", "in/*.txt"):
        assert words("--ray", other) == ["--ray", "local", other]
    assert words() == []
    assert words("in.txt", "--ray") == ["in.txt", "--ray", "local"]


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    out = tmp_path_factory.mktemp("exported") / "model.regard"
    export(model, out, "int8", [])
    return out


@pytest.fixture
def typed(monkeypatch, capfd, tmp_path):
    """Type a command in a folder; gives its exit code and its standard error."""
    monkeypatch.chdir(tmp_path)

    def type_words(*words):
        monkeypatch.setattr(sys, "argv", ["regard", *map(str, words)])
        try:
            main()
        except SystemExit as left:
            return left.code or 0, capfd.readouterr().err
        raise AssertionError

    return type_words


def write_inputs(folder: Path) -> list[str]:
    lines = [one.source for one in examples(40, 3)]
    lines[7], lines[9] = "", "A cat. A dog."
    (folder / "in" / "more").mkdir(parents=True)
    for name, part in (("a.txt", lines[:15]), ("more/b.txt", lines[15:])):
        (folder / "in" / name).write_text("".join(f"{line}\n" for line in part), "utf-8")
    stored = table([*lines[:20], None, "\n".join(lines[20:])])
    pq.write_table(stored, folder / "in" / "c.parquet")
    return lines


def test_bulk_output_is_what_the_command_gives_for_the_same_lines(file, typed, tmp_path, capfd):
    lines = write_inputs(tmp_path)
    (tmp_path / "all").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    assert typed("translate", "all", "--model", file, "--out", "expected")[0] == 0
    expected = (tmp_path / "expected").read_text("utf-8").splitlines()
    command = ["translate", "in/**/*.txt", "in/c.parquet", "--column", "text"]
    command += ["--target-column", "fr", "--model", file, "--workers", 2]
    code, said = typed(*command, "--out", "out/")
    assert code == 0, said
    found = [(tmp_path / "out" / name).read_text("utf-8") for name in ("a.txt", "more/b.txt")]
    assert "".join(found).splitlines() == expected
    cells = pq.read_table(tmp_path / "out" / "c.parquet")["fr"].to_pylist()
    assert cells == [*expected[:20], None, "\n".join(expected[20:])]
    names = sorted(str(name.relative_to(tmp_path / "out")) for name in tmp_path.glob("out/**/*"))
    assert names == ["a.txt", "c.parquet", "more", "more/b.txt"]
    code, said = typed(*command, "--out", "out/")
    assert code == 2 and "exists already" in said and "--resume" in said
    code, said = typed(*command, "--out", "out/", "--resume")
    assert code == 0 and "all 3 files" in said
    (tmp_path / "out" / "a.txt").unlink()
    code, said = typed(*command, "--out", "out/", "--resume")
    assert code == 0 and "2 of 3 files were complete already" in said
    assert (tmp_path / "out" / "a.txt").read_text("utf-8") == found[0]


def test_a_shell_that_expands_a_pattern_changes_nothing(file, typed, tmp_path):
    (tmp_path / "a.txt").write_text("The cat .\n")
    (tmp_path / "b.txt").write_text("The dog .\n")
    for out, names in (("one", ["*.txt"]), ("two", ["a.txt", "b.txt"])):
        code, said = typed("translate", *names, "--model", file, "--out", f"{out}/")
        assert code == 0, said
    for name in ("a.txt", "b.txt"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert typed("translate", "a.txt", "b.txt", "--model", file, "--out", "joined")[0] == 0
    joined = b"".join((tmp_path / "one" / name).read_bytes() for name in ("a.txt", "b.txt"))
    assert (tmp_path / "joined").read_bytes() == joined


def test_options_of_lines_hold_for_texts_in_bulk(file, typed, tmp_path):
    (tmp_path / "a.txt").write_text("The cat .\nThe dog . The cat .\n\nA cat .\n")
    for more in (["--n-best", 2], ["--json"], ["--align"], ["--prefix", "Le"], ["--paragraphs"]):
        name = more[0].strip("-")
        for out in (name, f"{name}-folder/"):
            code, said = typed("translate", "a.txt", "--model", file, *more, "--out", out)
            assert code == 0, said
        bulk = tmp_path / f"{name}-folder" / "a.txt"
        assert bulk.read_bytes() == (tmp_path / name).read_bytes()


def test_warnings_name_the_file(file, typed, tmp_path):
    (tmp_path / "a.txt").write_bytes("A cat .\nA caf\xe9 .\n".encode("latin-1"))
    (tmp_path / "b.txt").write_text("A cat .\n")
    code, said = typed("translate", "*.txt", "--model", file, "--out", "out")
    assert code == 0 and "line 2 of a.txt: bytes that are not UTF-8" in said
    assert "(1 of 3)" in said


def test_another_command_is_not_resumed_into_the_same_folder(file, typed, tmp_path):
    write_inputs(tmp_path)
    command = ["translate", "in/*.txt", "in/more/*.txt", "--model", file, "--out", "out/"]
    record = tmp_path / "out" / "regard.part.json"
    (tmp_path / "in" / "bad.txt").write_bytes("a\n".encode("utf-16"))
    assert typed(*command)[0] == 2  # is seen before anything is written
    assert not (tmp_path / "out").exists()
    (tmp_path / "in" / "bad.txt").unlink()
    (tmp_path / "out").mkdir()
    record.write_text(json.dumps({"model": "another"}))
    code, said = typed(*command)
    assert code == 2 and "unfinished translation" in said and "--resume" in said
    code, said = typed(*command, "--resume")
    assert code == 2 and "was begun with model 'another'" in said


MISTAKES = {
    "in/*.parquet --out out": ("needs --column", "in/c.parquet", "--target-column"),
    "in/*.parquet --column text --out out": ("needs --target-column", "in/c.parquet", "--column"),
    "in/*.parquet --column text --target-column fr": ("an output", "command line", "--out FOLDER/"),
    "in/*.nothing --out out": ("no file matches", "in/*.nothing", "quotation marks"),
    "in/a.txt --column text --target-column fr --out out/": ("only a table", "in/a.txt", "leave"),
    "in/c.parquet --column text --target-column fr --json --out o": ("lines", "--json", "leave"),
    "in/c.parquet --column tex --target-column fr --out o": ("no column 'tex'", "id, text", "one"),
    "in/c.parquet --column text --target-column id --out o": ("already", "id, text", "another"),
    "in/c.parquet --column id --target-column fr --out o": ("int64", "in/c.parquet", "strings"),
    "bad.parquet --column text --target-column fr --out o": ("damaged", "bad.parquet", "again"),
    "no.parquet --column text --target-column fr --out o": ("no such file", "no.parquet", "path"),
    "in/c.parquet --column text --target-column fr --out there": ("exists", "there", "--resume"),
    "- --out out/": ("standard input", "the command line", "to a file first"),
    "--column a --target-column b --out out/": ("standard input", "command line", "to a file"),
    "page.html in/a.txt --out out/": ("documents (html)", "page.html", "--format text"),
    "in/a.txt --out in/": ("replace a source", "in/a.txt", "another folder"),
    "in/a.txt --ray --out there": ("exists already", "there", "--resume"),
    "in/a.txt in/more/b.txt --ray --out joined": ("2 texts in one", "--out joined", "joined/"),
    "in/a.txt --ray --resume": ("needs an output", "--resume", "--out"),
    "in/a.txt --ray --out -": ("not the name of a file", "--out -", "--out FILE"),
}


@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_in_bulk_gets_its_three_lines(command, typed, file, tmp_path, monkeypatch):
    monkeypatch.setattr("regard.cli.bulk.find_spec", lambda _: True)  # whether or not Ray is here
    write_inputs(tmp_path)
    (tmp_path / "bad.parquet").write_text("PAR1 no PAR1")
    (tmp_path / "there").write_text("keep me")
    (tmp_path / "page.html").write_text("<p>a")
    code, said = typed("translate", "--model", file, *command.split())
    assert code == 2 and "Traceback" not in said
    for expected, line in zip(MISTAKES[command], said.rstrip("\n").split("\n"), strict=True):
        assert expected in line
    assert (tmp_path / "there").read_text() == "keep me"
    assert not (tmp_path / "out").exists()


def test_ray_wants_a_model_that_is_one_file_and_says_what_to_install(
    typed, model, file, tmp_path, monkeypatch
):
    (tmp_path / "a.txt").write_text("a\n")
    monkeypatch.setattr("regard.cli.bulk.find_spec", lambda _: True)
    code, said = typed("translate", "a.txt", "--model", model, "--out", "b", "--ray")
    assert code == 2 and "regard export" in said
    monkeypatch.setattr("regard.cli.bulk.find_spec", lambda _: None)
    code, said = typed("translate", "a.txt", "--model", file, "--out", "b", "--ray")
    assert code == 2 and "'.[ray]'" in said
    monkeypatch.setattr("regard.shards.parquet.find_spec", lambda _: None)
    words = ["--column", "a", "--target-column", "b", "--out", "c"]
    code, said = typed("translate", "a.parquet", "--model", file, *words)
    assert code == 2 and "'.[formats]'" in said


@needs_posix
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_is_resumed_to_the_same_bytes(file, tmp_path, number):
    lines = [one.source for one in examples(400, 3)]
    (tmp_path / "in").mkdir()
    for part in range(4):
        own = lines[part * 100 : part * 100 + 100]
        (tmp_path / "in" / f"{part}.txt").write_text("".join(f"{line}\n" for line in own))
    code = "from regard.shards import run; run.RECORDS_OF_CHUNK = 10;"
    code += "from regard.cli import main; main()"
    command = [sys.executable, "-c", code, "translate", "in/*.txt", "--model", str(file)]
    command += ["--beam", "1", "--without", "coverage"]

    def start(out, *more):
        return subprocess.Popen(
            [*command, "--out", out, *more], cwd=tmp_path, stderr=subprocess.PIPE
        )

    process = start("cut")
    deadline = time.monotonic() + 120
    while not (tmp_path / "cut" / "1.txt.part").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, number)
    said = process.communicate()[1]
    if number == signal.SIGINT:
        assert process.returncode == 130 and b"--resume" in said and b"Traceback" not in said
    assert (tmp_path / "cut" / "0.txt").exists() and not (tmp_path / "cut" / "3.txt").exists()
    refused = start("cut")
    assert b"--resume" in refused.communicate()[1] and refused.returncode == 2
    for out, more in (("cut", ["--resume"]), ("straight", [])):
        process = start(out, *more)
        assert process.communicate() and process.returncode == 0
    for part in range(4):
        straight = tmp_path / "straight" / f"{part}.txt"
        assert (tmp_path / "cut" / f"{part}.txt").read_bytes() == straight.read_bytes()
    assert len(list((tmp_path / "cut").iterdir())) == 4
