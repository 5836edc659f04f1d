"""The laws of training, on real runs of a small model."""

import hashlib
import itertools
import json
import math
import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import regard
from conftest import TINY, Text, tiny
from regard.config import ModelOptions
from regard.data.batches import make_batch
from regard.data.corpus import Corpus
from regard.data.encode import TokenPairs
from regard.errors import RegardError
from regard.experiment.training_log import has_ended, training_of
from regard.files import lock, read_tensors
from regard.lesson.corpus import split_lesson
from regard.settings import make_config
from regard.text.token_lists import TokenLists
from regard.training import loop
from regard.training.data import Data, hold_out
from regard.training.distributed import SingleProcess
from regard.training.folder import open_run
from regard.training.progress import MEANINGFUL_BLEU, Progress, progress_from_json
from regard.training.report import NoReport
from regard.training.schedules import SCHEDULES, rate_factor, warmup_advice
from regard.training.trainer import EXPLODING, Trainer, choose_precision

SHORT = tiny(updates=12, validate_every=4)
"""A run of three validations."""


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def logged(folder: Path) -> list[dict]:
    """The entries of a run's log."""
    return [json.loads(line) for line in (folder / "training/log.jsonl").read_text().splitlines()]


def progress_of(folder: Path) -> Progress:
    """As in the last checkpoint of a run."""
    stored = read_tensors(folder / "training/state.safetensors")
    return progress_from_json(stored.metadata["progress"])


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Text:
    return Text(tmp_path_factory.mktemp("small"), split_lesson(200, 10, seed=5))


@pytest.fixture(scope="module")
def short_run(small, tmp_path_factory) -> Path:
    """A run of `SHORT` that nothing interrupted; no test may change it."""
    folder = tmp_path_factory.mktemp("short") / "run"
    regard.train(small.train, folder, small.valid, "", SHORT)
    return folder


