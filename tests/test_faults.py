"""What the server does with clients that do not behave: nothing is lost, and nothing stays open."""

import asyncio
import json
import re
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlencode, urlsplit

import httpx2
import pytest

from test_server import JSON, running

SECONDS = 1.0
BODY = b'{"q": "A cat.", "source": "en", "target": "fr"}'
HEAD = b"POST /translate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
LONG = HEAD + b"Content-Length: %d\r\n\r\n" % (len(BODY) + 1000)


@pytest.fixture(scope="module")
def server(model):
    limits = "--request-seconds", str(SECONDS), "--request-bytes", "100000"
    with running(model, "--workers", "1", *limits) as both:
        yield both


@pytest.fixture(scope="module")
def address(server):
    return server[1]


def connect(address):
    parts = urlsplit(address)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=20)
    connection.settimeout(20)
    return connection


def rest_of(connection):
    """All that still comes, until the server closes."""
    received = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(65_536):
            received += part
    return received


def receive_until(connection, end):
    received = b""
    while not received.endswith(end):
        received += connection.recv(65_536)


def answers(address):
    answer = httpx2.post(f"{address}/translate", content=BODY, headers=JSON, timeout=20)
    return answer.status_code == 200


def when_ready(address, asked):
    """The answer, once what other requests left behind is done."""
    deadline = time.monotonic() + 60
    while True:
        answer = httpx2.post(f"{address}/translate", json=asked, timeout=30)
        if answer.status_code != 503 or time.monotonic() > deadline:
            return answer


@pytest.mark.parametrize(
    "sent", [b"", b"POST /trans", HEAD, b"GET /health HTTP/1.1\r\nX: "], ids=ascii
)
def test_a_connection_without_a_complete_header_is_closed(address, sent):
    with connect(address) as connection:
        connection.sendall(sent)
        begun = time.monotonic()
        assert rest_of(connection) == b""
        assert SECONDS / 2 < time.monotonic() - begun < 10 * SECONDS
    assert answers(address)


def test_a_second_header_on_a_connection_has_its_time_too(address):
    with connect(address) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        receive_until(connection, b'{"status": "ok"}')
        time.sleep(1.5 * SECONDS)  # a connection may stay open between requests
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        receive_until(connection, b'{"status": "ok"}')
        connection.sendall(b"GET /hea")
        assert rest_of(connection) == b""


def test_a_body_that_comes_byte_by_byte_is_refused_in_time(address):
    with connect(address) as connection:
        connection.sendall(LONG)
        begun = time.monotonic()
        for byte in BODY:
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(bytes([byte]))
            time.sleep(0.2)
            if time.monotonic() - begun > 3 * SECONDS:
                break
        assert rest_of(connection).startswith(b"HTTP/1.1 408 ")
    assert answers(address)


def test_many_silent_connections_keep_nobody_out(address):
    """More than the server may hold would have to be tried with its own limit of files."""

    async def main():
        parts = urlsplit(address)
        opened = await asyncio.gather(
            *(asyncio.open_connection(parts.hostname, parts.port) for _ in range(400))
        )
        is_answered = await asyncio.to_thread(answers, address)
        ends = await asyncio.gather(*(reader.read() for reader, _ in opened))
        for _, writer in opened:
            writer.close()
        return is_answered, ends

    is_answered, ends = asyncio.run(main())
    assert is_answered and ends == [b""] * 400


def test_silent_connections_beyond_the_limit_of_files_keep_nobody_out(model):
    """The limit is that of the process, which cannot be raised here."""
    few = 300
    with few_files(few), running(model, "--workers", "1") as (_, address):
        silent = [connect(address) for _ in range(2 * few)]
        time.sleep(1)
        closed = [one for one in silent if is_closed(one)]
        assert few < len(closed) < 2 * few
        for connection in silent:
            connection.close()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with suppress(httpx2.TransportError):
                if answers(address):
                    return
        pytest.fail("it does not answer again")


@contextmanager
def few_files(count):
    """What is started in it may have so many files open; the tests themselves may have more."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    started = subprocess.Popen

    def limited(*arguments, **options):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))

        return started(*arguments, **options, preexec_fn=limit)

    with patch.object(subprocess, "Popen", limited):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
        yield
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def is_closed(connection):
    connection.settimeout(0)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n\r\n\r\nHELLO\r\n\r\n",
        HEAD + b"Content-Length: -5\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
    ],
    ids=lambda sent: ascii(sent[:30]),
)
def test_malformed_http_is_refused_and_others_are_answered(address, sent):
    with connect(address) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(sent)
        received = rest_of(connection)
    assert not received or received[9:10] in (b"4", b"2"), received[:100]
    assert answers(address)


@pytest.mark.parametrize("characters", [10, 70_000, 250_000])
def test_a_request_line_may_be_long(address, characters):
    query = urlencode({"q": "A cat." + " " * characters, "source": "en", "target": "fr"})
    with connect(address) as connection:
        connection.sendall(f"POST /translate?{query} HTTP/1.1\r\nHost: x\r\n".encode())
        connection.sendall(b"Connection: close\r\n\r\n")
        received = rest_of(connection)
    expected = httpx2.post(f"{address}/translate", content=BODY, headers=JSON).json()
    translated = json.loads(received.partition(b"\r\n\r\n")[2])["translatedText"]
    assert translated == expected["translatedText"] + " " * characters


@pytest.mark.parametrize("depth", [1000, 49_000])
def test_deep_json_and_deep_html_are_answered_or_refused(address, depth):
    deep = b"[" * depth + b"]" * depth
    answer = httpx2.post(f"{address}/translate", content=deep, headers=JSON, timeout=30)
    assert answer.status_code == 400
    html = "<b>" * (depth // 4) + "a cat" + "</b>" * (depth // 4)
    asked = {"q": html, "source": "en", "target": "fr", "format": "html"}
    answer = httpx2.post(f"{address}/translate", json=asked, timeout=30)
    assert answer.status_code in (200, 413, 503)
    assert answers(address)


BOMB = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise("abcdefghi"))


@pytest.mark.parametrize(
    "html",
    [f'<!DOCTYPE p [<!ENTITY a "cat">{BOMB}]><p>&i;</p>', "&amp;" * 4000, f"<p>&{'a' * 20_000};"],
    ids=["entities of entities", "many entities", "a long entity"],
)
def test_entities_do_not_grow(address, html):
    asked = {"q": html, "source": "en", "target": "fr", "format": "html"}
    answer = when_ready(address, asked)
    assert answer.status_code == 200
    assert len(answer.json()["translatedText"]) < 2 * len(html)
    assert answers(address)


def test_a_list_of_very_many_texts_is_bounded_by_the_size_of_a_request(address):
    asked = {"q": [""] * 60_000, "source": "en", "target": "fr"}
    assert httpx2.post(f"{address}/translate", json=asked, timeout=30).status_code == 413


def memory_of(process):
    """What it holds now, in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1000


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
@pytest.mark.parametrize("header", [b"Content-Length: 104857600", b"Transfer-Encoding: chunked"])
def test_a_body_of_100_megabytes_is_refused_and_takes_no_memory(server, header):
    process, address = server
    before = memory_of(process)
    piece = b"100000\r\n" + b" " * 2**20 + b"\r\n"
    with connect(address) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(HEAD + header + b"\r\n\r\n")
            for _ in range(100):
                connection.sendall(piece)
        with suppress(ConnectionResetError):
            received = rest_of(connection)
            assert not received or received.startswith(b"HTTP/1.1 413 ")
    assert memory_of(process) - before < 30
    assert answers(address)
