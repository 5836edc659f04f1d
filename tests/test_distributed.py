"""The laws of training in several processes, which torchrun starts."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from conftest import Text, tiny
from regard.files import read_tensors
from regard.lesson.corpus import split_lesson
from test_training import without_dropout

DOUBLE = """
import sys, torch
if sys.argv[1] == "double":
    torch.set_default_dtype(torch.float64)
sys.argv[1:] = sys.argv[2:]
from regard.cli import main
main()
"""
ENDED_SECONDS = 90
FIRST_HOST, SECOND_HOST = "10.77.0.1", "10.77.0.2"


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Text:
    return Text(tmp_path_factory.mktemp("text"), split_lesson(300, 12, seed=5))


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("program") / "program.py"
    file.write_text(DOUBLE, "utf-8")
    return file


def words_of(settings: dict) -> list[str]:
    return [
        f"{section}.{name}={str(value).lower() if isinstance(value, bool) else value}"
        for section, values in settings.items()
        for name, value in values.items()
    ]


class Training:
    """A command in the background, what it prints, and the processes that it starts."""

    def __init__(self, program, text, out, settings, processes, number="double", host=()):
        """On this machine, or one process of two on a host, which is the command before it."""
        start = ["-m", "torch.distributed.run", "--nproc-per-node"]
        start = [*start, str(processes), "--standalone"] if processes > 1 else []
        if host:
            *host, rank = host
            start = ["-m", "torch.distributed.run", "--nproc-per-node=1", "--nnodes=2"]
            start += [f"--node-rank={rank}", f"--master-addr={FIRST_HOST}", "--master-port=29511"]
        words = [*map(str, text.train), "--valid", *map(str, text.valid), "--out", str(out)]
        self.process = subprocess.Popen(
            [*host, sys.executable, *start, program, number, "train", *words, *words_of(settings)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.lines: list[str] = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            self.lines.append(line)

    def printed(self) -> str:
        return "".join(self.lines)

    def wait(self, seconds=300) -> int:
        status = self.process.wait(seconds)
        self.reader.join(10)
        self.process.stderr.close()
        return status

    def wait_for(self, validations: int):
        deadline = time.monotonic() + 300
        while self.printed().count("validation BLEU") < validations:
            assert self.process.poll() is None and time.monotonic() < deadline, self.printed()
            time.sleep(0.02)

    def ranks(self) -> list[int]:
        """Process numbers, by rank."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = {}
        for pid in children.read_text().split():
            environment = Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "replace")
            if rank := re.search(r"\x00RANK=(\d+)", "\x00" + environment):
                found[int(rank[1])] = int(pid)
        return [found[rank] for rank in sorted(found)]


def state_of(out: Path) -> dict[str, np.ndarray]:
    return read_tensors(out / "training" / "state.safetensors").tensors


def distance(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> float:
    """The largest difference of two weights."""
    assert left.keys() == right.keys()
    return max(float(np.abs(left[name] - right[name]).max()) for name in left)


def exact(**train):
    return without_dropout(tiny(**{"precision": "fp32", "threads": 1, **train}))


linux = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="it reads /proc")


@linux
def test_a_killed_pair_of_processes_resumes_and_learns_what_one_process_learns(
    program, text, tmp_path
):
    settings = exact(updates=8, validate_every=2)
    pair = Training(program, text, tmp_path / "pair", settings, 2)
    pair.wait_for(2)
    os.kill(pair.ranks()[1], signal.SIGKILL)
    assert pair.wait(ENDED_SECONDS) == 1
    assert pair.printed().count("a process of this training was lost") == 1, pair.printed()
    again = Training(program, text, tmp_path / "pair", settings, 2)
    alone = Training(
        program, text, tmp_path / "alone", exact(updates=8, validate_every=2, accumulate=2), 1
    )
    assert again.wait() == alone.wait() == 0, again.printed() + alone.printed()
    assert "resuming after update" in again.printed()
    assert distance(state_of(tmp_path / "pair"), state_of(tmp_path / "alone")) < 1e-9
    for line in again.lines:  # the first process alone speaks
        assert again.lines.count(line) == 1, again.printed()


