"""What was prepared is what was read, less what was dropped, however large it is."""

import gc
import json
import multiprocessing
import shutil
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from regard.data import corpus as module
from regard.data.clean import Limits
from regard.data.corpus import Corpus, open_corpus, prepare
from regard.data.seeds import shuffled_slice
from regard.errors import RegardError
from regard.text.normalize import normalize

LIMITS = Limits(max_characters=30, max_ratio=2.0, drop_identical=True, drop_duplicates=True)
LANGUAGES = ("en", "fr")

ODD = ["", " ", "\u00a0", "\u2028", "\x85", "\x0c", "\0", "o\rne", " one\r", "one\t", "\ufeffone"]
PLAIN = [
    "one",
    "un",
    "3.5",
    "é",
    "e\u0301",
    "\U0001f469\u200d\U0001f680",
    "x" * 9,
    "x" * 30,
    "x" * 31,
]
sides = st.one_of(
    st.sampled_from([*map(str.encode, ODD + PLAIN), b"\xff", b"one\xc3"]),
    st.text(st.characters(exclude_characters="\n"), max_size=3).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    ),
)


class Expected:
    """The same in an obvious way: everything in memory, one rule after the other."""

    def __init__(self, lines: list[tuple[bytes, bytes]], limits: Limits) -> None:
        self.kept: list[tuple[str, str]] = []
        self.lines: list[int] = []
        self.dropped: dict[str, list[int]] = {}
        for number, pair in enumerate(lines, 1):
            reason = self.reason(pair, limits)
            if reason:
                self.dropped.setdefault(reason, []).append(number)
            else:
                self.lines.append(number)

    def reason(self, pair: tuple[bytes, bytes], limits: Limits) -> str:
        try:
            source, target = (normalize(side.decode()).text for side in pair)
        except UnicodeDecodeError:
            return "not utf-8"
        short, long = sorted([len(source), len(target)])
        alike = source == target and any(c.isalpha() for c in source)
        reasons = {
            "empty": short == 0,
            "too long": long > limits.max_characters,
            "length ratio": (long + 10) / (short + 10) > limits.max_ratio,
            "identical": limits.drop_identical and alike,
            "duplicate": limits.drop_duplicates and (source, target) in self.kept,
            "": True,
        }
        reason = next(reason for reason, holds in reasons.items() if holds)
        if not reason:
            self.kept.append((source, target))
        return reason


def ignore(read: int) -> None:
    pass


def write_pairs(folder: Path, lines: list[tuple[bytes, bytes]]) -> list[Path]:
    for name, side in (("a.en", 0), ("a.fr", 1)):
        (folder / name).write_bytes(b"".join(pair[side] + b"\n" for pair in lines))
    return [folder / "a.en", folder / "a.fr"]


