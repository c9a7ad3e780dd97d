"""Planning: against R's simulation and formulas, published power, and what cannot be planned."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.errors import DataError, ModelError
from analysis.model import parse_model
from analysis.power import (
    check_exclusions,
    needed_for_all,
    of_kinds,
    parse_plan,
    plan,
    plan_text,
    sample_size,
    sizes_between,
)
from tests.analysis.scores_reference import reference

SHARED = Path(__file__).parents[3] / "shared" / "reference" / "11_power.json"
needs_shared = pytest.mark.skipif(
    not SHARED.is_file(), reason="the shared reference numbers are not beside the project"
)
SIMPLE = "m ~ {a}*x; y ~ {b}*m + {c}*x"


def indirect(text: str, n: int, replications: int = 2000, seed: int = 3, draws: int = 500) -> dict[str, float]:
    model, effects = parse_plan(text)
    table = plan(model, effects, n=[n], replications=replications, draws=draws, seed=seed).power
    return table[table.kind == "indirect"].set_index("test").power.to_dict()


@needs_shared
@pytest.mark.parametrize("case", range(5))
def test_power_of_indirect_effects_agrees_with_a_simulation_in_r(case):
    expected = json.loads(SHARED.read_text(encoding="utf-8"))["mediation"][case]
    found = indirect(SIMPLE.format(a=expected["a"], b=expected["b"], c=expected["cprime"]), expected["n"])
    for test in ("joint", "percentile"):
        p = expected[f"power_{test}"]
        error = np.sqrt(p * (1 - p) * (1 / 2000 + 1 / expected["reps"]))
        assert found[test] == pytest.approx(p, abs=4 * error)


@pytest.mark.parametrize(
    ("size", "n", "published"), [(0.39, 100, 0.862), (0.39, 50, 0.360), (0.14, 500, 0.562), (0.14, 1000, 0.976)]
)
def test_sobel_power_agrees_with_the_published_table(size, n, published):
    """MacKinnon et al. 2002 simulate unstandardised slopes with unit residual variances, 500 studies a cell."""
    m = 1 + size**2
    y = size**2 * m + 1
    text = SIMPLE.format(a=size / np.sqrt(m), b=size * np.sqrt(m / y), c=0.0)
    error = np.sqrt(published * (1 - published) * (1 / 500 + 1 / 2000))
    assert indirect(text, n, draws=100)["sobel"] == pytest.approx(published, abs=4 * error)


def test_no_effect_gives_the_false_alarm_rate():
    model, effects = parse_plan("y ~ 0*x + 0.3*z")
    table = plan(model, effects, n=[60], replications=4000, draws=100).power.set_index("effect")
    assert table.power["y ~ x"] == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 4000))
    assert table.truth["y ~ x"] == 0


def test_power_of_a_coefficient_agrees_with_the_formula():
    f2 = 0.3**2 / (1 - 0.3**2)
    n = round(sample_size("regression", f2))
    model, effects = parse_plan("y ~ 0.3*x")
    found = plan(model, effects, n=[n], replications=4000, draws=100).power.power[0]
    assert found == pytest.approx(0.80, abs=4 * np.sqrt(0.16 / 4000) + 0.01)


def test_unreliable_scales_need_more_people_exactly_as_attenuation_says():
    model, effects = parse_plan("y ~ 0.4*x")
    weak = plan(model, effects, {"x": 0.7, "y": 0.8}, n=[80], replications=4000, draws=100).power.power[0]
    shrunk = 0.4 * np.sqrt(0.7 * 0.8)
    plain, smaller = parse_plan(f"y ~ {shrunk}*x")
    same = plan(plain, smaller, n=[80], replications=4000, draws=100, seed=9).power.power[0]
    assert weak == pytest.approx(same, abs=4 * np.sqrt(2 * 0.25 / 4000))
    assert weak < plan(model, effects, n=[80], replications=400, draws=100).power.power[0]


def test_correlated_causes_cost_power_and_serial_paths_are_enumerated():
    model, effects = parse_plan("psi ~ 0.3*social + 0.3*homophily; trust ~ 0.5*psi; purchase ~ 0.3*trust + 0.2*psi")
    apart = plan(model, effects, n=[100], replications=500, draws=100).power
    close = plan(
        model, effects, n=[100], replications=500, draws=100, correlations={("social", "homophily"): 0.7}
    ).power
    one = apart[apart.effect == "psi ~ social"].power.iloc[0]
    assert close[close.effect == "psi ~ social"].power.iloc[0] < one - 0.05
    assert "social -> psi -> trust -> purchase" in set(apart.effect)
    assert set(apart[apart.kind == "total_indirect"].test) == {"percentile"}
    truth = apart[(apart.effect == "social -> psi -> trust -> purchase") & (apart.test == "joint")].truth.iloc[0]
    assert truth == pytest.approx(0.3 * 0.5 * 0.3)


def test_a_product_term_is_planned_from_simulated_people():
    model, effects = parse_plan("y ~ 0.3*x + 0.2*w + 0.3*x:w")
    table = plan(model, effects, n=[100], replications=1000, draws=100).power.set_index("effect")
    f2 = 0.09 / (1 - 0.09 - 0.09 - 0.04)
    assert abs(table.power["y ~ x:w"] - table.power["y ~ x"]) < 0.08
    assert sample_size("regression", f2) < 100 < sample_size("regression", f2, power=0.97)
    assert 0.80 < table.power["y ~ x"] < 0.97


def test_needed_sizes_lie_where_the_power_says_and_repeat_from_the_seed():
    model, effects = parse_plan(SIMPLE.format(a=0.4, b=0.4, c=0))
    seen = []
    found = plan(
        model,
        effects,
        n=[40, 80, 120],
        replications=600,
        draws=200,
        progress=lambda done, total: seen.append((done, total)),
    )
    again = plan(model, effects, n=[40, 80, 120], replications=600, draws=200)
    assert found.power.equals(again.power)
    assert seen[-1] == (600, 600)
    row = found.needed.query("test == 'joint' and target == 0.8").iloc[0]
    curve = found.power.query("test == 'joint'").set_index("n").power
    assert curve[40] < 0.8 <= curve[80]
    assert 40 < row.n <= 80
    assert row.n_low <= row.n <= row.n_high
    assert row.recruit == int(np.ceil(row.n / 0.85))
    small = plan(model, effects, n=[20, 30], replications=200, draws=100)
    assert small.needed.query("test == 'sobel'").n.isna().all()
    assert any("not even 30 people" in note for note in small.notes)


def test_spaces_around_the_parts_of_a_plan_mean_nothing():
    assert parse_plan(" y ~ -\t.3 * x  + 0.2 *z ")[1] == {("y", "x"): -0.3, ("y", "z"): 0.2}
    with pytest.raises(ModelError, match="has no expected effect"):
        parse_plan("y ~ " + "1" * 100_000 + " " * 100_000 + "x")


def test_every_gap_in_a_plan_is_told_at_once():
    model = parse_model("m ~ x; y ~ m + x")
    with pytest.raises(DataError) as caught:
        plan(
            model,
            {("m", "x"): 0.3, ("y", "z"): 0.2},
            {"m": 1.4, "q": 0.8},
            n=[4, 100],
            correlations={("m", "x"): 0.2},
            exclusions=1.5,
            replications=5,
        )
    said = str(caught.value)
    for part in (
        "'y ~ m': no effect",
        "'y ~ x': no effect",
        "'y ~ z'",
        "'m': it is 1.4",
        "'q'",
        "4, 100",
        "first causes",
        "1.5",
        "5 studies",
    ):
        assert part in said


def test_effects_that_explain_too_much_and_impossible_correlations():
    model, effects = parse_plan("y ~ 0.8*x + 0.7*z")
    with pytest.raises(DataError, match="113% of its variance"):
        plan(model, effects, n=[50])
    three, some = parse_plan("y ~ 0.1*a + 0.1*b + 0.1*c")
    with pytest.raises(DataError, match="all at once"):
        plan(three, some, n=[50], correlations={("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): -0.9})
    product, big = parse_plan("y ~ 0.8*x + 0.1*z + 0.7*x:z")
    with pytest.raises(DataError, match="of its variance"):
        plan(product, big, n=[50])


def test_plan_text():
    model, effects = parse_plan("psi ~ .3*social - 0.2*tier  # note\npurchase ~ 0.4 * psi + -.1*psi:tier + 0*tier")
    assert effects == {
        ("psi", "social"): 0.3,
        ("psi", "tier"): -0.2,
        ("purchase", "psi"): 0.4,
        ("purchase", "psi:tier"): -0.1,
        ("purchase", "tier"): 0.0,
    }
    assert model.outcomes == ("psi", "purchase")
    with pytest.raises(ModelError, match="'social' has no expected effect"):
        parse_plan("psi ~ social")
    for text in ("psi =~ psi1 + psi2; buy ~ 0.3*psi", "buy ~ 0.3*psi; psi1 ~~ psi2"):
        with pytest.raises(ModelError, match="=~ and ~~ have no place"):
            parse_plan(text)


@needs_shared
def test_formulas_agree_with_pwr():
    expected = json.loads(SHARED.read_text(encoding="utf-8"))
    assert sample_size("t", 0.5) == pytest.approx(expected["t"]["n"], rel=1e-6)
    assert sample_size("anova", 0.25, groups=3) == pytest.approx(expected["anova"]["n_per_group"], rel=1e-6)
    assert sample_size("correlation", 0.3) == pytest.approx(expected["r"]["n"], rel=1e-4)
    f2 = expected["f2_u3"]
    assert sample_size("regression", f2["f2"], predictors=3) == pytest.approx(f2["v"] + 4, rel=1e-6)


def test_formulas_refuse_what_has_no_answer():
    for arguments in (("z", 0.5), ("t", 0.0), ("correlation", 1.0), ("t", float("nan"))):
        with pytest.raises(DataError):
            sample_size(*arguments)
    with pytest.raises(DataError, match="between"):
        sample_size("t", 0.5, power=0.04)
    assert sample_size("regression", 1e-4) > 50_000


def test_power_equals_a_simulation_in_r_of_our_own():
    r = reference()["power"]
    model, effects = parse_plan("m ~ 0.35*x; y ~ 0.3*m + 0.1*x")
    replications = 4000
    found = plan(model, effects, n=[r["n"]], replications=replications, draws=300).power
    told = found[found["test"] == "t"].set_index("effect")["power"].to_dict()
    told |= found[found["kind"] == "indirect"].set_index("test")["power"].to_dict()
    for name in ("m ~ x", "y ~ m", "y ~ x", "joint", "sobel", "percentile"):
        allowed = 4 * np.sqrt(r[name] * (1 - r[name]) * (1 / r["studies"] + 1 / replications))
        assert told[name] == pytest.approx(r[name], abs=allowed), name


def test_sizes_equal_the_formulas_of_base_r():
    r = reference()["sizes"]
    assert sample_size("correlation", 0.3) == pytest.approx(r["correlation"], rel=1e-4)
    assert sample_size("t", 0.5) == pytest.approx(r["t"], rel=1e-6)
    assert sample_size("anova", 0.25, groups=3) == pytest.approx(r["anova"], rel=1e-5)
    assert sample_size("regression", 0.15, predictors=3) == pytest.approx(r["regression"], rel=1e-6)


def test_the_text_of_a_plan_holds_the_model_and_something_to_expect():
    model = parse_model("psi ~ physical + social + age; buy ~ psi + tier")
    again, effects = parse_plan(plan_text(model))
    assert again == model
    assert effects["psi", "social"] > effects["psi", "physical"] > effects["psi", "age"] == 0
    assert effects["buy", "psi"] == effects["buy", "tier"] > 0  # nothing is known about either


def test_sizes_lie_evenly_whatever_end_is_named_first():
    assert sizes_between(50, 500, 4) == sizes_between(500, 50, 4) == [50, 200, 350, 500]
    assert sizes_between(10, 12, 9) == [10, 11, 12]
    assert sizes_between(80, 80, 1) == [80]


def test_what_all_effects_need_is_the_most_that_one_needs():
    model, effects = parse_plan("m ~ 0.5*x; y ~ 0.4*m + 0*x")
    planned = plan(model, effects, n=[40, 120, 300], replications=200, draws=100)
    counted = planned.needed[planned.needed["test"].isin(["t", "percentile"]) & (planned.needed["target"] == 0.8)]
    assert needed_for_all(planned) == (int(counted["n"].max()), int(counted["recruit"].max()))
    straight = of_kinds(planned, ["coefficient"])
    assert set(straight.power["kind"]) == set(straight.needed["kind"]) == {"coefficient"}
    assert len(straight.power) < len(planned.power)
    few = plan(model, effects, n=[20, 24], replications=200, draws=100)
    assert needed_for_all(few) is None


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_shares_that_leave_nobody_are_refused(share):
    check_exclusions(0.0)
    with pytest.raises(DataError, match="exclusions"):
        check_exclusions(share)
