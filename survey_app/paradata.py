"""How people answered: times by the phone's own clock, one row per item that was shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

DEVICES = ("phone", "tablet", "desk")
_LONGEST = 2**53
_COLUMNS = {
    "participation": "str", "influencer": "str", "turn": "int64", "page": "str", "item": "str", "place": "int64",
    "shown_ms": "Int64", "first_ms": "Int64", "last_ms": "Int64", "page_ms": "Int64", "device": "str",
    "resumes": "int64", "switches": "int64", "saved": "datetime64[us, UTC]", "sequence": "int64",
}  # fmt: skip


def paradata_from(kept: Sequence[Any]) -> pd.DataFrame:
    """The saved pages, with what was told of how they were answered, as the table `Store.paradata` describes.

    What a phone tells may be anything: what is no time or no device class is missing.
    """
    import pandas as pd

    rows = [row for page in kept for row in _rows_of(page)]
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    return table.astype({name: kind for name, kind in _COLUMNS.items() if kind != "str"})


def turn_of(influencers: Sequence[str], influencer: str) -> int:
    """Which of the influencers a person rated it is, 1 being the first; 0 for answers about nobody."""
    return influencers.index(influencer) + 1 if influencer in influencers else int(bool(influencer))


def _rows_of(page: Any) -> list[tuple[Any, ...]]:
    told, shown = json.loads(page.paradata), json.loads(page.shown)
    items = told.get("items")
    items = items if isinstance(items, Mapping) else {}
    order = [item for item in shown if isinstance(item, str)] or list(json.loads(page.answers))
    device = told.get("device")
    start = (page.participation, page.influencer, turn_of(page.influencers, page.influencer), page.page)
    end = (
        _milliseconds(told.get("ms")), device if device in DEVICES else None,
        page.resumes, page.switches, page.saved, page.sequence,
    )  # fmt: skip
    return [(*start, item, place, *_times(items.get(item)), *end) for place, item in enumerate(order, start=1)]


def _times(told: object) -> tuple[int | None, int | None, int | None]:
    times = [*told, None, None, None] if isinstance(told, list) else [None, None, None]
    return _milliseconds(times[0]), _milliseconds(times[1]), _milliseconds(times[2])


def _milliseconds(told: object) -> int | None:
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 <= told < _LONGEST:
        return None
    return round(told)
