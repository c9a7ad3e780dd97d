"""Influencers as rows: tiers, engagement, indices and the composite, on simulated influencers with known answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.errors import DataError
from analysis.influencers import add_tiers, fit_engagement, load_tiers, score_indices, weigh_composite
from analysis.scoring import Scores

FROZEN = json.loads((Path(__file__).parents[1] / "reference" / "influencers.json").read_text(encoding="utf-8"))


def scored(frame: pd.DataFrame) -> Scores:
    return Scores.from_scored(frame, source="test")


def influencers(n: int = 60, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    followers = np.round(10 ** rng.uniform(2, 6, size=n))
    rate = 10 ** (-0.5 - 0.2 * np.log10(followers) + rng.normal(0, 0.1, size=n))
    trust = rng.normal(5, 1, size=n)
    return pd.DataFrame(
        {
            "influencer": [f"i{k}" for k in range(n)],
            "followers": followers,
            "interactions": followers * rate,
            "trust": trust,
            "purchase": 0.5 * trust + rng.normal(size=n),
            "synthetic": True,
        }
    )


def test_cut_points_belong_to_one_tier_and_gaps_to_none():
    data = add_tiers(
        scored(pd.DataFrame({"followers": [99, 100, 4999, 5000, 49999, 50000, 99999, 1e5, np.nan]})), load_tiers()
    )
    tiers = [None if pd.isna(tier) else tier for tier in data.frame["tier"]]
    assert tiers == [None, "nano", "nano", "micro", "micro", None, None, "macro", None]
    assert any("articles_1" in note and "3 of 9" in note for note in data.notes)
    assert {"en", "nl"} == set(load_tiers().note)
    with pytest.raises(DataError, match="tier, log_followers stands there"):
        add_tiers(data, load_tiers())
    with pytest.raises(DataError, match=r"row 2 \(0\)"):
        add_tiers(scored(pd.DataFrame({"followers": [5.0, 0.0]})), load_tiers())
    with pytest.raises(DataError, match="no such file"):
        load_tiers("other")


def test_engagement_recovers_the_slope_it_was_simulated_with_and_both_forms_agree():
    fit = fit_engagement(scored(influencers(400)))
    rate = fit.coefficient("log_rate", "log_followers")
    acts = fit.coefficient("log_interactions", "log_followers")
    assert rate.conf_low < -0.2 < rate.conf_high
    assert acts.estimate == pytest.approx(rate.estimate + 1, rel=1e-9)
    assert acts.std_error == pytest.approx(rate.std_error, rel=1e-6)
    assert fit.synthetic


def test_engagement_is_r_s_regression_of_the_logarithms():
    fit = fit_engagement(scored(pd.DataFrame(FROZEN["data"])))
    for outcome in ("log_interactions", "log_rate"):
        slope = fit.coefficient(outcome, "log_followers")
        for name in ("estimate", "std_error", "conf_low", "conf_high"):
            assert slope[name] == pytest.approx(FROZEN[outcome][name], rel=1e-8), (outcome, name)
        assert fit.summary.set_index("outcome").r_squared[outcome] == pytest.approx(FROZEN[outcome]["r_squared"])


def test_indices_ranks_and_validity_are_r_s_and_random_weights_agree_with_a_grid_of_all():
    parts = {"reach": ["followers"], "relevance": ["fit"], "resonance": ["interactions", "trust"]}
    data = score_indices(scored(pd.DataFrame(FROZEN["data"])), parts, counts=["followers", "interactions"])
    for name in parts:
        assert data.frame[name].tolist() == pytest.approx(FROZEN["indices"][name])
    found = weigh_composite(data, list(parts), outcome="purchase", draws=20_000)
    assert found.influencers["composite"].tolist() == pytest.approx(FROZEN["composite"])
    assert found.influencers["rank"].tolist() == FROZEN["rank"]
    for name in ("rank_low", "rank_high"):
        apart = (found.influencers[name] - FROZEN[name]).abs()
        assert apart.max() <= 1
        assert apart.mean() < 0.1
    assert found.agreement == pytest.approx(FROZEN["agreement"], abs=0.002)
    for name, expected in FROZEN["validity"].items():
        assert found.validity.set_index("term").loc[name, list(expected)].to_dict() == pytest.approx(expected)


def test_silent_influencers_are_counted_and_impossible_counts_named():
    frame = influencers()
    frame.loc[:2, "interactions"] = 0.0
    fit = fit_engagement(scored(frame))
    assert fit.summary.n[0] == 57
    assert any("3 of 60 influencers" in note for note in fit.notes)
    with pytest.raises(DataError, match="1 are negative"):
        fit_engagement(scored(frame.assign(interactions=frame.interactions.where(frame.index != 5, -1))))


def test_indices_are_means_of_z_scores_and_units_do_not_matter():
    frame = influencers()
    data = score_indices(scored(frame), {"reach": ["followers"], "both": ["trust", "purchase"]}, counts=["followers"])
    assert data.frame["reach"].mean() == pytest.approx(0, abs=1e-12)
    assert data.frame["reach"].std() == pytest.approx(1)
    other = score_indices(scored(frame.assign(trust=frame.trust * 100 - 7)), {"both": ["trust", "purchase"]})
    assert other.frame["both"].tolist() == pytest.approx(data.frame["both"].tolist())
    assert data.synthetic
    with pytest.raises(DataError) as caught:
        score_indices(scored(frame), {"reach": [], "trust": ["followers"]})
    assert len(caught.value.problems) == 2
    with pytest.raises(DataError, match="ranks nobody"):
        score_indices(scored(frame.assign(trust=3.0)), {"x": ["trust"]})


def test_a_composite_of_agreeing_indices_does_not_hang_on_weights():
    frame = influencers()
    one = weigh_composite(scored(frame.assign(a=frame.trust, b=frame.trust)), ["a", "b"], outcome="purchase")
    assert one.agreement == pytest.approx(1)
    assert (one.influencers.rank_low == one.influencers.rank_high).all()
    mixed = score_indices(scored(frame), {"reach": ["followers"], "resonance": ["trust"]}, counts=["followers"])
    mixed = add_tiers(mixed, load_tiers())
    found = weigh_composite(mixed, ["reach", "resonance"], outcome="purchase")
    assert found.agreement < 1
    ranges = found.influencers.rank_high - found.influencers.rank_low
    assert ranges.max() > 10
    assert found.influencers["rank"].between(found.influencers.rank_low, found.influencers.rank_high).mean() > 0.9
    validity = found.validity.set_index("term").estimate
    assert set(validity.index) == {"composite", "reach", "resonance", "log_followers"}
    assert validity["resonance"] == pytest.approx(np.corrcoef(frame.trust, frame.purchase)[0, 1])
    assert validity["reach"] == pytest.approx(validity["log_followers"])
    assert found.synthetic
    again = weigh_composite(mixed, ["reach", "resonance"], outcome="purchase")
    assert again.influencers.equals(found.influencers)


def test_too_little_for_a_ranking_is_named():
    frame = influencers()
    with pytest.raises(DataError, match="at least two indices"):
        weigh_composite(scored(frame), ["trust"])
    with pytest.raises(DataError, match="2 influencers have all of"):
        weigh_composite(scored(frame.head(2)), ["trust", "followers"])
    with pytest.raises(DataError, match="same for every influencer"):
        weigh_composite(scored(frame.assign(purchase=1.0)), ["trust", "followers"], outcome="purchase")
