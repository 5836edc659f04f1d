"""Killed and run again, a training ends bit for bit as if it had been left alone: see it happen."""

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
"""SIGKILL ends a process where it stands; SIGTERM asks it to save and stop."""

STOPPED = 128 + TERM
"""Exit status of a run that saved and stopped when SIGTERM asked it to."""
SAVED = re.compile(r"stopped and saved at update ([\d,]+)")
LEARNING = "parameters on"
"""What a run says right before the first update; then it begins to answer SIGTERM."""

LATE = 0.75
"""Share of the updates behind which a run may soon be over."""
LISTENING_SECONDS = 0.2
"""After those words, until it surely does."""
LOOK_SECONDS = 0.002
"""Between two looks at how far a run is."""
VALID_PAIRS = 100


class Trial(NamedTuple):
    """A training and how it is to be disturbed."""

    name: str
    signals: tuple[signal.Signals, ...]


class Kill(NamedTuple):
    """What happened to a run."""

    signal: str
    seconds: float
    """Since the process began."""
    saved: int
    """Update of the last checkpoint before; 0 if there was none."""
    logged: int
    """Last update that the log tells of; it writes every 50th and every validation."""
    status: int
    """Exit status; negative: the signal it died of."""
    said: str
    """Update at which it says that it saved and stopped; empty if it could not say anything."""


class Plan(NamedTuple):
    """The training whose end is compared."""

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


# How far a run is, read from its folder


def progress(out: Path) -> dict[str, Any]:
    """What the checkpoint says of the run; nothing if there is no checkpoint.

    A checkpoint is replaced at once, so one that is there is whole.
    """
    if not (out / STATE).exists():
        return {}
    with (out / STATE).open("rb") as opened:
        header = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))
    found: dict[str, Any] = json.loads(header["__metadata__"]["progress"])
    return found


def saved_update(out: Path) -> int:
    return int(progress(out).get("update", 0))


def logged_update(out: Path) -> int:
    """The last update of the log; a line that is half written does not count."""
    if not (out / LOG).exists():
        return 0
    whole = (out / LOG).read_bytes().rpartition(b"\n")[0].splitlines()
    return int(json.loads(whole[-1])["update"]) if whole else 0


# What is compared


def content(out: Path) -> dict[str, str]:
    """What a run leaves behind, by name, each as its SHA-256; seconds are left out."""
    from safetensors.numpy import load_file

    found = {name: hashlib.sha256((out / name).read_bytes()) for name in (WEIGHTS, QUALITY)}
    for name, tensor in load_file(out / STATE).items():
        whole = f"{tensor.dtype} {tensor.shape} ".encode() + tensor.tobytes()
        found[f"state: {name}"] = hashlib.sha256(whole)
    told = {name: value for name, value in progress(out).items() if name != "seconds"}
    found["state: progress"] = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    return {name: digest.hexdigest() for name, digest in found.items()}


# Running and disturbing


def start(plan: Plan, out: Path, messages: Path) -> "subprocess.Popen[bytes]":
    with messages.open("wb") as opened:
        return subprocess.Popen(plan.command(out), stdout=opened, stderr=opened)


def check(status: int, messages: Path) -> None:
    """Raises RuntimeError with its last words if a run did not end well."""
    if status:
        said = messages.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"a training ended with {status}:\n{said}")


class Left(NamedTuple):
    """A run left alone, and how long its parts took."""

    out: Path
    before: float
    """Seconds until the first checkpoint."""
    between: float
    """Seconds between two checkpoints."""


