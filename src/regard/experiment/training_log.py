"""What a run's folder records of its training, read without resuming it."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open

from regard.experiment.results import Training, Validation
from regard.files import damaged_error
from regard.training.loop import STATE

UNKNOWN_TRAINING = Training(0, 0, 0.0, "", [])
"""Of a model that has no training folder."""


def training_of(model: Path) -> Training:
    """How a model was trained, or UNKNOWN_TRAINING.

    Raises RegardError if the state of the run is damaged.
    """
    state = model / "training" / STATE
    if not state.exists():
        return UNKNOWN_TRAINING
    try:
        with safe_open(state, framework="numpy") as opened:
            progress = json.loads((opened.metadata() or {})["progress"])
        return Training(
            int(progress["update"]),
            int(progress["best_update"]),
            float(progress["seconds"]) / 60,
            str(progress["ended"]),
            curve_of(model / "training" / "log.jsonl"),
        )
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise damaged_error(state) from error


def curve_of(log: Path) -> list[Validation]:
    """The validations in a run's log, up to the first line that is damaged."""
    if not log.exists():
        return []
    curve = []
    for line in log.read_text("utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            break
        if "bleu" in entry:
            curve.append(Validation(entry["update"], entry["bleu"], entry["loss"]))
    return curve


def has_ended(model: Path, minutes: float) -> bool:
    """Whether resuming the run would do nothing; `minutes` is its present time limit."""
    training = training_of(model)
    if training.reason == "time":
        return training.minutes >= minutes
    return bool(training.reason)
