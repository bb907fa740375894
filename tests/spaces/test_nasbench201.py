import gzip
import hashlib
import itertools
import os
import random
from pathlib import Path

import numpy as np
import pytest

from egraph import spaces
from egraph.architecture import Architecture
from egraph.canonical import canonical_form, simplify
from egraph.errors import ArchitectureError
from egraph.spaces.nasbench201 import EDGES, OPERATIONS

SPACE = spaces.get("nasbench201")
KEYS = Path(__file__).parent.parent.parent / "egraph" / "spaces" / "nasbench201-keys.gz"
NONE, SKIP, CONV1, CONV3, POOL = OPERATIONS
PRIME = 2**61 - 1


def cell(*ops):
    return Architecture(["input", *ops, "output"], EDGES)


class Computation:
    """Runs a cell on a random number, with an unrelated random function in the place of each operation.

    Sums are modulo a large prime. A function of nothing is nothing, as for a part that no data reaches.
    """

    def __init__(self):
        self.salt = random.Random(0).randbytes(8)
        self.known = {}

    def apply(self, name, x):
        if x == 0:
            return 0
        if (name, x) not in self.known:
            text = self.salt + repr((name, x)).encode()
            self.known[name, x] = (
                int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) % (PRIME - 1) + 1
            )
        return self.known[name, x]

    def run(self, ops, functions):
        """``functions`` names, for each edge that has a convolution, the function that stands for it."""
        nodes = [123456789, 0, 0, 0]
        for edge, ((source, target), op) in enumerate(
            zip([(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)], ops, strict=True)
        ):
            x = nodes[source]
            if op == NONE:
                continue
            if op == POOL:
                x = self.apply(POOL, x)
            elif op != SKIP:
                x = self.apply((op, functions[edge]), x)
            nodes[target] = (nodes[target] + x) % PRIME
        return nodes[3]

    def signature(self, ops):
        """What the cell computes, up to which of the random functions stands for which convolution."""
        convolutions = [edge for edge, op in enumerate(ops) if op in (CONV1, CONV3)]
        reference = {edge: f"own {edge}" for edge in convolutions}
        result = self.run(ops, reference)
        alive = [e for e in convolutions if self.run(ops, reference | {e: "other"}) != result]
        ones = [e for e in alive if ops[e] == CONV1]
        threes = [e for e in alive if ops[e] == CONV3]
        return min(
            self.run(ops, reference | dict(zip(ones, p, strict=True)) | dict(zip(threes, q, strict=True)))
            for p in itertools.permutations(range(len(ones)))
            for q in itertools.permutations(range(len(threes)))
        )


def test_keys_are_the_computations():
    """All 15,625 cells fall into the same 5,260 classes by key and by running them on random functions."""
    computation = Computation()
    pairs = {(SPACE.key(a), computation.signature(a.ops[1:-1])) for a in SPACE.cells()}
    assert len({key for key, _ in pairs}) == len({signature for _, signature in pairs}) == len(pairs) == 5260


def compute_keys():
    """What the general algorithm says of all cells."""
    return [canonical_form(simplify(cell)) for cell in SPACE.cells()]


def test_keys_are_those_that_the_general_algorithm_gives():
    hint = f"if the change is meant, run: python tests/spaces/{Path(__file__).name}"
    assert [SPACE.key(cell) for cell in SPACE.cells()] == compute_keys(), hint


def test_counts():
    cells = list(SPACE.cells())
    assert len(cells) == len(set(cells)) == 5**6
    representatives = list(SPACE)
    assert len(representatives) == len(SPACE) == 5260
    assert {SPACE.key(a) for a in representatives} == {SPACE.key(a) for a in cells}


