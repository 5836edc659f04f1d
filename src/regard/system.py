"""What only some systems have: the one file that asks which one this is."""

import ctypes
import os
import platform
import re
import sys
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

KEEP_MEMORY = {
    "trim threshold": (-1, 2**31 - 1),
    "top pad": (-2, 1 << 28),
    "map threshold": (-3, 1 << 30),
}
"""glibc's M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_THRESHOLD, in bytes."""


def release_freed_memory() -> None:
    """Let glibc hand large blocks back to the system once they are free, as a small process should.

    Left to itself it keeps more and more of them. Elsewhere than on glibc this does nothing.
    """
    set_allocator({"map threshold": (-3, 1 << 20)})


def set_allocator(settings: Mapping[str, tuple[int, int]]) -> None:
    """Number and value of each of glibc's parameters (mallopt)."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in settings.values():
            mallopt(parameter, value)


def keep_freed_memory() -> None:
    """Let glibc keep what training frees, for the next update wants the same again.

    It would else give large blocks back to the system and fetch them anew, page by page. Elsewhere
    than on glibc this does nothing.
    """
    set_allocator(KEEP_MEMORY)


def trim_memory() -> None:
    """Give the system what glibc keeps and nobody uses just now; elsewhere this does nothing.

    Small things that stay, made while large blocks were in use, keep those from growing together
    again once they are free: a process that keeps all of them needs more and more.
    """
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe_system() -> dict[str, str | int]:
    """Where and when a figure was measured."""
    told = Path("/proc/cpuinfo")
    text = told.read_text("utf-8", errors="replace") if told.exists() else ""
    models = re.findall("model name\\s*: (.*)", text)
    return {
        "processor": models[0] if models else platform.processor() or platform.machine(),
        "cores": cores(),
        "torch": installed("torch"),
        "onnxruntime": installed("onnxruntime"),
        "date": time.strftime("%Y-%m-%d"),
    }


def installed(package: str) -> str:
    """Its version, or that it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
