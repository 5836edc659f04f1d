"""Check that a run that is killed and resumed ends with the same bytes as an uninterrupted one."""

import argparse
import hashlib
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from regard.system import describe_system

HERE = Path(__file__).resolve().parent
STATE = Path("training") / "state.safetensors"
LOG = Path("training") / "log.jsonl"
WEIGHTS, QUALITY = "model.safetensors", "quality.json"

KILL, TERM = signal.Signals(9), signal.Signals(15)
"""SIGKILL ends a process at once; SIGTERM asks it to save and stop."""

STOPPED = 128 + TERM
"""Exit status of a run that saved and stopped when SIGTERM asked it to."""
SAVED = re.compile(r"stopped and saved at update ([\d,]+)")
STARTING = "parameters on"
"""Part of the message before the first update; the run then handles SIGTERM."""

POLL_SECONDS = 0.002
"""Between two checks of how far a run is."""
VALID_PAIRS = 100


class Trial(NamedTuple):
    """A run and the signals that interrupt it."""

    name: str
    signals: tuple[signal.Signals, ...]


class Kill(NamedTuple):
    """What a signal did to a run."""

    signal: str
    seconds: float
    """Since the process started."""
    saved: int
    """Update of the last checkpoint before the signal; 0 if there was none."""
    logged: int
    """Last update in the log, which has every 50th update and every validation."""
    status: int
    """Exit status; negative: the signal that ended it."""
    reported: str
    """Update at which it reports that it saved and stopped; empty if it reported nothing."""


class Plan(NamedTuple):
    """The run whose results are compared."""

    text: Path
    """Folder with train.en, train.fr, valid.en, valid.fr."""
    options: tuple[str, ...]
    updates: int
    validate_every: int

    def command(self, out: Path) -> list[str]:
        texts = [str(self.text / name) for name in ("train.en", "train.fr")]
        valid = [str(self.text / name) for name in ("valid.en", "valid.fr")]
        return [
            *(sys.executable, "-c", "from regard.cli import main; main()", "train"),
            *(*texts, "--valid", *valid, "--out", str(out)),
            *(f"train.updates={self.updates}", f"train.validate_every={self.validate_every}"),
            *self.options,
        ]


# How far a run is, according to its folder


def progress(out: Path) -> dict[str, Any]:
    """The progress in the checkpoint; empty if there is no checkpoint.

    A checkpoint is replaced atomically, so one that exists is complete.
    """
    if not (out / STATE).exists():
        return {}
    with (out / STATE).open("rb") as opened:
        header = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))
    fields: dict[str, Any] = json.loads(header["__metadata__"]["progress"])
    return fields


def saved_update(out: Path) -> int:
    return int(progress(out).get("update", 0))


def logged_update(out: Path) -> int:
    """The last update in the log; an incomplete line is ignored."""
    if not (out / LOG).exists():
        return 0
    lines = (out / LOG).read_bytes().rpartition(b"\n")[0].splitlines()
    return int(json.loads(lines[-1])["update"]) if lines else 0


# What is compared


def content(out: Path) -> dict[str, str]:
    """The SHA-256 of each result of a run, by name; its seconds are left out."""
    from safetensors.numpy import load_file

    hashes = {name: hashlib.sha256((out / name).read_bytes()) for name in (WEIGHTS, QUALITY)}
    for name, tensor in load_file(out / STATE).items():
        described = f"{tensor.dtype} {tensor.shape} ".encode() + tensor.tobytes()
        hashes[f"state: {name}"] = hashlib.sha256(described)
    fields = {name: value for name, value in progress(out).items() if name != "seconds"}
    hashes["state: progress"] = hashlib.sha256(json.dumps(fields, sort_keys=True).encode())
    return {name: digest.hexdigest() for name, digest in hashes.items()}


# Running and interrupting


def start(plan: Plan, out: Path, messages: Path) -> "subprocess.Popen[bytes]":
    with messages.open("wb") as opened:
        return subprocess.Popen(plan.command(out), stdout=opened, stderr=opened)


def check(status: int, messages: Path) -> None:
    """Raises RuntimeError with the last messages of a run that failed."""
    if status:
        raise RuntimeError(f"a run ended with {status}:\n{read_messages(messages)[-2000:]}")


class Uninterrupted(NamedTuple):
    """A run without interruptions, and how long its parts took."""

    out: Path
    before: float
    """Seconds until the first checkpoint."""
    between: float
    """Seconds between two checkpoints."""