class Messages(NoReport):
    """Keeps every message."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, line):
        self.lines.append(line)


class StopAt(NoReport):
    """Sends this process a signal after an update."""

    def __init__(self, update: int, number: signal.Signals) -> None:
        self.update, self.number = update, number

    def updated(self, update):
        if update.update == self.update:
            signal.raise_signal(self.number)


def test_it_learns(model):
    losses = [entry["loss"] for entry in logged(model) if "bleu" in entry]
    assert len(losses) == 3
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] - 0.2


def test_the_same_run_twice_gives_the_same_bytes(short_run, small, tmp_path):
    regard.train(small.train, tmp_path / "again", valid=small.valid, settings=SHORT)
    assert digest(tmp_path / "again/model.safetensors") == digest(short_run / "model.safetensors")


def test_two_processes_do_not_train_in_one_folder(small, tmp_path):
    (tmp_path / "busy").mkdir()
    with lock(tmp_path / "busy" / "lock"), pytest.raises(RegardError, match="another process"):
        regard.train(small.train, tmp_path / "busy", small.valid, "", TINY)
    regard.train(small.train, tmp_path / "busy", small.valid, "", tiny(updates=1))


def test_another_seed_gives_another_model(short_run, small, tmp_path):
    settings = {**SHORT, "train": {**SHORT["train"], "seed": 2}}
    regard.train(small.train, tmp_path / "other", valid=small.valid, settings=settings)
    assert digest(tmp_path / "other/model.safetensors") != digest(short_run / "model.safetensors")


@pytest.mark.parametrize(
    ("update", "number"),
    [(1, signal.SIGINT), (3, signal.SIGTERM), (4, signal.SIGINT), (9, signal.SIGTERM)],
)
def test_a_run_that_stops_and_resumes_ends_like_one_that_did_not(
    short_run, small, tmp_path, number, update
):
    folder = tmp_path / "stopped"
    with pytest.raises(loop.Interrupted) as stopped:
        regard.train(small.train, folder, small.valid, "", SHORT, report=StopAt(update, number))
    assert stopped.value.signal_number == number
    regard.train(small.train, folder, valid=small.valid, settings=SHORT)
    assert digest(folder / "model.safetensors") == digest(short_run / "model.safetensors")
    assert [entry["update"] for entry in logged(folder)] == [4, 8, 12]
    left, right = (
        read_tensors(run / "training/state.safetensors").tensors for run in (folder, short_run)
    )
    assert all((left[name] == right[name]).all() for name in left.keys() | right.keys())
    ends = (progress_of(run)._replace(seconds=0.0) for run in (folder, short_run))
    assert next(ends) == next(ends)


def test_a_run_with_muon_learns_and_resumes_as_one_with_adamw_does(short_run, small, tmp_path):
    settings = {**SHORT, "train": {**SHORT["train"], "optimizer": "muon"}}
    stopped, at_once = tmp_path / "stopped", tmp_path / "at_once"
    with pytest.raises(loop.Interrupted):
        regard.train(
            small.train, stopped, small.valid, "", settings, report=StopAt(5, signal.SIGINT)
        )
    for folder in (stopped, at_once):
        regard.train(small.train, folder, small.valid, "", settings)
    same, adamw = digest(at_once / "model.safetensors"), digest(short_run / "model.safetensors")
    assert digest(stopped / "model.safetensors") == same != adamw
    losses = [entry["loss"] for entry in logged(at_once) if "bleu" in entry]
    assert losses == sorted(losses, reverse=True)


def test_ctrl_c_before_the_first_update_stops_at_once(short_run, small, tmp_path):
    class StopAtTheStart(NoReport):
        def message(self, text):
            if "parameters on" in text:
                signal.raise_signal(signal.SIGINT)

    folder = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt) as stopped:
        regard.train(small.train, folder, small.valid, "", SHORT, report=StopAtTheStart())
    assert not isinstance(stopped.value, loop.Interrupted)
    assert not (folder / "training" / "state.safetensors").exists()
    regard.train(small.train, folder, valid=small.valid, settings=SHORT)
    assert digest(folder / "model.safetensors") == digest(short_run / "model.safetensors")


def test_a_finished_run_run_again_changes_nothing(short_run, small):
    before = digest(short_run / "model.safetensors")
    outcome = regard.train(small.train, short_run, valid=small.valid, settings=SHORT)
    assert outcome.updates == 12
    assert digest(short_run / "model.safetensors") == before


def test_a_run_is_resumed_that_is_older_than_an_option(short_run, small, tmp_path):
    folder = shutil.copytree(short_run, tmp_path / "older")
    identity = folder / "training" / "run.json"
    older = json.loads(identity.read_text())
    del older["train.alignment_head"]
    identity.write_text(json.dumps(older))
    regard.train(small.train, folder, valid=small.valid, settings=SHORT)
    older["train.seed"] = "7"
    identity.write_text(json.dumps(older))
    with pytest.raises(RegardError, match=r"train\.seed"):
        regard.train(small.train, folder, valid=small.valid, settings=SHORT)


def test_without_validation_text_some_pairs_are_held_out_and_not_learned_from(text, tmp_path):
    config, data = make_config(tiny(updates=1), "here"), Data(text.train, (), ("en", "fr"))
    run = open_run(tmp_path / "held", data, config, None, SingleProcess(), NoReport())
    run.lock.close()
    learned = run.texts.sources(np.arange(len(run.texts)))
    assert len(run.valid.sources) == 60
    assert not set(learned) & set(run.valid.sources)
    assert len(learned) + len(run.valid.sources) == 600


def without_dropout(settings):
    dropouts = {name: 0.0 for name in ModelOptions.__struct_fields__ if name.startswith("dropout")}
    return {**settings, "model": {**settings["model"], **dropouts}}


def test_two_batches_at_once_teach_what_one_batch_of_all_their_pairs_teaches():
    sources = TokenLists.of([[500, 501], [502], [503, 504, 505]])
    targets = TokenLists.of([[510], [511, 512, 513], [514]])
    together = [make_batch(TokenPairs(sources, targets))]
    parts = slice(0, 1), slice(1, 3)
    apart = [make_batch(TokenPairs(sources.part(part), targets.part(part))) for part in parts]
    config = make_config(without_dropout(tiny(precision="fp32")), "here")
    results = []
    for batches in (together, apart):
        trainer = Trainer(config, 600, 600, SingleProcess(), 1)
        results.append((trainer.update(batches, Progress()), trainer.weights))
    (first, left), (second, right) = results
    assert first.tokens == second.tokens == 8
    assert first.loss == pytest.approx(second.loss) and first.norm == pytest.approx(second.norm)
    assert all(torch.allclose(left[name], right[name], atol=1e-5) for name in left)


def test_a_model_without_its_run_is_never_trained_anew(short_run, small, tmp_path):
    alone = tmp_path / "alone"
    shutil.copytree(short_run, alone)
    (alone / "training/run.json").unlink()
    before = {file: file.read_bytes() for file in alone.rglob("*") if file.is_file()}
    assert alone / "lock" in before
    with pytest.raises(RegardError, match="holds no training run to resume"):
        regard.train(small.train, alone, small.valid, "", SHORT)
    assert {file: file.read_bytes() for file in alone.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("gone", ["model.safetensors", "quality.json"])
def test_a_run_without_its_best_weights_is_refused(short_run, small, tmp_path, gone):
    shutil.copytree(short_run, tmp_path / "m")
    (tmp_path / "m" / gone).unlink()
    with pytest.raises(RegardError, match=f"there is no {gone}"):
        regard.train(small.train, tmp_path / "m", small.valid, "", SHORT)


def test_no_more_is_held_out_than_was_promised():
    class Pairs(Corpus):
        def __init__(self, count):
            self.count = count
            self.lines = np.arange(1, count + 1)

        def __len__(self):
            return self.count

        def sources(self, indices):
            return [str(index) for index in indices]

        def targets(self, indices):
            return self.sources(indices)

    for count in (20, 19_990, 14_999, 59_999, 60_000):
        for most in (1000, 3000):
            kept, held = hold_out(Pairs(count), most)
            assert len(held.sources) <= min(most, count // 10)
            assert len(kept) + len(held.sources) == count


def test_one_file_where_a_list_belongs_is_refused(text, tmp_path):
    for files, valid, name in (("t.tsv", (), "files"), (text.train, "v.tsv", "valid")):
        with pytest.raises(RegardError, match="where a list of files belongs") as refused:
            regard.train(files, tmp_path / "m", valid)
        assert refused.value.where == name


def test_training_leaves_the_threads_of_the_process_as_they_were(small, tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        regard.train(small.train, tmp_path / "m", small.valid, "", tiny(updates=1, threads=1))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_cap_on_time_ends_the_run_and_more_time_resumes_it(small, tmp_path):
    folder = tmp_path / "timed"
    first = regard.train(small.train, folder, small.valid, "", tiny(updates=5, minutes=0.0001))
    assert first.reason == "time" and first.updates < 5
    second = regard.train(small.train, folder, small.valid, "", tiny(updates=5, minutes=10))
    assert second.updates == 5


def test_a_run_that_gets_no_better_stops_early(small, tmp_path):
    settings = tiny(updates=500, learning_rate=1e-9, patience=2, metric="loss", validate_every=2)
    outcome = regard.train(small.train, tmp_path / "flat", small.valid, "", settings)
    assert outcome.reason == "no better for long" and outcome.updates <= 12


validations = st.lists(
    st.tuples(st.floats(0, 100), st.floats(0.1, 20) | st.sampled_from([math.nan, math.inf])),
    min_size=1,
    max_size=12,
)


def validated(results: list[tuple[float, float]]) -> Progress:
    """The progress after validations with these BLEUs and losses, at updates 1, 2, 3, ..."""
    progress = Progress()
    for update, (score, loss) in enumerate(results, 1):
        progress = progress._replace(update=update)
        is_best = progress.is_improved_by(score, loss)
        progress = progress.after_validation(score, loss, is_best)
    return progress


@given(validations)
def test_the_loss_decides_until_bleu_means_something_and_bleu_from_then_on(results):
    finite = [(score, loss) for score, loss in results if math.isfinite(loss)]
    progress = validated(results)
    assert progress.has_best == bool(finite)
    if not finite:
        return
    high = [one for one in finite if one[0] >= MEANINGFUL_BLEU]
    expected = (
        max(high, key=lambda one: (one[0], -one[1])) if high else min(loss for _, loss in finite)
    )
    assert (
        (progress.best, progress.best_loss) == expected if high else progress.best_loss == expected
    )
    assert progress.validations_without_gain == len(results) - progress.best_update


@given(validations)
def test_without_bleu_the_loss_alone_decides(results):
    progress = validated([(-loss, loss) for _, loss in results])
    finite = [loss for _, loss in results if math.isfinite(loss)]
    assert progress.best_loss == min(finite, default=math.inf)


def test_a_checkpoint_that_kept_a_meaningless_bleu_goes_on_by_the_loss():
    stored = Progress(update=40, best=0.05, best_loss=6.07, best_update=40)
    resumed = progress_from_json(json.dumps(stored._asdict()))
    assert resumed.is_improved_by(0.0, 5.67) and not resumed.is_improved_by(0.2, 6.5)


@pytest.mark.parametrize(
    ("updates", "warmup", "words"),
    [
        (60, 400, "train.warmup is 400 of 60 updates: the learning rate reaches only 15%"),
        (
            1000,
            400,
            "train.warmup is 400 of 1,000 updates: the learning rate falls in the last 600",
        ),
        (1200, 400, ""),
        (20_000, 0, ""),
    ],
)
def test_a_warm_up_of_more_than_a_third_of_the_run_is_reported(updates, warmup, words):
    advice = warmup_advice(updates, warmup)
    assert advice.startswith(words) and bool(advice) == bool(words)


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), 1e9])
def test_a_gradient_that_is_not_usable_is_skipped_and_counted(small, tmp_path, monkeypatch, poison):
    update = Trainer.update

    def poisoned(self, batches, progress):
        if progress.update in (6, 7):
            before = [weight.detach().clone() for weight in self.weights.values()]
            bias = self.weights["decoder.output_layer.bias"]
            handle = bias.register_hook(lambda grad: grad * poison)
            stats = update(self, batches, progress)
            handle.remove()
            assert not stats.is_applied
            assert all(map(torch.equal, before, self.weights.values()))
            return stats
        return update(self, batches, progress)

    monkeypatch.setattr(Trainer, "update", poisoned)
    folder = tmp_path / "poisoned"
    regard.train(small.train, folder, small.valid, "", SHORT)
    progress = progress_of(folder)
    assert progress.skipped == 2 and progress.skipped_in_a_row == 0
    assert EXPLODING > 10
    weights = read_tensors(folder / "model.safetensors").tensors
    assert all(torch.from_numpy(weight).isfinite().all() for weight in weights.values())


def test_a_gradient_that_stays_unusable_ends_the_run_with_advice(small, tmp_path, monkeypatch):
    update = Trainer.update

    def poisoned(self, batches, progress):
        if progress.update >= 5:
            self.weights["decoder.output_layer.bias"].register_hook(
                lambda grad: grad * float("nan")
            )
        return update(self, batches, progress)

    monkeypatch.setattr(Trainer, "update", poisoned)
    with pytest.raises(RegardError, match="20 updates in a row") as refused:
        settings = tiny(updates=40, validate_every=4)
        regard.train(small.train, tmp_path / "lost", small.valid, "", settings)
    assert "smaller train.learning_rate" in refused.value.to_do
    assert (tmp_path / "lost/model.safetensors").exists()


@pytest.mark.parametrize("metric", ["bleu", "loss"])
def test_a_model_whose_loss_is_no_number_is_never_kept(small, tmp_path, metric):
    settings = tiny(learning_rate=1e36, warmup=0, clip_norm=1e9, updates=4, metric=metric)
    with pytest.raises(RegardError, match="no model was saved") as refused:
        regard.train(small.train, tmp_path / "lost", small.valid, "", settings)
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


def test_freed_memory_is_returned_to_the_system_during_a_run(small, tmp_path, monkeypatch):
    trimmed = []
    monkeypatch.setattr(loop, "TRIM_SECONDS", 0.0)
    monkeypatch.setattr(loop, "trim_memory", lambda: trimmed.append(True))
    regard.train(small.train, tmp_path / "m", small.valid, "", tiny(updates=5, validate_every=5))
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


def test_training_in_a_thread_leaves_signals_alone(small, tmp_path):
    outcome = []
    thread = threading.Thread(
        target=lambda: outcome.append(
            regard.train(small.train, tmp_path / "t", small.valid, "", tiny(updates=2))
        )
    )
    thread.start()
    thread.join()
    assert outcome[0].updates == 2


def test_ctrl_c_on_the_command_line_saves_says_so_and_exits_with_130(small, tmp_path):
    folder = tmp_path / "interrupted"
    options = [f"{s}.{n}={json.dumps(v)}" for s, part in TINY.items() for n, v in part.items()]
    command = [sys.executable, "-c", "from regard.cli import main; main()", "train"]
    files = [str(file) for file in small.train]
    valid = ["--valid", *map(str, small.valid)]
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
    assert "stopped and saved" in said and "to resume" in said
    assert "Traceback" not in said


def test_a_folder_with_a_lock_of_another_program_is_left_alone(text, tmp_path):
    folder = tmp_path / "mine"
    (folder / "training").mkdir(parents=True)
    for name in ("lock", "model.json", "training/precious.txt"):
        (folder / name).write_text("keep me")
    with pytest.raises(RegardError, match="holds no training run to resume"):
        regard.train(text.train, folder, text.valid, "", tiny(updates=1))
    assert (folder / "training/precious.txt").read_text() == "keep me"


def test_a_run_whose_log_was_cut_off_is_still_known_to_have_ended(short_run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(short_run, copy)
    log = copy / "training/log.jsonl"
    log.write_bytes(log.read_bytes()[:-30])
    assert has_ended(copy, 1e9)
    assert 0 < len(training_of(copy).curve) < len(training_of(short_run).curve)


def test_validation_text_that_is_left_out_is_reported(small, tmp_path):
    valid = tmp_path / "valid.en", tmp_path / "valid.fr"
    lines = [file.read_bytes().splitlines()[:5] for file in small.valid]
    lines[1][1], lines[0][2], lines[0][3] = b"caf\xe9", b"", b"a" * 2000
    for file, side in zip(valid, lines, strict=True):
        file.write_bytes(b"".join(line + b"\n" for line in side))
    report = Messages()
    regard.train(small.train, tmp_path / "run", valid, "", tiny(updates=1), report=report)
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
    cpu = torch.device("cpu")
    assert choose_precision("auto", cpu) == taken
    assert all(choose_precision(precision, cpu) == precision for precision in ("bf16", "fp32"))


class Second(SingleProcess):
    """A process that is not the first."""

    is_first = False


class Silent(NoReport):
    """Fails if anything is reported."""

    def message(self, line):
        raise AssertionError(line)

    progress = updated = validated = message


def test_a_process_that_is_not_the_first_writes_no_file_and_reports_nothing(small, tmp_path):
    folder, settings = tmp_path / "run", tiny(updates=3, validate_every=1)
    config, data = make_config(settings, "here"), Data(small.train, small.valid, ("en", "fr"))
    first = open_run(folder, data, config, None, SingleProcess(), NoReport())
    files = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    with first.lock, loop.restore_threads():
        run = open_run(folder, data, config, None, Second(), Silent())
        with pytest.raises(loop.Interrupted):
            loop.start_loop(run, Second(), Silent()).run(10.0, [signal.SIGTERM])
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == files
