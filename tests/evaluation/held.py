"""Evaluators and functions of a user's module, which go to other machines by their names."""

import numpy as np

from egraph.architecture import Architecture
from egraph.evaluation import Evaluation, Evaluator


def count_edges(architectures):
    return [len(one.edges) for one in architectures]


class Kept(Evaluator):
    """Has attributes of all kinds."""

    def __init__(self, number, path):
        self.number, self.path = number, path
        self.pairs = ((1, 2.5), {"a": [None]})
        self.array = np.array([1, 2])
        self.graph = Architecture(["input", "output"], [(0, 1)])

    def evaluate(self, architecture, *, seed=0):
        return Evaluation(0.0)

    def describe(self):
        return {"kind": "kept"}


class Slotted(Kept):
    """Has a slot beside its attributes."""

    __slots__ = ("slot",)

    def __init__(self):
        super().__init__(1, None)
        self.slot = 2


HELD = Kept(7, object())
