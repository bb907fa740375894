"""``egraph search`` with costs: as objectives and as limits."""

import math

import numpy as np
import pytest

from egraph import datasets, spaces
from egraph.study import open_journal


@pytest.fixture(scope="session")
def costly(tmp_path_factory):
    """Sixty networks of nasbench_macro; the wider, the better and slower; the latency of ten is unknown."""
    space, rng = spaces.get("nasbench_macro"), np.random.default_rng(1)
    unique = {}
    while len(unique) < 60:
        drawn = space.sample(rng)
        unique.setdefault(space.key(drawn), drawn)
    quality = np.array([sum(op.startswith("mbconv5x5") for op in a.ops) for a in unique.values()], float)
    latency = 5 + quality
    latency[:10] = math.nan
    columns = {
        "accuracy": 80 + quality + rng.normal(0, 0.1, 60),
        "gpu_ms": latency,
        "energy": rng.random(60),
        "speed": 1 / quality.clip(1),
        "note": ["text"] * 60,
    }
    metrics = {
        "accuracy": datasets.Metric("percent", "validation"),
        "gpu_ms": datasets.Metric("ms", higher_is_better=False),
        "speed": datasets.Metric("images/s"),
    }
    path = tmp_path_factory.mktemp("data") / "costly.parquet"
    datasets.Table(space, list(unique.values()), columns, metrics, name="costly").save(path)
    return path


@pytest.fixture
def search(egraph, costly):
    def run(*args, code=0):
        return egraph("search", "--data", costly, "--no-baseline", "--storage", "x.db", *args, code=code)

    return run


def dominates(a, b):
    return a["score"] >= b["score"] and all(a["costs"][name] <= b["costs"][name] for name in b["costs"])


def test_the_best_trade_offs_are_in_the_terminal_the_report_and_json(search, read_json):
    costs = ("--cost", "latency=gpu_ms", "--cost", "energy")
    done = search("--trials", 7, *costs)
    assert "the best trade-offs: no other trial is better in score and all costs" in done.stdout
    found = read_json(search("--trials", 7, *costs, "--json"))
    with open_journal("x.db") as journal:
        trials = {trial.number: trial for trial in journal.read_trials()}
        settings = journal.settings
    assert settings["space"] == "nasbench_macro, rows of costly"
    assert settings["settings"]["searcher"]["searcher"] == "nsga2"
    assert settings["costs"] == {
        "latency": "<cost gpu_ms of table costly>",
        "energy": "<cost energy of table costly>",
    }
    assert not any(math.isnan(cost) for trial in trials.values() for cost in trial.costs.values())
    everything = [{"score": t.score, "costs": t.costs, "number": t.number} for t in trials.values()]
    best = [a for a in everything if not any(dominates(b, a) for b in everything if b is not a)]
    assert {row["trial"] for row in found["front"]} == {row["number"] for row in best}
    prices = [row["costs"]["latency"] for row in found["front"]]
    assert prices == sorted(prices)
    for name, numbers in found["front of each cost"].items():
        steps = [(trials[number].costs[name], trials[number].score) for number in numbers]
        assert steps == sorted(steps)
        assert len({score for _, score in steps}) == len(steps)
    assert (found["best"]["params"], found["front"][0]["flops"]) == (None, None)  # no table has them as 0
    assert found["best"]["costs"] == trials[found["best"]["trial"]].costs
    with open("x.html", encoding="utf-8") as page:
        text = page.read()
    for expected in ("The best trade-offs", "Score and latency", "Score and energy", "<td>energy</td>"):
        assert expected.replace("<td>", '<td class="left">') in text
    assert "Score and size" not in text


def test_limits_by_name_hold_for_objectives_and_for_other_costs(search):
    search("--trials", 7, "--cost", "energy", "--max", "energy=0.5", "--max", "gpu_ms=8")
    with open_journal("x.db") as journal:
        assert journal.settings["space"] == "nasbench_macro, rows of costly, energy <= 0.5, gpu_ms <= 8"
        costs = [trial.costs["energy"] for trial in journal.read_trials()]
    assert max(costs) <= 0.5
    assert len(costs) == 7


