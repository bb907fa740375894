"""After a change of the fitness, remembered scores are those of the new one."""

import numpy as np
import pytest

from egraph.searchers import SearcherSpec, run
from egraph.searchers.testing import ToySpace

SPACE = ToySpace(6, 6, 6, 6, 6)
SETTINGS = (
    "regularized-evolution:population=20,sample=8",
    "classic-evolution:population=20,sample=8",
    "genetic",
    "nsga2:population=10",
    "pareto-evolution:children=10,population=4",
    "deepneat:population=12",
    "grammar:population=12",
    "ant-colony",
    "particle-swarm",
    "drawn:generation=20,sharpen=0.5",
    "bayesian:candidates=30",
    "nas-ea-fa:population=10,generations=1,copies=0",
    "hill-climb",
    "local-search",
)


def opposite(architectures):
    return -SPACE.value(architectures)


@pytest.mark.parametrize("text", SETTINGS)
def test_a_searcher_turns_round_when_the_fitness_does(text):
    """With the old scores it would hold on to the old optimum."""
    searcher = SearcherSpec.parse(text)(SPACE, seed=0)
    before = run(searcher, SPACE.value, 150, batch=10).history
    searcher.rescore(opposite)
    after = run(searcher, opposite, 300, batch=10).history
    late = np.mean([SPACE.value([step.architecture])[0] for step in before[-50:]])
    turned = np.mean([SPACE.value([step.architecture])[0] for step in after[-50:]])
    assert late > 13
    assert turned < 12.75, "the mean of the space"


def test_scores_of_members_are_replaced():
    searcher = SearcherSpec.parse("classic-evolution:population=5,sample=2")(SPACE, seed=0)
    run(searcher, SPACE.value, 20)
    searcher.rescore(opposite)
    assert searcher._scores == pytest.approx(opposite(searcher._members))
    assert searcher.state_dict()["scores"] == pytest.approx(list(opposite(searcher._members)))


def test_the_front_is_that_of_the_new_fitness():
    searcher = SearcherSpec.parse("nsga2:population=5").replace(costs={"size": lambda a: 1.0})(SPACE, seed=0)
    run(searcher, SPACE.value, 20)
    searcher.rescore(opposite)
    (only,) = searcher.front()
    assert only.score == pytest.approx(opposite([only.architecture])[0])
