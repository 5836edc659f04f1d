"""The network, its optimizer and its averaged weights: one update, and their state as a file."""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from math import isfinite
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from regard.config import Config, TrainOptions
from regard.data.batches import Batch
from regard.data.seeds import derive_seed
from regard.engine.torch import build_network, choose_device, set_weights, weights_of
from regard.files import damaged_error, read_tensors, tensors_below, write_tensors
from regard.model.network import EncoderDecoder
from regard.training.distributed import ProcessGroup, own_part
from regard.training.growth import copy_smaller
from regard.training.optimizers import Optimizer
from regard.training.progress import Progress, UpdateStats, progress_from_json
from regard.training.schedules import rate_factor

EXPLODING = 50.0
"""An update is skipped if the norm of its gradient is more than this many times the usual norm."""


def choose_precision(wanted: str, device: torch.device) -> str:
    """For "auto", bf16 where it is faster: on GPUs that support it, and on processors with AMX.

    A processor that multiplies bf16 with vector instructions only is faster in fp32
    (docs/notes/speed.md).
    """
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        return "bf16" if torch.cpu.get_capabilities().get("amx_bf16") else "fp32"
    return "fp32"


def low_precision(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """bf16 for the large products, if that is the `precision` of a run."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


class TrainingLoss(nn.Module):
    """What an update makes smaller, as a module, so that processes can join its gradients."""

    def __init__(self, network: EncoderDecoder, options: TrainOptions) -> None:
        super().__init__()
        self.network = network
        self.smoothing, self.weight = options.label_smoothing, options.guided_alignment_weight

    def forward(self, tensors: tuple[Tensor, Tensor, Tensor], guides: tuple[Tensor, ...]) -> Tensor:
        """Of one batch, summed over its target tokens; `guides` is empty, or what its attention
        should be."""
        if not guides:
            return self.network.loss(*tensors, self.smoothing)
        return self.network.guided_loss(*tensors, self.smoothing, guides[0], self.weight)


class Trainer:
    """Changes weights, optimizer and average; how far the run is, `Progress` says."""

    def __init__(
        self,
        config: Config,
        source_tokens: int,
        target_tokens: int,
        group: ProcessGroup,
        threads: int,
    ) -> None:
        self.options = config.train
        self.group = group
        self.device = choose_device(self.options.device, "train.device")
        self.threads = threads
        self.precision = choose_precision(self.options.precision, self.device)
        torch.set_num_threads(threads)
        torch.manual_seed(self.options.seed)
        self.network = build_network(config.model, source_tokens, target_tokens).to(self.device)
        self.average = deepcopy(self.network).requires_grad_(False).eval()
        self.joined = group.joined(TrainingLoss(self.network, self.options))
        self.weights = dict(self.network.named_parameters())
        self.optimizer = Optimizer(self.weights, self.options)

    def tensors(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Source [B S], before [B T] and after [B T], on the device."""
        source, before, after = (torch.from_numpy(part).to(self.device) for part in batch[:3])
        return source, before, after

    def loss(self, batch: Batch) -> Tensor:
        guide = batch.guide
        guides = () if guide is None else (torch.from_numpy(guide).to(self.device),)
        loss: Tensor = self.joined(self.tensors(batch), guides)
        return loss

    def update(self, batches: Sequence[Batch], progress: Progress) -> UpdateStats:
        """The update after `progress`, from the gradient of all these batches together, and those
        of the other processes.

        A gradient that is not finite or is exploding changes nothing. All randomness in an update
        (dropout) comes from the seed, the number of the update and the rank of the process.
        """
        options, group, update = self.options, self.group, progress.update + 1
        own_tokens = sum(int((batch.after != 0).sum()) for batch in batches)
        tokens = int(group.gather(float(own_tokens)).sum())
        divisor = tokens / group.size  # the joined gradients are means over the processes
        self.network.train()
        torch.manual_seed(derive_seed(options.seed, update, *[group.rank] * (group.rank > 0)))
        loss = torch.zeros((), device=self.device)
        for number, batch in enumerate(batches, 1):
            is_last = number == len(batches)
            with nullcontext() if is_last else group.own_gradients(self.joined):
                with low_precision(self.precision, self.device):
                    part = self.loss(batch)
                group.backward(part / divisor)
            loss += part.detach() / tokens
        total_loss = float(group.gather(float(loss)).sum())
        norm = float(nn.utils.clip_grad_norm_(self.weights.values(), options.clip_norm))
        factor = rate_factor(options.schedule, update, options.updates, options.warmup)
        rate = options.learning_rate * factor
        is_finite = isfinite(norm) and isfinite(total_loss)
        is_exploding = progress.usual_norm > 0 and norm > EXPLODING * progress.usual_norm
        if is_finite and not is_exploding:
            self.optimizer.step(rate)
            self.update_average(progress.applied + 1)
        self.optimizer.zero_grad()
        return UpdateStats(total_loss, tokens, norm, rate, is_finite and not is_exploding)

    @torch.no_grad()
    def update_average(self, applied: int) -> None:
        """average = decay · average + (1 - decay) · weights, after `applied` updates.

        The decay rises from 0.1 to `train.ema_decay`, so that the random initial weights are soon
        forgotten.
        """
        decay = min(self.options.ema_decay, applied / (applied + 9.0))
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.network.parameters()), 1.0 - decay
        )

    def start_from(self, parent: EncoderDecoder) -> None:
        """Take over the weights of a trained network, which may be smaller (growth.py)."""
        for network in (self.network, self.average):
            copy_smaller(parent, network)

    def save(self, file: Path, progress: Progress) -> None:
        """Write all that a run needs to resume into one file, atomically."""
        tensors = {name: values.detach().cpu().numpy() for name, values in self.state()}
        write_tensors(file, tensors, {"progress": json.dumps(progress._asdict())})

    def state(self) -> Iterator[tuple[str, Tensor]]:
        """The tensors of a checkpoint: each weight, its average, and what the optimizer knows."""
        averages = dict(self.average.named_parameters())
        for name, weight in self.weights.items():
            yield f"weight.{name}", weight
            yield f"average.{name}", averages[name]
        yield from self.optimizer.state()

    def restore(self, file: Path) -> Progress:
        """Return to the state that `save` wrote, threads and precision included.

        Raises RegardError if the file is damaged or of another model.
        """
        stored = read_tensors(file)
        try:
            progress = progress_from_json(stored.metadata["progress"])
            torch.set_num_threads(progress.threads)
        except (KeyError, TypeError, ValueError) as error:
            raise damaged_error(file) from error
        self.threads, self.precision = progress.threads, progress.precision
        set_weights(self.network, tensors_below("weight", stored.tensors), str(file))
        set_weights(self.average, tensors_below("average", stored.tensors), str(file))
        self.optimizer.restore(stored.tensors, progress.applied, str(file))
        return progress

    @torch.inference_mode()
    def validation_loss(self, batches: Sequence[Batch]) -> float:
        """Of the averaged weights, in nats a target token, without label smoothing."""
        network, own = self.average.eval(), own_part(batches, self.group)
        loss = sum((float(network.loss(*self.tensors(batch), 0.0)) for batch in own), 0.0)
        tokens = sum(int((batch.after != 0).sum()) for batch in own)
        total_loss, total_tokens = self.group.gather(loss, float(tokens)).sum(axis=0)
        return float(total_loss / total_tokens)

    def averaged_weights(self) -> dict[str, np.ndarray]:
        """What becomes the model."""
        return weights_of(self.average)
