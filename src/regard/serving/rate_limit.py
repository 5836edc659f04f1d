"""How many requests a caller may send in a minute."""

import time
from collections import OrderedDict, deque

from regard.serving.contract import Refused

MINUTE = 60.0
MAX_CALLERS = 100_000
"""Callers whose requests are counted; the one that has not asked for longest is forgotten."""


class RateLimit:
    """Counts the requests of each caller in the last minute."""

    def __init__(self) -> None:
        self.times: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, caller: str, per_minute: int) -> None:
        """Count one more; -1 is no limit. Raises Refused if there are too many."""
        if per_minute < 0:
            return
        now = time.monotonic()
        times = self.times.setdefault(caller, deque())
        self.times.move_to_end(caller)
        while times and times[0] <= now - MINUTE:
            times.popleft()
        if len(times) >= per_minute:
            wait = int(times[0] + MINUTE - now) + 1 if times else int(MINUTE)
            raise Refused(f"Slowdown: {per_minute} per 1 minute", 429, wait)
        times.append(now)
        if len(self.times) > MAX_CALLERS:
            self.times.popitem(last=False)
