"""Whatever breaks while people answer: what was acknowledged is in the database, once, and everybody finishes.

One round of each fault. More rounds, each with other people and other moments:

    python -m tests.faults --rounds 20
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from analysis.instrument import Instrument
from tests.faults import breaking
from tests.house import Counted, Crowd, House


@pytest.mark.parametrize("fault", breaking.ON_A_RUNNING_SERVER, ids=lambda fault: fault.__name__)
def test_fault(fault: Callable[[House, Instrument, int], Counted], house: House, questionnaire: Instrument) -> None:
    try:
        counted = fault(house, questionnaire, 1)
    except breaking.Impossible as why:
        pytest.skip(str(why))
    print(counted)
    assert counted.completed >= breaking.PEOPLE and counted.resent > 0


@pytest.mark.parametrize(
    "fault",
    [
        breaking.fill_disk,
        pytest.param(breaking.restart_database, marks=pytest.mark.postgres),
        breaking.move_clock,
    ],
    ids=lambda fault: fault.__name__,
)
def test_fault_of_a_server_of_its_own(
    fault: Callable[[Path, Instrument, int], Counted], tmp_path: Path, questionnaire: Instrument
) -> None:
    try:
        counted = fault(tmp_path, questionnaire, 1)
    except breaking.Impossible as why:
        pytest.skip(str(why))
    print(counted)
    assert counted.completed >= breaking.PEOPLE
    assert counted.resent > 0 or fault is breaking.move_clock  # a clock that jumps stops nobody


def test_nonsense_from_a_phones_clock(house: House, questionnaire: Instrument) -> None:
    """Times that are negative, endless, no numbers or of items of nowhere: the answers are kept, the times are not."""
    slug = house.add_study(questionnaire)
    with Crowd(house.base, slug, questionnaire, 1, seed=8) as crowd:
        pass
    crowd.check(house.store)
    page, about, answers = crowd.parts[0].acknowledged[0]
    key = secrets.token_urlsafe(32)
    house.store.begin(slug, key, language="nl", influencer=about)
    nonsense: list[Any] = [
        -1, 10**30, 1e300, "soon", None, [], {}, [[]], True, {"x": 1}, "9" * 1000,
    ]  # fmt: skip
    for wrong in nonsense:
        item = next(iter(answers))
        told = {"ms": wrong, "items": {item: [wrong, 5, wrong], "nowhere": [1, 2, 3]}, "device": wrong}
        letter = {"key": key, "page": page, "influencer": about, "answers": answers, "paradata": told}
        assert httpx.post(f"{house.base}/answers", json=letter).status_code == 200, wrong
        table = house.store.paradata(slug)
        mine = table[(table["page"] == page) & (table["item"] == item)]
        assert len(mine) == 2 and mine["device"].isna().sum() == 1
        assert (table[["shown_ms", "first_ms", "last_ms", "page_ms"]].dropna(how="all").fillna(0) >= 0).all().all()
