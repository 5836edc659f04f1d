"""What the tests share: the real data where it is, and one small model trained on the lesson."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny products are slower on two threads

import pytest
from hypothesis import settings

import regard
from regard.files import lock
from regard.lesson.corpus import Example, Lesson, split_lesson

settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")

# A shell's job in the background ignores Ctrl-C, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such thing")
"""For tests with named pipes, signals, a shell, or bytes that are not UTF-8 as arguments."""

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"

CAT_AND_MOUSE = "Le chat noir a mangé la souris.\n", "Le chat noir mangea la souris.\n"
"""The example that everyone remembers, in either past tense: both are right."""


class InMemory(NamedTuple):
    """A corpus in memory."""

    examples: Sequence[Example]

    def __len__(self):
        return len(self.examples)

    def sources(self, indices):
        return [self.examples[index].source for index in indices]

    def targets(self, indices):
        return [self.examples[index].target for index in indices]


TINY = {
    "vocabulary": {"size": 700, "source_bpe_dropout": 0.1, "target_bpe_dropout": 0.1},
    "model": {"embedding_size": 32, "encoder_size": 48, "decoder_size": 48, "tie": "all"},
    "train": {
        "updates": 60,
        "batch_tokens": 512,
        "validate_every": 20,
        "warmup": 10,
        "learning_rate": 0.01,
        "ema_decay": 0.9,
        "threads": 1,
    },
    "search": {"beam": 2},
}
"""Options with which a model learns something in seconds."""


def tiny(**train):
    """The same, with other options of training."""
    return {**TINY, "train": {**TINY["train"], **train}}


class Text:
    """A lesson as files."""

    def __init__(self, folder: Path, lesson: Lesson) -> None:
        self.folder = folder
        self.train = (folder / "train.en", folder / "train.fr")
        self.valid = (folder / "valid.en", folder / "valid.fr")
        for files, examples in ((self.train, lesson.train), (self.valid, lesson.test)):
            files[0].write_text("".join(f"{one.source}\n" for one in examples), "utf-8")
            files[1].write_text("".join(f"{one.target}\n" for one in examples), "utf-8")


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> Text:
    return Text(tmp_path_factory.mktemp("lesson"), split_lesson(600, 40, seed=5))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory, text: Text) -> Path:
    """A model folder: trained once in a run of the tests, copied for each process."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "trained-once"
    with locked(shared.with_suffix(".lock")):
        if not shared.exists():
            unfinished = shared.with_suffix(".part")
            regard.train(text.train, unfinished, valid=text.valid, settings=TINY)
            unfinished.rename(shared)
    return shutil.copytree(shared, tmp_path_factory.mktemp("trained") / "model")


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Wait until no other process holds the file, and hold it."""
    while True:
        try:
            handle = lock(file)
            break
        except OSError:
            time.sleep(0.1)
    with handle:
        yield


CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)


@pytest.fixture(scope="module")
def browser():
    """A browser; without one the tests are skipped, but fail where CI is set."""
    if not CHROMIUM:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("there is no Chromium here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
