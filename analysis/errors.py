"""Every error Parasol raises on purpose.

    ParasolError
    ├── InstrumentError   a questionnaire file cannot be used as it stands
    ├── DataError         answers or columns cannot be used as they stand
    ├── MomentsError      a mean, covariance or correlation table is impossible
    ├── ModelError        model text cannot be read, or names what the data lack
    ├── NeedsRows         the question needs people, only moments are at hand
    ├── NotConverged      an estimator stopped before it found an answer
    ├── SettingsError     the environment or a setting is wrong
    ├── StudyClosed       the study takes no answers (closed, full, not open yet)
    └── StoreError        the database refuses or cannot be reached

Each carries one or more `Problem`s: where it is, what is wrong, what to do.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where it is, what is wrong with the actual value, and what to do about it.

    Examples
    --------
    >>> print(Problem("column 'psi3'", "row 12 holds 'often', which is no number", "Correct it or leave it empty."))
    column 'psi3': row 12 holds 'often', which is no number. Correct it or leave it empty.
    """

    where: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what.rstrip('.')}. {self.remedy}"


class ParasolError(Exception):
    """The root of all errors Parasol raises on purpose; its text is meant for people."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class InstrumentError(ParasolError):
    """A questionnaire file cannot be used as it stands."""


class DataError(ParasolError):
    """Answers or columns cannot be used as they stand."""


class MomentsError(ParasolError):
    """A table of means, covariances or correlations is impossible."""


class ModelError(ParasolError):
    """Model text cannot be read, or it names what the data do not have."""


class NeedsRows(ParasolError):
    """The question needs people, and only moments are at hand."""


class NotConverged(ParasolError):
    """An estimator stopped before it found an answer."""


class SettingsError(ParasolError):
    """The environment or a setting is wrong."""


class StudyClosed(ParasolError):
    """The study takes no answers at this moment."""


class StoreError(ParasolError):
    """The database refuses, or cannot be reached."""
