"""The networks of NAS-Bench-101, against the published parameters and layers written out."""

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional

from egraph import Architecture
from egraph.datasets import known, load
from egraph.errors import ArchitectureError, UsageError
from egraph.networks import build_nasbench101, count_flops, count_params
from egraph.networks._nasbench101 import plan_cell, split_channels
from egraph.spaces import get

SPACE = get("nasbench101")
C3, C1, MP = SPACE.operations


def cell(*ops, edges):
    return Architecture(("input", *ops, "output"), edges)


INCEPTION = cell(
    C1, C3, C3, C3, MP, edges=[(0, 1), (0, 2), (0, 3), (0, 5), (1, 6), (2, 6), (3, 4), (4, 6), (5, 6)]
)


def conv_params(kernel, inputs, outputs):
    """Weights without bias, and scale and shift of the batch normalisation."""
    return kernel**2 * inputs * outputs + 2 * outputs


def cell_params(graph, inputs, outputs):
    widths = [*split_channels(graph, outputs), outputs]
    total = sum(
        conv_params(1, inputs, width)
        for width, sources in zip(widths, graph.sources, strict=True)
        if 0 in sources
    )
    for operation, width in zip(graph.operations, widths, strict=False):
        if operation.kind == "conv":
            total += conv_params(operation.kernel, width, width)
    return total


def network_params(graph):
    """By arithmetic: nine cells, of which the first of the second and third stack double the channels."""
    cells = 3 * cell_params(graph, 128, 128)
    for width in (256, 512):
        cells += cell_params(graph, width // 2, width) + 2 * cell_params(graph, width, width)
    return conv_params(3, 3, 128) + cells + 512 * 10 + 10


class TestParams:
    def test_all_published_rows_by_arithmetic(self):
        if not any(table.name == "nasbench101" and table.path is not None for table in known()):
            pytest.skip("nasbench101 is not here; set EGRAPH_DATA to the folder that holds its file")
        table = load("nasbench101")
        counted = [network_params(plan_cell(architecture)) for architecture in table.architectures]
        assert counted == table["params"].tolist()

    def test_built_networks_agree_with_the_arithmetic(self):
        rng = np.random.default_rng(0)
        sample = [SPACE.sample(rng) for _ in range(12)]
        sample += [SPACE.mutate(architecture, rng) for architecture in sample]
        for architecture in sample:
            network = SPACE.network(architecture)
            assert count_params(network) == network_params(plan_cell(architecture))

    def test_the_example_of_the_authors(self):
        """The Inception-like cell in NASBench.ipynb of github.com/google-research/nasbench."""
        assert count_params(SPACE.network(INCEPTION)) == 2_694_282

    def test_the_smallest_network_by_hand(self):
        """Input joined to output: each cell is one 1x1 convolution."""
        stem, classifier = 27 * 128 + 256, 512 * 10 + 10
        widths = [128, 128, 128, 128, 256, 256, 256, 512, 512, 512]
        cells = sum(a * b + 2 * b for a, b in itertools.pairwise(widths))
        network = SPACE.network(cell(edges=[(0, 1)]))
        assert count_params(network) == stem + cells + classifier

    def test_dead_vertices_are_not_built(self):
        live = cell(C3, edges=[(0, 1), (1, 2)])
        dead = cell(C3, C3, MP, edges=[(0, 1), (1, 4), (1, 2), (3, 4)])
        a, b = (build_nasbench101(x, (3, 8, 8), 10, channels=8) for x in (live, dead))
        assert str(a) == str(b)
        assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))

    def test_flops_of_the_smallest_network_by_hand(self):
        stem, classifier = 27 * 128 * 32**2, 512 * 10
        first = 3 * 128 * 128 * 32**2
        second = (128 * 256 + 2 * 256 * 256) * 16**2
        third = (256 * 512 + 2 * 512 * 512) * 8**2
        network = SPACE.network(cell(edges=[(0, 1)]))
        assert count_flops(network, (3, 32, 32)) == stem + first + second + third + classifier