def test_without_a_column_a_cost_is_computed_from_the_network(search):
    search("--trials", 3, "--cost", "params", "--searcher", "pareto-evolution:population=3")
    with open_journal("x.db") as journal:
        trial = journal.read_trials()[0]
        assert journal.settings["settings"]["searcher"]["costs"] == ["params"]
        assert journal.settings["settings"]["candidates"] == 300
    from egraph.evaluation import Costs

    assert trial.costs == {"params": Costs(spaces.get("nasbench_macro")).params(trial.architecture)}


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (
            ("--cost", "latenzy"),
            "unknown cost 'latenzy'; known: energy, flops, gpu_ms, grad-norm, ",
        ),
        (("--cost", "latency=gpu"), "unknown column 'gpu' in table 'costly'; known: energy, gpu_ms. Did you"),
        (("--cost", "note"), "column 'note' of table 'costly' must hold numbers, got"),
        (("--cost", "accuracy"), "'accuracy' is the metric that is maximised; a cost must be another column"),
        (("--cost", "speed"), "higher is better for 'speed' of table 'costly'"),
        (("--cost", "energy", "--cost", "energy=gpu_ms"), "the cost 'energy' is given twice; NAME=COLUMN"),
        (("--cost", "=gpu_ms"), "a cost is NAME or NAME=COLUMN, got '=gpu_ms'"),
        (("--max", "energy"), "a limit is NAME=NUMBER, a positive number such as params=1e6, got 'energy'"),
        (("--max", "energy=low"), "a limit is NAME=NUMBER, a positive number such as params=1e6, got"),
        (("--max", "energy=nan"), "a limit is NAME=NUMBER, a positive number such as params=1e6, got"),
        (("--max", "energy=1", "--max", "energy=2"), "--max energy= is given twice; leave one out"),
        (("--max", "params=1e9", "--max-params", "9"), "--max params= and --max-params limit the same"),
        (("--max", "energi=1"), "unknown cost 'energi'; known: energy, flops, gpu_ms"),
    ],
)
def test_what_is_no_cost_is_told_before_anything_is_written(search, tmp_path, args, text):
    assert text in search(*args, code=2).stderr
    assert not (tmp_path / "x.db").exists()


def test_a_limit_that_no_row_keeps_is_told(search):
    told = search("--max", "gpu_ms=2", code=2).stderr
    assert "the least that they cost is gpu_ms 5; raise the limit" in told


def test_a_space_without_networks_and_a_search_without_a_table_have_fewer_costs(egraph, tmp_path):
    space = spaces.get("graphsage")
    rng = np.random.default_rng(0)
    rows = [space.sample(rng) for _ in range(4)]
    datasets.Table(space, rows, {"tau": np.arange(4.0)}, {"tau": datasets.Metric()}, name="g").save(
        "g.parquet"
    )
    told = egraph("search", "--data", "g.parquet", "--cost", "params", code=2).stderr
    assert "the cost 'params' is that of a network, and the space" in told
    told = egraph("search", "--data", "digits", "--cost", "latency=gpu_ms", code=2).stderr
    assert "there is no table with a column 'gpu_ms'; costs: params, flops, latency" in told
    assert not (tmp_path / "runs").exists()


def test_a_metric_where_lower_is_better_is_searched_as_its_negative(search, read_json, costly, egraph):
    done = search("--metric", "gpu_ms", "--trials", 20, "--json")
    assert (
        "costly: 60 rows, 60 distinct networks of the space nasbench_macro; gpu_ms, ms, lower is better, not "
        "measured in 10; scores are the negative of gpu_ms"
    ) in done.stderr.splitlines()
    found = read_json(done)
    assert found["data"]["metric"]["higher is better"] is False
    assert found["data"]["data"]["distinct networks"] == 60
    table = datasets.load(costly)
    assert -found["best"]["score"] in table["gpu_ms"]
    with open_journal("x.db") as journal:
        assert found["best"]["score"] == max(trial.score for trial in journal.read_trials())
        assert journal.settings["evaluator"]["negated"] == ["gpu_ms"]
    assert "negative of gpu_ms of costly" in egraph("data", "show", "x.db").stdout
    shown = egraph(
        "search", "--data", costly, "--metric", "gpu_ms", "--trials", 20, "--storage", "y.db"
    ).stdout
    assert "negative gpu_ms" in shown
