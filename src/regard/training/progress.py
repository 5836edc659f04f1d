"""How far a run is: all that it needs to resume, besides its tensors."""

import json
from collections.abc import Iterable
from math import inf, isfinite
from typing import NamedTuple

from regard.data.batches import Position

MEANINGFUL_BLEU = 5.0
"""A lower validation BLEU is noise: a few chance matches of short sentences give 0.05 or 1."""


class UpdateStats(NamedTuple):
    """What one update of the weights did."""

    loss: float
    """Nats a target token, label smoothing included."""
    tokens: int
    """Target tokens of its batches, padding left out."""
    norm: float
    """Norm of the gradient before clipping."""
    rate: float
    """Learning rate."""
    is_applied: bool
    """False if the gradient was not usable, and the weights stayed as they were."""


class Progress(NamedTuple):
    """The state of a run between two updates; the training loop owns it."""

    update: int = 0
    """Updates so far, skipped ones included."""
    positions: tuple[Position, ...] = ()
    """Of the next batch in each lane of the text (data/batches.py); none before the first update.
    """
    skipped: int = 0
    """Updates that were skipped."""
    skipped_in_a_row: int = 0
    usual_norm: float = 0.0
    """Exponential average of the gradient's norm; 0 before the first update."""
    best: float = -inf
    """Best value of the metric, where more is better; -inf before the first validation."""
    best_loss: float = inf
    """Validation loss at `best`."""
    best_update: int = 0
    """The update of `best`; 0 is the model that the run started from."""
    validations_without_gain: int = 0
    """Validations since the best one."""
    validated: int = -1
    """The update of the last validation; -1 before the first."""
    seconds: float = 0.0
    """Training time, over all runs of this folder."""
    ended: str = ""
    """Why the run ended; empty until it has."""
    threads: int = 0
    precision: str = ""
    """Threads and precision are fixed when a run starts: the last bits of its weights depend on
    them."""

    @property
    def has_best(self) -> bool:
        """Whether a validation has chosen weights to keep."""
        return self.best > -inf

    @property
    def applied(self) -> int:
        """Updates that changed the weights."""
        return self.update - self.skipped

    @property
    def epoch(self) -> int:
        """Of the lane that is behind the others, from 0."""
        return min(self.positions).epoch if self.positions else 0

    def after_update(self, stats: UpdateStats, positions: Iterable[Position]) -> "Progress":
        """One update later."""
        moved = self._replace(update=self.update + 1, positions=tuple(positions))
        if not stats.is_applied:
            return moved._replace(
                skipped=self.skipped + 1, skipped_in_a_row=self.skipped_in_a_row + 1
            )
        usual = 0.99 * self.usual_norm + 0.01 * stats.norm if self.usual_norm else stats.norm
        return moved._replace(usual_norm=usual, skipped_in_a_row=0)

    def is_improved_by(self, value: float, loss: float) -> bool:
        """Whether a validation is better than the best one before: by BLEU, of which values below
        `MEANINGFUL_BLEU` are equal, and between equal values by the loss.

        If `value` is no BLEU but the negative loss, the loss alone decides.
        """
        return isfinite(loss) and (meaning(value), -loss) > (meaning(self.best), -self.best_loss)

    def after_validation(self, value: float, loss: float, is_best: bool) -> "Progress":
        """With the latest weights validated: `value` of the metric, and the validation loss."""
        latest = self._replace(validated=self.update)
        if not is_best:
            return latest._replace(validations_without_gain=self.validations_without_gain + 1)
        return latest._replace(
            validations_without_gain=0, best=value, best_loss=loss, best_update=self.update
        )


def meaning(bleu: float) -> float:
    """A BLEU, or 0 for one that is too low to mean something."""
    return bleu if bleu >= MEANINGFUL_BLEU else 0.0


def progress_from_json(text: str) -> Progress:
    """Raises KeyError, TypeError or ValueError if the text is not a `Progress` as JSON."""
    fields = json.loads(text)
    if "position" in fields:  # of a run that began before there were lanes
        fields["positions"] = [fields.pop("position")]
    positions = tuple(Position(*position) for position in fields["positions"])
    return Progress(**{**fields, "positions": positions})
