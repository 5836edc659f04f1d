"""What a run's folder tells of its training, without going on with it."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open

from regard.experiment.results import Training, Validation
from regard.files import damaged_error
from regard.training.loop import STATE

UNKNOWN = Training(0, 0, 0.0, "", [])
"""Of a model that came without its training."""


def training_of(model: Path) -> Training:
    """How a model was trained, or UNKNOWN."""
    state = model / "training" / STATE
    if not state.exists():
        return UNKNOWN
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
    """The validations that a run has told of; of a log that was cut off, those before."""
    if not log.exists():
        return []
    found = []
    for line in log.read_text("utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            break
        if "bleu" in entry:
            found.append(Validation(entry["update"], entry["bleu"], entry["loss"]))
    return found


def has_ended(model: Path, minutes: float) -> bool:
    """Whether a run would do nothing more if it went on; `minutes` is its cap now."""
    training = training_of(model)
    if training.reason == "time":
        return training.minutes >= minutes
    return bool(training.reason)
