"""The laws of training, on real runs of a small model."""

import hashlib
import itertools
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

import regard
from conftest import ROOT, TINY, tiny
from regard.config import ModelOptions, make_config
from regard.data.batches import FIRST, make_batch
from regard.data.corpus import Corpus
from regard.errors import RegardError
from regard.experiment.training_log import has_ended, training_of
from regard.storage.folder import read_tensors
from regard.training import loop
from regard.training.data import hold_out
from regard.training.distributed import SingleProcess
from regard.training.report import NoReport
from regard.training.schedules import SCHEDULES, rate_factor
from regard.training.trainer import EXPLODING, Trainer, settle_precision


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def told(folder: Path) -> list[dict]:
    """What a run has logged."""
    return [json.loads(line) for line in (folder / "training/log.jsonl").read_text().splitlines()]


class Told(NoReport):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line):
        self.lines.append(line)


class StopAt(NoReport):
    """Sends this process a signal when an update is done."""

    def __init__(self, update: int, number: signal.Signals) -> None:
        self.update, self.number = update, number

    def updated(self, update):
        if update.update == self.update:
            signal.raise_signal(self.number)


def test_it_learns(model):
    entries = told(model)
    losses = [entry["loss"] for entry in entries if "bleu" in entry]
    assert len(losses) == 3
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] - 0.2


def test_the_same_run_twice_gives_the_same_bytes(model, text, tmp_path):
    regard.train(text.train, tmp_path / "again", valid=text.valid, settings=TINY)
    assert digest(tmp_path / "again/model.safetensors") == digest(model / "model.safetensors")


def test_two_processes_do_not_train_in_one_folder(text, tmp_path):
    from regard.files import lock

    (tmp_path / "busy").mkdir()
    with lock(tmp_path / "busy" / "lock"), pytest.raises(RegardError, match="another process"):
        regard.train(text.train, tmp_path / "busy", text.valid, "", TINY)
    regard.train(text.train, tmp_path / "busy", text.valid, "", tiny(updates=1))


def test_another_seed_gives_another_model(model, text, tmp_path):
    regard.train(text.train, tmp_path / "other", valid=text.valid, settings=tiny(seed=2))
    assert digest(tmp_path / "other/model.safetensors") != digest(model / "model.safetensors")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("update", [1, 7, 20, 33])
def test_a_run_that_stops_and_goes_on_ends_like_one_that_did_not(
    model, text, tmp_path, number, update
):
    folder = tmp_path / "stopped"
    with pytest.raises(loop.Interrupted) as stopped:
        regard.train(text.train, folder, text.valid, "", TINY, report=StopAt(update, number))
    assert stopped.value.signal_number == number
    regard.train(text.train, folder, valid=text.valid, settings=TINY)
    assert digest(folder / "model.safetensors") == digest(model / "model.safetensors")
    log = [entry["update"] for entry in told(folder)]
    assert log == sorted(log)
    left, right = (
        read_tensors(place / "training/state.safetensors").tensors for place in (folder, model)
    )
    assert all((left[name] == right[name]).all() for name in left.keys() | right.keys())