def run_uninterrupted(plan: Plan, out: Path) -> Uninterrupted:
    messages, started = out.with_suffix(".txt"), time.monotonic()
    first = 0.0
    with start(plan, out, messages) as process:
        while process.poll() is None:
            if not first and (out / STATE).exists():
                first = time.monotonic() - started
            time.sleep(POLL_SECONDS)
    check(process.returncode, messages)
    between = time.monotonic() - started - first
    return Uninterrupted(out, first, between / max(1, plan.updates // plan.validate_every - 1))


def wait(
    process: "subprocess.Popen[bytes]",
    ready: Callable[[], bool],
    seconds: float,
    late: Callable[[], bool],
) -> None:
    """Wait until `ready`, and `seconds` more; return early if the process ends or is `late`."""
    while process.poll() is None and not ready():
        time.sleep(POLL_SECONDS)
    until = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < until and not late():
        time.sleep(POLL_SECONDS)


def interrupt_once(
    plan: Plan, number: signal.Signals, update: int, seconds: float, out: Path, messages: Path
) -> Kill:
    """Resume a run; send a signal `seconds` after the checkpoint of `update`.

    If `update` is 0, SIGKILL is sent `seconds` after the process starts, SIGTERM `seconds` after
    the run handles it. The signal is sent earlier if the run reaches the next checkpoint before, so
    that a run that is faster than expected does not end before.
    """

    def ready() -> bool:
        return STARTING in read_messages(messages) and saved_update(out) >= update

    def late() -> bool:
        return saved_update(out) >= update + plan.validate_every

    started = time.monotonic()
    with start(plan, out, messages) as process:
        wait(process, ready if update or number == TERM else lambda: True, seconds, late)
        saved, logged = saved_update(out), logged_update(out)
        process.send_signal(number)
        status = process.wait()
    report = SAVED.search(read_messages(messages))
    elapsed = round(time.monotonic() - started, 2)
    return Kill(number.name, elapsed, saved, logged, status, report[1] if report else "")


def interrupt(
    plan: Plan, trial: Trial, reference: Uninterrupted, out: Path, rng: random.Random
) -> list[Kill]:
    """Send the signals at random moments of a run, which is resumed after each.

    The first is sent before the first checkpoint; each other one between two checkpoints of the
    first half of the run, drawn in ascending order, so that the run does not end before.
    """
    last = plan.updates // plan.validate_every // 2
    drawn = [0, *sorted(rng.randint(1, last) for _ in trial.signals[1:])]
    kills = []
    for count, (number, checkpoint) in enumerate(zip(trial.signals, drawn, strict=True), 1):
        seconds = rng.uniform(0.0, reference.between)
        if number == KILL and not checkpoint:
            seconds = rng.uniform(0.2, 0.9) * reference.before
        messages = out.with_name(f"{out.name}-{count}.txt")
        update = checkpoint * plan.validate_every
        kills.append(interrupt_once(plan, number, update, seconds, out, messages))
        print(f"  {sentence(kills[-1])}", flush=True)
    messages = out.with_name(f"{out.name}-end.txt")
    with start(plan, out, messages) as process:
        check(process.wait(), messages)
    return kills


def read_messages(messages: Path) -> str:
    return messages.read_text(encoding="utf-8", errors="replace")


def sentence(kill: Kill) -> str:
    moment = f"after the checkpoint of update {kill.saved}" if kill.saved else "before a checkpoint"
    report = f", reports that it saved at update {kill.reported}" if kill.reported else ""
    return (
        f"{kill.signal} after {kill.seconds:.1f} s, {moment} (log: {kill.logged}): "
        f"ended with {kill.status}{report}"
    )


def faults(trial: Trial, kills: Sequence[Kill]) -> list[str]:
    """Runs that did not end as their signal demands."""
    wrong = []
    for number, kill in enumerate(kills, 1):
        if kill.signal == KILL.name and kill.status != -KILL:
            wrong.append(f"{trial.name}, kill {number}: the run had already ended ({kill.status})")
        if kill.signal == TERM.name and not (kill.status == STOPPED and kill.reported):
            wrong.append(
                f"{trial.name}, kill {number}: SIGTERM must end with {STOPPED} and a report that"
                f" the state was saved, not with {kill.status}"
            )
    return wrong


# The text


def write_text(data: Path, text: Path, pairs: int) -> None:
    """The first pairs of a corpus."""
    text.mkdir()
    for name, count in (("train", pairs), ("val", VALID_PAIRS)):
        for side in ("en", "fr"):
            with (data / f"{name}.{side}").open(encoding="utf-8", newline="\n") as opened:
                lines = list(islice(opened, count))
            file = text / f"{'valid' if name == 'val' else name}.{side}"
            file.write_text("".join(lines), encoding="utf-8", newline="\n")


def write_lesson(text: Path, pairs: int) -> None:
    """Sentences of the built-in lesson, so that a trial needs no corpus."""
    from regard.lesson.corpus import split_lesson

    text.mkdir()
    lesson = split_lesson(pairs, 20, seed=1)
    for name, examples in (("train", lesson.train), ("valid", lesson.test)):
        for side, lines in (
            ("en", [example.source for example in examples]),
            ("fr", [example.target for example in examples]),
        ):
            file = text / f"{name}.{side}"
            file.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


# The command

TINY = (
    *(
        "model.embedding_size=16",
        "model.encoder_size=16",
        "model.decoder_size=16",
        "vocabulary.size=600",
    ),
    *("train.batch_tokens=512", "train.warmup=20", "train.threads=1"),
)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Train with the default options and a BPE-dropout of 0.1, once without"
        " interruption, once killed by SIGKILL at five random moments and once stopped by SIGTERM"
        " at three, and resumed with the same command each time; then compare the SHA-256 of the"
        " model and of every tensor of the checkpoint. The exit status is 1 if a byte differs, or"
        " if a run that SIGTERM stops does not report this and exit with 143.",
        epilog="Example: python benchmarks/resume.py --seed 7",
    )
    data = HERE.parent.parent / "shared" / "data" / "multi30k"
    parser.add_argument(
        "--data",
        type=Path,
        default=data,
        help="folder with train.en, train.fr, val.en and val.fr (default: %(default)s)",
    )
    parser.add_argument(
        "--pairs", type=int, default=4000, help="to train on (default: %(default)s)"
    )
    parser.add_argument("--updates", type=int, default=120, help="default: %(default)s")
    parser.add_argument(
        "--validate-every",
        type=int,
        default=20,
        metavar="UPDATES",
        help="updates between checkpoints (default: %(default)s)",
    )
    parser.add_argument(
        "--kills", type=int, default=5, help="number of SIGKILLs (default: %(default)s)"
    )
    parser.add_argument(
        "--stops", type=int, default=3, help="number of SIGTERMs (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of the moments (default: %(default)s)"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a tiny model and the built-in lesson; one SIGKILL and one SIGTERM in one run; results"
        " are written only with --out",
    )
    parser.add_argument(
        "options", nargs="*", metavar="section.option=value", help="further options of the run"
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="JSON file for the results (default: results/resume.json beside this file)",
    )
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    system = describe_system()
    print(", ".join(f"{name} {value}" for name, value in system.items()))
    rng = random.Random(arguments.seed)
    dropout = ("vocabulary.source_bpe_dropout=0.1", "vocabulary.target_bpe_dropout=0.1")
    options = (*dropout, *arguments.options)
    with tempfile.TemporaryDirectory(prefix="regard-resume-") as scratch:
        folder = Path(scratch)
        if arguments.quick:
            write_lesson(folder / "text", 400)
            plan = Plan(folder / "text", (*TINY, *options), 160, 20)
            trials = [Trial("killed and stopped", (KILL, TERM))]
        else:
            write_text(arguments.data, folder / "text", arguments.pairs)
            plan = Plan(folder / "text", options, arguments.updates, arguments.validate_every)
            trials = [
                Trial("killed", (KILL,) * arguments.kills),
                Trial("stopped", (TERM,) * arguments.stops),
            ]
        if plan.updates // plan.validate_every <= 2:
            sys.exit("give --updates at least three times --validate-every")
        print(f"uninterrupted: {plan.updates} updates, a checkpoint every {plan.validate_every}")
        reference = run_uninterrupted(plan, folder / "alone")
        result = [
            examine(plan, trial, reference, folder / trial.name.replace(" ", "-"), rng)
            for trial in trials
        ]
    written = {"system": system, "options": plan.options, "updates": plan.updates}
    written |= {"validate_every": plan.validate_every, "seed": arguments.seed, "trials": result}
    file = arguments.out or (None if arguments.quick else HERE / "results" / "resume.json")
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
        print(f"written: {file}")
    sys.exit(any(trial["differing"] or trial["faults"] for trial in result))


def examine(
    plan: Plan, trial: Trial, reference: Uninterrupted, out: Path, rng: random.Random
) -> dict[str, Any]:
    """Interrupt a run, compare its results with the uninterrupted one's, and print the verdict."""
    print(f"{trial.name}:")
    kills = interrupt(plan, trial, reference, out, rng)
    expected, hashes, wrong = content(reference.out), content(out), faults(trial, kills)
    names = sorted(expected.keys() | hashes.keys())
    differing = [name for name in names if expected.get(name) != hashes.get(name)]
    for fault in wrong:
        print(f"  {fault}")
    verdict = f"{len(differing)} of {len(names)} DIFFER: {differing[:5]}" if differing else "equal"
    print(f"  {verdict}: {WEIGHTS}, {QUALITY}, {len(names) - 2} parts of {STATE.name}")
    print(f"  SHA-256 of {WEIGHTS}: {hashes[WEIGHTS]}")
    return {
        "name": trial.name,
        "kills": [kill._asdict() for kill in kills],
        "differing": differing,
        "faults": wrong,
        "compared": len(names),
        "model_sha256": hashes[WEIGHTS],
    }


if __name__ == "__main__":
    main()
