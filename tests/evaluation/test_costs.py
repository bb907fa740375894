from typing import ClassVar

import pytest
import torch
from fixed import FixedSpace
from torch import nn

from egraph import spaces
from egraph.architecture import Architecture
from egraph.errors import EvaluationError, UsageError
from egraph.evaluation import Costs, Training

CONVNET = spaces.get("convnet")
CHAIN = Architecture(["input", "CONV_3.N", "CONV_2.H", "output"], [(0, 1), (1, 2), (2, 3)])


def test_sizes_are_those_of_the_network_that_is_trained():
    costs = Costs(CONVNET, (1, 6, 6), 2, channels=4)
    # conv 3x3 1->4 + norm, conv 2x2 4->2 + norm, head of 2 x 3 x 3 = 18 features: 18->4->2->2
    assert costs.params(CHAIN) == (9 * 4 + 4 + 8) + (4 * 4 * 2 + 2 + 4) + (18 * 4 + 4) + (4 * 2 + 2) + (
        2 * 2 + 2
    )
    assert costs.flops(CHAIN) == 16 * 9 * 4 + 9 * 16 * 2 + 18 * 4 + 4 * 2 + 2 * 2
    training = Training(CONVNET, "digits", device="cpu")
    assert training.costs.params(CHAIN) == Costs(CONVNET, (1, 8, 8), channels=32).params(CHAIN)


def test_sizes_by_arithmetic_build_no_network(monkeypatch):
    from egraph import networks

    costs = Costs(CONVNET, (1, 6, 6), 2, channels=4)
    built = CONVNET.network(CHAIN, (1, 6, 6), 2, channels=4)
    monkeypatch.setattr(networks, "build_convnet", None)
    assert costs.params(CHAIN) == networks.count_params(built)
    assert costs.flops(CHAIN) == networks.count_flops(built, (1, 6, 6))


def test_a_space_with_networks_of_its_own_is_not_counted_by_the_arithmetic_of_its_base():
    class Own(type(CONVNET)):
        def network(self, *_, **__):
            return nn.Linear(2, 3)

    assert Costs(Own(), (1, 6, 6)).params(CHAIN) == 9


class Slow(nn.Module):
    """Notes in how many threads it is called, and with what."""

    calls: ClassVar[list] = []

    def forward(self, images):
        self.calls.append((torch.get_num_threads(), tuple(images.shape), self.training))
        return images


def test_latency_is_of_one_image_in_one_thread_without_the_warm_up(monkeypatch):
    from egraph.evaluation import costs

    clock = iter([x for took in (50, 50, 50, 1, 2, 3, 4, 5, 6, 7, 8, 90) for x in (0.0, took / 1000)])
    monkeypatch.setattr(costs.time, "perf_counter", lambda: next(clock))
    Slow.calls.clear()
    assert Costs(FixedSpace(lambda *_: Slow()), (1, 6, 6)).latency(CHAIN) == pytest.approx(5)
    assert Slow.calls == [(1, (1, 1, 6, 6), False)] * 12


def test_a_deeper_network_takes_longer():
    costs = Costs(spaces.get("nasbench201"), channels=8, cells=1)
    empty, full = (
        spaces.get("nasbench201").parse(f"|{op}~0|+|{op}~0|{op}~1|+|{op}~0|{op}~1|{op}~2|")
        for op in ("skip_connect", "nor_conv_3x3")
    )
    assert 0 < costs.latency(empty) < costs.latency(full)


def test_what_does_not_run_is_an_evaluation_error():
    class Broken(nn.Module):
        def forward(self, images):
            raise RuntimeError("shapes differ")

    def no_memory(*_):
        raise MemoryError

    with pytest.raises(EvaluationError, match="the latency cannot be measured: shapes differ"):
        Costs(FixedSpace(lambda *_: Broken()), (1, 6, 6)).latency(CHAIN)
    with pytest.raises(EvaluationError, match="the multiply-adds cannot be counted: shapes differ"):
        Costs(FixedSpace(lambda *_: Broken()), (1, 6, 6)).flops(CHAIN)
    with pytest.raises(EvaluationError, match="out of memory; search among smaller networks"):
        Costs(FixedSpace(no_memory), (1, 6, 6)).params(CHAIN)


def test_a_space_that_builds_nothing_and_an_unknown_device_are_refused():
    with pytest.raises(UsageError, match="the space 'nasbench_graph' builds no networks"):
        Costs(spaces.get("nasbench_graph"))
    with pytest.raises(UsageError, match="device must be auto, cpu, cuda or cuda:NUMBER; got 'gpu'"):
        Costs(CONVNET, device="gpu")
