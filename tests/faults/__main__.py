"""Every fault again and again, with other people and other moments in each round, and what came of it.

    python -m tests.faults [--rounds 20] [--only kill,cut] [--seed 1]

A round takes about 40 seconds for all faults. Each line counts the rounds, who completed, the pages that were
acknowledged (all of them were in the database, once, with the answers that were sent), and how often something had to
be sent again; a round in which anything was lost or doubled is counted as broken, said why, and ends this with code 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from analysis.instrument import load_instrument
from survey_app.server import raise_open_files
from tests.faults.breaking import ON_A_RUNNING_SERVER, ON_ITS_OWN, Impossible
from tests.house import Counted, House


def repeat(name: str, once: Callable[[int], Counted], seeds: range) -> bool:
    """Make a fault with each seed, say what came of it; whether nothing broke."""
    found, broken, began = [], 0, time.perf_counter()
    for seed in seeds:
        try:
            found.append(once(seed))
        except Impossible as why:
            print(f"| {name} | not made: {why} | | | | |", flush=True)
            return True
        except AssertionError as why:
            broken += 1
            print(f"{name}, seed {seed}: {why}", file=sys.stderr, flush=True)
    completed, acknowledged, resent = (
        sum(getattr(one, part) for one in found) for part in ("completed", "acknowledged", "resent")
    )
    took = time.perf_counter() - began
    print(f"| {name} | {len(seeds)} | {completed} | {acknowledged} | {resent} | {broken} | {took:.0f} s |", flush=True)
    return not broken


def main() -> int:
    faults = [*ON_A_RUNNING_SERVER, *ON_ITS_OWN]
    names = [fault.__name__ for fault in faults]
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=20)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--only", default=",".join(names), help=f"of {', '.join(names)}")
    wish = asked.parse_args()
    raise_open_files()
    questionnaire, seeds, well = load_instrument("psi_core"), range(wish.seed, wish.seed + wish.rounds), True
    print("| fault | rounds | completed | pages acknowledged, all kept once | sent again | broken rounds | took |")
    print("|---|---|---|---|---|---|---|")
    for fault in ON_A_RUNNING_SERVER:
        if fault.__name__ in wish.only.split(","):
            with tempfile.TemporaryDirectory() as name:
                house = House(Path(name))
                house.start()
                try:
                    well &= repeat(fault.__name__, lambda seed: fault(house, questionnaire, seed), seeds)  # noqa: B023
                finally:
                    house.stop()
    for alone in ON_ITS_OWN:
        if alone.__name__ in wish.only.split(","):

            def once(seed: int, alone: Callable[..., Counted] = alone) -> Counted:
                with tempfile.TemporaryDirectory() as name:
                    return alone(Path(name), questionnaire, seed)

            well &= repeat(alone.__name__, once, seeds)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
