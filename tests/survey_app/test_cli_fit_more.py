"""`parasol fit` beyond one least-squares model: published tables, intervals, contrasts, groups, exclusions, latents."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.instrument import load_instrument
from analysis.quality import flag_careless
from analysis.simulate import simulate_answers
from tests.analysis.latent_reference import FIT, SCALED, reference
from tests.survey_app.command_line import HANOI_SCALES, answered, call, hanoi, real, refused, scales, stupid_files

MODEL = "psi ~ social + homophily; purchase ~ psi + social"
PATH = "social -> psi -> purchase"
QUICK = ["--draws", "200"]
CFA_KEYS = ["chi_square", "df", "p_value", "cfi", "tli", "rmsea", "rmsea_low", "rmsea_high", "srmr", "aic", "bic"]


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    return simulate_answers(load_instrument("psi_core"), 200, seed=7)


@pytest.fixture
def file(answers: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "answers.csv"
    answers.to_csv(path, index=False)
    return path


@pytest.fixture
def latent(tmp_path: Path) -> Path:
    path = tmp_path / "latent.csv"
    pd.DataFrame(reference()["data"]).to_csv(path, index=False)
    return path


def test_a_published_table_is_fitted_with_its_own_model() -> None:
    found = answered("fit", "--from-published", "gao_2023")
    tables = answered("published", "gao_2023")
    assert (found["n"], found["synthetic"], found["reliability"]) == (378, False, [])
    betas = {(row["outcome"], row["term"]): row["std_estimate"] for row in found["coefficients"]}
    for row in tables["estimates"]:
        if row["kind"] == "beta":
            assert betas[row["outcome"], row["term"]] == pytest.approx(row["refitted"], rel=1e-9)
    assert any("Monte Carlo" in note for note in found["notes"])
    own = answered("fit", "--from-published", "gao_2023", "--model", "pin ~ sop", "--ci", "delta")
    assert own["coefficients"][-1]["std_estimate"] == pytest.approx(0.645, rel=1e-12)
    assert own["seed"] is None


def test_what_a_table_cannot_give_is_refused() -> None:
    assert "R2 of at least 1.02" in refused("fit", "--from-published", "heliyon_2022")
    assert "no complete correlation table" in refused("fit", "--from-published", "qatar_2023")
    assert "bootstrap interval" in refused("fit", "--from-published", "gao_2023", "--ci", "bca")
    assert "HC3" in refused("fit", "--from-published", "gao_2023", "--errors", "hc3")
    assert "gao_2023" in refused("fit", "--from-published", "gao")
    said = refused("fit", "x.csv", "--from-published", "gao_2023", "--scored", "--group", "g", "--exclude", "flagged")
    assert "--exclude, --group, --scored, DATA" in said
    assert "product" in refused("fit", "--from-published", "gao_2023", "--model", "pin ~ sop + tel + sop:tel")


@pytest.mark.parametrize("interval", ["percentile", "bca", "montecarlo", "delta"])
def test_every_interval_is_that_of_the_engine(file: Path, answers: pd.DataFrame, interval: str) -> None:
    from analysis.model import parse_model
    from analysis.paths import fit_paths
    from analysis.scoring import score

    found = answered("fit", file, "--model", MODEL, "--ci", interval, *QUICK)
    scores = score(answers, load_instrument("psi_core"))
    expected = fit_paths(parse_model(MODEL), scores, interval=interval, draws=200, seed=1).effects  # type: ignore[arg-type]
    ours = pd.DataFrame(found["effects"])
    for column in ("estimate", "conf_low", "conf_high"):
        np.testing.assert_allclose(ours[column], expected[column], rtol=1e-12)


def test_contrasts_are_differences(file: Path) -> None:
    other = "homophily -> psi -> purchase"
    found = answered("fit", file, "--model", MODEL, "--contrast", f"{PATH} minus {other}", *QUICK)
    effects = {row["path"]: row for row in found["effects"] if row["kind"] != "direct"}
    contrast = effects[f"{PATH} minus {other}"]
    assert contrast["kind"] == "contrast"
    assert contrast["estimate"] == pytest.approx(effects[PATH]["estimate"] - effects[other]["estimate"])
    assert "no difference" in refused("fit", file, "--model", MODEL, "--contrast", PATH)
    assert "no such effect" in refused("fit", file, "--model", MODEL, "--contrast", f"{PATH} minus nowhere")


def test_groups_each_have_their_fit_and_their_differences(file: Path, answers: pd.DataFrame, tmp_path: Path) -> None:
    found = answered("fit", file, "--model", MODEL, "--group", "language", *QUICK)
    assert [part["group"] for part in found["groups"]] == ["en", "nl"]
    assert found["n"] == sum(part["n"] for part in found["groups"]) == 200
    for number, part in enumerate(found["groups"]):
        alone = tmp_path / f"{part['group']}.csv"
        answers[answers["language"] == part["group"]].to_csv(alone, index=False)
        expected = answered("fit", alone, "--model", MODEL, "--seed", 1 + number, *QUICK)
        assert part["coefficients"] == expected["coefficients"]
        assert part["effects"] == expected["effects"]
        assert part["reliability"] == expected["reliability"]
    en, nl = ({(row["outcome"], row["term"]): row for row in part["coefficients"]} for part in found["groups"])
    for row in found["differences"]:
        assert row["groups"] == "nl - en"
        if row["kind"] == "coefficient":
            key = row["outcome"], row["term"]
            assert row["estimate"] == pytest.approx(nl[key]["estimate"] - en[key]["estimate"])
            assert row["std_error"] == pytest.approx(np.hypot(nl[key]["std_error"], en[key]["std_error"]))
    assert {row["kind"] for row in found["differences"]} == {"coefficient", "indirect", "total"}


def test_groups_that_cannot_be_compared_are_named(answers: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "towns.csv"
    answers.assign(town=["Goes", *["Delft"] * 199], land="NL").to_csv(path, index=False)
    said = refused("fit", path, "--model", MODEL, "--group", "town", *QUICK)
    assert "group town 'Goes' (n = 1)" in said
    assert len(said.splitlines()) == 1
    assert "1 different values" in refused("fit", path, "--model", MODEL, "--group", "land")
    assert "200 different values" in refused("fit", path, "--model", MODEL, "--group", "participation")
    assert "no such column" in refused("fit", path, "--model", MODEL, "--group", "nowhere")
    assert "in the model" in refused("fit", path, "--model", MODEL, "--group", "psi")
    answers.assign(mood=[*[1] * 198, "fine", 2]).to_csv(path, index=False)
    for option in (["--group", "language"], ["--exclude", "flagged"]):
        assert "row 199 ('fine')" in refused("fit", path, "--model", "psi ~ mood", *option, *QUICK)


def test_exclusion_gives_the_fit_with_and_without(file: Path, answers: pd.DataFrame, tmp_path: Path) -> None:
    found = answered("fit", file, "--model", MODEL, "--exclude", "checks_failed,too_fast", *QUICK)
    flags = flag_careless(answers, load_instrument("psi_core"))
    kept = ~(flags["checks_failed"] | flags["too_fast"])
    answers[kept].to_csv(tmp_path / "kept.csv", index=False)
    expected = answered("fit", tmp_path / "kept.csv", "--model", MODEL, *QUICK)
    assert found["n"] == int(kept.sum()) < 200
    assert found["coefficients"] == expected["coefficients"]
    assert found["effects"] == expected["effects"]
    assert found["everybody"] == answered("fit", file, "--model", MODEL, *QUICK)
    assert [step["reason"] for step in found["exclusions"]] == ["all", "checks_failed", "too_fast"]
    assert found["exclusions"][-1]["remaining"] == found["n"]
    assert any(f"{200 - found['n']} of 200 rows were excluded" in note for note in found["notes"])
    assert "no reason" in refused("fit", file, "--model", MODEL, "--exclude", "tired")


def test_exclusion_needs_items(tmp_path: Path) -> None:
    path = tmp_path / "scored.csv"
    pd.DataFrame({"psi": [1, 2, 3, 5], "purchase": [2, 1, 4, 4]}).to_csv(path, index=False)
    said = refused("fit", path, "--scored", "--model", "purchase ~ psi", "--exclude", "flagged")
    assert "--scored" in said
    pd.DataFrame({f"a{number}": [3] * 12 for number in range(12)}).to_csv(path, index=False)
    everyone = ["--scale", "a=a0,a1,a2,a3,a4,a5", "--scale", "b=a6,a7,a8,a9,a10,a11", "--range", "1:5"]
    assert "leaves nobody" in refused("fit", path, *everyone, "--model", "a ~ b", "--exclude", "flagged")


@pytest.mark.parametrize("name", ["cfa", "sem"])
def test_latent_models_equal_lavaan(latent: Path, name: str) -> None:
    model = reference()["models"][name]
    found = answered("fit", latent, "--scored", "--latent", "--model", model)
    assert list(found["fit"]) == CFA_KEYS
    expected = reference()[name]["fit"]
    for ours, theirs in FIT.items():
        if ours in CFA_KEYS:
            assert found["fit"][ours] == pytest.approx(expected[theirs], rel=1e-4, abs=1e-6), ours
    loadings = {(row["outcome"], row["term"]): row for row in found["loadings"]}
    for row in reference()[name]["estimates"]:
        if row["op"] == "=~":
            ours = loadings.pop((row["rhs"], row["lhs"]))
            assert ours["estimate"] == pytest.approx(row["est"], rel=1e-5)
            assert ours["std_estimate"] == pytest.approx(row["std.all"], rel=1e-5)
    assert not loadings
    assert {row["kind"] for row in found["coefficients"]} >= {"loading", "variance"}


def test_without_latents_in_the_model_the_scales_are_latent(file: Path) -> None:
    by_scale = answered("fit", file, "--model", "purchase ~ psi + age", "--latent")
    instrument = load_instrument("psi_core")
    text = "; ".join(f"{name} =~ {' + '.join(instrument.scale(name).items)}" for name in ("purchase", "psi"))
    written = answered("fit", file, "--model", f"{text}; purchase ~ psi + age", "--latent")
    assert by_scale["fit"] == written["fit"]
    assert by_scale["loadings"] == written["loadings"]
    code, printed, said = call("fit", file, "--model", "purchase ~ psi", "--latent")
    assert (code, said) == (0, "")
    assert "rmsea_low" in printed and "Synthetic data" in printed and printed.count("Synthetic") == 1


def test_what_a_latent_model_cannot_take_is_refused(file: Path, latent: Path) -> None:
    psi = "psi =~ psi1 + psi2 + psi3"
    assert "Add --latent" in refused("fit", file, "--model", psi)
    taken = ["--ci", "bca", "--group", "language", "--errors", "hc3", "--contrast", "a minus b"]
    assert "--ci, --contrast, --errors, --group" in refused("fit", file, "--latent", "--model", psi, *taken)
    assert "which items" in refused("fit", file, "--latent", "--model", "age ~ gender")
    assert "psi99" in refused("fit", file, "--latent", "--model", "psi =~ psi1 + psi2 + psi99")
    assert "psi1 only" in refused("fit", latent, "--scored", "--latent", "--model", "f =~ psi1")
    assert "no share" in refused("fit", file, "--latent", "--model", psi, "--level", "95")


def test_real_answers_with_latents_and_without_the_careless() -> None:
    path = hanoi()
    listed = scales(HANOI_SCALES)
    found = answered("fit", path, *listed, "--model", "par ~ sim + att; urg ~ par", "--latent")
    assert found["n"] == 272
    assert len(found["loadings"]) == 12
    assert 0.8 < found["fit"]["cfi"] <= 1
    without = answered("fit", path, *listed, "--model", "par ~ sim + att", "--exclude", "flagged", *QUICK)
    assert without["n"] < without["everybody"]["n"] == 272


def test_stupid_input_is_one_sentence(file: Path, answers: pd.DataFrame, tmp_path: Path) -> None:
    for path in stupid_files(tmp_path).values():
        assert len(refused("fit", path, "--model", MODEL).splitlines()) == 1
    assert "no answers are named" in refused("fit", "--model", MODEL)
    assert "no model is given" in refused("fit", file)
    assert "--seed" in refused("fit", file, "--model", MODEL, "--seed", "-5")
    assert "draws" in refused("fit", file, "--model", MODEL, "--draws", "1000000000000")
    assert "level" in refused("fit", file, "--model", MODEL, "--level", "nan")
    assert "--ci" in refused("fit", file, "--model", MODEL, "--ci", "wald")
    assert "--format" in refused("fit", file, "--model", MODEL, "--format", "xml")
    answers.head(1).to_csv(tmp_path / "one.csv", index=False)
    assert "1 complete row" in refused("fit", tmp_path / "one.csv", "--model", MODEL)
    answers.assign(**dict.fromkeys([f"psi{n}" for n in range(1, 9)], 4)).to_csv(tmp_path / "equal.csv", index=False)
    assert "same value" in refused("fit", tmp_path / "equal.csv", "--model", MODEL)


def test_the_real_command(file: Path, tmp_path: Path) -> None:
    code, printed, said = real("fit", file, "--model", MODEL, "--group", "language", "--exclude", "flagged", *QUICK)
    assert (code, said) == (0, "")
    assert "Differences between the groups" in printed
    code, printed, said = real("fit", "--from-published", "heliyon_2022", "-o", tmp_path / "none.json")
    assert (code, printed) == (2, "")
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "none.json").exists()
    code, printed, said = real("fit", file, "--model", MODEL, "--latent", "--format", "json")
    assert (code, said) == (0, "")
    assert json.loads(printed)["fit"]["df"] > 0


def test_what_reading_the_file_had_to_say_is_said(answers: pd.DataFrame, tmp_path: Path) -> None:
    """An export of Qualtrics loses personal columns on the way: fit, measure and quality say so, in both forms."""
    path = tmp_path / "qualtrics.csv"
    items = answers[
        [name for name in answers if name.startswith(("psi", "social", "physical", "homophily", "purchase"))]
    ]
    given = {"ResponseId": [f"R_{k}" for k in range(len(items))], "IPAddress": "192.0.2.1", "Progress": 100}
    kept = {"Duration (in seconds)": 300, "Finished": 1, "RecordedDate": "2026-01-02", "Status": 0}
    items.assign(**given, **kept).to_csv(path, index=False)
    says = "Left out, because it is about the person: IPAddress"
    listed = ["--scale", "psi=psi1,psi2,psi3", "--scale", "social=social1,social2,social3"]
    model = ["--model", "psi ~ social", *QUICK]
    for command in (["fit", path, *listed, *model], ["measure", path, *listed, *QUICK], ["quality", path, *listed]):
        assert any(says in note for note in answered(*command)["notes"]), command
        code, printed, said = call(*command)
        assert (code, said) == (0, "") and printed.count(says) == 1, command


@pytest.mark.parametrize(("estimator", "name"), [("mlm", "cfa_mlm"), ("mlr", "cfa_mlr"), ("wlsmv", "wlsmv")])
def test_corrected_latent_fits_are_lavaans(latent: Path, estimator: str, name: str) -> None:
    model = reference()["models"]["cfa"]
    found = answered("fit", latent, "--latent", "--model", model, "--estimator", estimator)
    theirs = reference()[name]["fit"]
    for ours, other in SCALED.items():
        if ours in found["fit"] and ours != "scaling_factor":
            assert found["fit"][ours] == pytest.approx(theirs[other], rel=2e-5, abs=2e-5), ours
    assert found["fit"]["chi_square_scaled"] and found["fit"]["cfi_robust"]
    assert (found["fit"]["aic"] is None) == (estimator == "wlsmv")
    code, printed, _ = call("fit", latent, "--latent", "--model", model, "--estimator", estimator)
    assert code == 0 and "The fit corrected" in printed and "nan" not in printed.lower()


def test_every_answer_given_counts_with_full_information(tmp_path: Path) -> None:
    path = tmp_path / "gaps.csv"
    pd.DataFrame(reference()["missing"]).to_csv(path, index=False)
    model = reference()["models"]["cfa"]
    asked = ["fit", path, "--latent", "--model", model]
    found = answered(*asked, "--missing", "fiml", "--estimator", "mlr")
    theirs = reference()["fiml_mlr"]["fit"]
    assert found["fit"]["chi_square_scaled"] == pytest.approx(theirs["chisq.scaled"], rel=2e-5)
    assert found["n"] == len(reference()["data"]["psi1"]) > answered(*asked)["n"]
    assert any("full information" in note for note in found["notes"])
    assert "complete rows only" in refused(*asked, "--missing", "fiml", "--estimator", "wlsmv")
    assert "not defined with missing answers" in refused(*asked, "--missing", "fiml", "--estimator", "mlm")
    assert "belongs to --latent" in refused("fit", path, "--model", "psi1 ~ psi2", "--scored", "--estimator", "mlr")
    table = ["fit", "--from-published", "gao_2023", "--latent", "--model", "f =~ lik + ani + res"]
    assert "robust correction" in refused(*table, "--estimator", "mlr")