def leave_alone(plan: Plan, out: Path) -> Left:
    messages, began = out.with_suffix(".txt"), time.monotonic()
    first = 0.0
    with start(plan, out, messages) as process:
        while process.poll() is None:
            if not first and (out / STATE).exists():
                first = time.monotonic() - began
            time.sleep(LOOK_SECONDS)
    check(process.returncode, messages)
    whole = time.monotonic() - began
    return Left(out, first, (whole - first) / max(1, plan.updates // plan.validate_every - 1))


def wait(
    process: "subprocess.Popen[bytes]",
    ready: Callable[[], bool],
    seconds: float,
    late: Callable[[], bool],
) -> None:
    """Until `ready`, and `seconds` more; shorter if the process ends, or if it is `late`."""
    while process.poll() is None and not ready():
        time.sleep(LOOK_SECONDS)
    until = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < until and not late():
        time.sleep(LOOK_SECONDS)


def disturb_once(
    plan: Plan, each: signal.Signals, update: int, seconds: float, out: Path, messages: Path
) -> Kill:
    """Run on; send a signal `seconds` after the checkpoint of `update` or the begin of learning.

    If `update` is 0, SIGKILL comes `seconds` after the process began. A machine that has become
    quicker since seconds were measured is not waited for until the run is over.
    """

    def ready() -> bool:
        return LEARNING in heard(messages) and saved_update(out) >= update

    def late() -> bool:
        return saved_update(out) >= plan.updates * LATE

    began = time.monotonic()
    with start(plan, out, messages) as process:
        if each == TERM:
            wait(process, ready, LISTENING_SECONDS + seconds, late)
        else:
            wait(process, ready if update else lambda: True, seconds, late)
        saved, logged = saved_update(out), logged_update(out)
        process.send_signal(each)
        status = process.wait()
    told = SAVED.search(heard(messages))
    taken = round(time.monotonic() - began, 2)
    return Kill(each.name, taken, saved, logged, status, told[1] if told else "")


def disturb(plan: Plan, trial: Trial, left: Left, out: Path, chance: random.Random) -> list[Kill]:
    """Send the signals at random moments of a run, each to a process that went on with it.

    The first comes before the first checkpoint; each other one at some moment between two of the
    checkpoints of its first half, drawn in ascending order, such that the run is never over before.
    """
    last = plan.updates // plan.validate_every // 2
    drawn = [0, *sorted(chance.randint(1, last) for _ in trial.signals[1:])]
    kills = []
    for number, (each, checkpoint) in enumerate(zip(trial.signals, drawn, strict=True), 1):
        seconds = chance.uniform(0.0, left.between)
        if each == KILL and not checkpoint:
            seconds = chance.uniform(0.2, 0.9) * left.before
        messages = out.with_name(f"{out.name}-{number}.txt")
        update = checkpoint * plan.validate_every
        kills.append(disturb_once(plan, each, update, seconds, out, messages))
        print(f"  {sentence(kills[-1])}", flush=True)
    messages = out.with_name(f"{out.name}-end.txt")
    with start(plan, out, messages) as process:
        check(process.wait(), messages)
    return kills


def heard(messages: Path) -> str:
    return messages.read_text(encoding="utf-8", errors="replace")


def sentence(kill: Kill) -> str:
    place = (
        f"behind the checkpoint of update {kill.saved}" if kill.saved else "before any checkpoint"
    )
    told = f", says it saved at update {kill.said}" if kill.said else ""
    return (
        f"{kill.signal} after {kill.seconds:.1f} s, {place} (log: {kill.logged}): "
        f"ended with {kill.status}{told}"
    )


def faults(trial: Trial, kills: Sequence[Kill]) -> list[str]:
    """What went otherwise than it must, the comparison apart."""
    found = []
    for number, kill in enumerate(kills, 1):
        if kill.signal == KILL.name and kill.status != -KILL:
            found.append(f"{trial.name}, kill {number}: the run was over already ({kill.status})")
        if kill.signal == TERM.name and not (kill.status == STOPPED and kill.said):
            found.append(
                f"{trial.name}, kill {number}: SIGTERM must end in {STOPPED} and a word of the"
                f" saving, not {kill.status}"
            )
    return found


# The text


def lay_out(data: Path, text: Path, pairs: int) -> None:
    """The first pairs of a corpus."""
    text.mkdir()
    for name, count in (("train", pairs), ("val", VALID_PAIRS)):
        for side in ("en", "fr"):
            with (data / f"{name}.{side}").open(encoding="utf-8", newline="\n") as opened:
                lines = list(islice(opened, count))
            place = text / f"{'valid' if name == 'val' else name}.{side}"
            place.write_text("".join(lines), encoding="utf-8", newline="\n")


def lay_out_lesson(text: Path, pairs: int) -> None:
    """Sentences of the built-in lesson, for a trial that needs no corpus."""
    from regard.lesson.corpus import split_lesson

    text.mkdir()
    lesson = split_lesson(pairs, 20, seed=1)
    for name, examples in (("train", lesson.train), ("valid", lesson.test)):
        for side, lines in (
            ("en", [example.source for example in examples]),
            ("fr", [example.target for example in examples]),
        ):
            place = text / f"{name}.{side}"
            place.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


# The command

TINY = (
    *(
        "model.embedding_size=16",
        "model.encoder_size=16",
        "model.decoder_size=16",
        "vocabulary.size=450",
    ),
    *("train.batch_tokens=512", "train.warmup=20", "train.threads=1"),
)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Train with the shipped options and BPE-dropout of 0.1, once left alone,"
        " once killed by SIGKILL at five random moments and once stopped by SIGTERM at three, each"
        " time with the same command again until it is done; then compare SHA-256 of the model and"
        " of every tensor of the checkpoint. The exit status is 1 if a byte differs, or if a run"
        " that SIGTERM stops does not say so and exit with 143.",
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
        help="updates from one checkpoint to the next (default: %(default)s)",
    )
    parser.add_argument("--kills", type=int, default=5, help="by SIGKILL (default: %(default)s)")
    parser.add_argument("--stops", type=int, default=3, help="by SIGTERM (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (default: %(default)s)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a tiny model and the built-in lesson; one SIGKILL and one SIGTERM in one run; nothing"
        " is written without --out",
    )
    parser.add_argument(
        "options", nargs="*", metavar="section.option=value", help="more options of the training"
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="where the results go as JSON (default: results/resume.json beside this file)",
    )
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    where = describe_system()
    print(", ".join(f"{name} {value}" for name, value in where.items()))
    chance = random.Random(asked.seed)
    sampling = ("vocabulary.source_bpe_dropout=0.1", "vocabulary.target_bpe_dropout=0.1")
    options = (*sampling, *asked.options)
    with tempfile.TemporaryDirectory(prefix="regard-resume-") as scratch:
        folder = Path(scratch)
        if asked.quick:
            lay_out_lesson(folder / "text", 400)
            plan = Plan(folder / "text", (*TINY, *options), 200, 25)
            trials = [Trial("killed and stopped", (KILL, TERM))]
        else:
            lay_out(asked.data, folder / "text", asked.pairs)
            plan = Plan(folder / "text", options, asked.updates, asked.validate_every)
            trials = [
                Trial("killed", (KILL,) * asked.kills),
                Trial("stopped", (TERM,) * asked.stops),
            ]
        if plan.updates // plan.validate_every <= 2:
            sys.exit("give --updates at least three times --validate-every")
        print(f"left alone: {plan.updates} updates, a checkpoint every {plan.validate_every}")
        left = leave_alone(plan, folder / "alone")
        expected = content(left.out)
        result = [
            examine(plan, trial, left, folder / trial.name.replace(" ", "-"), chance, expected)
            for trial in trials
        ]
    written = {"system": where, "options": plan.options, "updates": plan.updates}
    written |= {"validate_every": plan.validate_every, "seed": asked.seed, "trials": result}
    file = asked.out or (None if asked.quick else HERE / "results" / "resume.json")
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
        print(f"written: {file}")
    sys.exit(any(trial["differing"] or trial["faults"] for trial in result))


def examine(
    plan: Plan, trial: Trial, left: Left, out: Path, chance: random.Random, expected: dict[str, str]
) -> dict[str, Any]:
    """Disturb a run, compare its end with that of the one left alone, and tell the verdict."""
    print(f"{trial.name}:")
    kills = disturb(plan, trial, left, out, chance)
    found, wrong = content(out), faults(trial, kills)
    names = sorted(expected.keys() | found.keys())
    differing = [name for name in names if expected.get(name) != found.get(name)]
    for fault in wrong:
        print(f"  {fault}")
    verdict = f"{len(differing)} of {len(names)} DIFFER: {differing[:5]}" if differing else "alike"
    print(f"  {verdict}: {WEIGHTS}, {QUALITY}, {len(names) - 2} parts of {STATE.name}")
    print(f"  SHA-256 of {WEIGHTS}: {found[WEIGHTS]}")
    return {
        "name": trial.name,
        "kills": [kill._asdict() for kill in kills],
        "differing": differing,
        "faults": wrong,
        "compared": len(names),
        "model_sha256": found[WEIGHTS],
    }


if __name__ == "__main__":
    main()
