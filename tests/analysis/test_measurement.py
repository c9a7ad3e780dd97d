"""The one call behind `parasol measure`: its parts are the parts, and a part that fails takes no other along."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.errors import DataError, ModelError
from analysis.measurement import measurement
from analysis.model import parse_model
from analysis.moments import as_moments
from analysis.reliability import item_statistics, reliability_table
from analysis.scoring import score_scales
from analysis.validity import htmt
from tests.analysis.measurement_reference import blocks, reference, simulated


def test_the_whole_is_its_parts() -> None:
    scores = simulated()
    found = measurement(scores, factors=3, draws=500, seed=2)
    pd.testing.assert_frame_equal(found.reliability, reliability_table(scores))
    pd.testing.assert_frame_equal(found.items, item_statistics(scores))
    assert found.validity and found.htmt and found.adequacy and found.parallel and found.factors and found.single_factor
    pd.testing.assert_frame_equal(found.htmt.pairs, htmt(scores, draws=500, seed=2).pairs)
    assert found.adequacy.kmo == pytest.approx(reference()["factors"]["kmo"], rel=1e-10)
    assert found.parallel.components == 3 and len(found.factors.variance) == 3
    assert found.collinearity is not None and found.collinearity["variable"].tolist() == list(scores.scales)
    assert [note.split(" ")[0] for note in found.notes] == ["Omega", "AVE", "HTMT"]


def test_a_model_of_ones_own_is_fitted() -> None:
    model = parse_model("bond =~ psi1 + psi2 + psi3 + trust1 + trust2; buy =~ buy1 + buy2 + buy3")
    found = measurement(simulated(), model=model, draws=200)
    assert found.validity is not None and found.validity.scales["scale"].tolist() == ["bond", "buy"]


def test_what_was_asked_for_by_name_raises() -> None:
    with pytest.raises(ModelError, match="cannot be told apart"):
        measurement(blocks(), factors=5, draws=200)
    with pytest.raises(ModelError):
        measurement(blocks(), model=parse_model("f =~ a0 + a1; f ~ b0"), draws=200)
    with pytest.raises(DataError, match="level"):
        measurement(blocks(), level=1.5)


def test_moments_lack_what_needs_people() -> None:
    scores = simulated()
    items = [item for own in scores.scales.values() for item in own]
    found = measurement(as_moments(scores, items), scores.scales)
    whole = measurement(scores, draws=200)
    assert found.collinearity is None and any("needs scale scores" in note for note in found.notes)
    pd.testing.assert_frame_equal(found.reliability, whole.reliability)
    assert found.validity is not None and whole.validity is not None
    pd.testing.assert_frame_equal(found.validity.scales, whole.validity.scales)
    with pytest.raises(DataError, match="which items belong"):
        measurement(as_moments(scores, items))


def test_one_broken_item_leaves_the_other_parts_standing() -> None:
    rows = blocks(scales=3).items.assign(c0=4.0)
    scales = {"a": ["a0", "a1", "a2"], "b": ["b0", "b1", "b2"], "c": ["c0", "c1", "c2"]}
    found = measurement(score_scales(rows, scales, source="s"), draws=200)
    assert np.isfinite(found.reliability["alpha"][:2]).all() and "'c0'" in found.reliability["note"][2]
    assert found.validity is None and found.htmt is None and found.adequacy is None
    reasons = [note.partition(":")[0] for note in found.notes]
    assert [reason for reason in reasons if reason.startswith("No ")] == [
        "No factor model", "No HTMT", "No exploration of the items",
    ]  # fmt: skip
    assert any(note.startswith("Omega is omega total") for note in found.notes)
    assert not any(note.startswith(("AVE", "HTMT")) for note in found.notes)


def test_a_single_scale_and_a_synthetic_one() -> None:
    rows = blocks().items.assign(synthetic=True)
    found = measurement(score_scales(rows, {"a": ["a0", "a1", "a2"]}, source="s"), draws=200)
    assert found.htmt is None and any("two scales" in note for note in found.notes)
    assert found.validity is not None and found.synthetic and found.validity.fit.synthetic
    assert found.parallel is not None and found.parallel.synthetic
