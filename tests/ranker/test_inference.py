"""Scoring takes another way through the network than training; the tests hold the two against each other."""

import numpy as np
import pytest
import torch

from egraph import Architecture
from egraph.encoding import Vocabulary, encode
from egraph.ranker.inference import embed
from egraph.ranker.network import Graphs, Layer, NetworkShape, RankerNetwork

PLAIN = {
    "members": 3,
    "layers": ("mean", "mean", "mean"),
    "width": 12,
    "readout": ("output", "sum", "max"),
    "head": "utility",
    "bidirectional": True,
    "dropout": 0.1,
}


@pytest.fixture(scope="module")
def encoding(toy_data, make_architecture):
    """Graphs of many sizes, one of them alone in its size."""
    rng = np.random.default_rng(5)
    graphs = [*toy_data[0], *(make_architecture(rng) for _ in range(40)), make_architecture(rng, 14)]
    graphs.append(Architecture(["input", "output"], [(0, 1)]))
    return encode(graphs, Vocabulary.of(graphs))


def _network(encoding, **changes):
    shape = {**PLAIN, "vertex_features": encoding.vertices.shape[2], "graph_features": 4, **changes}
    generator = torch.Generator().manual_seed(3)
    network = RankerNetwork(NetworkShape(**shape), generator)
    with torch.no_grad():  # normalisation that does nothing would hide one that is left out
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"layers": ("sum", "mean"), "readout": ("mean", "sort2", "max")},
        {"layers": ("pool", "mean", "sum")},
        {"layers": ("mean", "lstm")},
        {"bidirectional": False},
        {"norm": False, "residual": False},
        {"members": 1, "graph_features": 0},
        {"head": "pairwise"},
        {
            "layers": (
                Layer("mean", 7),
                Layer("sum", 9, (0, 1)),
                Layer("mean", 9, (0,)),
                Layer("mean", 5, (2, 3)),
            )
        },
        {"layers": (Layer("mean", 40), Layer("mean", 40, (0, 1))), "reads": (0, 2)},
        {"layers": (), "reads": (0,)},
    ],
    ids=str,
)
def test_scoring_embeds_as_training_does(changes, encoding):
    network = _network(encoding, **changes)
    features = np.random.default_rng(0).normal(size=(len(encoding), network.shape.graph_features))
    expected = network.embed(Graphs.of(encoding, features))
    torch.testing.assert_close(embed(network, encoding, features), expected, atol=2e-5, rtol=1e-5)


def test_no_graphs_have_no_embeddings(encoding):
    none = encoding.take(np.arange(0))
    assert embed(_network(encoding), none, np.zeros((0, 4))).shape == (3, 0, 12)


def test_the_other_graphs_of_a_batch_do_not_matter(encoding):
    network = _network(encoding)
    features = np.random.default_rng(0).normal(size=(len(encoding), 4))
    together = embed(network, encoding, features)
    for row in (0, 7, len(encoding) - 2):
        alone = embed(network, encoding.take(np.array([row])), features[[row]])
        torch.testing.assert_close(alone[:, 0], together[:, row], atol=1e-5, rtol=1e-5)