@settings(deadline=None)
@given(
    st.lists(st.tuples(sides, sides), min_size=1, max_size=30),
    st.integers(1, 8),
    st.booleans(),
    st.booleans(),
)
@example([(b"one", b"un")] * 600, 7, True, True)
@example([(b"%d" % (n * n % 400), b"n") for n in range(600)], 8, True, True)
def test_what_is_prepared_is_what_the_obvious_way_gives(
    lines: list[tuple[bytes, bytes]], chunk: int, identical: bool, duplicates: bool
) -> None:
    limits = LIMITS._replace(drop_identical=identical, drop_duplicates=duplicates)
    expected = Expected(lines, limits)
    with tempfile.TemporaryDirectory() as name, patch.object(module, "CHUNK_PAIRS", chunk):
        folder = Path(name)
        files = write_pairs(folder, lines)
        if not expected.kept:
            with pytest.raises(RegardError, match=f"all {len(lines)} pairs were dropped"):
                prepare(files, LANGUAGES, limits, folder / "corpus", ignore)
            assert sorted(folder.iterdir()) == sorted(files)
            return
        corpus = prepare(files, LANGUAGES, limits, folder / "corpus", ignore)
        assert [corpus.pair(index) for index in range(len(corpus))] == expected.kept
        assert corpus.lines.tolist() == expected.lines
        assert corpus.report.read == len(lines)
        assert corpus.report.kept == len(corpus) == len(expected.kept)
        counts = {reason: len(numbers) for reason, numbers in expected.dropped.items()}
        assert corpus.report.dropped == counts
        first = {reason: numbers[:5] for reason, numbers in expected.dropped.items()}
        assert corpus.report.first == first
        assert open_corpus(folder / "corpus").report == corpus.report
        del corpus  # Windows does not remove what is mapped


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_several_processes_prepare_what_one_prepares(tmp_path: Path) -> None:
    odd = [b"", b"\xff", b"x" * 31, b"e\xcc\x81t\xc3\xa9 &amp; caf\xc3\xa9", b"one\xe2\x80\xa8"]
    lines = [(b"%d" % (n % 500), odd[n % 7] if n % 7 < 5 else b"texte") for n in range(1200)]
    files = write_pairs(tmp_path, lines)
    with patch.object(module, "CHUNK_PAIRS", 50), patch.object(module, "OWN_CHUNKS", 2):
        corpora = [
            prepare(files, LANGUAGES, LIMITS, tmp_path / f"{processes}", ignore, processes)
            for processes in (1, 2)
        ]
    assert contents(corpora[0].folder) == contents(corpora[1].folder)
    assert 0 < len(corpora[0]) < len(lines)


def test_a_text_that_is_damaged_further_on_leaves_nothing_in_several_processes(
    tmp_path: Path,
) -> None:
    files = write_pairs(tmp_path, [(b"%d" % n, b"n") for n in range(400)])
    files[1].write_bytes(files[1].read_bytes() + b"one more\n")
    with (
        patch.object(module, "CHUNK_PAIRS", 50),
        patch.object(module, "OWN_CHUNKS", 1),
        pytest.raises(RegardError, match="line 401 has a translation but no source"),
    ):
        prepare(files, LANGUAGES, LIMITS, tmp_path / "corpus", ignore, 2)
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert not multiprocessing.active_children()


@pytest.fixture
def small(tmp_path: Path) -> Corpus:
    lines = [(b"one", b"un"), ("two é".encode(), b"deux"), (b"three", "trois \U0001f600".encode())]
    files = write_pairs(tmp_path, lines)
    return prepare(files, LANGUAGES, LIMITS, tmp_path / "corpus", ignore)


def test_texts_come_in_the_order_they_are_asked_for(small: Corpus) -> None:
    assert small.sources(np.array([2, 0, 0])) == ["three", "one", "one"]
    assert small.targets(np.array([1, 2])) == ["deux", "trois \U0001f600"]
    assert small.sources(np.array([], dtype=np.int64)) == []
    assert small.languages == LANGUAGES
    with pytest.raises(IndexError):
        small.pair(3)
    with pytest.raises(AssertionError):
        small.pair(-1)


def test_a_corpus_is_mapped_and_not_read(small: Corpus) -> None:
    for array in (small.lines, small.source.offsets, small.source.text.obj, small.target.text.obj):
        assert isinstance(array.base, np.memmap)
        assert not array.flags.writeable


def test_the_fingerprint_differs_by_texts_order_and_languages(tmp_path: Path) -> None:
    one = [(b"one", b"un"), (b"two", b"deux")]
    cases = {
        "same": (one, LANGUAGES),
        "with more dropped": ([(b"", b""), *one, one[0]], LANGUAGES),
        "order": (one[::-1], LANGUAGES),
        "fewer": (one[:1], LANGUAGES),
        "languages": (one, ("en", "de")),
        "other text": ([one[0], (b"two", b"Deux")], LANGUAGES),
        "other cut": ([(b"oneu", b"n"), one[1]], LANGUAGES),
    }
    fingerprints = {}
    for name, (lines, languages) in cases.items():
        files = write_pairs(tmp_path, lines)
        fingerprints[name] = prepare(files, languages, LIMITS, tmp_path / name, ignore).fingerprint
    assert fingerprints.pop("same") == fingerprints["with more dropped"]
    assert len(set(fingerprints.values())) == len(fingerprints)


