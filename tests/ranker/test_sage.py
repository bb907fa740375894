import warnings

import numpy as np
import pytest
import torch

from egraph.errors import UnknownNameError
from egraph.ranker.sage import AGGREGATORS, Linear, Neighbours, SAGELayer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch-geometric still scripts a class when it is imported
    from torch_geometric.nn import SAGEConv

WIDE, NARROW, VERTICES = 5, 4, 7


def _graph(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Vertex vectors, dense counts and the same edges as an index, one graph."""
    generator = torch.Generator().manual_seed(seed)
    counts = torch.triu((torch.rand(VERTICES, VERTICES, generator=generator) < 0.6).float(), 1)
    x = torch.randn(VERTICES, WIDE, generator=generator)
    return x, counts, counts.nonzero().T


def _layer(aggregator: str, seed: int, members: int = 1, bidirectional: bool = False) -> SAGELayer:
    layer = SAGELayer(members, WIDE, NARROW, aggregator, bidirectional)
    generator = torch.Generator().manual_seed(seed)
    for module in layer.modules():
        if isinstance(module, Linear):
            module.reset_parameters(generator)
    return layer


def _apply(layer: SAGELayer, x: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return layer(x[None, None], Neighbours(counts[None]))[0, 0]


def _copy(theirs: torch.nn.Linear, ours: Linear, with_bias: bool = True) -> None:
    theirs.weight.data = ours.weight.data[0].T.clone()
    if theirs.bias is not None and with_bias:
        theirs.bias.data = (
            ours.bias.data[0, 0].clone() if ours.bias is not None else torch.zeros_like(theirs.bias)
        )


def _copy_lstm(theirs: torch.nn.LSTM, ours) -> None:
    theirs.weight_ih_l0.data = ours.input.weight.data[0].T.clone()
    theirs.weight_hh_l0.data = ours.state.weight.data[0].T.clone()
    theirs.bias_ih_l0.data = ours.input.bias.data[0, 0].clone()
    theirs.bias_hh_l0.data = ours.state.bias.data[0, 0].clone()


def _pyg(layer: SAGELayer) -> SAGEConv:
    aggregator = {"pool": "max"}.get(layer.aggregator, layer.aggregator)
    theirs = SAGEConv(WIDE, NARROW, aggr=aggregator, project=layer.aggregator == "pool")
    _copy(theirs.lin_l, layer.neighbours[0])
    _copy(theirs.lin_r, layer.own)
    theirs.lin_l.bias.data = layer.own.bias.data[0, 0].clone()
    if layer.aggregator == "pool":
        _copy(theirs.lin, layer.pool[0])
    if layer.aggregator == "lstm":
        _copy_lstm(theirs.aggr_module.lstm, layer.gates[0])
    return theirs


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("aggregator", ["mean", "sum", "pool"])
def test_agrees_with_torch_geometric(aggregator, seed):
    x, counts, index = _graph(seed)
    layer = _layer(aggregator, seed)
    with torch.no_grad():
        expected = _pyg(layer)(x, index)
    torch.testing.assert_close(_apply(layer, x, counts), expected, atol=1e-5, rtol=1e-5)


def test_lstm_agrees_with_torch_geometric_where_all_degrees_are_equal():
    """PyG lets its LSTM run on over the padding of shorter neighbourhoods, so only equal degrees compare."""
    x, _, _ = _graph(0)
    counts = torch.zeros(VERTICES, VERTICES)
    for target in range(VERTICES):
        for step in (1, 2, 3):
            counts[(target + step) % VERTICES, target] = 1
    by_target = counts.T.nonzero()
    index = torch.stack([by_target[:, 1], by_target[:, 0]])
    layer = _layer("lstm", 0)
    with torch.no_grad():
        expected = _pyg(layer)(x, index)
    torch.testing.assert_close(_apply(layer, x, counts), expected, atol=1e-5, rtol=1e-5)


def test_lstm_agrees_with_one_run_of_torch_over_each_neighbourhood():
    x, counts, _ = _graph(1)
    layer = _layer("lstm", 1)
    lstm = torch.nn.LSTM(WIDE, WIDE, batch_first=True)
    _copy_lstm(lstm, layer.gates[0])
    with torch.no_grad():
        gathered = torch.zeros(VERTICES, WIDE)
        for target in range(VERTICES):
            sources = counts[:, target].nonzero()[:, 0]
            if len(sources):
                gathered[target] = lstm(x[sources][None])[1][0][0, 0]
        expected = layer.own(x[None])[0] + layer.neighbours[0](gathered[None])[0]
    torch.testing.assert_close(_apply(layer, x, counts), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("aggregator", ["mean", "pool", "lstm"])
def test_agrees_with_dgl(aggregator):
    dgl = pytest.importorskip("dgl")
    conv = pytest.importorskip("dgl.nn.pytorch").SAGEConv
    x, counts, index = _graph(2)
    layer = _layer(aggregator, 2)
    theirs = conv(WIDE, NARROW, aggregator)
    _copy(theirs.fc_self, layer.own)
    _copy(theirs.fc_neigh, layer.neighbours[0])
    if getattr(theirs, "bias", None) is not None:  # in some versions the bias stands apart
        theirs.bias.data = layer.own.bias.data[0, 0].clone()
        if theirs.fc_self.bias is not None:
            theirs.fc_self.bias.data.zero_()
    if aggregator == "pool":
        _copy(theirs.fc_pool, layer.pool[0])
    if aggregator == "lstm":
        _copy_lstm(theirs.lstm, layer.gates[0])
    with torch.no_grad():
        expected = theirs(dgl.graph((index[0], index[1]), num_nodes=VERTICES), x)
    torch.testing.assert_close(_apply(layer, x, counts), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("aggregator", AGGREGATORS)
def test_both_directions_are_two_layers_that_share_the_own_part(aggregator):
    x, counts, _ = _graph(3)
    both = _layer(aggregator, 3, bidirectional=True)
    forth, back = SAGELayer(1, WIDE, NARROW, aggregator, False), SAGELayer(1, WIDE, NARROW, aggregator, False)
    for direction, one in enumerate((forth, back)):
        one.own.load_state_dict(both.own.state_dict())
        one.neighbours[0].load_state_dict(both.neighbours[direction].state_dict())
        one.aggregator_weights(0).load_state_dict(both.aggregator_weights(direction).state_dict())
    with torch.no_grad():
        expected = _apply(forth, x, counts) + _apply(back, x, counts.T) - both.own(x[None])[0]
    torch.testing.assert_close(_apply(both, x, counts), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("aggregator", AGGREGATORS)
def test_members_do_not_influence_one_another(aggregator):
    x, counts, _ = _graph(4)
    layer = _layer(aggregator, 4, members=3, bidirectional=True)
    with torch.no_grad():
        together = layer(x[None, None], Neighbours(counts[None]))
    for member in range(3):
        alone = SAGELayer(1, WIDE, NARROW, aggregator, True)
        alone.load_state_dict({name: t[member : member + 1] for name, t in layer.state_dict().items()})
        torch.testing.assert_close(_apply(alone, x, counts), together[member, 0], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("aggregator", AGGREGATORS)
def test_a_vertex_without_neighbours_aggregates_zeros(aggregator):
    x, _, _ = _graph(5)
    layer = _layer(aggregator, 5)
    with torch.no_grad():
        torch.testing.assert_close(_apply(layer, x, torch.zeros(VERTICES, VERTICES)), layer.own(x[None])[0])


@pytest.mark.parametrize("aggregator", ["mean", "sum", "pool"])
def test_the_order_of_vertices_does_not_matter(aggregator):
    x, counts, _ = _graph(6)
    order = torch.randperm(VERTICES, generator=torch.Generator().manual_seed(0))
    layer = _layer(aggregator, 6)
    moved = _apply(layer, x[order], counts[order][:, order])
    torch.testing.assert_close(moved, _apply(layer, x, counts)[order], atol=1e-5, rtol=1e-5)


def test_the_lstm_reads_in_the_order_it_is_given():
    x, counts, _ = _graph(7)
    layer = _layer("lstm", 7)
    backwards = torch.arange(VERTICES - 1, -1, -1)
    with torch.no_grad():
        given = layer(x[None, None], Neighbours(counts[None], backwards[None, None].float()))[0, 0]
    flipped = _apply(layer, x.flip(0), counts.flip(0).flip(1)).flip(0)
    torch.testing.assert_close(given, flipped, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(given, _apply(layer, x, counts), atol=1e-4)


def test_sum_and_mean_count_repeated_edges():
    x = torch.tensor([[1.0, 0, 0, 0, 0], [0, 1.0, 0, 0, 0], [0, 0, 0, 0, 0]])
    counts = torch.tensor([[0.0, 0, 3], [0, 0, 1], [0, 0, 0]])
    for aggregator, expected in (("sum", [3.0, 1.0]), ("mean", [0.75, 0.25])):
        layer = SAGELayer(1, WIDE, NARROW, aggregator, False)
        with torch.no_grad():
            layer.neighbours[0].weight[0, 0, 0] = layer.neighbours[0].weight[0, 1, 1] = 1.0
        np.testing.assert_allclose(_apply(layer, x, counts)[2, :2].numpy(), expected)


def test_repr_names_sizes():
    assert repr(SAGELayer(2, WIDE, NARROW, "lstm")) == "SAGELayer(5 -> 4, lstm, members=2, directions=2)"


def test_an_unknown_aggregator_is_refused():
    with pytest.raises(UnknownNameError, match=r"unknown aggregator 'pol'; known: .*Did you mean 'pool'"):
        SAGELayer(1, WIDE, NARROW, "pol")


@pytest.mark.parametrize(("aggregator", "names"), [("pool", ["pool.0.weight", "pool.0.bias"]), ("sum", [])])
def test_weights_of_aggregators_keep_their_names_in_files(aggregator, names):
    names = ["own.weight", "own.bias", "neighbours.0.weight", *names]
    assert list(SAGELayer(1, WIDE, NARROW, aggregator, False).state_dict()) == names
