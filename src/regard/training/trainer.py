"""The network, its optimizer and its average: one update, and all that must be kept to go on."""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from math import inf, isfinite
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from regard.config import Config
from regard.data.batches import FIRST, Batch, Position, derive_seed
from regard.engine.torch import build, choose_device, set_weights, weights_of
from regard.errors import RegardError
from regard.files import damaged_error
from regard.model.network import EncoderDecoder
from regard.storage import folder as checkpoint
from regard.training.distributed import ProcessGroup
from regard.training.growth import copy_smaller
from regard.training.schedules import rate_factor

EXPLODING = 50.0
"""Times the usual norm of a gradient from which an update is skipped."""


class Progress(NamedTuple):
    """How far a run is; with the tensors, all that it needs to go on."""

    update: int = 0
    position: Position = FIRST
    """Of the next batch."""
    skipped: int = 0
    """Updates that were skipped."""
    skipped_in_a_row: int = 0
    usual_norm: float = 0.0
    """Average norm of the gradient; 0 before the first."""
    best: float = -inf
    """Best value of the metric, where more is better; -inf before the first validation."""
    best_loss: float = inf
    """What the loss was then: of two that are alike, the one with less is better."""
    best_update: int = 0
    """When that was; 0 is the model that a run began with."""
    validations_without_gain: int = 0
    """Validations since the best one."""
    validated: int = -1
    """The update of the last validation; -1 before the first."""
    seconds: float = 0.0
    """Of training, over all runs of this folder."""
    ended: str = ""
    """Why the run ended; empty while it goes on."""
    threads: int = 0
    precision: str = ""
    """Both are settled when a run begins, for its last bits depend on them."""

    @property
    def has_best(self) -> bool:
        """Whether there are weights to keep: a validation has been."""
        return self.best > -inf


class UpdateStats(NamedTuple):
    """What one update did."""

    loss: float
    tokens: int
    norm: float
    rate: float


def settle_precision(wanted: str, device: torch.device) -> str:
    """bf16 where it is quicker: on a GPU that has it, and on a processor with tiles for it (AMX).

    A processor that multiplies it only in vectors does more in fp32 (docs/speed.md).
    """
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        return "bf16" if torch.cpu.get_capabilities().get("amx_bf16") else "fp32"
    return "fp32"


