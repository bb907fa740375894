"""A space for evaluators of networks."""

from egraph.spaces import SearchSpace


class FixedSpace(SearchSpace):
    """A space whose network is whatever the test wants."""

    name = "fixed"
    operations = ("op",)

    def __init__(self, make):
        self.make = make

    def network(self, architecture, input_shape=(3, 32, 32), num_classes=10):
        return self.make(input_shape, num_classes)

    def validate(self, architecture):
        pass

    def sample(self, rng): ...
    def mutate(self, architecture, rng): ...
    def crossover(self, a, b, rng): ...
    def neighbors(self, architecture): ...
    def parse(self, text): ...
    def format(self, architecture): ...
