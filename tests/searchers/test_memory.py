import numpy as np

from egraph.searchers._memory import Memory
from egraph.searchers.testing import ToySpace

SPACE = ToySpace(10)
CHAINS = [SPACE.make([number]) for number in range(10)]


def test_the_oldest_of_the_worse_half_leaves():
    memory = Memory(4)
    memory.add(CHAINS[:4], [9.0, 1.0, 2.0, 8.0])
    memory.add(CHAINS[4:5], [0.0])  # of 0, 1, 2, 8, 9 the worse are 0, 1, 2, the oldest of them is 1
    assert memory.scores == [9.0, 2.0, 8.0, 0.0]
    memory.add(CHAINS[5:6], [10.0])  # of 0, 2, 8, 9, 10 it is 2
    assert memory.scores == [9.0, 8.0, 0.0, 10.0]
    assert memory.architectures == [CHAINS[0], CHAINS[3], CHAINS[4], CHAINS[5]]


def test_failures_count_and_are_not_kept():
    memory = Memory(4)
    memory.add(CHAINS[:3], [1.0, np.nan, 2.0])
    assert memory.told == 3
    assert memory.scores == [1.0, 2.0]


def test_best_come_first_and_ties_in_the_order_of_telling():
    memory = Memory(9)
    memory.add(CHAINS[:4], [1.0, 3.0, 3.0, 2.0])
    assert memory.best(3) == [CHAINS[1], CHAINS[2], CHAINS[3]]
    assert len(memory.best(9)) == 4