class Trainer:
    def __init__(
        self,
        config: Config,
        source_tokens: int,
        target_tokens: int,
        team: ProcessGroup,
        threads: int,
    ) -> None:
        self.options = config.train
        self.team = team
        self.device = choose_device(self.options.device, "train.device")
        torch.set_num_threads(threads)
        torch.manual_seed(self.options.seed)
        self.network = build(config.model, source_tokens, target_tokens).to(self.device)
        self.average = deepcopy(self.network).requires_grad_(False).eval()
        self.weights = dict(self.network.named_parameters())
        matrices = [weight for weight in self.weights.values() if weight.dim() > 1]
        vectors = [weight for weight in self.weights.values() if weight.dim() <= 1]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": self.options.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            lr=self.options.learning_rate,
            betas=self.options.adam_betas,
            fused=True,
        )
        self.progress = Progress(
            threads=threads, precision=settle_precision(self.options.precision, self.device)
        )

    def low_precision(self) -> AbstractContextManager[object]:
        if self.progress.precision == "bf16":
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()

    def tensors(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        source, before, after = (torch.from_numpy(part).to(self.device) for part in batch)
        return source, before, after

    def update(self, batches: Sequence[tuple[Position, Batch]]) -> UpdateStats:
        """One update of the weights from these batches, or none if their gradient is not usable.

        All chance in it (dropout) comes from the seed and the number of the update.
        """
        now, options = self.progress, self.options
        update = now.update + 1
        tokens = sum(int((batch.after != 0).sum()) for _, batch in batches)
        self.network.train()
        torch.manual_seed(derive_seed(options.seed, update))
        loss = torch.zeros((), device=self.device)
        for _, batch in batches:
            with self.low_precision():
                part = self.network.loss(
                    *self.tensors(self.team.shard(batch)), options.label_smoothing
                )
            (part / tokens).backward()
            loss += part.detach() / tokens
        grads = [weight.grad for weight in self.weights.values() if weight.grad is not None]
        self.team.all_reduce([loss, *grads])
        norm = float(nn.utils.clip_grad_norm_(self.weights.values(), options.clip_norm))
        share = rate_factor(options.schedule, update, options.updates, options.warmup)
        rate = options.learning_rate * share
        usable = isfinite(norm) and isfinite(float(loss))
        exploding = now.usual_norm > 0 and norm > EXPLODING * now.usual_norm
        if usable and not exploding:
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.optimizer.step()
            self.move_average(update - now.skipped)
            usual = 0.99 * now.usual_norm + 0.01 * norm if now.usual_norm else norm
            now = now._replace(usual_norm=usual, skipped_in_a_row=0)
        else:
            now = now._replace(skipped=now.skipped + 1, skipped_in_a_row=now.skipped_in_a_row + 1)
        self.optimizer.zero_grad(set_to_none=True)
        self.progress = now._replace(update=update, position=batches[-1][0])
        return UpdateStats(float(loss), tokens, norm, rate)

    @torch.no_grad()
    def move_average(self, applied: int) -> None:
        """average = memory · average + (1 - memory) · weights; the memory grows to full length."""
        memory = (
            min(self.options.ema_decay, applied / (applied + 9.0)) if self.options.ema_decay else 0
        )
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.network.parameters()), 1.0 - memory
        )

    def start_from(self, ready: EncoderDecoder) -> None:
        for network in (self.network, self.average):
            copy_smaller(ready, network)

    def save(self, file: Path) -> None:
        """Everything that the run needs to go on, in one file, at once."""
        tensors: dict[str, np.ndarray] = {}
        for name, values in self.parts():
            tensors[name] = values.detach().cpu().numpy()
        checkpoint.write_tensors(file, tensors, {"progress": json.dumps(self.progress._asdict())})

    def parts(self) -> Iterator[tuple[str, Tensor]]:
        averages = dict(self.average.named_parameters())
        for name, weight in self.weights.items():
            yield f"weight.{name}", weight
            yield f"average.{name}", averages[name]
            for moment in ("exp_avg", "exp_avg_sq"):
                if weight in self.optimizer.state:
                    yield f"{moment}.{name}", self.optimizer.state[weight][moment]

    def restore(self, file: Path) -> None:
        """Go back to what `save` wrote.

        Raises RegardError if the file is damaged or another model's.
        """
        stored = checkpoint.read_tensors(file)
        parts: dict[str, dict[str, np.ndarray]] = {
            "weight": {},
            "average": {},
            "exp_avg": {},
            "exp_avg_sq": {},
        }
        try:
            for name, tensor in stored.tensors.items():
                part, _, weight_name = name.partition(".")
                parts[part][weight_name] = tensor
            progress = json.loads(stored.metadata["progress"])
            progress["position"] = Position(*progress["position"])
            self.progress = Progress(**progress)
            torch.set_num_threads(self.progress.threads)
        except (KeyError, TypeError, ValueError) as error:
            raise damaged_error(file) from error
        set_weights(self.network, parts["weight"], str(file))
        set_weights(self.average, parts["average"], str(file))
        applied = self.progress.update - self.progress.skipped
        if applied == 0:
            return
        for name, weight in self.weights.items():
            if name not in parts["exp_avg"] or name not in parts["exp_avg_sq"]:
                raise RegardError(
                    "the optimizer's state is not whole",
                    str(file),
                    "begin again with another --out",
                )
            self.optimizer.state[weight] = {
                "step": torch.tensor(float(applied), device=self.device),
                "exp_avg": torch.from_numpy(parts["exp_avg"][name]).to(self.device),
                "exp_avg_sq": torch.from_numpy(parts["exp_avg_sq"][name]).to(self.device),
            }

    @torch.inference_mode()
    def validation_loss(self, network: EncoderDecoder, batches: Sequence[Batch]) -> float:
        """Nats a token, without smoothing."""
        network.eval()
        total = sum(float(network.loss(*self.tensors(batch), 0.0)) for batch in batches)
        return total / sum(int((batch.after != 0).sum()) for batch in batches)

    def averaged_weights(self) -> dict[str, np.ndarray]:
        return weights_of(self.average)
