"""Families of tests: R's p.adjust, and what must be refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import DataError
from analysis.multiplicity import METHODS, adjust_family
from tests.analysis.scores_reference import reference

HYPOTHESES = {"H1 social -> psi": 0.012, "H2 homophily -> psi": 0.001, "H3 psi -> trust": 0.03, "H4 tier": 0.5}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["several", "tied", "one", "far"])
def test_equals_p_adjust(name: str, method: str) -> None:
    r = reference()["family"][name]
    found = adjust_family({f"t{place}": p for place, p in enumerate(r["p"])}, family=name, method=method)
    assert found["p_adjusted"].tolist() == pytest.approx(r[method], rel=1e-12)
    assert found["p_value"].tolist() == r["p"]


def test_a_family_has_a_name_and_keeps_its_order() -> None:
    found = adjust_family(HYPOTHESES, family="hypotheses of one paper")
    assert set(found["family"]) == {"hypotheses of one paper"}
    assert found["term"].tolist() == list(HYPOTHESES)
    assert set(found["tests"]) == {4} and set(found["method"]) == {"holm"}
    turned = adjust_family(dict(reversed(HYPOTHESES.items())), family="the same")
    assert turned["p_adjusted"].tolist() == found["p_adjusted"].tolist()[::-1]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_correcting_never_helps_and_holm_is_the_stricter(p_values: list[float]) -> None:
    family = {f"t{place}": p for place, p in enumerate(p_values)}
    holm, bh = (adjust_family(family, family="any", method=method)["p_adjusted"] for method in ("holm", "bh"))
    assert (bh >= [p * (1 - 1e-12) for p in p_values]).all() and (holm >= bh * (1 - 1e-12)).all() and (holm <= 1).all()


def test_what_is_no_family_is_named_all_at_once() -> None:
    with pytest.raises(DataError) as caught:
        adjust_family({"a": float("nan"), "b": 1.2}, family="tiers", method="sidak")
    places = [problem.where for problem in caught.value.problems]
    assert places == ["family 'tiers', 'a'", "family 'tiers', 'b'", "method"]
    with pytest.raises(DataError, match="family 'tiers': it holds no test"):
        adjust_family({}, family="tiers")
