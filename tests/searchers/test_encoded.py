"""What the searchers on encodings do alike."""

import numpy as np
import pytest

from egraph import spaces
from egraph.errors import ArchitectureError, UsageError
from egraph.searchers import AntColony, Genetic, ParticleSwarm, run
from egraph.searchers.testing import ToySpace

every_searcher = pytest.mark.parametrize("make", [Genetic, ParticleSwarm, AntColony])


class Holes(ToySpace):
    """Half of the options are no architecture: the numbers must have an even sum."""

    def validate(self, architecture):
        super().validate(architecture)
        if sum(self.numbers(architecture)) % 2:
            raise ArchitectureError(f"odd: {architecture.ops}")

    def sample(self, rng):
        while sum(self.numbers(found := super().sample(rng))) % 2:
            pass
        return found

    def __iter__(self):
        return (a for a in super().__iter__() if sum(self.numbers(a)) % 2 == 0)


@every_searcher
def test_options_that_are_no_architecture_are_drawn_again(make):
    space = Holes(4, 5)
    result = run(make(space, seed=0), space.value, budget=30)
    assert result.exhausted
    assert len(result.history) == 10
    for step in result.history:
        space.validate(step.architecture)


@every_searcher
def test_places_without_a_choice_are_left_alone(make):
    space = ToySpace(1, 5, 1, 5)
    assert run(make(space, seed=0), space.value, budget=25).best == space.make([0, 4, 0, 4])


@every_searcher
def test_space_without_an_encoding_is_refused(make):
    class Plain(ToySpace):
        choices = spaces.SearchSpace.choices

        def __init__(self):
            self.operations = ("op0",)

    with pytest.raises(UsageError, match="'toy' gives no encoding, which this searcher needs"):
        make(Plain())


@every_searcher
@pytest.mark.parametrize("name", spaces.names())
def test_every_built_in_space_can_be_searched(make, name):
    space = spaces.get(name)
    searcher = make(space, seed=0)
    for _ in range(5):
        asked = searcher.ask(8)
        for architecture in asked:
            space.validate(architecture)
        searcher.tell(asked, np.array([len(space.key(architecture)) for architecture in asked], float))