@linux
@pytest.mark.proof
def test_a_signal_to_one_process_saves_and_another_number_of_processes_goes_on(
    program, text, tmp_path
):
    settings = tiny(updates=40, validate_every=40, threads=1)
    pair = Training(program, text, tmp_path / "run", settings, 2, "single")
    log = tmp_path / "run" / "training" / "run.json"
    while not log.exists():
        assert pair.process.poll() is None, pair.printed()
        time.sleep(0.05)
    while "in each of 2 processes" not in pair.printed():
        time.sleep(0.05)
    time.sleep(0.5)
    os.kill(pair.ranks()[1], signal.SIGTERM)
    pair.wait(ENDED_SECONDS)
    assert "run the same command again to resume" in pair.printed(), pair.printed()
    alone = Training(program, text, tmp_path / "run", settings, 1, "single")
    assert alone.wait() == 0, alone.printed()
    assert "an update now has 1 batches, and had 2 before" in alone.printed()


@linux
@pytest.mark.proof
def test_a_mistake_is_told_once(program, text, tmp_path):
    wrong = Training(program, text, tmp_path / "run", tiny(no_such_option=1), 2, "single")
    assert wrong.wait() == 1
    assert wrong.printed().count("no_such_option") == 1, wrong.printed()


@linux
@pytest.mark.proof
@pytest.mark.parametrize("processes", [2, 4])
def test_several_processes_learn_in_50_updates_what_one_learns(program, text, tmp_path, processes):
    for number, bound in (("double", 1e-9), ("single", None)):
        settings = exact(updates=50, validate_every=50, batch_tokens=256)
        several = Training(program, text, tmp_path / f"{number}", settings, processes, number)
        assert several.wait() == 0, several.printed()
        settings["train"]["accumulate"] = processes
        alone = Training(program, text, tmp_path / f"{number}-alone", settings, 1, number)
        assert alone.wait() == 0, alone.printed()
        left, right = state_of(tmp_path / number), state_of(tmp_path / f"{number}-alone")
        if bound:
            assert distance(left, right) < bound
            continue
        names = [name for name in left if name.startswith("weight.")]
        off = sum(float(((left[name] - right[name]) ** 2).sum()) for name in names) ** 0.5
        norm = sum(float((right[name] ** 2).sum()) for name in names) ** 0.5
        assert off <= 1e-4 * norm
    losses = [
        re.findall(r"loss ([\d.]+)", log)
        for log in (several.printed(), alone.printed())
    ]  # fmt: skip
    assert losses[0] == losses[1]


@linux
@pytest.mark.proof
def test_with_dropout_two_processes_learn_as_well_as_one(program, text, tmp_path):
    curves = {}
    for processes in (1, 2):
        for seed in (1, 2, 3):
            settings = tiny(
                updates=160, validate_every=20, threads=1, seed=seed, accumulate=2 // processes
            )
            out = tmp_path / f"{processes}-{seed}"
            run = Training(program, text, out, settings, processes, "single")
            assert run.wait() == 0, run.printed()
            losses = re.findall(r"validation BLEU [\d.]+, loss ([\d.]+)", run.printed())
            curves.setdefault(processes, []).append([float(loss) for loss in losses])
    alone, pairs = np.array(curves[1]), np.array(curves[2])
    assert alone.shape == pairs.shape == (3, 8)
    spread = np.ptp(alone, axis=0).mean()
    assert np.abs(alone.mean(0) - pairs.mean(0)).max() <= spread / 2, (alone, pairs)


@linux
@pytest.mark.proof
@pytest.mark.parametrize("seed", range(5))
def test_a_run_that_was_killed_at_a_random_moment_ends_as_if_it_was_not(
    program, text, tmp_path, seed
):
    choose, settings = random.Random(seed), tiny(updates=60, validate_every=5, threads=1)
    whole = Training(program, text, tmp_path / "whole", settings, 2, "single")
    assert whole.wait() == 0, whole.printed()
    killed = Training(program, text, tmp_path / "killed", settings, 2, "single")
    killed.wait_for(choose.randrange(1, 5))
    time.sleep(choose.random())
    os.kill(choose.choice(killed.ranks()), signal.SIGKILL)
    began = time.monotonic()
    assert killed.wait(ENDED_SECONDS) == 1
    assert time.monotonic() - began < ENDED_SECONDS
    again = Training(program, text, tmp_path / "killed", settings, 2, "single")
    assert again.wait() == 0, again.printed()
    assert distance(state_of(tmp_path / "whole"), state_of(tmp_path / "killed")) == 0.0


