"""The option ``choose=supernet``, which needs the data of the evaluator."""

import numpy as np
import pytest

from egraph.datasets import ImageData
from egraph.errors import UnknownNameError, UsageError
from egraph.evaluation import OwnTraining, Recipe, Training
from egraph.study import Study, find_searcher
from egraph.study._arguments import read_searchers
from egraph.supernets import Tournament
from egraph.supernets.tournament import RECIPE

SEARCHER = "pareto-evolution:choose=supernet"


def part(seed):
    rng = np.random.default_rng(seed)
    return rng.random((20, 1, 6, 6), dtype=np.float32), np.arange(20) % 2


DATA = ImageData(part(0), part(1), part(2), name="noise")


def fit(module, trial):
    return 0.0


def found(text, evaluator):
    (make,) = read_searchers(text, evaluator.space, evaluator=evaluator).values()
    return make(evaluator.space, seed=0).choose


@pytest.mark.parametrize("kind", [Training, OwnTraining])
def test_a_tournament_reads_the_data_of_the_evaluator(kind):
    own = (fit, DATA) if kind is OwnTraining else (DATA,)
    choose = found(SEARCHER, kind("concat-cell", *own, device="cpu", threads=2))
    assert isinstance(choose, Tournament)
    assert choose.data is DATA
    assert (choose.device, choose.threads, choose.recipe) == ("cpu", 2, RECIPE)


def test_its_options_stand_behind_a_colon():
    text = f"{SEARCHER}:examples=90+seed=4+learning_rate=1e-3+channels=8,population=3"
    evaluator = Training("concat-cell", DATA, Recipe(epochs=1), device="cpu")
    choose = found(text, evaluator)
    assert (choose.examples, choose.seed) == (90, 4)
    assert choose.recipe == RECIPE.changed(learning_rate=1e-3, channels=8)
    described = Study("concat-cell", evaluator, ranker=False, searcher=text).journal.settings["settings"]
    assert described["searcher"]["choose"]["examples"] == 90
    assert described["searcher"]["choose"]["digest"] == DATA.digest


def test_other_searchers_and_choices_stay():
    evaluator = Training("concat-cell", DATA, device="cpu")
    assert found("pareto-evolution", evaluator) is None
    assert find_searcher("pareto-evolution").options == {}


def test_names_are_checked_before_anything_is_loaded():
    with pytest.raises(UnknownNameError, match="unknown choice of tournaments 'supernets'; known: supernet"):
        find_searcher("pareto-evolution:choose=supernets")
    with pytest.raises(UnknownNameError, match="unknown field of a recipe 'rate'"):
        find_searcher(f"{SEARCHER}:rate=3")
    with pytest.raises(UsageError, match="expected NAME or NAME:OPTION=VALUE"):
        find_searcher(f"{SEARCHER}:examples")


def test_an_evaluator_without_images_is_refused():
    told = "choose=supernet trains cells on images, and this evaluator has none; leave it out"
    with pytest.raises(UsageError, match=told):
        Study("concat-cell", len, ranker=False, searcher=SEARCHER)
    own = OwnTraining("concat-cell", fit, input_shape=(1, 8, 8), num_classes=2, device="cpu")
    with pytest.raises(UsageError, match=told):
        Study("concat-cell", own, ranker=False, searcher=SEARCHER)


def test_a_space_without_such_cells_is_refused():
    with pytest.raises(UsageError, match="those of the space 'concat-cell'; networks of 'convnet' are built"):
        Study("convnet", Training("convnet", DATA, device="cpu"), ranker=False, searcher=SEARCHER)
