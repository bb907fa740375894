import itertools
import os
from pathlib import Path

import numpy as np
import pytest

from egraph import spaces
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError

SPACE = spaces.get("nasbench_macro")


def tidy(digits):
    """The digits with the identities of each stage moved to its end, its first layer kept."""
    stages = [digits[:2], digits[2:5], digits[5:]]
    return "".join(stage[0] + stage[1:].replace("0", "").ljust(len(stage) - 1, "0") for stage in stages)


def test_keys_are_the_chains_without_their_identities():
    chains = list(SPACE.chains())
    texts = [SPACE.format(a) for a in chains]
    assert texts == ["".join(digits) for digits in itertools.product("012", repeat=8)]
    pairs = {(SPACE.key(a), tidy(text)) for a, text in zip(chains, texts, strict=True)}
    assert len({key for key, _ in pairs}) == len({text for _, text in pairs}) == len(pairs) == 3969


def test_one_chain_a_key_with_identities_last():
    texts = [SPACE.format(a) for a in SPACE]
    assert len(texts) == len(set(texts)) == len(SPACE) == 3969
    assert texts == [tidy(text) for text in texts]
    assert texts == sorted(texts)


def test_published_table():
    path = Path(os.environ.get("EGRAPH_DATA") or "nowhere", "nasbench_macro.parquet")
    if not path.is_file():
        pytest.skip("needs nasbench_macro.parquet in the folder that $EGRAPH_DATA names")
    import pandas

    table = pandas.read_parquet(path, columns=["arch", "canonical"])
    keys = [SPACE.key(SPACE.parse(text)) for text in table["arch"]]
    assert keys == [SPACE.key(SPACE.parse(text)) for text in table["canonical"]]
    assert {SPACE.format(a) for a in SPACE} == set(table["canonical"])
    assert len(keys) == 6561
    assert len(set(keys)) == 3969


def test_first_layers_of_stages_have_strided_operations():
    architecture = SPACE.parse("01201201")
    assert architecture.ops[1:-1] == (
        "conv1x1-s2", "mbconv3x3-e3",
        "mbconv5x5-e6-s2", "identity", "mbconv3x3-e3",
        "mbconv5x5-e6-s2", "identity", "mbconv3x3-e3",
    )  # fmt: skip
    assert architecture.edges == tuple((i, i + 1) for i in range(9))


def test_mutation_changes_one_digit_and_reaches_every_choice():
    rng = np.random.default_rng(0)
    start = SPACE.parse("01201201")
    mutants = {SPACE.format(SPACE.mutate(start, rng)) for _ in range(1000)}
    assert len(mutants) == 8 * 2
    assert all(sum(x != y for x, y in zip(text, "01201201", strict=True)) == 1 for text in mutants)


def test_every_key_is_reached_by_neighbors():
    start = next(iter(SPACE))
    seen, frontier = {SPACE.key(start)}, [start]
    while frontier:
        for neighbor in SPACE.neighbors(frontier.pop()):
            if (key := SPACE.key(neighbor)) not in seen:
                seen.add(key)
                frontier.append(neighbor)
    assert len(seen) == 3969


def test_children_take_each_digit_from_a_parent():
    rng = np.random.default_rng(0)
    a, b = SPACE.parse("0" * 8), SPACE.parse("2" * 8)
    texts = {SPACE.format(SPACE.crossover(a, b, rng)) for _ in range(3000)}
    assert texts == {"".join(digits) for digits in itertools.product("02", repeat=8)}


GOOD = SPACE.parse("00000000")


@pytest.mark.parametrize(
    ("architecture", "text"),
    [
        (
            Architecture(["input", "identity", "output"], [(0, 1), (1, 2)]),
            "chain of 10 vertices, .*got 3 vertices",
        ),
        (Architecture(GOOD.ops, GOOD.edges[:-1]), "is a chain of 10 vertices"),
        (
            Architecture(["input", "identity", *GOOD.ops[2:]], GOOD.edges),
            "layer 1 .* conv1x1-s2, .*got 'identity'",
        ),
        (
            Architecture([*GOOD.ops[:2], "conv1x1-s2", *GOOD.ops[3:]], GOOD.edges),
            "layer 2 .*got 'conv1x1-s2'",
        ),
        (Architecture(["input", "conv", *GOOD.ops[2:]], GOOD.edges), "unknown operation 'conv' of vertex 1"),
        (Architecture(GOOD.ops, GOOD.edges, [(0, 9)]), "no disabled edges"),
        (None, "takes egraph.Architecture objects, got NoneType"),
    ],
)
def test_foreign_architectures_are_refused(architecture, text):
    with pytest.raises(ArchitectureError, match=text):
        SPACE.key(architecture)


@pytest.mark.parametrize("text", ["0120120", "012012013", "01201203", "0120120a"])
def test_malformed_notation_is_refused(text):
    with pytest.raises(
        ArchitectureError, match=r"not a NAS-Bench-Macro chain: .*expected 8 digits 0, 1 or 2"
    ):
        SPACE.parse(text)
