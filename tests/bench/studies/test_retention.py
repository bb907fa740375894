"""Networks trained briefly by one optimizer and long by another."""

from functools import partial

import numpy as np
import pytest
from scipy.stats import kendalltau

from egraph.bench.studies import retention
from egraph.errors import UnknownNameError, UsageError

RNG = np.random.default_rng(0)
NAMES = list(retention.OPTIMIZERS)


@pytest.fixture
def few_resamples(monkeypatch):
    """Standard errors from four resamples, so that tables and pictures take no minute."""
    monkeypatch.setattr(retention, "compare", partial(retention.compare, resamples=4))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Halves of images, one of them bright."""
    path = tmp_path_factory.mktemp("retention") / "halves.npz"
    parts = {}
    for part in ("train", "val", "test"):
        y = np.arange(40) % 2
        x = RNG.random((40, 1, 6, 6)) / 2
        x[y == 0, :, :3] += 0.5
        x[y == 1, :, 3:] += 0.5
        parts |= {f"x_{part}": x, f"y_{part}": y}
    np.savez(path, **parts)
    return str(path)


def make_rows(table, chance=10.0):
    """Rows as if networks had been trained, from accuracies ``(networks, optimizers, epochs)``."""
    cells = retention.plan(len(table), (1, 2, 4))
    return [
        {
            "optimizer": cell.optimizer,
            "network": cell.network,
            "space": cell.space,
            "data": cell.data,
            "epochs": cell.epochs,
            "accuracies": table[cell.network, NAMES.index(cell.optimizer)].tolist(),
            "chance": chance,
        }
        for cell in cells
    ]


def test_each_network_is_trained_by_each_optimizer_from_the_same_weights(data, tmp_path):
    cells = retention.plan(2, (1, 3), space="convnet", data=data, channels=4)
    rows, failures = retention.run(cells, out=tmp_path / "r.jsonl")
    assert failures == []
    assert [(row["network"], row["optimizer"]) for row in rows] == [(n, o) for n in (0, 1) for o in NAMES]
    assert len({row["parameters"] for row in rows[:7]}) == 1
    for row in rows:
        assert len(row["accuracies"]) == 2
        assert all(
            accuracy * 40 / 100 == pytest.approx(round(accuracy * 40 / 100)) for accuracy in row["accuracies"]
        )
        assert row["chance"] == 50
    assert retention.run(cells, out=tmp_path / "r.jsonl")[0] == rows


def test_the_first_epochs_are_those_of_a_shorter_training(data):
    long, short = (
        retention.run(retention.plan(2, epochs, space="convnet", data=data, channels=4)[:2])[0]
        for epochs in ((1, 2, 5), (1, 2))
    )
    assert [row["accuracies"][:2] for row in long] == [row["accuracies"] for row in short]


def test_a_training_that_diverges_has_the_accuracy_of_chance(data, monkeypatch):
    changes = {"adam": {"optimizer": "sgd", "learning_rate": 1e12}}
    monkeypatch.setattr(retention, "OPTIMIZERS", changes)
    rows, _ = retention.run(retention.plan(2, (1, 3), space="convnet", data=data, channels=4)[:1])
    assert rows[0]["accuracies"][-1] == 50


def test_taus_are_those_of_accuracies():
    table = RNG.uniform(20, 90, size=(9, 7, 3))
    taus = retention.compare(make_rows(table), rounded=False, resamples=5)
    assert taus.networks == 9
    for full in range(7):
        for cheap in range(7):
            for place in range(3):
                found = taus.values[full, 3 * cheap + place]
                if (cheap, place) == (full, 2):
                    assert np.isnan(found)
                else:
                    expected = kendalltau(table[:, full, 2], table[:, cheap, place]).statistic
                    assert found == pytest.approx(expected)
    rounded = retention.compare(make_rows(table / 10), rounded=True, resamples=5)
    assert rounded.networks == 0
    rounded = retention.compare(make_rows(table / 10, chance=1.0), rounded=True, resamples=5)
    expected = kendalltau(np.round(table[:, 0, 2] / 10), np.round(table[:, 1, 0] / 10)).statistic
    assert rounded.values[0, 3] == pytest.approx(expected)


def test_networks_that_learned_with_no_optimizer_are_left_out(few_resamples, tmp_path):
    table = RNG.uniform(20, 90, size=(6, 7, 3))
    table[4] = 10
    rows = make_rows(table)
    assert retention.compare(rows, rounded=False).networks == 5
    text = retention.to_markdown(rows)
    assert "mean accuracy in per cent of 5 of 6 networks of deepneat on digits" in text
    mean = np.delete(table, 4, axis=0)[:, 1, 0].mean()
    assert f"| adam | {mean:.1f} |" in text
    assert text.count("Tau with the same optimizer after 4 epochs") == 2
    assert "thesis" not in text
    retention.plot(rows, tmp_path / "r.svg")
    assert (tmp_path / "r.svg").stat().st_size > 10_000


def test_results_without_a_network_that_learned_are_shown_too(few_resamples, tmp_path):
    rows = make_rows(np.full((3, 7, 3), 10.0))[:5]
    assert "of 0 of 1 networks" in retention.to_markdown(rows)
    retention.plot(rows, tmp_path / "r.svg")
    with pytest.raises(UsageError, match="there are no results to draw"):
        retention.plot([], tmp_path / "r.svg")


def test_the_thesis_s_accuracies_stand_beside_five_budgets(few_resamples):
    rows = [
        row | {"epochs": "1,2,5,10,20", "accuracies": [50.0] * 5} for row in make_rows(np.ones((3, 7, 3)))
    ]
    assert "*thesis, sgd-nm* | *39.4*" in retention.to_markdown(rows)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"networks": 1}, UsageError, "networks must be a whole number of at least 2, got 1"),
        (
            {"epochs": (5, 1)},
            UsageError,
            r"epochs must be two or more rising numbers of at least 1, got \[5, 1\]",
        ),
        ({"epochs": (5,)}, UsageError, r"epochs must be two or more rising numbers .* got \[5\]"),
        ({"space": "nasbench_graph"}, UsageError, "'nasbench_graph' builds no networks"),
        ({"space": "deepnet"}, UnknownNameError, "Did you mean 'deepneat'"),
        ({"channels": 0}, UsageError, "channels must be a whole number"),
        ({"batch_size": 1}, UsageError, "batch_size must be a whole number of at least 2"),
        ({"first": -1}, UsageError, "first must be a whole number of at least 0"),
    ],
)
def test_what_cannot_be_planned(options, error, message):
    with pytest.raises(error, match=message):
        retention.plan(**options)
