"""How often somebody may ask: a bucket of permits for each key and each link, never for an address.

A lecture hall shares one address, so an address says nothing about who asks too often.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_ROUNDING = 1e-6
REMEMBERED = 20_000
"""The most names that are remembered; whoever was not heard of for longest is forgotten first."""


class Limit:
    """So many at once for each name, and so many per second after that; kept in the memory of this process.

    Examples
    --------
    >>> seconds = iter([0.0, 0.0, 0.0, 1.0])
    >>> limit = Limit(2, 0.5, clock=lambda: next(seconds))
    >>> [limit.wait("mia") for _ in range(4)]
    [0.0, 0.0, 2.0, 1.0]
    """

    def __init__(self, at_once: int, per_second: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.at_once = at_once
        self.per_second = per_second
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, name: str) -> float:
        """How many seconds is it too early for this name? 0 lets it pass, and is counted."""
        now = self._clock()
        with self._lock:
            left, since = self._left.pop(name, (float(self.at_once), now))
            left = min(left + (now - since) * self.per_second, float(self.at_once))
            passes = left > 1 - _ROUNDING  # whoever waits exactly as long as told must not be told to wait again
            left -= passes
            self._left[name] = left, now
            if len(self._left) > REMEMBERED:
                self._left.popitem(last=False)
        return 0.0 if passes else (1 - left) / self.per_second