def test_keys_of_the_published_table():
    path = Path(os.environ.get("EGRAPH_DATA") or "nowhere", "nasbench201.parquet")
    if not path.is_file():
        pytest.skip("needs nasbench201.parquet in the folder that $EGRAPH_DATA names")
    import pandas

    table = pandas.read_parquet(path, columns=["cell", "unique_string"])
    architectures = [SPACE.parse(text) for text in table["cell"]]
    assert [SPACE.format(a) for a in architectures] == table["cell"].tolist()
    assert len(set(architectures)) == 15_625
    assert table["unique_string"].nunique() == 6466


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # node 3 adds the input once, by whichever edge
        ((NONE, NONE, NONE, SKIP, NONE, NONE), (SKIP, NONE, NONE, NONE, SKIP, NONE)),
        # two pools of the input are one, added twice
        ((POOL, NONE, NONE, NONE, SKIP, NONE), (NONE, POOL, NONE, NONE, NONE, SKIP)),
        ((POOL, POOL, NONE, NONE, SKIP, SKIP), (POOL, NONE, NONE, POOL, SKIP, NONE)),
        # a convolution of nothing is nothing
        ((NONE, NONE, CONV1, SKIP, CONV3, NONE), (NONE, NONE, NONE, SKIP, NONE, NONE)),
        # parallel branches may change places
        ((CONV1, CONV3, NONE, NONE, CONV1, CONV3), (CONV3, CONV1, NONE, NONE, CONV3, CONV1)),
    ],
)
def test_twins(a, b):
    assert SPACE.key(cell(*a)) == SPACE.key(cell(*b))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # the input once, or twice
        ((NONE, NONE, NONE, SKIP, NONE, NONE), (SKIP, NONE, NONE, SKIP, SKIP, NONE)),
        # one convolution added twice, or two separate ones
        ((CONV1, SKIP, SKIP, NONE, SKIP, NONE), (CONV1, CONV1, NONE, NONE, SKIP, SKIP)),
        ((CONV1, NONE, SKIP, NONE, SKIP, SKIP), (CONV1, CONV1, NONE, NONE, SKIP, SKIP)),
        ((NONE, NONE, NONE, CONV1, NONE, NONE), (NONE, NONE, NONE, CONV3, NONE, NONE)),
        ((NONE, NONE, NONE, NONE, NONE, NONE), (NONE, NONE, NONE, SKIP, NONE, NONE)),
    ],
)
def test_no_twins(a, b):
    assert SPACE.key(cell(*a)) != SPACE.key(cell(*b))


def test_official_notation():
    text = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|nor_conv_3x3~2|"
    assert SPACE.parse(text) == cell(POOL, CONV1, SKIP, CONV1, SKIP, CONV3)
    assert SPACE.format(SPACE.parse(text)) == text


def test_mutation_changes_one_edge_and_reaches_every_choice():
    start = cell(NONE, SKIP, CONV1, CONV3, POOL, NONE)
    rng = np.random.default_rng(0)
    mutants = {SPACE.mutate(start, rng) for _ in range(1000)}
    assert len(mutants) == 6 * 4
    for mutant in mutants:
        assert sum(x != y for x, y in zip(mutant.ops, start.ops, strict=True)) == 1


def test_every_key_is_reached_by_neighbors():
    start = cell(*[CONV3] * 6)
    seen, frontier = {SPACE.key(start)}, [start]
    while frontier and len(seen) < 5260:
        for neighbor in SPACE.neighbors(frontier.pop()):
            if (key := SPACE.key(neighbor)) not in seen:
                seen.add(key)
                frontier.append(neighbor)
    assert len(seen) == 5260


def test_children_take_each_edge_from_a_parent():
    rng = np.random.default_rng(0)
    children = {SPACE.crossover(cell(*[CONV1] * 6), cell(*[POOL] * 6), rng) for _ in range(1000)}
    assert len(children) == 2**6
    assert {op for child in children for op in child.ops[1:-1]} == {CONV1, POOL}


@pytest.mark.parametrize(
    ("architecture", "text"),
    [
        (Architecture(["input", SKIP, "output"], [(0, 1), (1, 2)]), "has 8 vertices .*, got 3"),
        (Architecture(cell(*[SKIP] * 6).ops, EDGES[:-1]), "has the edges .*, got .*'none' takes one away"),
        (
            Architecture(["input", *[SKIP] * 5, "conv", "output"], EDGES),
            "unknown operation 'conv' of vertex 6",
        ),
        (
            Architecture(["input", *[SKIP] * 5, "input", "output"], EDGES),
            "unknown operation 'input' of vertex 6",
        ),
        (Architecture(cell(*[SKIP] * 6).ops, EDGES, [(0, 3)]), "no disabled edges"),
        ("|none~0|", "takes egraph\\.Architecture objects, got str"),
    ],
)
def test_foreign_architectures_are_refused(architecture, text):
    with pytest.raises(ArchitectureError, match=text):
        SPACE.key(architecture)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("|none~0|+|none~0|none~1|", "not a NAS-Bench-201 cell: .*expected"),
        ("|none~0|+|none~0|none~2|+|none~0|none~1|none~2|", "not a NAS-Bench-201 cell"),
        (
            "|conv~0|+|none~0|none~1|+|none~0|none~1|none~2|",
            "unknown operation 'conv'; nasbench201 has none, skip",
        ),
    ],
)
def test_malformed_notation_is_refused(text, reason):
    with pytest.raises(ArchitectureError, match=reason):
        SPACE.parse(text)


if __name__ == "__main__":
    KEYS.write_bytes(gzip.compress("\n".join(compute_keys()).encode("ascii"), mtime=0))