def test_a_run_killed_at_any_moment_ends_like_one_left_alone():
    """The real thing: SIGKILL and SIGTERM from outside, a new process each time."""
    quick = [sys.executable, str(ROOT / "benchmarks" / "resume.py"), "--quick"]
    done = subprocess.run(quick, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_finished_run_run_again_changes_nothing(model, text):
    before = digest(model / "model.safetensors")
    outcome = regard.train(text.train, model, valid=text.valid, settings=TINY)
    assert outcome.updates == 60
    assert digest(model / "model.safetensors") == before


def test_without_validation_text_some_pairs_are_held_out_and_not_learned_from(text, tmp_path):
    from regard.training.data import Data
    from regard.training.folder import open_run

    config = make_config(tiny(updates=1), "here")
    run = open_run(tmp_path / "held", Data(text.train, (), ("en", "fr")), config, None, NoReport())
    import numpy as np

    run.lock.close()
    learned = run.texts.sources(np.arange(len(run.texts)))
    assert len(run.valid.sources) == 60
    assert not set(learned) & set(run.valid.sources)
    assert len(learned) + len(run.valid.sources) == 600


def test_two_batches_at_once_teach_what_one_batch_of_all_their_pairs_teaches():
    sources, targets = [[500, 501], [502], [503, 504, 505]], [[510], [511, 512, 513], [514]]
    whole = [(FIRST, make_batch(sources, targets))]
    parts = [(FIRST, make_batch(sources[:1], targets[:1]))]
    parts.append((FIRST, make_batch(sources[1:], targets[1:])))
    dry = {name: 0.0 for name in ModelOptions.model_fields if name.startswith("dropout")}
    settings = {**tiny(precision="fp32"), "model": {**TINY["model"], **dry}}
    taught = []
    for batches in (whole, parts):
        learner = Trainer(make_config(settings, "here"), 600, 600, SingleProcess(), 1)
        learned = learner.update(batches)
        taught.append((learned, learner.weights))
    (one, left), (other, right) = taught
    assert one.tokens == other.tokens == 8
    assert one.loss == pytest.approx(other.loss) and one.norm == pytest.approx(other.norm)
    assert all(torch.allclose(left[name], right[name], atol=1e-5) for name in left)


def test_a_model_without_its_run_is_never_begun_anew(model, text, tmp_path):
    alone = tmp_path / "alone"
    shutil.copytree(model, alone)
    (alone / "training/run.json").unlink()
    before = {file: file.read_bytes() for file in alone.rglob("*") if file.is_file()}
    assert alone / "lock" in before
    with pytest.raises(RegardError, match="not a run that could go on"):
        regard.train(text.train, alone, text.valid, "", tiny())
    assert {file: file.read_bytes() for file in alone.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("gone", ["model.safetensors", "quality.json"])
def test_a_run_without_its_best_weights_is_refused(text, tmp_path, gone):
    regard.train(text.train, tmp_path / "m", text.valid, "", tiny(updates=20))
    (tmp_path / "m" / gone).unlink()
    with pytest.raises(RegardError, match=f"there is no {gone}"):
        regard.train(text.train, tmp_path / "m", text.valid, "", tiny(updates=20))


def test_no_more_is_held_out_than_was_promised():
    class Pairs(Corpus):
        def __init__(self, count):
            self.count = count

        def __len__(self):
            return self.count

        def sources(self, places):
            return [str(place) for place in places]

        def targets(self, places):
            return self.sources(places)

    for count in (20, 19_990, 14_999, 59_999, 60_000):
        for most in (1000, 3000):
            kept, held = hold_out(Pairs(count), most)
            assert len(held.sources) <= min(most, count // 10)
            assert len(kept) + len(held.sources) == count


def test_one_file_where_a_list_belongs_is_refused(text, tmp_path):
    for files, valid, name in (("t.tsv", (), "files"), (text.train, "v.tsv", "valid")):
        with pytest.raises(RegardError, match="not a list of them") as refused:
            regard.train(files, tmp_path / "m", valid)
        assert refused.value.where == name


def test_training_leaves_the_threads_of_the_process_as_they_were(text, tmp_path):
    before = torch.get_num_threads()
    regard.train(text.train, tmp_path / "m", text.valid, "", tiny(updates=1, threads=before + 1))
    assert torch.get_num_threads() == before


def test_a_cap_on_time_ends_the_run_and_more_time_goes_on(text, tmp_path):
    folder = tmp_path / "timed"
    first = regard.train(text.train, folder, text.valid, "", tiny(minutes=0.0001))
    assert first.reason == "time" and first.updates < 60
    second = regard.train(text.train, folder, text.valid, "", tiny(minutes=10))
    assert second.updates == 60


def test_a_run_that_gets_no_better_stops_early(text, tmp_path):
    settings = tiny(updates=500, learning_rate=1e-9, patience=2, metric="loss", validate_every=5)
    outcome = regard.train(text.train, tmp_path / "flat", text.valid, "", settings)
    assert outcome.reason == "no better for long" and outcome.updates <= 30


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), 1e9])
def test_a_gradient_that_is_not_usable_is_skipped_and_counted(text, tmp_path, monkeypatch, poison):
    learn = Trainer.update

    def poisoned(self, batches):
        if self.progress.update in (30, 31):
            handle = self.weights["decoder.output_layer.bias"].register_hook(
                lambda grad: grad * poison
            )
            told = learn(self, batches)
            handle.remove()
            return told
        return learn(self, batches)

    monkeypatch.setattr(Trainer, "learn", poisoned)
    folder = tmp_path / "poisoned"
    regard.train(text.train, folder, text.valid, "", TINY)
    progress = json.loads(read_tensors(folder / "training/state.safetensors").metadata["progress"])
    assert progress["skipped"] == 2 and progress["skipped_in_a_row"] == 0
    assert EXPLODING > 10
    weights = read_tensors(folder / "model.safetensors").tensors
    assert all(torch.from_numpy(weight).isfinite().all() for weight in weights.values())


def test_a_gradient_that_stays_unusable_ends_the_run_with_advice(text, tmp_path, monkeypatch):
    learn = Trainer.update

    def poisoned(self, batches):
        if self.progress.update >= 25:
            self.weights["decoder.output_layer.bias"].register_hook(
                lambda grad: grad * float("nan")
            )
        return learn(self, batches)

    monkeypatch.setattr(Trainer, "learn", poisoned)
    with pytest.raises(RegardError, match="20 updates in a row"):
        regard.train(text.train, tmp_path / "lost", text.valid, "", TINY)
    assert (tmp_path / "lost/model.safetensors").exists()


