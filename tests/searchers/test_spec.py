import functools
import pickle

import pytest

from egraph import searchers
from egraph.errors import UnknownNameError, UsageError
from egraph.searchers import NSGA2, RandomSearch, SearcherSpec
from egraph.searchers._registry import registry
from egraph.searchers.testing import ToySpace

SPACE = ToySpace(3, 4)
OWN = [name for name in searchers.names() if searchers.get(name).__module__.startswith("egraph.")]


def test_a_spec_is_read_from_text_and_makes_the_searcher():
    spec = SearcherSpec.parse("nsga2:population=8,distinct=false")
    assert (spec.name, spec.options) == ("nsga2", {"population": 8, "distinct": False})
    made = spec(SPACE, seed=3)
    assert isinstance(made, NSGA2)
    assert (made.population, made.distinct) == (8, False)
    assert made.ask(4) == NSGA2(SPACE, seed=3, population=8, distinct=False).ask(4)


def test_specs_of_the_same_options_are_equal_whatever_their_order():
    one = SearcherSpec.parse("nsga2:population=8,p_crossover=0.5")
    other = SearcherSpec.parse("nsga2:p_crossover=0.5,population=8")
    assert one == other
    assert hash(one) == hash(other)
    assert one != SearcherSpec.parse("nsga2:population=8")
    assert pickle.loads(pickle.dumps(one)) == one
    assert str(one) == "nsga2:p_crossover=0.5,population=8"


@pytest.mark.parametrize("text", ["random", "random:distinct=false", "genetic:crossover=0.5,elite=1"])
def test_the_text_of_a_spec_gives_the_spec_again(text):
    assert str(SearcherSpec.parse(text)) == text


@pytest.mark.parametrize("name", OWN)
def test_a_spec_describes_what_the_searcher_itself_says(name):
    made = searchers.get(name)(SPACE)
    assert SearcherSpec(name).describe() == {"searcher": name, **made.options}
    changed = SearcherSpec(name, {"distinct": False})
    assert changed.describe() == {"searcher": name, **changed(SPACE).options}
    assert list(changed.describe()) == ["searcher", *made.options]


def test_an_option_can_be_replaced():
    class Oracle:
        pass

    spec = SearcherSpec.parse("bayesian:predictor=oracle,initial=3")
    with pytest.raises(UsageError, match="predictor must be a function or a class, got 'oracle'"):
        spec(SPACE)
    resolved = spec.replace(predictor=functools.partial(Oracle))
    assert resolved.describe()["predictor"] == Oracle.__qualname__
    assert resolved(SPACE).predictor.func is Oracle
    assert resolved(SPACE).initial == 3


def test_unknown_names_and_options_are_refused():
    with pytest.raises(UnknownNameError, match="unknown searcher 'randon'"):
        SearcherSpec("randon")
    with pytest.raises(UsageError, match="'random:size=3' has no option 'size'; known: distinct"):
        SearcherSpec.parse("random:size=3")
    with pytest.raises(UsageError, match="expected NAME or NAME:OPTION=VALUE"):
        SearcherSpec.parse("random:")


@pytest.fixture
def unchecked(monkeypatch):
    class Unchecked(RandomSearch):
        name = "unchecked"

        def __init__(self, space, *, seed=0, size, distinct=True):
            super().__init__(space, seed=seed, distinct=distinct)
            self.size = int(size)

    monkeypatch.setitem(registry._things, "unchecked", Unchecked)


def test_what_a_searcher_does_not_check_itself_is_one_plain_line(unchecked):
    with pytest.raises(UsageError, match="'unchecked:size=x' cannot be made: invalid literal for int"):
        SearcherSpec.parse("unchecked:size=x")(SPACE)
    with pytest.raises(UsageError, match=r"'unchecked' cannot be made: .* missing 1 required"):
        SearcherSpec("unchecked")(SPACE)


def test_an_option_without_a_default_is_described_where_it_is_given(unchecked):
    assert SearcherSpec("unchecked").describe() == {"searcher": "unchecked", "distinct": True}
    described = {"searcher": "unchecked", "size": 3, "distinct": True}
    assert SearcherSpec.parse("unchecked:size=3").describe() == described
    assert searchers.describe(SearcherSpec.parse("unchecked:size=3"), SPACE) == described


def test_anything_that_makes_a_searcher_can_be_described():
    make = functools.partial(NSGA2, population=4)
    assert searchers.describe(make, SPACE) == {"searcher": "nsga2", **NSGA2(SPACE, population=4).options}
    with pytest.raises(UsageError, match="population must be a whole number of at least 2, got 'x'"):
        searchers.describe(SearcherSpec.parse("nsga2:population=x"), SPACE)
