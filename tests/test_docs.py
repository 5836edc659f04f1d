"""The laws of README.md and docs/: their commands and code run as printed and print what is shown.

A block ```sh is run by a shell, a block ```python by this Python, in one folder for each page. A
block ```text directly below one of these is what it prints on standard output.
"""

import contextlib
import io
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import docx
import pytest

import regard
from regard.cli import COMMANDS
from regard.config import options
from regard.lesson.corpus import split_lesson
from regard.settings import override

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

SETTINGS = [
    "vocabulary.size=700", "model.embedding_size=32", "model.encoder_size=32",
    "model.decoder_size=32", "train.updates=2", "train.validate_every=2",
    "train.batch_tokens=512", "train.threads=1", "search.beam=1", "search.max_length_ratio=0.1",
    "search.max_length_extra=3",
]  # fmt: skip
"""Added to what trains in a page: there the model need not learn, only run."""
FINE_TUNING = [name for name in SETTINGS if not name.startswith(("vocabulary.", "model."))]
DEMO = ["--pairs", "1000", *SETTINGS]

REGARD = f'''#!{sys.executable}
"""`regard` as a reader types it; where it trains, small settings are added at the end."""
import signal, subprocess, sys
from pathlib import Path


def run():
    words = sys.argv[1:]
    if words[0] == "demo":
        words += {DEMO!r}
    elif words[0] == "train" and "--start-from" in words:
        words += {FINE_TUNING!r}
    elif words[0] == "compare" and "--variant" in words:  # what follows a name is its own
        first = words.index("--variant")
        words[first:first] = {SETTINGS!r}
    elif words[0] == "train" and "--add-alignment-head" in words:
        pass
    elif words[0] == "train" or (words[0] == "compare" and "--vary" in words):
        words += {SETTINGS!r}
    if words[0] == "explore":  # runs until Ctrl-C, which follows once the page is there
        command = [sys.executable, "-m", "regard", *words, "--port", "0", "--no-browser"]
        page = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert "http://" in page.stderr.readline()
        page.send_signal(signal.SIGINT)
        sys.exit(page.wait() != 130)
    sys.argv[1:] = words
    from regard.cli import main
    try:
        main()
    finally:
        if words[0] == "demo":  # the text of the full demonstration, cut short
            full, small = Path("regard-demo/lesson-12000"), Path("regard-demo/lesson-1000")
            full.mkdir()
            for file in small.iterdir():
                lines = file.read_text("utf-8").splitlines(keepends=True)
                (full / file.name).write_text("".join(lines[:100]), "utf-8")


if __name__ == "__main__":  # processes for several tasks import this file
    run()
'''
ELSEWHERE = ("pip install ", "make ", ".ci/run", "git ", "python -m venv ")
"""Commands that set up an environment: tests/test_install.py and .ci/run are about these."""


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """Language, text and shown output of each block that runs."""
    fenced = re.compile(
        r"^```(sh|python)\n(.*?)^```\n(?:\n^```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL
    )
    return fenced.findall(page.read_text("utf-8"))


def is_number(word: str) -> re.Match[str] | None:
    return re.fullmatch(r"([-+]?\d+(?:\.\d+)?)(%?,?)", word.replace("·", "0"))


def is_like(shown: str, printed: str) -> bool:
    """The same words; numbers may differ a little, as processors round products differently.

    Integers and percentages (· is 0) may differ by 3, other numbers by a tenth. `...` at the end of
    a line is any rest.
    """
    if shown.endswith("..."):
        shown = shown.removesuffix("...")
        printed = " ".join(printed.split()[: len(shown.split())])
    pairs = list(zip(shown.split(), printed.split(), strict=False))
    for one, other in pairs:
        numbers = is_number(one), is_number(other)
        if one != other and not all(numbers):
            return False
        if all(numbers):
            first, second = (float(number[1]) for number in numbers if number)
            room = abs(first) / 10 if "." in one else 3
            if abs(first - second) > room:
                return False
    return len(shown.split()) == len(printed.split())


