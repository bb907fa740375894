import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from fixed import FixedSpace

from egraph import spaces
from egraph.datasets import ImageData, images
from egraph.errors import UsageError
from egraph.evaluation import InheritedTraining, Recipe, Training
from egraph.searchers import HillClimb, run
from egraph.spaces.nash import Nash
from egraph.training import accuracy

SPACE = spaces.get("nash")
SMALLEST = SPACE.parse("CONV_3.W1,POOL_2,CONV_3.W1,POOL_2,CONV_3.W1")
OTHER = SPACE.parse("CONV_5.W1,POOL_2,CONV_3.W1,POOL_2,CONV_3.W1")
RECIPE = Recipe(epochs=12, batch_size=32, learning_rate=1e-2, channels=4)
BRIEF = replace(RECIPE, epochs=2, schedule="cosine")
ONE = replace(RECIPE, epochs=1)


@pytest.fixture(scope="module")
def digits():
    """Few, so that a training takes a moment."""
    whole = images("digits")
    train, validation, test = (
        (x[:count], y[:count])
        for (x, y), count in ((whole.train, 200), (whole.validation, 400), (whole.test, 20))
    )
    return ImageData(train, validation, test, name="few digits")


def inherited(data, recipe=ONE, **options):
    return InheritedTraining(SPACE, data, recipe, device="cpu", **options)


def grown(seed, morphisms=3):
    rng = np.random.default_rng(seed)
    child = SMALLEST
    for _ in range(morphisms):
        child = SPACE.mutate(child, rng)
    return child


def test_a_child_begins_at_its_parents_accuracy_and_soon_surpasses_one_from_scratch(digits):
    validation = tuple(map(torch.from_numpy, digits.validation))
    heirs, scratch = [], []
    for seed in range(3):
        training = inherited(digits, RECIPE, heirs=BRIEF)
        parent = training.evaluate(SMALLEST, seed=seed)
        ((_, trained),) = training._remembered
        child = training._build(grown(seed), seed, 4)
        assert SPACE.inherit(child, trained)
        assert accuracy(child, validation) == parent.score
        heirs.append(training.evaluate(grown(seed), seed=seed).score)
        scratch.append(Training(SPACE, digits, BRIEF, device="cpu").evaluate(grown(seed), seed=seed).score)
    assert all(heir > other for heir, other in zip(heirs, scratch, strict=True))
    assert np.mean(heirs) > np.mean(scratch) + 0.2


def test_what_inherits_nothing_is_trained_from_scratch(digits):
    training = inherited(digits)
    training.evaluate(OTHER)
    result = training.evaluate(SMALLEST, seed=3)
    assert result.source == "trained on few digits (cpu)"
    assert result.score == Training(SPACE, digits, ONE, device="cpu").evaluate(SMALLEST, seed=3).score


def test_heirs_say_so(digits):
    training = inherited(digits)
    training.evaluate(SMALLEST)
    assert training.evaluate(grown(0)).source == "trained from inherited weights on few digits (cpu)"


def test_measured_again_a_network_goes_on_from_its_own_weights(digits):
    training = inherited(digits, heirs=replace(ONE, learning_rate=1e-9))
    training.evaluate(SMALLEST, seed=1)
    assert "inherited" in training.evaluate(SMALLEST, seed=2).source
    (_, one), (_, other) = training._remembered
    for weights, others in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.allclose(weights, others, atol=1e-6)


def test_only_the_best_are_remembered_and_the_best_is_asked_first(digits):
    class Watched(Nash):
        asked = ()

        def inherit(self, network, trained):
            self.asked = (*self.asked, trained)
            return False

    space = Watched()
    training = InheritedTraining(space, digits, ONE, device="cpu", memory=2)
    scores = [training.evaluate(architecture).score for architecture in (OTHER, SMALLEST, grown(1), grown(2))]
    assert [score for score, _ in training._remembered] == sorted(scores)[:1:-1]
    space.asked = ()
    remembered = [network for _, network in training._remembered]
    training.evaluate(grown(3))
    assert list(space.asked) == remembered


def test_the_same_order_gives_the_same_scores(digits):
    histories = [
        [training.evaluate(architecture, seed=5).score for architecture in (SMALLEST, grown(0), grown(1))]
        for training in (inherited(digits), inherited(digits))
    ]
    assert histories[0] == histories[1]


def test_a_copy_remembers_too(digits):
    training = inherited(digits)
    training.evaluate(SMALLEST)
    copy = pickle.loads(pickle.dumps(training))
    assert copy.describe() == training.describe()
    assert copy.evaluate(grown(0)).score == training.evaluate(grown(0)).score


def test_a_climb_trains_its_children_from_their_parents_weights(digits):
    training = inherited(digits, heirs=ONE)
    sources = []

    def fitness(architectures):
        results = [training.evaluate(architecture) for architecture in architectures]
        sources.extend(result.source for result in results)
        return [result.score for result in results]

    climb = HillClimb(SPACE, children=2, mutations=2, distinct=False, seed=0)
    climb.tell([SMALLEST], fitness([SMALLEST]))
    run(climb, fitness, budget=5)
    assert ["inherited" in source for source in sources] == [False] + [True] * 5


def test_heirs_have_a_quarter_of_the_epochs_by_default(digits):
    training = inherited(digits, RECIPE)
    assert training.heirs == replace(RECIPE, epochs=3, schedule="cosine")
    assert inherited(digits).heirs.epochs == 1
    assert training.describe() == {
        **Training(SPACE, digits, RECIPE, device="cpu").describe(),
        "kind": "inherited training",
        "heirs": training.heirs.to_dict(),
        "memory": 8,
    }


def test_a_space_without_morphisms_is_refused(digits):
    with pytest.raises(UsageError, match="space 'fixed' has no network morphisms; use one that does"):
        InheritedTraining(FixedSpace(None), digits)


def test_a_memory_of_nothing_is_refused(digits):
    with pytest.raises(UsageError, match="memory must be a whole number of at least 1, got 0"):
        inherited(digits, memory=0)


@pytest.mark.parametrize("recipe", [None, RECIPE])
def test_another_width_of_heirs_is_refused(digits, recipe):
    with pytest.raises(UsageError, match="leave channels=8 out of the recipe of heirs"):
        inherited(digits, recipe, heirs=replace(RECIPE, channels=8))
