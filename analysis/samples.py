"""The people of each group, condensed to what a comparison of groups asks again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.errors import DataError
from analysis.fiml import patterns_of, unrestricted, without_relations
from analysis.latent import Structure, baseline, specify
from analysis.likelihood import Block, Layout, Point, case_slopes, inverse, observed_information, one_group
from analysis.moments import Moments
from analysis.robust import Correction, Robust, at_start, correct
from analysis.scoring import Scores


@dataclass(frozen=True, eq=False)
class Sample:
    """One group of people.

    Attributes
    ----------
    blocks : tuple of Block
        One for complete rows; with missing answers one for each pattern of answers.
    rows : tuple of ndarray
        The answers themselves, one array for each block.
    mean, cov : ndarray
        Moments (denominator n); with missing answers those that complete data would have had.
    explained, independent : float
        Deviance per person of the model that explains everything, and of the one of no relations.
    saturated_trace : float or None
        What the model that explains everything adds to the trace of a correction; None where `correct` computes it.
    baseline_trace : float
        The trace that corrects the model of no relations, 0 where no correction is asked.
    notes : tuple of str
    """

    blocks: tuple[Block, ...]
    rows: tuple[np.ndarray, ...]
    mean: np.ndarray
    cov: np.ndarray
    explained: float
    independent: float
    saturated_trace: float | None
    baseline_trace: float
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """How many people."""
        return sum(block.n for block in self.blocks)

    @property
    def answers(self) -> int:
        """How many answers they gave to the model's questions."""
        return sum(block.n * len(block.places) for block in self.blocks)


def complete_sample(
    structure: Structure, moments: Moments, rows: np.ndarray, group: int, robust: Robust | None
) -> Sample:
    """What does a comparison ask of a group in which everybody answered everything?

    Parameters
    ----------
    structure : Structure
        With means.
    moments : Moments
        Of the group's people.
    rows : ndarray, shape (n, p)
        Their answers.
    group : int
        Which group of the layout this is.
    robust : None, "mlm" or "mlr"
        Whether the baseline is to be corrected, and how.

    Returns
    -------
    Sample
        With one block.

    Checked against
    ---------------
    lavaan 0.6-14, as part of `fit_invariance`: tests/reference/latent_more.json, tests/analysis/test_invariance.py.

    Examples
    --------
    >>> from analysis.moments import from_rows
    >>> from analysis.latent import specify
    >>> from analysis.model import parse_model
    >>> structure = specify(parse_model("f =~ a + b + c"), has_means=True, latent_means=True)
    >>> rows = np.random.default_rng(2).normal(size=(50, 3))
    >>> sample = complete_sample(structure, from_rows(rows, ("a", "b", "c")), rows, 0, None)
    >>> sample.n, sample.answers, sample.explained < sample.independent
    (50, 150, True)
    """
    cov = moments.cov * ((moments.n - 1) / moments.n)
    block = Block(moments.n, moments.mean, cov, np.arange(len(cov)), group)
    trace = 0.0
    if robust is not None:
        alone = one_group(baseline(specify(structure.model)))
        own = replace(block, group=0)
        trace = correct(alone, [own], at_start(alone, own), [rows], robust).trace
    return Sample(
        (block,),
        (rows,),
        moments.mean,
        cov,
        float(np.linalg.slogdet(cov)[1]) + len(cov),
        float(np.log(np.diag(cov)).sum()) + len(cov),
        None,
        trace,
    )


def sample_with_gaps(structure: Structure, scores: Scores, group: int, where: str) -> Sample:
    """What does a comparison ask of a group in which answers are missing?

    Parameters
    ----------
    structure : Structure
        With means.
    scores : Scores
        The group's people.
    group : int
        Which group of the layout this is.
    where : str
        What messages call the group.

    Returns
    -------
    Sample
        With one block for each pattern of answers.

    Raises
    ------
    DataError
        As `patterns_of` and `unrestricted`, with the name of the group.

    Checked against
    ---------------
    lavaan 0.6-14, as part of `fit_invariance`: tests/reference/latent_more.json, tests/analysis/test_invariance.py.

    Examples
    --------
    >>> import pandas as pd
    >>> from analysis.latent import specify
    >>> from analysis.model import parse_model
    >>> structure = specify(parse_model("f =~ a + b + c"), has_means=True, latent_means=True)
    >>> frame = pd.DataFrame(np.random.default_rng(2).normal(size=(50, 3)), columns=list("abc"))
    >>> frame.loc[:9, "b"] = np.nan
    >>> sample = sample_with_gaps(structure, Scores.from_scored(frame, source="t"), 0, "group 'nl'")
    >>> sample.n, sample.answers, len(sample.blocks)
    (50, 140, 2)
    """
    try:
        patterns = patterns_of(scores, structure)
        best = unrestricted(structure, patterns)
        independent, trace = without_relations(structure, patterns, best)
    except DataError as error:
        named = (replace(problem, where=f"{where}, {problem.where}") for problem in error.problems)
        raise DataError(*named) from error
    return Sample(
        tuple(replace(block, group=group) for block in patterns.blocks),
        patterns.rows,
        best.complete.mean,
        best.complete.cov,
        best.point.value,
        independent,
        float(np.vdot(np.linalg.inv(best.weight), best.meat)),
        trace,
        tuple(f"{where}: {note}" for note in patterns.notes),
    )


def correct_samples(layout: Layout, samples: Sequence[Sample], point: Point, kind: Robust) -> Correction:
    """What do people's own slopes say about the precision of estimates that several groups share?

    Parameters
    ----------
    layout : Layout
    samples : sequence of Sample
        All complete, or all with gaps.
    point : Point
        The estimates.
    kind : {"mlm", "mlr"}
        As for `correct`; samples with gaps only know "mlr".

    Returns
    -------
    Correction
        The covariance of the estimates, and the trace whose share per degree of freedom scales chi-square.

    Checked against
    ---------------
    lavaan 0.6-14, as part of `fit_invariance`: tests/reference/latent_more.json, tests/analysis/test_invariance.py.

    Examples
    --------
    >>> from analysis.latent import start_values
    >>> from analysis.likelihood import collect, minimise
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_rows
    >>> structure = specify(parse_model("f =~ a + b + c"), has_means=True)
    >>> rng = np.random.default_rng(2)
    >>> rows = rng.normal(size=(400, 1)) + rng.normal(size=(400, 3))
    >>> sample = complete_sample(structure, from_rows(rows, ("a", "b", "c")), rows, 0, "mlm")
    >>> layout = one_group(structure)
    >>> start = collect(layout, [next(start_values(structure, sample.cov, sample.mean))])
    >>> found = correct_samples(layout, [sample], minimise(layout, sample.blocks, [start]), "mlm")
    >>> bool(abs(found.trace) < 1e-9), found.covariance.shape  # no degree of freedom, nothing to correct
    (True, (9, 9))
    """
    blocks = [block for sample in samples for block in sample.blocks]
    rows = [people for sample in samples for people in sample.rows]
    gapped = [sample.saturated_trace for sample in samples if sample.saturated_trace is not None]
    if not gapped:
        return correct(layout, blocks, point, rows, kind)
    n = sum(block.n for block in blocks)
    slopes = np.concatenate(
        [case_slopes(layout, point, people, block) for people, block in zip(rows, blocks, strict=True)]
    )
    meat = slopes.T @ slopes / n
    bread = inverse(observed_information(layout, blocks, point))
    return Correction(bread @ meat @ bread / n, sum(gapped) - float(np.vdot(bread, meat)))