def test_preparing_a_corpus_eight_times_as_large_takes_no_more_memory(tmp_path: Path) -> None:
    def most(pairs: int) -> int:
        numbers = [n % (pairs // 2) for n in range(pairs)]
        files = write_pairs(tmp_path, [(b"%07d" % n, b"%07d n" % n) for n in numbers])
        del numbers
        gc.collect()
        tracemalloc.start()
        try:
            prepare(files, LANGUAGES, LIMITS, tmp_path / f"{pairs}", ignore)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    with patch.object(module, "CHUNK_PAIRS", 100):
        most(200)  # what is allocated once
        few = most(600)
        assert most(4_800) < few + 4 * 4_800  # a pointer a pair would be too much


def test_progress_is_reported_up_to_the_last_pair(tmp_path: Path) -> None:
    files = write_pairs(tmp_path, [(b"%d" % n, b"n") for n in range(10)])
    reported: list[int] = []
    with patch.object(module, "CHUNK_PAIRS", 4):
        prepare(files, LANGUAGES, LIMITS, tmp_path / "corpus", reported.append)
    assert reported == [4, 8, 10]


def test_an_interrupted_preparation_leaves_nothing_and_a_killed_one_is_cleared_away(
    tmp_path: Path,
) -> None:
    def interrupt(read: int) -> None:
        assert not (tmp_path / "corpus").exists()
        raise KeyboardInterrupt

    files = write_pairs(tmp_path, [(b"one", b"un")])
    with pytest.raises(KeyboardInterrupt):
        prepare(files, LANGUAGES, LIMITS, tmp_path / "corpus", interrupt)
    assert sorted(tmp_path.iterdir()) == sorted(files)

    left = tmp_path / ".corpus.unfinished"
    (left / "raw").mkdir(parents=True)
    for file in ("lines", "source.text", "raw/lines", "raw/marks", "raw/source.text", "raw/x"):
        (left / file).write_bytes(b"left over")
    corpus = prepare(files, LANGUAGES, LIMITS, tmp_path / "corpus", ignore)
    assert corpus.pair(0) == ("one", "un")
    assert sorted(tmp_path.iterdir()) == sorted([*files, tmp_path / "corpus"])
    names = ["lines", "report.json", "source.offsets", "source.text"]
    names += ["target.offsets", "target.text"]
    assert sorted(file.name for file in (tmp_path / "corpus").iterdir()) == names


def test_files_that_are_refused_leave_nothing(tmp_path: Path) -> None:
    files = write_pairs(tmp_path, [(b"one", b"un")])
    files[1].write_bytes(b"un\ndeux\n")
    with pytest.raises(RegardError, match="line 2 has a translation but no source"):
        prepare(files, LANGUAGES, LIMITS, tmp_path / "corpus", ignore)
    assert sorted(tmp_path.iterdir()) == sorted(files)


def test_a_corpus_of_which_nothing_is_left_is_refused_with_the_main_reason(tmp_path: Path) -> None:
    files = write_pairs(tmp_path, [(b"", b"un"), (b"Paris", b"Paris"), (b"Rome", b"Rome")])
    with pytest.raises(RegardError) as refused:
        prepare(files, LANGUAGES, LIMITS, tmp_path / "corpus", ignore)
    assert str(refused.value) == (
        "all 3 pairs were dropped, 2 as 'identical'\n"
        f"  where: {files[0]}, {files[1]}\n"
        "  to do: check lines 2, 3; give two different files, or"
        " data.drop_identical=false to learn such pairs"
    )


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    files = write_pairs(tmp_path, [(b"one", b"un")])
    folder = files[0] / "corpus"  # below a file
    with pytest.raises(RegardError) as refused:
        prepare(files, LANGUAGES, LIMITS, folder, ignore)
    what, where, to_do = str(refused.value).splitlines()
    assert what.startswith("cannot prepare the corpus: ")
    assert where == f"  where: {folder}"
    assert to_do.startswith("  to do: ")


def drop_file(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def leave_out(name: str, start: int, stop: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[:start] + data[stop:])

    return change


def tell(**about: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "report.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | about))

    return change


@pytest.mark.parametrize(
    "damage",
    [
        *map(drop_file, ("report.json", "lines", "source.text", "target.offsets")),
        *(leave_out(name, 0, 10**6) for name in ("report.json", "lines", "source.text")),
        *(leave_out(name, 8, 10**6) for name in ("report.json", "lines", "source.text")),
        *(leave_out("target.offsets", *part) for part in ((0, 10**6), (13, 10**6), (8, 16))),
        tell(format=0),
        tell(report={}),
        tell(report={"read": 2, "kept": 2, "dropped": {}, "first": {}}),
        tell(report=None),
        tell(languages=["en"]),
        lambda folder: (folder / "report.json").write_text("[]"),
        shutil.rmtree,
    ],
)
def test_a_folder_that_is_no_whole_corpus_is_refused(
    damage: Callable[[Path], None], small: Corpus
) -> None:
    damage(small.folder)
    with pytest.raises(RegardError) as refused:
        open_corpus(small.folder)
    assert str(refused.value) == (
        "the folder holds no complete corpus that this version can read\n"
        f"  where: {small.folder}\n"
        "  to do: choose another folder, or remove this one and prepare the corpus again"
    )


@pytest.mark.parametrize("count", [*range(70), 255, 256, 257, 1000, 4097, 65_537])
def test_the_order_has_every_number_once(count: int) -> None:
    assert sorted(shuffled_slice(count, 1, 0, 0, count).tolist()) == list(range(count))


@given(st.integers(0, 3000), st.integers(0, 2**31), st.integers(0, 1000), st.data())
def test_a_part_of_the_order_is_the_same_as_in_the_whole(
    count: int, seed: int, epoch: int, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, count))
    stop = data.draw(st.integers(start, count))
    whole = shuffled_slice(count, seed, epoch, 0, count)
    assert shuffled_slice(count, seed, epoch, start, stop).tolist() == whole[start:stop].tolist()


def test_another_seed_or_epoch_gives_another_order() -> None:
    orders = {
        tuple(shuffled_slice(100, seed, epoch, 0, 100).tolist())
        for seed in range(12)
        for epoch in range(12)
    }
    assert len(orders) == 144


def test_every_number_comes_first_equally_often() -> None:
    for count in (2, 3, 5, 6):
        first = [int(shuffled_slice(count, seed, 0, 0, 1)[0]) for seed in range(1000)]
        expected = 1000 / count
        chi_squared = sum((first.count(n) - expected) ** 2 / expected for n in range(count))
        assert chi_squared < 25


def test_neighbours_in_the_order_are_strangers() -> None:
    count = 100_000
    numbers = shuffled_slice(count, 1, 0, 0, count)
    for gap in (1, 2, 64, 1024):
        correlation = np.corrcoef(numbers[:-gap], numbers[gap:])[0, 1]
        assert abs(correlation) < 0.02
    assert abs(np.corrcoef(numbers, np.arange(count))[0, 1]) < 0.02


def test_a_part_of_a_vast_order_takes_no_longer() -> None:
    numbers = shuffled_slice(10**12, 1, 0, 10**11, 10**11 + 1000)
    assert len(set(numbers.tolist())) == 1000
    assert 0 <= numbers.min() < numbers.max() < 10**12


def test_the_order_stays_the_same_from_version_to_version() -> None:
    # a run that stops with one version and resumes with the next needs the same order
    assert shuffled_slice(10, 1, 0, 0, 10).tolist() == [3, 8, 6, 4, 1, 7, 2, 9, 0, 5]
