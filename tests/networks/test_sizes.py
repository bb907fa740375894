"""The minimum viable size rule and the shapes that follow from it."""

import pytest

from egraph import Architecture
from egraph.errors import ArchitectureError
from egraph.networks._sizes import match_sizes, plan_stages
from egraph.spaces import get

get("convnet")  # registers its operations


def shapes(ops, edges, input_shape=(1, 8, 8), channels=16):
    stages = plan_stages(Architecture(("input", *ops, "output"), edges), input_shape, channels)
    return [tuple(stage.joined) for stage in stages], [tuple(stage.shape) for stage in stages]


class TestMatchSizes:
    def test_takes_the_least_of_each_dimension(self):
        assert match_sizes([(10, 15, 7), (50, 3, 9)], kernel=2) == (10, 3, 7)

    def test_raises_sides_below_the_kernel_each_on_its_own(self):
        assert match_sizes([(10, 15, 15), (50, 3, 12)], kernel=5) == (10, 5, 12)

    def test_one_input_larger_than_the_kernel_stays(self):
        assert match_sizes([(3, 6, 7)], kernel=5) == (3, 6, 7)

    def test_without_a_kernel_nothing_is_raised(self):
        assert match_sizes([(3, 1, 1), (4, 2, 2)], kernel=0) == (3, 1, 1)


class TestPlanStages:
    def test_chain(self):
        """Convolutions do not pad and lose kernel - 1; pools step by their kernel and drop the rest."""
        joined, results = shapes(["CONV_3.N", "POOL_2.M", "CONV_2.H"], [(0, 1), (1, 2), (2, 3), (3, 4)])
        assert results == [(1, 8, 8), (16, 6, 6), (16, 3, 3), (8, 2, 2), (8, 2, 2)]
        assert joined[1:] == results[:-1]

    def test_kernel_larger_than_its_input(self):
        joined, results = shapes(["POOL_5.A", "CONV_5.H"], [(0, 1), (1, 2), (2, 3)])
        assert results == [(1, 8, 8), (1, 1, 1), (8, 1, 1), (8, 1, 1)]
        assert joined[2] == (1, 5, 5)

    def test_branches_of_different_size_and_width(self):
        """8x8 image; 16 channels of 4x4 and 8 channels of 7x7 meet at 3x3 pooling as 8 channels of 4x4."""
        joined, results = shapes(
            ["CONV_5.N", "CONV_2.H", "POOL_3.M"], [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)]
        )
        assert results[1:3] == [(16, 4, 4), (8, 7, 7)]
        assert joined[3] == (8, 4, 4)
        assert results[3:] == [(8, 1, 1), (8, 1, 1)]

    def test_a_skip_from_the_image_narrows_the_sum_to_its_channels(self):
        joined, results = shapes(["CONV_3.N"], [(0, 1), (0, 2), (1, 2)])
        assert joined[2] == results[2] == (1, 6, 6)

    def test_image_that_is_not_square(self):
        _, results = shapes(["POOL_2.M", "CONV_3.N"], [(0, 1), (1, 2), (2, 3)], input_shape=(3, 4, 10))
        assert results[1:3] == [(3, 2, 5), (16, 1, 3)]

    def test_dead_layers_and_disabled_genes_are_left_out(self):
        architecture = Architecture(
            ("input", "CONV_3.N", "CONV_5.N", "POOL_2.A", "output"),
            [(0, 1), (1, 4), (1, 2), (3, 4)],
            [(0, 4), (0, 3)],
        )
        stages = plan_stages(architecture, (1, 8, 8), 16)
        assert [stage.operation.name for stage in stages] == ["input", "CONV_3.N", "output"]
        assert stages[-1].sources == (1,)

    def test_odd_channels_are_halved_downward(self):
        assert shapes(["CONV_2.H"], [(0, 1), (1, 2)], channels=5)[1][1] == (2, 7, 7)

    def test_refuses_a_graph_without_a_path(self):
        with pytest.raises(
            ArchitectureError, match=r"no path .* from input to output; enabled: \[\(0, 1\)\]"
        ):
            plan_stages(Architecture(("input", "CONV_2.H", "output"), [(0, 1)], [(1, 2)]), (1, 8, 8), 16)

    def test_refuses_operations_that_are_no_image_layers(self):
        with pytest.raises(
            ArchitectureError, match=r"no layer for 'wavelet' \(vertex 1, kind other\); .* conv, avg-pool"
        ):
            shapes(["wavelet"], [(0, 1), (1, 2)])
