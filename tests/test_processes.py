"""The laws of work in several processes."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from conftest import needs_posix
from regard.lesson.corpus import examples
from regard.processes import QUEUED_TASKS, map_in_processes, map_stream


def squared(shared, task, advance):
    advance(task)
    return shared + task * task


def endless(_shared, _task, advance):
    while True:
        advance(1)
        time.sleep(0.01)


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_order_and_progress_adds_up(processes):
    ticks = []
    tasks = [3, 1, 2]
    assert list(map_in_processes(squared, 100, tasks, processes, ticks.append)) == [109, 101, 104]
    assert ticks == sorted(ticks) and ticks[-1] == 6


def times_ten(shared, task):
    return shared + 10 * task, os.getpid()


@pytest.mark.parametrize(("processes", "own", "others"), [(1, 2, 0), (2, 3, 17), (2, 30, 0)])
def test_a_stream_gives_results_in_order_and_is_not_read_far_ahead(processes, own, others):
    taken = []

    def tasks():
        for task in range(20):
            taken.append(task)
            yield task

    results = []
    for value, process in map_stream(times_ten, 5, tasks(), processes, own):
        assert len(taken) <= len(results) + 2 + QUEUED_TASKS * processes
        results.append((value, process))
    assert [value for value, _ in results] == [5 + 10 * task for task in range(20)]
    assert sum(process != os.getpid() for _, process in results) == others


def test_an_interrupt_ends_all_processes_at_once():
    def interrupt(done):
        if done > 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(map_in_processes(endless, None, [1, 2, 3], 2, interrupt))
    assert not multiprocessing.active_children()


@needs_posix
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_an_alignment_which_leaves_nothing(tmp_path, number, status):
    sides = zip(*((one.source, one.target) for one in examples(3000, 1)), strict=True)
    for name, lines in zip(("source", "target"), sides, strict=True):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    (tmp_path / "temporary").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "regard", "align", "source", "target"],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while not list(tmp_path.glob("temporary/regard-align-*/*.pairs")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    written, errors = process.communicate(timeout=60)
    assert process.returncode == status and not written
    assert b"Traceback" not in errors
    assert not list((tmp_path / "temporary").glob("regard-align-*"))