@linux
@pytest.mark.proof
def test_a_process_that_hangs_ends_all_in_90_seconds(program, text, tmp_path):
    settings = tiny(updates=3000, validate_every=5, threads=1)
    pair = Training(program, text, tmp_path / "run", settings, 2, "single")
    pair.wait_for(1)
    os.kill(pair.ranks()[1], signal.SIGSTOP)
    began = time.monotonic()
    assert pair.wait(150) == 1
    assert time.monotonic() - began < ENDED_SECONDS, pair.printed()
    assert pair.printed().count("a process of this training was lost") == 1


class TwoHosts:
    """Two network namespaces with a cable between them; it takes root."""

    def __init__(self):
        self.names = [f"regard-{os.getpid()}-{number}" for number in range(2)]

    def __enter__(self):
        first, second = self.names
        for name in self.names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", "cable", "netns", first, "type", "veth", "peer", "cable", "netns", second)
        for name, address in zip(self.names, (FIRST_HOST, SECOND_HOST), strict=True):
            ip("-n", name, "address", "add", f"{address}/24", "dev", "cable")
            ip("-n", name, "link", "set", "cable", "up")
        return self

    def __exit__(self, *_):
        for name in self.names:
            ip("netns", "delete", name)

    def set_cable(self, state: str):
        ip("-n", self.names[0], "link", "set", "cable", state)

    def train(self, program, text, out, settings, number="double"):
        """The training on both hosts; names of hosts mean nothing here, so Gloo gets the cable."""
        return [
            Training(
                program, text, out, settings, 1, number,
                ("ip", "netns", "exec", name, "env", "GLOO_SOCKET_IFNAME=cable", str(rank)),
            )
            for rank, name in enumerate(self.names)
        ]  # fmt: skip


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def can_add_hosts() -> bool:
    name = f"regard-{os.getpid()}-try"
    if (
        not shutil.which("ip")
        or subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True).returncode
    ):
        return False
    ip("netns", "delete", name)
    return True


@pytest.fixture(scope="module")
def hosts():
    if not can_add_hosts():
        pytest.skip("it takes root and iproute2 to make hosts")
    with TwoHosts() as both:
        yield both


@pytest.mark.proof
def test_two_hosts_learn_what_one_process_learns(program, text, tmp_path, hosts):
    both = hosts.train(program, text, tmp_path / "both", exact(updates=10, validate_every=5))
    assert [one.wait() for one in both] == [0, 0], both[0].printed() + both[1].printed()
    settings = exact(updates=10, validate_every=5, accumulate=2)
    alone = Training(program, text, tmp_path / "alone", settings, 1)
    assert alone.wait() == 0, alone.printed()
    assert distance(state_of(tmp_path / "both"), state_of(tmp_path / "alone")) < 1e-9


@pytest.mark.proof
def test_a_cut_cable_ends_both_hosts_and_the_run_resumes_byte_for_byte(
    program, text, tmp_path, hosts
):
    settings = tiny(updates=30, validate_every=5, threads=1)
    whole = hosts.train(program, text, tmp_path / "whole", settings, "single")
    assert [one.wait() for one in whole] == [0, 0], whole[0].printed()
    cut = hosts.train(program, text, tmp_path / "cut", settings, "single")
    cut[0].wait_for(2)
    hosts.set_cable("down")
    began = time.monotonic()
    assert [one.wait(150) for one in cut] == [1, 1]
    spent = time.monotonic() - began
    hosts.set_cable("up")
    printed = [one.printed() for one in cut]
    assert all("a process of this training was lost" in each for each in printed), printed
    assert spent < ENDED_SECONDS, printed
    again = hosts.train(program, text, tmp_path / "cut", settings, "single")
    assert [one.wait() for one in again] == [0, 0], again[0].printed()
    assert distance(state_of(tmp_path / "whole"), state_of(tmp_path / "cut")) == 0.0
