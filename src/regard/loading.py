"""Open a model, on the engine that it is for."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

from regard import models
from regard.errors import RegardError, nearest, needs_extra
from regard.pipeline import DEFAULT_LONGEST, Pipeline
from regard.search.protocols import Engine
from regard.storage.folder import ModelInfo
from regard.storage.model_file import ModelFile, is_file, read_model
from regard.system import cores
from regard.translator import Translator

EngineName = Literal["auto", "onnx", "torch"]


def load(
    model: str | Path = models.DEFAULT,
    engine: EngineName = "auto",
    device: str = "auto",
    workers: int = 0,
    threads: int = 1,
) -> Translator:
    """Open a model: a folder, a file that `regard export` wrote, or a built-in one, by name.

    `engine` runs it: onnx (ONNX Runtime, on the CPU, `workers` batches at a time, 0 for one a
    core, each on `threads` cores) or torch (PyTorch, on `device`, a batch at a time). auto takes
    onnx for a file; for a folder torch where PyTorch is installed, and onnx elsewhere.
    Raises RegardError if there is no such model or it is damaged, if a number is too small, or if
    the engine does not support the model, the device, or workers and threads.
    """
    if workers < 0 or threads < 1:
        raise RegardError(
            f"{workers} workers of {threads} threads cannot work",
            "workers, threads",
            "give at least 1 thread, and 0 workers for one a core",
        )
    if engine not in get_args(EngineName):
        raise RegardError(
            f"there is no engine '{engine}'", "engine", nearest(engine, get_args(EngineName))
        )
    path, has_torch = models.find(model), find_spec("torch") is not None
    opened = read_model(path)
    if engine == "onnx" or (engine == "auto" and (is_file(path) or not has_torch)):
        refuse_device(path, device, engine)
        from regard.engine.onnx.engine import load_onnx_engine

        onnx_engine = load_onnx_engine(opened, str(path), threads)
        return translator(onnx_engine, opened, workers or max(1, cores() // threads))
    if not has_torch:
        raise needs_extra("the engine torch", "torch", "train", ", or leave the engine out")
    if workers or threads != 1:
        raise RegardError(
            "--workers and --threads work with ONNX Runtime only; this model runs in PyTorch",
            str(path),
            "leave --workers and --threads out, or "
            + ("the engine" if is_file(path) else "export the model to a file"),
        )
    from regard.engine.torch import load_engine

    return translator(load_engine(opened, str(path), device), opened, 1)


def refuse_device(path: Path, device: str, engine: EngineName) -> None:
    """Raises RegardError if `device` is one on which ONNX Runtime does not run a model here; the
    advice depends on the `engine` that was asked for."""
    if device in ("auto", "cpu"):
        return
    if engine == "auto" and not is_file(path):
        raise needs_extra(f"--device {device}", "torch", "train", ", or leave --device out")
    raise RegardError(
        f"this model runs in ONNX Runtime, on the CPU, not on '{device}'",
        str(path),
        "leave --device out, or "
        + (
            "give the model folder that the file was exported from"
            if is_file(path)
            else "choose the engine torch"
        ),
    )


def translator(engine: Engine, opened: ModelFile, workers: int) -> Translator:
    info = opened.info
    is_guided = bool(info.config.train.guided_alignment)
    return Translator(engine, pipeline_of(info), info.config.search, workers, is_guided)


def pipeline_of(info: ModelInfo) -> Pipeline:
    """The stages of text that a model was made for."""
    return Pipeline(
        info.config.text,
        info.languages,
        info.source,
        info.target,
        info.text.placeholders,
        info.text.longest or DEFAULT_LONGEST,
        tags=info.text.tags,
    )