class TestNumbering:
    def test_the_example_of_the_authors(self):
        """The cell as it is asked for in NASBench.ipynb comes back in this numbering."""
        graph = plan_cell(INCEPTION)
        assert [operation.name for operation in graph.operations] == [C3, C1, MP, C3, C3]
        assert graph.sources == ((0,), (0,), (0,), (0,), (4,), (1, 2, 3, 5))

    def test_the_space_enumerates_cells_in_it(self):
        for architecture in itertools.islice(SPACE, 0, 4000, 7):
            graph = plan_cell(architecture)
            assert tuple(op.name for op in graph.operations) == architecture.ops[1:-1]
            edges = [(i, j) for j, sources in enumerate(graph.sources, 1) for i in sources]
            assert sorted(edges) == list(architecture.edges)

    def test_isomorphic_cells_are_one_network(self):
        """Three vertices share eight channels: the pool gets as many under every number."""
        made = set()
        for order in itertools.permutations((C3, C1, MP)):
            edges = [(i, j) for v in (1, 2, 3) for i, j in ((0, v), (v, 4))]
            network = build_nasbench101(cell(*order, edges=edges), (3, 8, 8), 10, channels=8, seed=5)
            made.add((str(network), count_params(network), network[1](torch.ones(1, 8, 2, 2)).sum().item()))
        assert len(made) == 1


class TestChannels:
    def test_what_does_not_divide_goes_to_the_first(self):
        edges = [(i, j) for v in (1, 2, 3) for i, j in ((0, v), (v, 4))]
        assert split_channels(plan_cell(cell(C3, C3, C3, edges=edges)), 8) == [3, 3, 2]

    def test_others_have_as_many_as_the_widest_after_them(self):
        """Vertex 1 leads to 2 and 3, which have 4 and 3 of the 7 channels."""
        edges = [(0, 1), (1, 2), (1, 3), (2, 4), (3, 4)]
        assert split_channels(plan_cell(cell(C3, C3, C3, edges=edges)), 7) == [4, 4, 3]

    def test_a_skip_from_the_input_shares_nothing(self):
        assert split_channels(plan_cell(cell(C3, edges=[(0, 1), (1, 2), (0, 2)])), 7) == [7]

    def test_each_vertex_must_have_one(self):
        with pytest.raises(
            UsageError, match=r"channels must be at least 5, since vertices .* share .* got 4"
        ):
            SPACE.network(cell(C3, edges=[(0, 1), (1, 2)]), channels=4)

    def test_cells_larger_than_the_published_ones_need_more(self):
        edges = [(i, j) for v in range(1, 7) for i, j in ((0, v), (v, 7))]
        with pytest.raises(UsageError, match="channels must be at least 6"):
            build_nasbench101(cell(*[C3] * 6, edges=edges), (3, 8, 8), 10, channels=5)


class TestForward:
    def test_a_cell_against_functional_layers(self):
        """Vertices 1, 2 and 3 share 5 channels as 2, 2, 1; the third drops the second of both its sources."""
        edges = [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (1, 4), (2, 4), (3, 4), (0, 4)]
        network = build_nasbench101(cell(C3, MP, C1, edges=edges), (3, 8, 8), 10, channels=5).eval()
        built = network[1]
        x = torch.rand(2, 5, 6, 6, generator=torch.Generator().manual_seed(0))

        def convolve(block, x):
            convolution, norm, _ = block
            x = functional.conv2d(x, convolution.weight, padding=convolution.kernel_size[0] // 2)
            x = functional.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)
            return x.clamp(min=0)

        to_first, to_second, to_output = (built.projections[place] for place in "013")
        first = convolve(built.layers[0], convolve(to_first, x))
        second = functional.max_pool2d(first + convolve(to_second, x), 3, 1, 1)
        third = convolve(built.layers[2], first[:, :1] + second[:, :1])
        expected = torch.cat([first, second, third], 1) + convolve(to_output, x)
        torch.testing.assert_close(built(x), expected)

    def test_blocks_of_the_network(self):
        """Stem, three cells, then twice a pool and three cells, then the classifier."""
        network = build_nasbench101(cell(C3, edges=[(0, 1), (1, 2)]), (3, 8, 8), 10, channels=8)
        assert [type(block).__name__ for block in network] == [
            "Sequential", *["Cell"] * 3, "MaxPool2d", *["Cell"] * 3, "MaxPool2d", *["Cell"] * 3, "Sequential"
        ]  # fmt: skip
        assert [block.widths[-1] for block in network if hasattr(block, "widths")] == [8] * 3 + [16] * 3 + [
            32
        ] * 3

    def test_fewer_cells(self):
        network = SPACE.network(cell(C3, edges=[(0, 1), (1, 2)]), channels=8, cells=1)
        assert [block.widths[-1] for block in network if hasattr(block, "widths")] == [8, 16, 32]
        with pytest.raises(UsageError, match="cells must be at least 1, got 0"):
            SPACE.network(cell(C3, edges=[(0, 1), (1, 2)]), cells=0)


def test_refuses_a_graph_without_a_path():
    with pytest.raises(
        ArchitectureError, match=r"no path .* from input to output, got the edges \[\(0, 1\)\]"
    ):
        plan_cell(cell(C3, edges=[(0, 1)]))
