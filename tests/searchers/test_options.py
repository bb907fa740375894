"""Every option of every searcher, with values of every kind: a searcher, or one plain line."""

import functools
import json
import math

import numpy as np
import pytest

from egraph import searchers, spaces
from egraph.errors import UsageError
from egraph.searchers import NSGA2, BayesianOptimization, FitnessApproximation, ParetoEvolution, Searcher
from egraph.searchers._options import name_of, option_defaults
from egraph.searchers.testing import ToySpace

SPACE = ToySpace(3, 4)
VALUES = ["text", -1, 0, 1.5, math.nan, True, None, 10**30]
OWN = [name for name in searchers.names() if searchers.get(name).__module__.startswith("egraph.")]
OPTIONS = [(name, option) for name in OWN for option in option_defaults(searchers.get(name))]


@pytest.mark.parametrize("value", VALUES, ids=str)
@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_a_value_of_any_kind_gives_a_searcher_or_a_plain_error(name, option, value):
    reason = None
    try:
        made = searchers.get(name)(SPACE, **{option: value})
    except UsageError as error:
        reason = str(error)
    if reason is None:
        json.dumps(made.state_dict())
        assert made.ask(2)
    else:
        assert option in reason
        assert "\n" not in reason


@pytest.mark.parametrize("name", OWN)
def test_a_seed_that_is_none_is_refused(name):
    with pytest.raises(UsageError, match=r"seed must be a whole number of at least 0, got -1"):
        searchers.get(name)(SPACE, seed=-1)


@pytest.mark.parametrize("name", OWN)
def test_options_are_those_of_the_signature_and_json_ready(name):
    made = searchers.get(name)(SPACE)
    assert list(made.options) == list(option_defaults(type(made)))
    assert json.loads(json.dumps(made.options)) == made.options


def test_options_of_a_class_come_before_inherited_ones():
    assert list(NSGA2(SPACE).options) == ["population", "p_crossover", "costs", "limits", "distinct"]


@pytest.mark.parametrize(
    ("searcher", "options", "text"),
    [
        (NSGA2, {"costs": "params"}, "costs must be a mapping from names to functions, got 'params'"),
        (ParetoEvolution, {"limits": 3}, "limits must be a mapping from names to numbers, got 3"),
        (NSGA2, {"costs": {"size": 3}}, "the cost 'size' must be a function, got 3"),
        (NSGA2, {"costs": {"size": len}, "limits": {"size": "x"}}, "the limit of 'size' must be a number"),
        (ParetoEvolution, {"choose": "best"}, "choose must be a function or a class, got 'best'"),
        (BayesianOptimization, {"predictor": "gp"}, "predictor must be a function or a class, got 'gp'"),
        (FitnessApproximation, {"predictor": 3}, "predictor must be a function or a class, got 3"),
    ],
)
def test_what_text_cannot_give_is_refused(searcher, options, text):
    with pytest.raises(UsageError, match=text):
        searcher(SPACE, **options)


def test_numbers_of_numpy_become_those_of_python():
    made = searchers.get("grammar")(SPACE, population=np.int64(8), p_mutate=np.float32(0.5))
    assert json.dumps(made.options) == json.dumps({**made.options, "population": 8, "p_mutate": 0.5})


def test_objects_among_the_options_become_their_names():
    class Guided(searchers.RandomSearch):
        def __init__(self, space, *, seed=0, costs=None, model=None, unkept=3, distinct=True):
            super().__init__(space, seed=seed, distinct=distinct)
            self.costs, self.model = costs, model

    made = Guided(SPACE, costs={"size": len}, model=[SPACE, 1.5])
    assert made.options == {"costs": {"size": "len"}, "model": ["ToySpace", 1.5], "distinct": True}
    assert list(Searcher.describe_options({"distinct": True})) == ["distinct"]


def test_an_object_describes_itself_where_it_can():
    class Choose:
        def describe(self):
            return {"rate": np.float64(0.5)}

        def __call__(self, tournaments, rng):
            return [0] * len(tournaments)

    assert ParetoEvolution(SPACE, choose=Choose()).options["choose"] == {"rate": 0.5}
    made = searchers.get("bayesian")(SPACE, predictor=Choose)  # a class: its name, as before
    assert made.options["predictor"].endswith("Choose")


def test_factories_have_names():
    assert name_of(NSGA2) == "NSGA2"
    assert name_of(functools.partial(functools.partial(NSGA2), population=3)) == "NSGA2"
    assert name_of(NSGA2(SPACE).front).endswith("front")
    assert name_of(SPACE) == "ToySpace"


@pytest.mark.parametrize("name", searchers.names())
def test_options_of_a_wrong_kind_are_named(name):
    """Every number and flag is checked before it is compared with others."""
    space = spaces.get("nasbench201")
    for option, default in option_defaults(searchers.get(name)).items():
        if isinstance(default, bool | int | float):
            with pytest.raises(UsageError, match=f"^{option} must be "):
                searchers.get(name)(space, **{option: "abc"})
