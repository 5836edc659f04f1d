"""The laws of bulk translation on Ray, on a real cluster of several nodes (`make cluster`)."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

os.environ |= {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on 127.0.0.1 alone
    "RAY_USAGE_STATS_ENABLED": "0",
}
ray = pytest.importorskip("ray")  # a part of `make test` knows no Ray

import pyarrow as pa
import pyarrow.parquet as pq
from ray.cluster_utils import Cluster

from regard.cluster import pool as pools
from regard.cluster.pool import NodeModel, RayPool
from regard.cluster.worker import NodeWorker
from regard.export.export import export
from regard.lesson.corpus import examples
from regard.shards.run import Begun, Listener, refuse_failures, translate_shards
from regard.shards.shard import Shard
from regard.shards.writing import OutputOptions, Request

# ruff: noqa: E402

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]

LINES, TEXTS = 20_000, 10
"""So many lines, in so many texts; the first ones are in a table, too."""
TABLE_LINES, SENTENCES = 2000, 2000
"""Each sentence is cut after two words, three words, and so on."""
PLAIN = Request(OutputOptions(1, "", False, False, False, False, (), ""), 0, False)


class Work:
    """A folder with inputs, what one machine makes of them, and a command that runs on Ray."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder, self.model, self.printed = folder, model, folder / "printed"
        words = [one.source.split() for one in examples(SENTENCES, 3)]
        lines = [
            " ".join(words[number % SENTENCES][: 2 + number // SENTENCES])
            for number in range(LINES)
        ]
        size = LINES // TEXTS
        (folder / "in").mkdir()
        for number in range(TEXTS):
            own = lines[number * size : (number + 1) * size]
            (folder / "in" / f"{number}.txt").write_text("".join(f"{line}\n" for line in own))
        table = pa.table({"id": range(TABLE_LINES), "en": lines[:TABLE_LINES]})
        pq.write_table(table, folder / "in" / "table.parquet", row_group_size=600)
        self.command = [sys.executable, "-m", "regard", "translate", "in/*.txt"]
        self.command += ["in/*.parquet", "--column", "en", "--target-column", "fr"]
        # the tiny model skips words, which would be searched again
        self.command += ["--model", str(model), "--beam", "1", "--without", "coverage", "--out"]
        self.start("expected").wait(600)
        assert len(self.outputs("expected")) == TEXTS + 1

    def start(self, out: str, *more: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self.command, out, *more],
            cwd=self.folder,
            stdout=self.printed.open("ab"),
            stderr=subprocess.PIPE,
        )

    def outputs(self, out: str) -> dict[str, bytes]:
        files = (self.folder / out).glob("*")
        return {file.name: file.read_bytes() for file in files}

    def written(self, out: str) -> int:
        """Lines that are written so far, of texts."""
        files = (self.folder / out).glob("*.txt*")
        return sum(file.read_bytes().count(b"\n") for file in files if file.suffix != ".json")

    def wait_until_written(self, out: str, lines: int, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 300
        while self.written(out) < lines and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()[1].decode()
            time.sleep(0.05)

    def check(self, out: str, process: subprocess.Popen[bytes]) -> None:
        """It ends well, with the bytes that one machine writes."""
        said = process.communicate(timeout=600)[1].decode()
        assert process.returncode == 0 and "Traceback" not in said, said
        assert self.outputs(out) == self.outputs("expected")
        assert not self.printed.read_bytes()  # not what Ray has to say either


@pytest.fixture(scope="module")
def work(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    export(model, folder / "model.regard", "int8", [])
    return Work(folder, folder / "model.regard")


@pytest.fixture
def cluster():
    started = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    started.add_node(num_cpus=1)
    yield started
    ray.shutdown()
    started.shutdown()


def worker_processes() -> list[int]:
    """The processes that translate."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cmdline").read_bytes().startswith(b"ray::NodeWorker"):
                found.append(int(folder.name))
        except OSError:
            continue  # it has ended
    return sorted(found)


def test_killed_workers_and_nodes_that_go_and_come_change_nothing(work, cluster):
    leaving = cluster.add_node(num_cpus=1)
    process = work.start("killed", "--ray", cluster.address)
    work.wait_until_written("killed", 1000, process)
    assert len(worker_processes()) == 3
    os.kill(worker_processes()[0], signal.SIGKILL)
    work.wait_until_written("killed", 5000, process)
    cluster.remove_node(leaving)
    cluster.add_node(num_cpus=2)
    work.wait_until_written("killed", 9000, process)
    os.kill(worker_processes()[-1], signal.SIGKILL)
    work.check("killed", process)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_driver_that_is_killed_is_resumed_without_a_lost_or_doubled_line(work, cluster, number):
    out = f"driver{number}"
    process = work.start(out, "--ray", cluster.address)
    work.wait_until_written(out, 7000, process)
    process.send_signal(number)
    said = process.communicate()[1]
    if number == signal.SIGINT:
        assert process.returncode == 130 and b"with the same command and --resume" in said
        assert b"Traceback" not in said, said.decode()
    kept = work.written(out)
    assert 7000 <= kept < LINES
    refused = work.start(out, "--ray", cluster.address)
    assert b"--resume" in refused.communicate()[1] and refused.returncode == 2
    assert work.written(out) == kept
    process = work.start(out, "--ray", cluster.address, "--resume")
    said = process.communicate(timeout=600)[1].decode()
    assert process.returncode == 0 and "were complete already" in said
    assert work.outputs(out) == work.outputs("expected")
    process = work.start(out, "--resume")  # without Ray
    assert b"are complete already" in process.communicate()[1]


def test_a_line_that_kills_workers_fails_its_text_alone(work, cluster, tmp_path, monkeypatch):
    class Mortal(NodeWorker):
        def translate(self, chunk):
            if any(b"deadly" in line for line in chunk.lines):
                os.kill(os.getpid(), signal.SIGKILL)
            return super().translate(chunk)

    monkeypatch.setattr(pools, "NodeWorker", Mortal)
    texts = {
        "a": "A cat .\n" * 1500,
        "b": "A cat .\n" * 1500 + "A deadly cat .\n",
        "c": "A dog .\n",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text)
    shards = [Shard(tmp_path / f"{name}.txt", tmp_path / f"{name}.fr") for name in texts]
    model = NodeModel(work.model.read_bytes(), PLAIN, 0, 1)
    pool = RayPool(model, cluster.address, print).translate
    silent = Listener(lambda _: None, lambda *_: None)
    [failure] = translate_shards(shards, pool, Begun({}, False, False), silent)
    assert failure.shard == shards[1] and "3 workers in a row died" in failure.error.what
    assert failure.error.where == f"{shards[1].source}, from line 1025"
    assert [shard.out.exists() for shard in shards] == [True, False, True]
    assert (tmp_path / "b.fr.part").read_text().count("\n") == 1024
    with pytest.raises(Exception, match="all others are complete"):
        refuse_failures([failure], 3)


def test_workers_that_die_before_they_are_ready_are_an_error(work, cluster, tmp_path, monkeypatch):
    class StillBorn(NodeWorker):
        def prepare(self, model):
            raise ModuleNotFoundError("Error: no such module")

    monkeypatch.setattr(pools, "NodeWorker", StillBorn)
    (tmp_path / "a.txt").write_text("A cat .\n")
    model = NodeModel(work.model.read_bytes(), PLAIN, 0, 1)
    pool = RayPool(model, cluster.address, print).translate
    silent = Listener(lambda _: None, lambda *_: None)
    shards = [Shard(tmp_path / "a.txt", tmp_path / "a.fr")]
    with pytest.raises(Exception, match=r"no worker could be started: .*no such module"):
        translate_shards(shards, pool, Begun({}, False, False), silent)


def descendants(parent: int) -> list[int]:
    own = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [parent, *(each for child in own for each in descendants(int(child)))]


def listening_addresses(processes: list[int]) -> set[str]:
    """The addresses on which these processes accept connections, in hexadecimal."""
    inodes = set()
    for process in processes:
        for link in Path(f"/proc/{process}/fd").glob("*"):
            try:
                inodes |= set(re.findall(r"socket:\[(\d+)\]", os.readlink(link)))
            except OSError:
                continue
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}


def test_a_ray_that_is_started_listens_to_this_machine_alone_and_ends(work):
    process = work.start("alone", "--workers", "2", "--ray")
    work.wait_until_written("alone", 1000, process)
    family = descendants(process.pid)
    names = [Path(f"/proc/{one}/cmdline").read_bytes().decode() for one in family]
    assert any("raylet" in name for name in names)
    environment = Path(f"/proc/{family[1]}/environ").read_bytes()
    assert b"RAY_USAGE_STATS_ENABLED=0" in environment
    loopback = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
    assert listening_addresses(family) <= loopback
    work.check("alone", process)
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{one}").exists() for one in family) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(Path(f"/proc/{one}").exists() for one in family)


def test_an_address_without_a_cluster_is_an_error(work):
    process = work.start("nowhere", "--ray", "127.0.0.1:1")
    said = process.communicate(timeout=120)[1].decode().rstrip("\n").split("\n")
    assert process.returncode == 2, said
    assert "no Ray cluster answers" in said[-3] and "127.0.0.1:1" in said[-2]
