"""The operating system: memory, cores, and a description. All other files are portable."""

import ctypes
import gc
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

MAX_FILES = 65_536
"""That a process needs at most, for as many connections."""
KEEP_MEMORY = {
    "trim threshold": (-1, 2**31 - 1),
    "top pad": (-2, 1 << 28),
    "map threshold": (-3, 1 << 30),
}
"""glibc's M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_THRESHOLD, in bytes."""


def release_freed_memory() -> None:
    """Let glibc return large blocks to the system when they are freed, which keeps a process small.

    By default glibc raises its threshold and keeps them. Without glibc this has no effect.
    """
    set_allocator({"map threshold": (-3, 1 << 20)})


def set_allocator(settings: Mapping[str, tuple[int, int]]) -> None:
    """Set parameters of glibc's malloc (mallopt): the number and the value of each."""
    mallopt = glibc_function("mallopt")
    for parameter, value in settings.values():
        mallopt(parameter, value)


def glibc_function(name: str) -> Callable[..., Any]:
    """The function of glibc, or one without effect where there is no glibc."""
    library = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
    function: Callable[..., Any] = getattr(library, name, lambda *_: None)
    return function


def keep_freed_memory() -> None:
    """Let glibc keep the memory that an update of training frees, since the next update needs it.

    By default glibc returns large blocks to the system and requests them again, page by page.
    Without glibc this has no effect.
    """
    set_allocator(KEEP_MEMORY)


def trim_memory() -> None:
    """Free what nothing refers to, and return glibc's free memory to the system.

    Small objects allocated among large blocks prevent the freed blocks from being merged, so a
    process that keeps all of them grows without bound.
    """
    gc.collect()
    trim_heap()


def trim_heap() -> None:
    """Return glibc's free memory to the system, in 2 ms; without glibc this has no effect."""
    glibc_function("malloc_trim")(0)


def cores() -> int:
    """The number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe_system() -> dict[str, str | int]:
    """The processor, the versions and the date, to be recorded with a measurement."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text("utf-8", errors="replace") if cpuinfo.exists() else ""
    models = re.findall("model name\\s*: (.*)", text)
    return {
        "processor": models[0] if models else platform.processor() or platform.machine(),
        "cores": cores(),
        "torch": installed("torch"),
        "onnxruntime": installed("onnxruntime"),
        "date": time.strftime("%Y-%m-%d"),
    }


def installed(package: str) -> str:
    """The version of a package, or "not installed"."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def raise_file_limit() -> int:
    """How many files and connections this process may have open, after raising that as far as
    users may."""
    if sys.platform == "win32":
        return 8192
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return MAX_FILES if soft == resource.RLIM_INFINITY else min(soft, MAX_FILES)
