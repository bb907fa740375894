"""The published files, where they are: counts, keys and the numbers that their description states."""

import numpy as np
import pytest

from egraph import metrics
from egraph.datasets import known, load

HERE = {table.name for table in known() if table.path is not None and table.path.suffix == ".parquet"}


def loaded(name):
    if name not in HERE:
        pytest.skip(f"{name} is not here; set EGRAPH_DATA to the folder that holds its file")
    return load(name)


@pytest.mark.parametrize(
    ("name", "rows", "networks"),
    [
        ("nasbench101", 20_001, 20_001),
        ("nasbench201", 15_625, 5_260),
        ("nasbench_macro", 6_561, 3_969),
        ("accel_nasbench", 4_138, 4_125),
        ("nasbench_graph_cora", 26_206, 26_206),
        ("nasbench_graph_arxiv", 26_206, 26_206),
        ("nasbench_graph_photo", 26_206, 26_206),
    ],
)
def test_counts(name, rows, networks):
    table = loaded(name)
    assert len(table) == len(table.architectures) == rows
    assert len(table.distinct()) == networks
    assert table.provenance["checksum"] == "as published"
    unmeasured = {metric for metric in table.metrics if not np.isfinite(table[metric]).all()}
    assert all("latency" in metric or "throughput" in metric for metric in unmeasured)
    train, test = table.distinct().split(100)
    assert (len(train), len(test)) == (100, networks - 100)


def test_nasbench101_keys_are_the_published_hashes():
    table = loaded("nasbench101")
    assert table.keys == table.columns["hash"].tolist()


def test_nasbench101_by_hand():
    # The first row has adjacency 1205349: bits 0, 2, 5, 6, 10, 13, 14, 17 and 20, and operations 02001.
    table = loaded("nasbench101")
    first = table.architectures[0]
    edges = [(0, 1), (1, 2), (2, 3), (0, 4), (0, 5), (3, 5), (4, 5), (2, 6), (5, 6)]
    three, one, pool = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"
    assert first.edges == tuple(sorted(edges))
    assert first.ops == ("input", three, pool, three, three, one, "output")
    assert table["params"][0] == 8_555_530


def test_nasbench_macro_keys_agree_with_the_published_canonical_form():
    table = loaded("nasbench_macro")
    pairs = set(zip(table.keys, table.columns["canonical"].tolist(), strict=True))
    assert len(pairs) == len(set(table.keys)) == len(set(table.columns["canonical"].tolist())) == 3_969


def test_nasbench_macro_copies_hold_one_network_with_one_result():
    table = loaded("nasbench_macro")
    distinct = table.distinct()
    value = dict(zip(distinct.keys, distinct["mean_acc"], strict=True))
    assert [value[key] for key in table.keys] == table["mean_acc"].tolist()


def test_nasbench201_as_described():
    table = loaded("nasbench201")
    assert len(set(table.columns["unique_string"].tolist())) == 6_466
    assert table["cifar10_test_200"].max() == pytest.approx(94.373, abs=1e-3)
    if "cifar10_val_200" in table.absent:
        pytest.skip("nasbench201_extra.parquet is not beside nasbench201.parquet")
    assert table["cifar10_val_200"].max() == pytest.approx(91.57, abs=0.01)
    for other, tau in (("cifar10_test_200", 0.882), ("cifar10_val_12", 0.633)):
        assert metrics.kendall_tau(table["cifar10_val_200"], table[other]) == pytest.approx(tau, abs=0.002)
    latency, energy = table.metrics["imagenet16_pixel3_latency"], table.metrics["cifar10_fpga_energy"]
    assert (latency.unit, latency.higher_is_better) == ("ms", False)
    assert (energy.unit, energy.higher_is_better) == ("mJ", False)
    assert np.nanmin(table["cifar100_edgetpu_latency"]) > 0  # the file has -1 where nothing was measured
    assert np.isnan(table["cifar100_edgetpu_latency"]).sum() == 4_699


@pytest.mark.parametrize(
    ("name", "y", "s", "tau", "top", "tau_of_top"),
    [
        ("nasbench101", "val_acc_108", "val_acc_4", 0.312, 0.5, 0.227),
        ("nasbench101", "val_acc_108", "val_acc_36", 0.695, 0.5, 0.599),
        ("nasbench101", "val_acc_108", "params", 0.314, 0.5, 0.183),
        ("nasbench201", "cifar10_test_200", "cifar10_val_12", 0.594, 0.2, 0.244),
        ("nasbench201", "imagenet16_test_200", "imagenet16_val_12", 0.643, 0.2, 0.292),
        ("nasbench_graph_cora", "test_perf", "valid_perf", 0.554, 0.2, 0.170),
        ("nasbench_graph_photo", "test_perf", "valid_perf", 0.747, 0.2, 0.269),
    ],
)
def test_published_rank_correlations(name, y, s, tau, top, tau_of_top):
    table = loaded(name)
    assert metrics.kendall_tau(table[y], table[s]) == pytest.approx(tau, abs=0.002)
    # Which rows tied at the edge belong to the top is a matter of convention.
    assert metrics.kendall_tau(table[y], table[s], top=top) == pytest.approx(tau_of_top, abs=0.004)


def test_costs_are_marked_as_lower_is_better():
    for name in ("nasbench101", "nasbench_macro", "nasbench_graph_cora", "accel_nasbench"):
        costs = {metric for metric, what in loaded(name).metrics.items() if not what.higher_is_better}
        assert costs & {"params", "params_m"}
        assert not any(word in metric for metric in costs for word in ("acc", "perf", "top", "throughput"))


def test_accel_nasbench_as_described():
    """Thirteen networks were trained twice, with other seeds; a latency that was not measured is NaN."""
    table = loaded("accel_nasbench")
    assert len(set(table.columns["arch"].tolist())) == 4_125
    assert table.texts() == table.columns["arch"].tolist() == table.keys
    twice = table.columns["arch"] == "k5e6l1s0-k3e4l1s0-k3e6l3s0-k3e1l2s0-k3e4l1s0-k3e1l2s0-k5e4l1s0"
    one = table.distinct()
    mean = one["val_top1"][one.keys.index(table.keys[int(twice.argmax())])]
    assert twice.sum() == 2
    assert mean == pytest.approx((55.466 + 56.742) / 2, abs=1e-4)
    for cost, tau in (("params_m", 0.62), ("macs_m", 0.44)):
        assert metrics.kendall_tau(table["val_top1"], table[cost]) == pytest.approx(tau, abs=0.005)
    latency = table.metrics["latency_zcu102_latency_mean"]
    assert (latency.unit, latency.higher_is_better) == ("ms", False)
    assert np.isnan(table["latency_zcu102_latency_mean"]).sum() == 2
