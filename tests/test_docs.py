"""The laws of the lesson in docs/: its commands run, its code is true, its pictures are there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
LESSON = (DOCS / "lesson.md").read_text("utf-8")
SHORT = [
    "train.threads=1",
    "search.beam=1",
    "search.max_length_ratio=0.5",
    "search.max_length_extra=5",
]
SMALL = {
    "demo": ["--pairs", "1000", "train.updates=30", "train.validate_every=15", *SHORT],
    "compare": ["train.updates=4", "train.validate_every=2", *SHORT],
}
"""Options appended to a command that trains: here it need not learn, only run."""


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", LESSON, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """The folder in which a reader types all commands of the lesson, one after the other."""
    folder = tmp_path_factory.mktemp("desk")
    for line in "".join(blocks("sh")).splitlines():
        said, _, command = line.rpartition(" | ")
        name, *words = shlex.split(command.replace("lesson-12000", "lesson-1000"))
        assert name == "regard"
        done = subprocess.run(
            [sys.executable, "-m", "regard", *words, *SMALL.get(words[0], [])],
            input=" ".join(shlex.split(said)[1:]),
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    return folder


def test_every_command_of_the_lesson_runs(desk):
    assert (desk / "regard-demo" / "report.html").exists()
    assert (desk / "which-score" / "report.html").exists()
    assert (desk / "black-cat.png").exists() and (desk / "black-cat.html").exists()


def test_the_code_of_the_lesson_is_true(desk, monkeypatch, capsys):
    monkeypatch.chdir(desk)
    names = {}
    for block in blocks("python"):
        exec(block, names)
    assert "looked for" in capsys.readouterr().out


def test_the_steps_in_the_lesson_are_those_of_the_decoder():
    decoder = (DOCS.parent / "src/regard/model/decoder.py").read_text("utf-8")
    (quoted,) = blocks("text")
    for line in quoted.splitlines():
        code, _, words = line.partition("#")
        match = next((each for each in decoder.splitlines() if code.strip() in each), None)
        assert match is not None, f"the decoder has no line {code}"
        assert words.strip() in match


@pytest.mark.parametrize("page", sorted(DOCS.parent.glob("README.md")) + sorted(DOCS.glob("*.md")))
def test_every_picture_and_every_page_that_is_named_is_there(page):
    named = re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))
    assert [name for name in named if not (page.parent / name).exists()] == []
