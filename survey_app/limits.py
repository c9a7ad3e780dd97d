"""How often somebody may ask: a bucket of permits for each key and each link, never for an address.

A lecture hall shares one address, so an address says nothing about who asks too often.

What is counted: arrivals for each link (entrance.py), and for each respondent's key and each link the pages of answers,
whether they come to the route (saving.py) or by the websocket (screens/respondent.py); by the websocket also every
other press of a button, for each key. Codes of withdrawal that are tried are counted for everybody together
(withdrawal.py).

With `parasol serve --workers N` nothing is shared between the processes: each keeps an equal part, 1/N, of the limit of
a link, so that all together let through what one process would; people are spread over them evenly. The limit of a key
is whole in each process, because the cookie by which the web server in front spreads people keeps each with one of
them. Whoever sends without that cookie may reach all N, and so N times the limit of a key, but never more than the
link's. Processes that are started one by one say how many they are in PARASOL_WORKERS.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import cache

from survey_app.settings import load_settings

_ROUNDING = 1e-6
REMEMBERED = 20_000
"""The most names that are remembered; whoever was not heard of for longest is forgotten first."""


class Limit:
    """So many at once for each name, and so many per second after that; kept in the memory of this process.

    A `shared` limit is that of all processes together.

    Examples
    --------
    >>> seconds = iter([0.0, 0.0, 0.0, 1.0])
    >>> limit = Limit(2, 0.5, clock=lambda: next(seconds))
    >>> [limit.wait("mia") for _ in range(4)]
    [0.0, 0.0, 2.0, 1.0]
    """

    def __init__(
        self, at_once: int, per_second: float, *, shared: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.at_once = at_once
        self.per_second = per_second
        self.shared = shared
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, name: str) -> float:
        """How many seconds is it too early for this name? 0 lets it pass, and is counted."""
        now, part = self._clock(), 1 / _processes() if self.shared else 1.0
        at_once, per_second = max(self.at_once * part, 1.0), self.per_second * part
        with self._lock:
            left, since = self._left.pop(name, (at_once, now))
            left = min(left + (now - since) * per_second, at_once)
            passes = left > 1 - _ROUNDING  # whoever waits exactly as long as told must not be told to wait again
            left -= passes
            self._left[name] = left, now
            if len(self._left) > REMEMBERED:
                self._left.popitem(last=False)
        return 0.0 if passes else (1 - left) / per_second


@cache
def _processes() -> int:
    """How many processes serve respondents; read once, when the first of them asks."""
    return load_settings().workers


PAGES = Limit(60, 3)
"""Of one respondent: a whole questionnaire at once, and three pages a second for as long as they like."""
LINKS = Limit(3000, 300, shared=True)
"""Through one link: a page of each phone in three lecture halls at once, and three hundred a second after that."""


def seconds_too_early(key: str, link: str, *, saves: bool) -> float:
    """The same limits for what comes by the websocket: how long must this respondent wait? 0 lets it pass."""
    return PAGES.wait(f"websocket {key}") or (LINKS.wait(link) if saves else 0.0)
