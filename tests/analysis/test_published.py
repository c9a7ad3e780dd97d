"""Published tables: what is shipped, what is refused, and how far rounding can move an estimate."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from analysis.datafiles import data_file
from analysis.errors import DataError, MomentsError
from analysis.model import parse_model
from analysis.moments import from_correlations
from analysis.paths import fit_paths
from analysis.published import (
    Published,
    check_admissible,
    load_published,
    published_from,
    published_studies,
    range_under_rounding,
)

FROZEN = json.loads((Path(__file__).parents[1] / "reference" / "published.json").read_text(encoding="utf-8"))


def content(id: str) -> dict:
    return copy.deepcopy(tomllib.loads(data_file("published", f"{id}.toml").read_text(encoding="utf-8")))


def test_every_shipped_study_loads_under_its_file_name_with_context_in_both_languages():
    studies = published_studies()
    assert [study.id for study in studies] == [path.stem for path in sorted(data_file("published").glob("*.toml"))]
    assert all({"en", "nl"} <= set(study.context) for study in studies)
    assert all({"en", "nl"} <= set(variable.label) for study in studies for variable in study.variables)
    assert {study.id for study in studies if check_admissible(study)} == {"heliyon_2022"}


def test_gao_gives_moments_with_its_means_and_spreads():
    moments = load_published("gao_2023").moments()
    assert (moments.n, moments.names[0]) == (378, "lik")
    assert moments.sd == pytest.approx([1.020, 0.930, 0.900, 0.906, 0.899, 0.835])
    assert moments.correlations[5, 3] == pytest.approx(0.645)
    assert not moments.synthetic


def test_refitting_gao_stays_within_the_stated_distance_of_every_printed_number():
    gao = load_published("gao_2023")
    table = range_under_rounding(gao.model, gao.moments(), draws=0)
    betas = table[table.kind == "beta"].set_index(["outcome", "term"]).estimate
    assert len(betas) == len(gao.paths) == 11
    assert all(abs(betas[key] - printed) <= 0.006 for key, printed in gao.paths.items())
    shares = table[table.kind == "r_squared"].set_index("outcome").estimate
    assert all(abs(shares[key] - printed) < 0.0115 for key, printed in gao.r_squared.items())


def test_the_road_from_a_published_table_to_effects():
    gao = load_published("gao_2023")
    fit = fit_paths(gao.model, gao.moments())
    betas = fit.coefficients.set_index(["outcome", "term"]).std_estimate
    assert all(abs(betas[key] - printed) <= 0.006 for key, printed in gao.paths.items())
    shares = fit.summary.set_index("outcome").r_squared
    assert all(abs(shares[key] - printed) < 0.0115 for key, printed in gao.r_squared.items())
    indirect = fit.effects[fit.effects.kind == "indirect"].set_index("path").std_estimate
    assert len(gao.indirects) == len(indirect)
    assert all(abs(indirect[" -> ".join(path)] - printed) <= 0.003 for path, printed in gao.indirects.items())


def test_qatar_has_paths_but_no_moments():
    qatar = load_published("qatar_2023")
    assert qatar.paths["psi", "affability"] == 0.363
    with pytest.raises(MomentsError, match="no complete correlation table"):
        qatar.moments()


def test_heliyon_is_refused_with_the_r_squared_it_implies():
    with pytest.raises(MomentsError, match=r"psr.*R2 of at least 1\.02 \(1\.30"):
        load_published("heliyon_2022").moments()


def test_the_implied_bound_is_reached_and_never_beaten():
    """The bound says: no residual correlations give less. Random ones must not, and the best comes near."""
    c, b = np.array([0.746, 0.746, 0.768]), np.array([0.430, 0.590, 0.326])
    rng = np.random.default_rng(3)
    found = []
    for _ in range(4000):
        angle = rng.normal(size=(3, 2))
        angle /= np.linalg.norm(angle, axis=1)[:, None]
        r = np.outer(c, c) + np.sqrt(np.outer(1 - c**2, 1 - c**2)) * (angle @ angle.T)
        found.append(b @ r @ b)
    assert min(found) >= (b @ c) ** 2 - 1e-12
    assert min(found) == pytest.approx((b @ c) ** 2, abs=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["correlations"]["pin"].update(lik=-0.95), "smallest eigenvalue"),
        (lambda d: d["correlations"]["pin"].update(lik=1.2), "between -1 and 1"),
        (lambda d: d["r_squared"].update(sop=1.3), "R2 is printed as 1.3"),
        (lambda d: d["indirects"].update({"lik -> sop -> pin": 0.136}), "multiply to 0.036"),
        (lambda d: d["indirects"].update({"sop -> tel -> pin": 0.1}), "is not printed"),
        (lambda d: d["variables"][0].update(alpha=1.1), "alpha is 1.1"),
        (lambda d: d["variables"][0].update(mean=5.4), "outside the answers"),
        (lambda d: d["variables"][0].update(mean=4.9, sd=1.5), "no standard deviation"),
        (lambda d: d["variables"][5].update(loadings=[0.8, 0.82, 0.9]), "AVE is printed as 0.667, but"),
        (lambda d: d["variables"][5].update(loadings=[0.8, 1.2, 0.9]), "loading is 1.2"),
    ],
)
def test_each_impossibility_is_named(change, message):
    changed = content("gao_2023")
    change(changed)
    problems = check_admissible(published_from(changed))
    assert len(problems) == (2 if "AVE" in message else 1)
    assert message in str(problems[0])
    with pytest.raises(MomentsError):
        published_from(changed).moments()


def test_loadings_that_fit_their_ave_and_cr_pass():
    changed = content("gao_2023")
    loadings = [0.75, 0.85, 0.845]
    whole = sum(loadings) ** 2
    average = float(np.mean(np.square(loadings)))
    changed["variables"][5].update(
        loadings=loadings, ave=round(average, 3), cr=round(whole / (whole + 3 - 3 * average), 3)
    )
    assert check_admissible(published_from(changed)) == ()


def test_several_problems_are_told_at_once():
    changed = content("gao_2023")
    changed["variables"][0]["alpha"] = 1.1
    changed["r_squared"]["sop"] = 1.3
    with pytest.raises(MomentsError) as caught:
        published_from(changed).moments()
    assert len(caught.value.problems) == 2


# -- against R ---------------------------------------------------------------------------------------------------------


def study(**printed: object) -> Published:
    return published_from({"id": "r", "citation": "R (2026).", "context": {}, **printed})


def symmetric(lower: list[float], size: int) -> np.ndarray:
    """A table from what stands below its diagonal, column by column, as R reads it."""
    table = np.eye(size)
    table.T[np.triu_indices(size, 1)] = lower
    return table + table.T - np.eye(size)


@pytest.mark.parametrize("name", ["sound", "rounded", "impossible"])
def test_a_table_is_refused_where_r_finds_no_possible_one_that_rounds_to_it(name):
    reference = FROZEN["tables"][name]
    names = list("abcd")
    r = symmetric(reference["lower"], 4)
    rows = {names[i]: {names[j]: r[i, j] for j in range(i)} for i in range(1, 4)}
    problems = check_admissible(
        study(decimals=2, variables=[{"id": id, "label": {}} for id in names], correlations=rows)
    )
    assert bool(problems) == (reference["best"] < 0)
    if problems:
        assert f"smallest eigenvalue {reference['smallest']:.4f}" in problems[0].what


@pytest.mark.parametrize("name", ["heliyon", "possible", "excessive"])
def test_the_r_squared_that_paths_imply_is_what_r_finds_over_all_residual_correlations(name):
    reference = FROZEN["paths"][name]
    causes = list("abc")
    printed = study(
        model="a ~ x; b ~ x; c ~ x; y ~ a + b + c",
        variables=[{"id": id, "label": {}} for id in "xabcy"],
        paths={
            **{cause: {"x": b} for cause, b in zip(causes, reference["to"], strict=True)},
            "y": dict(zip(causes, reference["from"], strict=True)),
        },
    )
    problems = check_admissible(printed)
    assert bool(problems) == (reference["least"] > 1)
    if problems:
        said = [float(number) for number in re.findall(r"\d\.\d\d", problems[0].what)]
        assert said == pytest.approx([reference["least"], reference["uncorrelated"]], abs=0.005)


def test_an_indirect_effect_must_be_one_of_the_products_r_finds_within_rounding():
    for reference in FROZEN["indirect"]:
        names = list("abcd")[: len(reference["paths"]) + 1]
        paths = {y: {x: b} for x, y, b in zip(names, names[1:], reference["paths"], strict=False)}
        variables = [{"id": id, "label": {}} for id in names]
        for printed, possible in (
            (reference["product"], True),
            (reference["low"] - 0.0004, True),
            (reference["high"] + 0.0004, True),
            (reference["low"] - 0.0006, False),
            (reference["high"] + 0.0006, False),
        ):
            found = check_admissible(study(variables=variables, paths=paths, indirects={" -> ".join(names): printed}))
            assert (found == ()) == possible, (reference, printed)


def test_ave_and_composite_reliability_must_be_what_r_finds_within_rounding():
    for reference in FROZEN["loadings"]:
        for name in ("ave", "cr"):
            low, high = reference[f"{name}_low"], reference[f"{name}_high"]
            for printed, possible in ((low - 0.0004, True), (high + 0.0004, True), (low - 0.0006, False)):
                variable = {"id": "a", "label": {}, "loadings": reference["loadings"], name: printed}
                problems = check_admissible(study(variables=[variable]))
                assert (problems == ()) == possible, (reference, printed)
                assert possible or f"give {reference[name]:.3f}" in problems[0].what


def test_no_spread_that_ten_people_can_have_is_refused_and_what_none_can_have_is():
    refused = 0
    for mean, sd in zip(FROZEN["spread"]["mean"], FROZEN["spread"]["sd"], strict=True):
        variable = {"id": "a", "label": {}, "mean": mean, "sd": sd}
        largest = np.sqrt((5 - mean) * (mean - 1) * 10 / 9)  # all answers at the two ends
        if sd > 0:
            assert check_admissible(study(n=10, points=5, variables=[variable])) == ()
        if sd == pytest.approx(largest) and 1.2 < mean < 4.8:
            assert check_admissible(study(n=10, points=5, variables=[{**variable, "sd": sd + 0.01}]))
            refused += 1
    assert refused > 5


def test_the_range_under_rounding_is_that_of_every_corner_and_of_a_search_in_r():
    table = from_correlations(list("xwmy"), symmetric(FROZEN["table"], 4), n=200)
    found = range_under_rounding(parse_model("m ~ x + w; y ~ x + w + m"), table, decimals=2, draws=0)
    assert len(found) == len(FROZEN["rounding"])
    for row in found.to_dict("records"):
        reference = FROZEN["rounding"][f"{row['kind']} {row['outcome']} {row['term']}"]
        for name, expected in reference.items():
            assert row[name] == pytest.approx(expected, abs=1e-9), (row, name)


def test_files_that_contradict_themselves_are_refused():
    with pytest.raises(DataError, match="no such file"):
        load_published("nobody_1999")
    changed = content("gao_2023")
    changed["correlations"]["sop"].pop("lik")
    with pytest.raises(DataError, match="lik and sop stands there 0 times"):
        published_from(changed)
    changed = content("gao_2023")
    changed["model"] += "zzz ~ lik"
    with pytest.raises(DataError, match="zzz is used"):
        published_from(changed)


def test_rounding_range_is_exact_with_one_predictor_and_wider_with_fewer_decimals():
    gao = load_published("gao_2023")
    one = range_under_rounding(parse_model("pin ~ sop"), gao.moments())
    assert one.loc[0, ["low", "high"]].tolist() == pytest.approx([0.6445, 0.6455])
    assert set(one.found) == {"exact"}
    three = range_under_rounding(gao.model, gao.moments())
    two = range_under_rounding(gao.model, gao.moments(), decimals=2)
    assert ((two.high - two.low) > 5 * (three.high - three.low)).all()
    assert ((three.low < three.estimate) & (three.estimate < three.high)).all()
    again = range_under_rounding(gao.model, gao.moments())
    assert three.equals(again)


def test_the_search_finds_what_random_tables_within_rounding_cannot_beat():
    gao = load_published("gao_2023")
    moments = gao.moments()
    table = range_under_rounding(gao.model, moments, decimals=2, draws=0)
    rng = np.random.default_rng(7)
    for _ in range(300):
        noise = np.tril(rng.choice((-0.005, 0.005), size=(6, 6)), -1)
        other = from_correlations(moments.names, moments.correlations + noise + noise.T, n=378)
        inside = range_under_rounding(gao.model, other, draws=0).estimate
        assert (inside <= table.high + 1e-9).all()
        assert (inside >= table.low - 1e-9).all()


def test_a_table_that_rounding_can_make_singular_is_refused():
    table = from_correlations(["a", "b", "y"], np.array([[1, 0, 0], [0.999, 1, 0], [0.5, 0.5, 1]]), n=50)
    with pytest.raises(MomentsError, match="singular"):
        range_under_rounding(parse_model("y ~ a + b"), table, decimals=2)
