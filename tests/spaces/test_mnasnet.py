import itertools
import re

import numpy as np
import pytest

from egraph import operations, spaces
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError

SPACE = spaces.get("mnasnet")
ONE = "k3e6l1s0-k5e4l2s1-k3e6l1s0-k5e1l1s0-k5e6l1s0-k3e1l2s0-k3e1l1s0"


def test_one_network_by_hand():
    architecture = SPACE.parse(ONE)
    squeeze = "squeeze-excitation"
    assert architecture.ops[1:-1] == (
        "mbconv3x3-e6-c16",
        "mbconv5x5-e4-c24-s2", squeeze, "mbconv5x5-e4-c24", squeeze,
        "mbconv3x3-e6-c40-s2",
        "sepconv5x5-c80-s2",
        "mbconv5x5-e6-c112",
        "sepconv3x3-c192-s2", "sepconv3x3-c192",
        "sepconv3x3-c320",
    )  # fmt: skip
    assert architecture.edges == tuple((i, i + 1) for i in range(len(architecture.ops) - 1))
    assert SPACE.format(architecture) == SPACE.key(architecture) == ONE


def test_layers_are_described():
    layer = operations.get("mbconv5x5-e4-c24-s2")
    assert (layer.kind, layer.kernel, layer.stride, layer.groups) == ("inverted-residual", 5, 2, 0)
    assert (layer.expansion, layer.width) == (4, 24 / 32)  # 16 channels, doubled once
    assert operations.get("sepconv3x3-c192").kind == "separable-conv"
    assert operations.get("sepconv3x3-c192").width == 192 / 256
    assert operations.get("squeeze-excitation").kind == "attention"


def test_size_and_order():
    assert len(SPACE) == 36**6 * 48 == np.prod(SPACE.choices, dtype=np.int64)
    texts = [SPACE.format(a) for a in itertools.islice(SPACE, 37)]
    assert texts[0] == "-".join(["k3e1l1s0"] * 7)
    assert texts[36] == "-".join([*["k3e1l1s0"] * 5, "k3e1l1s1", "k3e1l1s0"])
    assert len(set(texts)) == 37


def test_mutation_changes_one_gene_and_the_sixth_block_has_four_layers():
    rng = np.random.default_rng(0)
    start = SPACE.parse(ONE)
    mutants = {SPACE.format(SPACE.mutate(start, rng)) for _ in range(2000)}
    assert len(mutants) == 7 * (1 + 2 + 2 + 1) + 1
    assert {text for text in mutants if "l4" in text} == {ONE.replace("k3e1l2s0", "k3e1l4s0")}
    assert all(sum(x != y for x, y in zip(text, ONE, strict=True)) == 1 for text in mutants)


@pytest.mark.parametrize(
    "text",
    [
        ONE[9:],
        f"{ONE}-k3e6l1s0",
        ONE.replace("e4", "e3"),
        ONE.replace("k5e4l2", "k5e4l4"),
        ONE.replace("l2s1", "l0s1"),
        ONE.replace("-", ","),
    ],
)
def test_malformed_notation_is_refused(text):
    message = f"not an architecture of mnasnet: {text!r}; expected seven blocks with '-' between, each kernel"
    with pytest.raises(ArchitectureError, match=re.escape(message)):
        SPACE.parse(text)


def chain(*ops):
    return Architecture(["input", *ops, "output"], [(i, i + 1) for i in range(len(ops) + 1)])


GOOD = SPACE.parse(ONE).ops[1:-1]


@pytest.mark.parametrize(
    ("architecture", "text"),
    [
        (chain(*GOOD[1:]), r"block 1 of a mnasnet .* 1 to 3 equal layers of 16 channels, .*; got \[\]$"),
        (chain(*GOOD[:2], *GOOD[3:]), "block 2 .* 24 channels, the first of stride 2, all or none"),
        (chain(*GOOD[:6], "sepconv3x3-c80", *GOOD[7:]), "block 4 .* the first of stride 2, all"),
        (chain(*GOOD, GOOD[0]), "block 7 .* 320 channels, .* got .'sepconv3x3-c320', 'mbconv3x3-e6-c16'"),
        (Architecture(["input", *GOOD, "output"], [(0, len(GOOD) + 1)]), "has the edges"),
    ],
)
def test_foreign_architectures_are_refused(architecture, text):
    with pytest.raises(ArchitectureError, match=text):
        SPACE.validate(architecture)
