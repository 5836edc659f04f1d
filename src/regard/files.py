"""Files: atomic writing, JSON, safetensors, digests and locks."""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from regard.errors import RegardError, refuse_system_error

Tensors = Mapping[str, np.ndarray]


def write_file(file: Path, content: bytes) -> None:
    """Write a file atomically: to a temporary file in the same folder, which is then renamed.

    Raises RegardError if the disk is full or writing is not allowed.
    """
    temporary = file.with_name(file.name + ".part")
    try:
        with temporary.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(file)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        refuse_system_error(error, "write", str(file))


def write_json(file: Path, content: object) -> None:
    """Write JSON atomically. Raises RegardError as `write_file`."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_file(file, text.encode(errors="backslashreplace"))  # file names may not be UTF-8


def read_json(file: Path) -> Any:
    """The content of a JSON file. Raises RegardError if it cannot be read or is not JSON."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        refuse_system_error(error, "read", str(file))
    except (ValueError, RecursionError) as error:
        raise damaged_error(file) from error


def write_tensors(file: Path, tensors: Tensors, metadata: Mapping[str, str]) -> None:
    """Write a safetensors file; `metadata` is in its header. Raises RegardError as `write_file`."""
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    write_file(file, save(arrays, metadata=dict(metadata)))


class TensorFile(NamedTuple):
    tensors: dict[str, np.ndarray]
    metadata: dict[str, str]


def tensors_below(part: str, tensors: Tensors) -> dict[str, np.ndarray]:
    """Those whose names begin with `part` and a full stop, without that."""
    prefix = f"{part}."
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def read_tensors(file: Path) -> TensorFile:
    """Read a safetensors file. Raises RegardError if it cannot be read or is damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        file.open("rb").close()  # safetensors reports a file without permission as missing
        with safe_open(file, framework="numpy") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            if not all(tensor.dtype.isbuiltin == 1 for tensor in tensors.values()):
                raise TypeError("a data type that numpy has only where ml_dtypes is installed")
            return TensorFile(tensors, opened.metadata() or {})
    except OSError as error:
        refuse_system_error(error, "read", str(file))
    except (SafetensorError, AttributeError, ValueError, TypeError) as error:
        # AttributeError: a data type that numpy lacks, such as 8-bit floats
        raise damaged_error(file) from error


def file_digest(file: Path) -> str:
    """The BLAKE2 digest of a file. Raises RegardError if it cannot be read, or is a pipe."""
    if file.is_fifo():
        raise RegardError(
            "a pipe can be read only once", str(file), "write the text to a file first"
        )
    try:
        with file.open("rb") as handle:
            return hashlib.file_digest(handle, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        refuse_system_error(error, "read", str(file))


def content_digest(path: Path) -> str:
    """The digest of a file, or of the names and the contents of all files in a folder. Raises
    RegardError as `file_digest`."""
    if not path.is_dir():
        return file_digest(path)
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        digest.update(f"{file.relative_to(path)}\n{file_digest(file)}\n".encode())
    return digest.hexdigest()


def new_file(file: Path) -> Path:
    """Create an empty file. Raises RegardError if it exists or cannot be written."""
    if file.exists():
        raise RegardError(
            "this file exists already", str(file), "choose another --out, or remove it first"
        )
    try:
        file.touch()
    except OSError as error:
        refuse_system_error(error, "write", str(file))
    return file


def damaged_error(file: Path) -> RegardError:
    return RegardError(
        f"{file.name} is damaged, or is not a file of a model", str(file), "copy the original again"
    )


def lock(file: Path) -> IO[bytes]:
    """Lock a file until the result is closed or this process ends, in whatever way.

    Raises BlockingIOError if the file is locked already, and OSError if it cannot be opened.
    """
    handle = file.open("ab")
    try:
        if sys.platform == "win32":
            import msvcrt

            try:
                msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
            except PermissionError as error:  # the file is locked
                raise BlockingIOError(*error.args) from error
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise
    return handle
