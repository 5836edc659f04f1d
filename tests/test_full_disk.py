"""What the server and its commands do when a disk is full: a real one, of 128 MB."""

import json
import os
import subprocess
import sys

import httpx2
import pytest

from test_faults import answers
from test_file_api import send
from test_server import running

MEGABYTES = 128
LINES = (b"12345 " * 15 + b"\n") * 1000
"""Copied, so that a large file needs no time."""


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if done.returncode:
        pytest.skip("a disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    with (folder / "rest").open("wb", buffering=0) as file:
        for block in (2**20, 4096, 1):
            try:
                while True:
                    file.write(bytes(block))
            except OSError:
                continue


def keys(*words):
    command = [sys.executable, "-m", "regard", "keys", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_files_that_have_no_space_get_status_503_and_others_are_translated(
    model, small_disk, monkeypatch
):
    monkeypatch.setenv("TMPDIR", str(small_disk))
    with (
        running(model, "--workers", "1") as (_, address),
        httpx2.Client(base_url=address, timeout=60) as client,
    ):
        fill(small_disk)
        stored = send(client, "a.txt", LINES)
        assert stored.status_code == 503 and "space" in stored.json()["error"]
        assert stored.headers["retry-after"]
        received = send(client, "a.txt", LINES * 20)  # kept in a file while it is received
        assert received.status_code == 503 and "space" in received.json()["error"]
        (small_disk / "rest").unlink()
        fitting = send(client, "a.txt", LINES)
        assert fitting.status_code == 200
        assert client.get(fitting.json()["translatedFileUrl"]).content == LINES


def test_a_log_that_has_no_space_keeps_nobody_waiting(model, small_disk):
    log = small_disk / "log"
    log.write_bytes(b"\n" * 4090)  # 4,096 are one block
    with running(model, "--workers", "1", "--access-log", str(log)) as (process, address):
        fill(small_disk)
        assert all(answers(address) for _ in range(5))
        assert "not logged" in process.stderr.readline()
        (small_disk / "rest").unlink()
        assert answers(address)
        assert json.loads(log.read_text("utf-8").splitlines()[-1])["status"] == 200


def test_keys_that_have_no_space_are_an_error_and_the_others_stay(small_disk):
    file = ["--database", str(small_disk / "keys.sqlite")]
    assert keys("add", "first", *file).returncode == 0
    fill(small_disk)
    failed, number = keys("add", "second", *file), 0
    while failed.returncode == 0 and number < 200:  # until its last page is full
        number += 1
        failed = keys("add", f"key-{number}-{'x' * 500}", *file)
    assert failed.returncode == 2 and "space on the disk" in failed.stderr
    assert failed.stderr.count("\n") == 3
    listed = keys("list", *file)
    assert listed.returncode == 0 and listed.stdout.startswith("first\t")
    (small_disk / "rest").unlink()
    assert keys("add", "third", *file).returncode == 0


def test_a_server_that_has_no_space_to_begin_with_says_where(model, small_disk, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(small_disk))
    fill(small_disk)
    os.truncate(small_disk / "rest", MEGABYTES * 2**20 - 2**16)  # or another folder is taken
    command = [sys.executable, "-m", "regard", "serve", "--model", str(model), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2 and done.stderr.count("\n") == 3
    assert f"where: {small_disk}" in done.stderr
