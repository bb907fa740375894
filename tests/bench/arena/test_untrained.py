import sqlite3
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import copied
import numpy as np
import pytest
from tiny import SPACE, TINY, cells, score_thirty

from egraph import datasets
from egraph.bench.arena import Cell, Task, _untrained, measure, prepare
from egraph.bench.arena._untrained import Scores, score_untrained
from egraph.datasets import Metric, Table
from egraph.errors import EvaluationError, FailedError, UnknownNameError
from egraph.evaluation import ZeroCost, rank_average
from egraph.searchers import RandomSearch

NO_PATH = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


@pytest.fixture
def ground(tmp_path):
    """Sixty cells, whose table says nothing."""
    metrics = {"seen": Metric(), "told": Metric()}
    columns = {name: np.arange(60.0) for name in metrics}
    Table(SPACE, list(SPACE)[5000:5060], columns, metrics).save(tmp_path / "t.parquet")
    return prepare(Task(str(tmp_path / "t.parquet"), "seen", "told"), scores=tmp_path / "x.scores.sqlite")


class Counted(ZeroCost):
    """Says what it was asked."""

    asked: list

    def __call__(self, architectures):
        self.asked.extend(architectures)
        return super().__call__(architectures)


def counted(proxy="naswot", **change):
    evaluator = Counted(SPACE, proxy, **(TINY | change), device="cpu")
    evaluator.asked = []
    return evaluator


def test_a_score_is_that_of_the_evaluator_and_computed_once_for_all_that_share_the_file(tmp_path):
    asked = cells(5)
    evaluator = counted()
    expected = ZeroCost(SPACE, "naswot", **TINY, device="cpu")(asked)
    scores = Scores(evaluator, tmp_path / "s.sqlite")
    for _ in range(2):
        assert scores(asked).tolist() == expected.tolist()
    assert len(evaluator.asked) == len({SPACE.key(a) for a in asked})
    other = counted()
    assert Scores(other, tmp_path / "s.sqlite")(asked).tolist() == expected.tolist()
    assert other.asked == []


@pytest.mark.parametrize(
    "change", [{"batch_size": 5}, {"channels": 3}, {"data": "noise-5"}, {"seed": 1}, {"proxy": "synflow"}]
)
def test_a_score_is_known_under_the_same_settings_alone(tmp_path, change):
    asked = cells(1)
    Scores(counted(), tmp_path / "s.sqlite")(asked)
    other = counted(**change)
    found = Scores(other, tmp_path / "s.sqlite")(asked)
    assert other.asked == asked
    assert found == ZeroCost.__call__(other, asked)


def test_a_score_of_another_version_is_not_known(tmp_path, monkeypatch):
    asked, evaluator = cells(1), counted()
    Scores(evaluator, tmp_path / "s.sqlite")(asked)
    monkeypatch.setattr("egraph.bench.arena._untrained.__version__", "0.0.0")
    Scores(evaluator, tmp_path / "s.sqlite")(asked)
    assert len(evaluator.asked) == 2


def test_a_failure_is_nan_and_tried_again_by_the_next_process(tmp_path):
    broken = [SPACE.parse(NO_PATH)]
    with pytest.raises(EvaluationError, match="singular"):
        ZeroCost(SPACE, "naswot", **TINY, device="cpu").values(broken[0])
    evaluator = counted()
    for _ in range(2):
        scores = Scores(evaluator, tmp_path / "s.sqlite")
        assert np.isnan(scores(broken)).all()
        assert np.isnan(scores(broken)).all()
    assert len(evaluator.asked) == 2


def test_processes_write_one_file_at_the_same_time(tmp_path):
    path = tmp_path / "s.sqlite"
    with ProcessPoolExecutor(2, copied.get_context("spawn")) as pool:
        found = list(pool.map(score_thirty, [path] * 2))
    assert found[0] == found[1] == score_thirty(None)
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT count(*) FROM scores").fetchone() == (len({*map(SPACE.key, cells(30))}),)
    file.close()


