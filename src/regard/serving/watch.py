"""Model files that change while a server runs."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

CHECK_SECONDS = 2.0


def fingerprint(paths: Sequence[Path]) -> tuple[tuple[str, int, int], ...]:
    """Name, time of change and size of each file; those of a folder are its own."""
    files = (file for path in paths for file in (path, *sorted(path.glob("*"))))
    described = []
    for file in files:
        try:
            status = file.stat()
        except OSError:  # it is being replaced
            continue
        described.append((str(file), status.st_mtime_ns, status.st_size))
    return tuple(described)


async def watch(
    paths: Sequence[Path], reload: Callable[[], None], seconds: float = CHECK_SECONDS
) -> None:
    """Call `reload` when files have changed, and then have stayed the same for `seconds`, since a
    large file is written in parts. Ends when it is cancelled."""
    loaded = before = fingerprint(paths)
    while True:
        await asyncio.sleep(seconds)
        now = fingerprint(paths)
        if now != loaded and now == before and now:
            reload()
            loaded = now
        before = now
