"""Model text: what it means, that it survives printing, and what is said about text that means nothing."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import ModelError
from analysis.model import Equation, Latent, Model, parse_model

NAMES = [f"v{number}" for number in range(7)]


@st.composite
def recursive_models(draw: st.DrawFn) -> Model:
    """Every outcome is predicted by names before it, so no ring can arise."""
    equations = []
    for place in range(1, len(NAMES)):
        earlier = [(name,) for name in NAMES[:place]]
        products = [(left, right) for i, left in enumerate(NAMES[:place]) for right in NAMES[i + 1 : place]]
        terms = draw(st.lists(st.sampled_from(earlier + products), max_size=4, unique=True))
        if terms:
            equations.append(Equation(NAMES[place], tuple(terms)))
    latents = draw(st.lists(st.just(Latent("f", ("i1", "i2", "i3"))), max_size=1))
    covariances = draw(st.lists(st.just(("i1", "i2")), max_size=1)) if latents else []
    if not equations and not latents:
        equations = [Equation("v1", (("v0",),))]
    return Model(tuple(draw(st.permutations(equations))), tuple(latents), tuple(covariances))


@given(recursive_models())
def test_printed_text_parses_back_to_the_same_model(model):
    assert parse_model(str(model)) == model


@given(recursive_models())
def test_paths_follow_arrows_and_are_all_different(model):
    for cause, effect, paths in model.effects():
        assert len(set(paths)) == len(paths)
        for path in paths:
            assert (path[0], path[-1]) == (cause, effect)
            assert len(set(path)) == len(path)
            for before, after in pairwise(path):
                assert (before,) in model.equation(after).terms


def test_the_saturated_chain_has_every_path():
    model = parse_model("b ~ a; c ~ a + b; d ~ a + b + c")
    assert len(model.paths("a", "d")) == 4
    assert model.paths("a", "d")[0] == ("a", "d") and model.paths("a", "d")[-1] == ("a", "b", "c", "d")
    assert model.paths("d", "a") == ()


def test_layout_comments_and_repeated_outcomes():
    model = parse_model(
        """
        # what we expect
        psi ~ social   # and
        psi ~ 1 + homophily
        purchase ~ psi + psi:tier; tier ~ age
        """
    )
    assert str(model) == "psi ~ social + homophily\npurchase ~ psi + psi:tier\ntier ~ age"
    assert model.names == ("psi", "social", "homophily", "purchase", "tier", "age")
    assert model.columns == ("psi", "social", "homophily", "purchase", "psi:tier", "tier", "age")
    assert model.products == (("psi", "tier"),)
    assert model.causes == ("social", "homophily", "age")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "holds no equation"),
        ("psi", "holds no ~"),
        ("psi ~", "nothing predicts 'psi'"),
        ("psi ~ a + a", "'a' stands twice"),
        ("psi ~ a:b + b:a", "stands twice"),
        ("psi ~ psi", "predict itself"),
        ("psi ~ a * b", "reads differently"),
        ("2psi ~ a", "cannot be the name"),
        ("psi ~ log(a)", "cannot be read"),
        ("a ~ b; b ~ c; c ~ a", "runs in a circle"),
        ("a ~ b:c; c ~ a", "runs in a circle"),
        ("f =~ a + a", "stands twice"),
        ("f =~ f + a", "its own indicator"),
        ("f =~ a:b", "product cannot stand"),
    ],
)
def test_text_that_means_nothing_is_explained(text, match):
    with pytest.raises(ModelError, match=match):
        parse_model(text)


def test_every_problem_is_told_at_once_with_its_line():
    with pytest.raises(ModelError) as caught:
        parse_model("psi ~ psi\n3x ~ a\ny ~ ")
    assert [problem.where for problem in caught.value.problems] == ["model, line 1", "model, line 2", "model, line 3"]


def test_a_circle_is_named_whole():
    with pytest.raises(ModelError, match=r"runs in a circle: (\w) -> \w -> \w -> \1"):
        parse_model("a ~ b; b ~ c; c ~ a")


def test_unknown_names_come_with_the_nearest_known():
    model = parse_model("purchse ~ PSI + zzz")
    with pytest.raises(ModelError) as caught:
        model.check_names(["psi", "purchase", "trust"])
    told = str(caught.value)
    assert "Did you mean purchase" in told and "Did you mean psi" in told and "There is: psi, purchase, trust" in told