def test_a_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "s.sqlite").write_text("not a database, but long enough to be looked at" * 100)
    with pytest.raises(
        FailedError, match=r"s\.sqlite, which keeps scores .*: file is not a database; remove"
    ):
        Scores(counted("params"), tmp_path / "s.sqlite")(cells(1))


def test_a_file_that_cannot_be_made_is_told(tmp_path):
    with pytest.raises(FailedError, match="unable to open database file"):
        Scores(counted("params"), tmp_path / "none" / "s.sqlite")(cells(1))


def test_several_proxies_are_ranked_among_the_same_random_architectures(ground, monkeypatch):
    monkeypatch.setattr(_untrained, "REFERENCES", 4)
    fitness = score_untrained(ground, "params+flops", "noise-4", 4, 2)
    some = list(ground.space)[:3]
    rng = np.random.default_rng(0)
    references = [ground.space.sample(rng) for _ in range(4)]
    values = [
        [ZeroCost(SPACE, p, **TINY, device="cpu").values(a)[p] for p in ("params", "flops")]
        for a in [*references, *some]
    ]
    expected = [rank_average(np.array([*values[:4], row]))[-1] for row in values[4:]]
    assert fitness(some).tolist() == expected
    assert [fitness([one])[0] for one in some] == expected, "whenever it is asked"


def test_twins_have_one_score(ground):
    """Of two spellings of one network that draw their first weights in another order."""
    first = SPACE.parse("|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|none~0|skip_connect~1|avg_pool_3x3~2|")
    twin = SPACE.parse("|nor_conv_1x1~0|+|nor_conv_3x3~0|none~1|+|none~0|avg_pool_3x3~1|skip_connect~2|")
    assert SPACE.key(first) == SPACE.key(twin)
    both = replace(ground, space=SPACE, members={SPACE.key(first): first}, scores=None)
    for order in ([first, twin], [twin, first]):
        fitness = score_untrained(both, "naswot", "noise-4", 4, 2)
        assert len(set(fitness(order).tolist())) == 1
    alone = replace(both, members={})
    fitness = score_untrained(alone, "naswot", "noise-4", 4, 2)
    _untrained._open_scores.cache_clear()
    other = score_untrained(alone, "naswot", "noise-4", 4, 2)
    assert fitness([first]) != other([twin]), "as they would without one that stands for both"
    assert alone.represent(twin) == twin
    assert both.represent(twin) == first


def test_an_unknown_proxy_is_refused(ground):
    with pytest.raises(UnknownNameError, match=r"unknown zero-cost proxy 'nasvot'.*Did you mean 'naswot'"):
        score_untrained(ground, "params+nasvot", "noise-4", 4, None)


def test_what_is_best_by_the_proxy_is_reported_by_the_test_score_and_costs_nothing(ground):
    fitness = "zero-cost:proxies=params,data=noise-4,batch_size=4,channels=2"
    cell = Cell("s", fitness, "b", "seen", "told", queries=12, seed=3)
    row = measure(cell, RandomSearch, ground)
    asked = RandomSearch(ground.space, seed=3).ask(12)
    params = ZeroCost(SPACE, "params", **TINY, device="cpu")(asked)
    steps, best = [], -np.inf
    for number, (architecture, score) in enumerate(zip(asked, params, strict=True), 1):
        if score > best:
            best = score
            steps.append([number, 0.0, score, ground.test(architecture)])
    assert row["steps"] == steps
    assert (row["asked"], row["seconds"]) == (12, 0.0)


def test_no_score_of_the_table_is_seen(ground, tmp_path):
    """With another table of the same cells the search is the same."""
    table = datasets.load(str(tmp_path / "t.parquet"))
    table.columns["seen"] = table["seen"][::-1].copy()
    table.save(tmp_path / "r.parquet")
    other = prepare(Task(str(tmp_path / "r.parquet"), "seen", "told"))
    cell = Cell(
        "s", "zero-cost:proxies=params,data=noise-4,channels=2", "b", "seen", "told", queries=12, seed=0
    )
    assert measure(cell, RandomSearch, ground)["steps"] == measure(cell, RandomSearch, other)["steps"]
