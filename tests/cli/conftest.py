"""What tests of the command line share: a small table, a ranker fitted on it, and a way to run a command."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from egraph import datasets, spaces
from egraph.cli.main import main

ENGINE = """
from concurrent.futures import ThreadPoolExecutor

from egraph.executors import Pool


def make(function, workers):
    engine = ThreadPoolExecutor(workers)
    return Pool(engine.submit, function, workers, close=engine.shutdown, seconds=0.01)


number = 3
"""


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """Forty networks of nasbench_macro; the more wide operations, the better."""
    space = spaces.get("nasbench_macro")
    rng = np.random.default_rng(0)
    unique = {}
    while len(unique) < 40:
        drawn = space.sample(rng)
        unique.setdefault(space.key(drawn), drawn)
    architectures = list(unique.values())
    quality = np.array([sum(op.startswith("mbconv5x5") for op in a.ops) for a in architectures], float)
    columns = {"accuracy": 80 + quality + rng.normal(0, 0.1, 40), "latency": 5 + quality}
    metrics = {
        "accuracy": datasets.Metric("percent", "test", 50, 3),
        "latency": datasets.Metric("ms", higher_is_better=False),
    }
    path = tmp_path_factory.mktemp("data") / "small.parquet"
    datasets.Table(space, architectures, columns, metrics, name="small").save(path)
    return path


@pytest.fixture(scope="session")
def ranker(table, tmp_path_factory):
    path = tmp_path_factory.mktemp("ranker") / "r.egraph"
    done = CliRunner().invoke(
        main, ["train", "--data", str(table), "--metric", "accuracy", "--samples", "25", "--out", str(path)]
    )
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture(autouse=True)
def _quick(quick_rankers, few_compared):
    """Rankers are small, but for the one of the fixture `ranker`, which is as a user gets it."""


@pytest.fixture
def own_engine(tmp_path):
    """The name of an engine in the folder in which commands run; its jobs and results are texts."""
    (tmp_path / "own_engine.py").write_text(ENGINE)
    return "own_engine:make"


@pytest.fixture
def egraph(monkeypatch, tmp_path):
    """Runs a command in an empty folder, with no data but what a test gives; checks its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EGRAPH_DATA", str(tmp_path / "no data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*args, code=0, stdin=None):
        done = CliRunner().invoke(main, [str(arg) for arg in args], input=stdin)
        assert done.exit_code == code, done.output
        if code:
            last = done.stderr.strip().splitlines()[-1]
            assert last.startswith("egraph: ")
            assert "Traceback" not in done.output
        return done

    return run


@pytest.fixture
def lines(table):
    """Three architectures as JSON lines, and in the space's notation."""
    architectures = datasets.load(table).architectures[:3]
    space = spaces.get("nasbench_macro")
    return [a.to_json() for a in architectures], [space.format(a) for a in architectures]


@pytest.fixture
def read_json():
    return lambda done: json.loads(done.stdout)