@pytest.mark.parametrize("metric", ["bleu", "loss"])
def test_a_model_whose_loss_is_no_number_is_never_kept(text, tmp_path, metric):
    settings = tiny(learning_rate=1e30, warmup=0, clip=1e9, updates=4, metric=metric)
    with pytest.raises(RegardError, match="there is no best model") as refused:
        regard.train(text.train, tmp_path / "lost", text.valid, "", settings)
    assert "a smaller train.learning_rate" in refused.value.to_do
    assert not (tmp_path / "lost/model.safetensors").exists()
    assert not (tmp_path / "lost/quality.json").exists()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_rises_to_one_and_never_rises_again(schedule):
    shares = [rate_factor(schedule, update, 100, 10) for update in range(1, 101)]
    assert shares[:10] == pytest.approx([n / 10 for n in range(1, 11)])
    assert all(a >= b for a, b in itertools.pairwise(shares[9:]))
    if schedule in ("linear", "cosine"):
        assert shares[-1] == pytest.approx(0.0)


@pytest.mark.parametrize("warmup", [0, 1, 10])
def test_the_inverse_square_root_is_that_of_the_updates_since_the_beginning(warmup):
    for update in range(max(1, warmup), 101):
        share = rate_factor("inverse-sqrt", update, 100, warmup)
        assert share == pytest.approx((max(1, warmup) / update) ** 0.5)


def test_memory_that_nobody_uses_is_given_back_while_a_run_goes_on(text, tmp_path, monkeypatch):
    trimmed = []
    monkeypatch.setattr(loop, "TRIM_SECONDS", 0.0)
    monkeypatch.setattr(loop, "trim_memory", lambda: trimmed.append(True))
    regard.train(text.train, tmp_path / "m", text.valid, "", tiny(updates=5, validate_every=5))
    assert len(trimmed) == 5


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps memory so")
def test_what_is_kept_can_be_given_back():
    program = """
from pathlib import Path
from regard.system import keep_freed_memory, trim_memory
def resident(): return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
keep_freed_memory()
blocks = [bytearray(b"x") * (1 << 20) for _ in range(200)]
del blocks
before = resident()
trim_memory()
print(before - resident())
"""
    freed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert int(freed.stdout) > 100 << 20


def test_training_in_a_thread_leaves_signals_alone(text, tmp_path):
    outcome = []
    thread = threading.Thread(
        target=lambda: outcome.append(
            regard.train(text.train, tmp_path / "t", text.valid, "", tiny(updates=2))
        )
    )
    thread.start()
    thread.join()
    assert outcome[0].updates == 2


def test_ctrl_c_on_the_command_line_saves_says_so_and_exits_with_130(text, tmp_path):
    folder = tmp_path / "interrupted"
    options = [f"{s}.{n}={json.dumps(v)}" for s, part in TINY.items() for n, v in part.items()]
    command = [sys.executable, "-c", "from regard.cli import main; main()", "train"]
    files = [str(file) for file in text.train]
    valid = ["--valid", *map(str, text.valid)]
    run = subprocess.Popen(
        [*command, *files, *valid, "--out", str(folder), *options, "train.updates=100000"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 60
    while not (folder / "model.safetensors").exists():
        assert time.monotonic() < deadline and run.poll() is None
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    said = run.communicate()[1]
    assert run.returncode == 130, said
    assert "stopped and saved" in said and "go on" in said
    assert "Traceback" not in said


def test_a_folder_with_a_lock_of_somebody_else_is_left_alone(text, tmp_path):
    folder = tmp_path / "mine"
    (folder / "training").mkdir(parents=True)
    for name in ("lock", "model.json", "training/precious.txt"):
        (folder / name).write_text("keep me")
    with pytest.raises(RegardError, match="not a run that could go on"):
        regard.train(text.train, folder, text.valid, "", tiny(updates=1))
    assert (folder / "training/precious.txt").read_text() == "keep me"


def test_a_run_whose_log_was_cut_off_is_still_known_to_have_ended(model, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(model, copy)
    log = copy / "training/log.jsonl"
    log.write_bytes(log.read_bytes()[:-30])
    assert has_ended(copy, 1e9)
    assert 0 < len(training_of(copy).curve) < len(training_of(model).curve)


def test_validation_text_that_is_left_out_is_told(text, tmp_path):
    valid = tmp_path / "valid.en", tmp_path / "valid.fr"
    lines = [file.read_bytes().splitlines()[:5] for file in text.valid]
    lines[1][1], lines[0][2], lines[0][3] = b"caf\xe9", b"", b"a" * 2000
    for file, side in zip(valid, lines, strict=True):
        file.write_bytes(b"".join(line + b"\n" for line in side))
    report = Told()
    regard.train(text.train, tmp_path / "run", valid, "", tiny(updates=1), report=report)
    assert any("3 of 5 validation pairs are left out" in line for line in report.lines)


@pytest.mark.parametrize(
    ("able", "taken"),
    [
        ({}, "fp32"),
        ({"avx512_bf16": True}, "fp32"),
        ({"avx512_bf16": True, "amx_bf16": True}, "bf16"),
    ],
)
def test_a_processor_without_tiles_for_bf16_learns_in_fp32(able, taken, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert settle_precision("auto", torch.device("cpu")) == taken
    assert {settle_precision(one, torch.device("cpu")) for one in ("bf16", "fp32")} == {
        "bf16",
        "fp32",
    }
