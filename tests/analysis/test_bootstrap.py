"""Resampled moments: exact for the people drawn, the same whatever the chunks, threads and memory of earlier draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import bootstrap
from analysis.bootstrap import check_draws, leave_one_out, people_resampled, resample, slopes
from analysis.errors import DataError
from analysis.scoring import Scores


def values(n: int = 50, p: int = 3, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(5, 2, size=(n, p)) @ (np.eye(p) + 0.3)


def counts(n: int, draws: int, seed: int) -> np.ndarray:
    """How often each person was drawn, read back from the sums of indicator columns."""
    drawn = resample(np.eye(n), draws=draws, seed=seed)
    sums = drawn.sums[:n] * drawn.scale[:, None]
    return np.rint(sums + n * drawn.centre[:, None]).astype(int).T


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 90), st.integers(1, 700), st.integers(0, 99), st.integers(1, 20_000), st.integers(1, 3))
def test_neither_chunks_nor_threads_change_a_number(n, draws, seed, chunk, threads):
    data = values(n)
    usual = resample(data, draws=draws, seed=seed).sums
    other = resample(data, draws=draws, seed=seed, chunk=chunk, threads=threads).sums
    np.testing.assert_allclose(other, usual, rtol=1e-12, atol=1e-11)


def test_rows_held_in_parts_change_no_number(monkeypatch):
    data = values(500)
    usual = resample(data, draws=300, seed=4).sums
    jackknife = next(leave_one_out(data)).sums
    monkeypatch.setattr(bootstrap, "ROWS", 64)
    np.testing.assert_allclose(resample(data, draws=300, seed=4).sums, usual, rtol=1e-11, atol=1e-10)
    np.testing.assert_allclose(np.hstack([part.sums for part in leave_one_out(data)]), jackknife, rtol=1e-9, atol=1e-10)


def test_a_sample_is_n_people_each_as_likely():
    drawn = counts(20, 5000, 3)
    assert (drawn.sum(axis=1) == 20).all()
    expected = np.sqrt(20 * (1 / 20) * (19 / 20) / 5000)
    assert np.abs(drawn.mean(axis=0) - 1).max() < 5 * expected
    assert drawn.var(axis=0).mean() == pytest.approx(19 / 20, rel=0.03)


def test_slopes_equal_least_squares_on_the_people_drawn():
    data = values(40, 4)
    drawn = resample(data, draws=60, seed=8)
    found, solved = slopes(drawn.covariances(), 0, [1, 2, 3])
    assert solved.all()
    for draw, weights in enumerate(counts(40, 60, 8)):
        rows = np.repeat(data, weights, axis=0)
        exact = np.linalg.lstsq(np.column_stack([np.ones(40), rows[:, 1:]]), rows[:, 0], rcond=None)[0][1:]
        np.testing.assert_allclose(found[:, draw] * drawn.sd[0] / drawn.sd[1:], exact, rtol=1e-9)


def test_leaving_one_out_equals_doing_it():
    data = values(30, 3)
    (without,) = leave_one_out(data)
    found, _ = slopes(without.covariances(), 0, [1, 2])
    for person in range(30):
        rows = np.delete(data, person, axis=0)
        exact = np.linalg.lstsq(np.column_stack([np.ones(29), rows[:, 1:]]), rows[:, 0], rcond=None)[0][1:]
        np.testing.assert_allclose(found[:, person] * without.sd[0] / without.sd[1:], exact, rtol=1e-9)


def test_what_is_remembered_equals_what_would_be_drawn():
    frame = pd.DataFrame(values(70, 5, 6), columns=list("abcde")).assign(f=lambda d: d.a.where(d.index > 3))
    scores = Scores.from_scored(frame, source="simulated")
    people_resampled(scores, ["a", "b"], draws=300, seed=2)
    before = len(bootstrap._kept)
    for names in (["d", "a"], ["b"], ["e", "c", "a"]):
        kept = people_resampled(scores, names, draws=300, seed=2)
        fresh = resample(frame[names].to_numpy(), draws=300, seed=2)
        np.testing.assert_allclose(kept.covariances(), fresh.covariances(), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(kept.sd, fresh.sd, rtol=1e-12)
    assert len(bootstrap._kept) == before
    with_gaps = people_resampled(scores, ["f", "a:b"], draws=300, seed=2)
    exact = resample(np.column_stack([frame.f, frame.a * frame.b])[4:], draws=300, seed=2)
    np.testing.assert_allclose(with_gaps.covariances(), exact.covariances(), rtol=1e-9, atol=1e-9)
    assert len(bootstrap._kept) <= bootstrap.KEPT


def test_changed_answers_are_never_mistaken_for_remembered_ones():
    frame = pd.DataFrame(values(60, 2), columns=["a", "b"])
    first = people_resampled(Scores.from_scored(frame, source="s"), ["a", "b"], draws=200, seed=1).covariances()
    changed = frame.assign(b=frame["b"].to_numpy()[::-1])
    second = people_resampled(Scores.from_scored(changed, source="s"), ["a", "b"], draws=200, seed=1).covariances()
    assert not np.allclose(first[0, 1], second[0, 1])


def test_a_sample_that_cannot_tell_predictors_apart_says_so():
    data = np.column_stack([np.arange(6.0), [1, 0, 0, 0, 0, 0], np.ones(6) + np.arange(6) % 2])
    drawn = resample(data, draws=400, seed=1)
    found, solved = slopes(drawn.covariances(), 0, [1, 2])
    assert 0 < solved.sum() < 400
    assert np.isfinite(found).all() and (found[0, ~solved] == 0).all()


def test_draws_and_seeds_that_cannot_be_used_are_named_together():
    check_draws(bootstrap.LEAST_DRAWS, 0)
    with pytest.raises(DataError) as caught:
        check_draws(99, -1)
    assert [problem.where for problem in caught.value.problems] == ["draws", "seed"]
    with pytest.raises(DataError, match="do not fit into memory"):
        check_draws(bootstrap.MOST_DRAWS + 1, 1)
