"""May this person begin, and as whom? Times, quotas, tokens and the codes people make for themselves.

- `NotAdmitted` (a StudyClosed) carries `reason`, one word a screen can be kind about: see `Reason`.
- `Store.standing(slug)` tells before the consent whether it is of use to ask for it.
- `current_wave(study, now)` is the wave a link without `wave=` belongs to; `check_code(study, parts)` says which
  answers of a self-made code to ask again; `person_of_code(secret, study, parts)` is what `Store.begin(person=)` takes.
- `token_key(study.id, token, wave)` is the key with which the owner of that token takes part, on any device.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from analysis.errors import Problem, StudyClosed
from survey_app.assignment import Tallies, Tally, open_conditions
from survey_app.study import Study, Wave

Standing = Literal["open", "draft", "early", "closed", "late", "full"]
Reason = Literal[
    "unknown", "draft", "early", "closed", "late", "full",
    "foreign", "token", "young", "code", "code_unknown", "code_taken", "wave", "finished",
]  # fmt: skip
"""Why somebody is not let in.

No such study or participation; a study not open yet (`early` names a time at which it will be), closed (`late`: its
time is over) or full; a link of another study; no token or a wrong one; the minimum age not confirmed; a self-made code
that is incomplete, was not met in an earlier wave, or was used in this wave already; no such wave; a participation that
is finished, so that its answers do not change.
"""

_DIGIT_FOR_LETTER = str.maketrans("018", "OIB")  # base32 has no 0, 1 and 8: whoever types one misread a letter


class NotAdmitted(StudyClosed):
    """Somebody cannot begin or go on; `reason` says why in a word that a screen has a kind sentence for."""

    def __init__(self, reason: Reason, problem: Problem) -> None:
        super().__init__(problem)
        self.reason: Reason = reason


def current_wave(study: Study, now: datetime) -> str:
    """The wave that is on: the last one that has opened and not closed, else the first; "" in a study without waves."""
    waves = [w for w in study.waves if (w.opens is None or w.opens <= now) and (w.closes is None or now < w.closes)]
    timed = [wave for wave in waves if wave.opens is not None]
    if timed:
        return timed[-1].id
    return (waves or study.waves)[0].id if study.waves else ""


def standing(
    study: Study, now: datetime, *, wave: str = "", source: str = "", finished: Tallies | None = None
) -> Standing:
    """Does the study take new people now? `finished` is needed only where the study has a quota."""
    if study.state != "open":
        return "draft" if study.state == "draft" else "closed"
    timed: list[Study | Wave] = [study, *(each for each in study.waves if each.id == wave)]
    if any(each.opens is not None and now < each.opens for each in timed):
        return "early"
    if any(each.closes is not None and each.closes <= now for each in timed):
        return "late"
    return "full" if finished is not None and _is_full(study, source, finished) else "open"


def _is_full(study: Study, source: str, tallies: Tallies) -> bool:
    if study.quota is not None and tallies.all.finished >= study.quota:
        return True
    limit = next((each.quota for each in study.sources if each.id == source), None)
    if limit is not None and tallies.by_source.get(source, Tally()).finished >= limit:
        return True
    return bool(study.conditions) and not open_conditions(study, tallies)


def check_code(study: Study, parts: Mapping[str, str]) -> list[str]:
    """The ids of the questions whose answers cannot be part of a self-made code yet."""
    return [part.id for part in study.code if len(_plain(parts.get(part.id, ""))) != part.length]


def person_of_code(secret: bytes, study: Study, parts: Mapping[str, str]) -> str:
    """Who made this code? The same text whenever the same answers are given, and no way back to them.

    Capitals, accents, spaces and hyphens make no difference. What is kept is a hash with a key that is not in the
    database (`secret`, the installation's): without it, the few million possible codes could simply be tried.

    Raises
    ------
    NotAdmitted
        With the reason `code`, where an answer is missing or has another length than asked for.
    """
    wrong = check_code(study, parts)
    if wrong:
        what = f"the answer to {', '.join(wrong)} is not as long as asked for"
        raise NotAdmitted("code", Problem("the code", what, "Answer each question with as many letters as it asks."))
    code = ":".join(_plain(parts[part.id]) for part in study.code)
    return "m" + hmac.new(secret, f"wave:{study.id}:{code}".encode(), hashlib.sha256).hexdigest()[:31]


def _plain(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", text[:100]).casefold() if char.isalnum())


def in_fours(letters: str) -> str:
    """Letters in groups of four, easier to copy."""
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def code_as_typed(text: str) -> str:
    """A code as it was issued, however carelessly it was typed: capitals, groups of four, digits read as letters."""
    return in_fours(re.sub(r"[^A-Z2-7]", "", text.upper().translate(_DIGIT_FOR_LETTER)))


def new_token() -> str:
    """A code of 60 random bits that admits its owner once."""
    return in_fours(base64.b32encode(secrets.token_bytes(10)).decode()[:12])


def token_key(study_id: str, token: str, wave: str = "") -> str:
    """The key with which the owner of this token takes part: the same on every device, so it resumes."""
    text = f"token:{study_id}:{wave}:{code_as_typed(token[:100])}"
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
