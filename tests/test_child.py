"""Processes that answer questions: what they answer, print, and how they end."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

from regard.serving.child import Child, ChildLost, answer_all


def echo(channel):
    answer_all(channel, repeated)


def repeated(question):
    print("a library prints", flush=True)
    match question:
        case "end":
            os._exit(3)
        case "signals":
            for number in (signal.SIGINT, signal.SIGTERM):
                os.kill(os.getpid(), number)
        case "process":
            return os.getpid()
    return question


@pytest.fixture
def child(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(__file__))
    started = Child(echo)
    yield started
    started.kill()


@pytest.mark.parametrize("question", ["a", None, "x" * 3_000_000, list(range(100_000))])
def test_a_child_answers_messages_of_any_size_whatever_is_printed(child, question):
    assert child.ask(question) == question
    assert child.ask("again") == "again"


@pytest.mark.parametrize("has_readers", [True, False])
def test_an_answer_is_awaited_while_the_event_loop_does_other_work(child, has_readers):
    async def main():
        if not has_readers:  # as on Windows
            asyncio.get_running_loop().add_reader = refuse
        waiting = asyncio.create_task(child.answer())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        child.send("a question")
        assert await asyncio.wait_for(waiting, 60) == "a question"
        child.send("end")
        with pytest.raises(ChildLost):
            await asyncio.wait_for(child.answer(), 60)

    asyncio.run(main())


def refuse(*_):
    raise NotImplementedError


def test_a_child_outlives_signals_and_is_lost_with_its_exit_status(child):
    assert child.ask("signals") == "signals"
    assert child.is_alive
    with pytest.raises(ChildLost):
        child.ask("end")
    assert child.wait_until_ended() == 3
    assert not child.is_alive
    with pytest.raises(ChildLost):
        child.ask("anything")


def test_a_stopped_child_ends_by_itself_and_answers_nothing_more(child):
    child.ask("a")
    child.stop()
    assert child.process.returncode == 0
    with pytest.raises(ChildLost):
        child.ask("a")


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), 9)", "pass"])
def test_no_child_is_left_when_its_front_process_has_ended(end):
    code = f"""
import os
from test_child import echo
from regard.serving.child import Child
print(Child(echo).ask("process"), flush=True)
{end}
"""
    environment = os.environ | {"PYTHONPATH": os.path.dirname(__file__)}
    front = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )
    number = int(front.stdout)
    for _ in range(200):
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            break
        with open(f"/proc/{number}/stat") as stat:
            if stat.read().rpartition(")")[2].split()[0] == "Z":
                break  # of a process that nobody waits for
        time.sleep(0.05)
    else:
        pytest.fail("the child is still there")
    assert "Traceback" not in front.stderr