def check_output(shown: str, printed: str) -> None:
    """Raises AssertionError if they differ; a line `...` in `shown` is any number of lines."""
    lines = printed.rstrip("\n").split("\n")
    wanted = shown.rstrip("\n").split("\n")
    start = 0
    for number, line in enumerate(wanted):
        if line == "...":
            rest = wanted[number + 1 :]
            if not rest:
                return
            start = next((at for at in range(start, len(lines)) if is_like(rest[0], lines[at])), -1)
            assert start >= 0, f"no line is like {rest[0]!r} in\n{printed}"
            continue
        assert start < len(lines) and is_like(line, lines[start]), (
            f"{line!r} is shown, and this is printed:\n{printed}"
        )
        start += 1
    assert start == len(lines), f"more is printed than shown:\n{printed}"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """What the pages need: a small text, a trained model in `model`, and `regard` on the path."""
    folder = tmp_path_factory.mktemp("shared")
    lesson = split_lesson(300, 12, seed=5)
    for name, examples in (
        ("train", lesson.train), ("val", lesson.test), ("test", lesson.test),
        ("mine", lesson.train[:100]),
    ):  # fmt: skip
        for ending, side in (("en", "source"), ("fr", "target")):
            lines = (getattr(example, side) + "\n" for example in examples)
            (folder / f"{name}.{ending}").write_text("".join(lines), "utf-8")
    (folder / "book.txt").write_text("The cat sleeps. The dog eats.\n\nThe end.\n", "utf-8")
    (folder / "page.html").write_text("<h1>The <em>black</em> cat</h1>\n", "utf-8")
    (folder / "README.md").write_text("# The cat\n\nThe *black* cat sleeps.\n", "utf-8")
    cue = "1\n00:00:01,000 --> 00:00:02,000\nThe cat sleeps.\n"
    (folder / "talk.srt").write_text(cue, "utf-8")
    report = docx.Document()
    report.add_paragraph("The cat sleeps.")
    report.save(folder / "report.docx")
    (folder / "bin").mkdir()
    command = folder / "bin" / "regard"
    command.write_text(REGARD, "utf-8")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    texts = [folder / name for name in ("train.en", "train.fr", "val.en", "val.fr")]
    transformer = [*SETTINGS, "model.layer_type=self-attention", "model.heads=4"]
    for name, settings in (("model", SETTINGS), ("transformer", transformer)):
        regard.train(texts[:2], folder / name, valid=texts[2:], settings=override({}, settings))
    return folder


@pytest.fixture
def desk(shared, tmp_path, monkeypatch):
    """The folder in which a reader of one page types; a training that is done there is resumed."""
    folder = tmp_path / "desk"
    shutil.copytree(shared, folder, ignore=shutil.ignore_patterns("bin"))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{shared / 'bin'}{os.pathsep}{os.environ['PATH']}")
    train = regard.train

    def train_briefly(*inputs, settings=None, **more):
        return train(*inputs, settings=override(settings or {}, SETTINGS), **more)

    monkeypatch.setattr(regard, "train", train_briefly)
    return folder


def run(commands: str) -> str:
    """What they print on standard output, in a shell that stops at the first failure."""
    lines = (line for line in commands.splitlines() if not line.startswith(ELSEWHERE))
    text = "\n".join(lines)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{text}\n{done.stderr}"
    return done.stdout


@pytest.mark.page
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_blocks_of_a_page_run_as_printed_and_print_what_is_shown(page, desk):
    names: dict[str, object] = {}
    for language, text, shown in blocks(page):
        if language == "sh":
            printed = run(text)
        else:
            with contextlib.redirect_stdout(io.StringIO()) as output:
                exec(text, names)
            printed = output.getvalue()
        if shown:
            check_output(shown, printed)


def test_output_is_like_what_is_shown_only_with_the_same_words_and_nearly_the_same_numbers():
    check_output("cat 74% ...\n...\nend", "cat 72% 1 3\nmore\nlines\nend\n")
    check_output("cat 74% · 3", "cat 77% 1 2\n")
    for shown in ("dog 74% · 3", "cat 60% · 3", "cat 74%", "cat 74% · 3 more", ""):
        with pytest.raises(AssertionError):
            check_output(shown, "cat 74% · 3\n")
    with pytest.raises(AssertionError):
        check_output("first", "first\nsecond\n")


def test_the_steps_in_the_lesson_are_those_of_the_decoder():
    decoder = (ROOT / "src/regard/model/attention.py").read_text("utf-8")
    lesson = (ROOT / "docs/lesson.md").read_text("utf-8")
    (quoted,) = re.findall(r"^```text\n(hidden, .*?)^```", lesson, re.MULTILINE | re.DOTALL)
    for line in quoted.splitlines():
        code, _, comment = line.partition("#")
        written = next((part for part in decoder.splitlines() if code.strip() in part), None)
        assert written is not None, f"the decoder has no line {code}"
        assert comment.strip() in written


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_links_to_exists(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_source_file_that_a_page_names_exists(page):
    """Where it holds a folder: `model/output.py` is below src/regard, `recipes/run.py` is not."""
    named = re.findall(r"`((?:[\w-]+/)+[\w-]+\.(?:py|toml|js))`", page.read_text("utf-8"))
    folders = ROOT, ROOT / "src" / "regard"
    missing = [name for name in named if not any((folder / name).exists() for folder in folders)]
    assert missing == []


def test_the_readme_is_short():
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert len(lines) <= 120
    assert [line for line in lines if len(line) > 120] == []


@pytest.mark.page
def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-b", "html"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [*command, str(ROOT / "docs"), str(tmp_path / "site"), "-d", str(tmp_path / "doctrees")],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pages = {file.name: file.read_text("utf-8") for file in (tmp_path / "site").rglob("*.html")}
    foreign = re.compile(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=.(?:https?:)?//")
    assert [name for name, text in pages.items() if foreign.search(text)] == []
    assert [name for name, text in pages.items() if str(ROOT) in text] == []
    styles = [file.read_text("utf-8") for file in (tmp_path / "site").rglob("*.css")]
    assert not any(re.search(r"@import|url\(.?(?:https?:)?//", text) for text in styles)
    assert all(f"regard {name}" in pages["commands.html"] for name in COMMANDS)
    assert all(option.name in pages["options.html"] for option in options())
