"""A thousand clients while everything happens to their server: a long test, for `make proofs`."""

import asyncio
import json
import os
import shutil
import signal
import time

import pytest

import regard
from conftest import needs_posix
from regard.lesson.corpus import examples
from test_server import running, workers_of

CLIENTS, SECONDS = 1000, 30


class Crowd:
    """Clients that ask, wait for the answer, and ask again."""

    def __init__(self, address):
        self.host, self.port = address.removeprefix("http://").split(":")
        self.lines = [example.source for example in examples(5000, seed=3)]
        self.asked = 0
        self.answers = []
        """Of each request: its line, when it was sent, the status, and the translation."""
        self.unanswered = []
        """When a request was sent whose connection was closed without an answer."""

    async def ask_on_and_on(self):
        reader, writer = await asyncio.open_connection(self.host, int(self.port))
        while True:
            line, sent = self.lines[self.asked % len(self.lines)], time.monotonic()
            self.asked += 1
            body = json.dumps({"q": line, "source": "en", "target": "fr"}).encode()
            head = "POST /translate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            try:
                writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
                header = await reader.readuntil(b"\r\n\r\n")
            except (OSError, asyncio.IncompleteReadError) as error:
                assert not getattr(error, "partial", b""), "half an answer"
                self.unanswered.append(sent)
                return
            length = int(header.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            content = json.loads(await reader.readexactly(length))
            status = int(header.split()[1])
            self.answers.append((line, sent, status, content.get("translatedText")))
            if b"connection: close" in header.lower():
                writer.close()
                return

    async def while_happens(self, events):
        """Ask until the server ends; each event is a time in seconds and a function."""
        began = time.monotonic()
        crowd = [asyncio.create_task(self.ask_on_and_on()) for _ in range(CLIENTS)]
        for seconds, happen in events:
            await asyncio.sleep(began + seconds - time.monotonic())
            happen()
        await asyncio.gather(*crowd)


@needs_posix
@pytest.mark.proof
def test_a_thousand_clients_lose_nothing_when_models_change_workers_die_and_the_server_ends(
    tmp_path,
):
    file = shutil.copy(regard.models.find("en-fr"), tmp_path / "model.regard")
    with running(file, "--workers", "2", "--watch", "--cache-characters", "0") as (
        process,
        address,
    ):
        crowd, first, ended = Crowd(address), workers_of(process), []

        def replace_model():
            shutil.copy(file, tmp_path / "new")
            (tmp_path / "new").replace(file)

        def kill_worker():
            os.kill(workers_of(process)[0], signal.SIGKILL)

        def end():
            ended.append(time.monotonic())
            process.send_signal(signal.SIGTERM)

        events = [
            *((SECONDS / 5, replace_model), (3 * SECONDS / 5, kill_worker)),
            *((4 * SECONDS / 5, kill_worker), (SECONDS, end)),
        ]
        asyncio.run(crowd.while_happens(events))
        assert process.wait(40) == -signal.SIGTERM
        assert set(first).isdisjoint(workers_of(process))
    written = dict(zip(crowd.lines, regard.load().translate(crowd.lines), strict=True))
    assert len(crowd.answers) > 2 * CLIENTS
    assert {status for *_, status, _ in crowd.answers} == {200}
    assert all(text == written[line].text for line, *_, text in crowd.answers)
    assert all(sent > ended[0] - 0.1 for sent in crowd.unanswered), "a request was lost"
