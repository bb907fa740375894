import json
from functools import partial

import numpy as np
import pytest
from duels import SEARCHERS, Broken, Oracle, Slow, main
from scipy import stats

from egraph import bench, datasets
from egraph.bench import arena
from egraph.errors import DataError, UnknownNameError, UsageError
from egraph.searchers import RandomSearch, RegularizedEvolution

TIMES = {"search_seconds", "finished", "threads"}
EVOLUTION = "regularized-evolution:population=20,sample=5"


def untimed(rows):
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


def finals(result, searcher, fitness="table"):
    own = [row for row in result.rows if (row["searcher"], row["fitness"]) == (searcher, fitness)]
    return np.array([row["final"] for row in own])


def test_random_search_and_evolution_always_take_part(duel):
    result = bench.searchers({"slow": Slow}, [duel], queries=5, seeds=2)
    assert [(row["searcher"], row["seed"]) for row in result.rows] == [
        ("random", 0), (EVOLUTION, 0), ("slow", 0), ("random", 1), (EVOLUTION, 1), ("slow", 1),
    ]  # fmt: skip
    own = ["regularized-evolution:population=3,sample=2", "random:distinct=false"]
    result = bench.searchers(own, [duel], queries=5, seeds=1)
    assert [row["searcher"] for row in result.rows] == own, "in the settings that are asked for"
    result = bench.searchers(["random"], [duel], fitness=["constant"], queries=5, seeds=1)
    assert [(row["searcher"], row["fitness"]) for row in result.rows] == [
        ("random", "table"), (EVOLUTION, "table"), ("random", "constant"),
    ]  # fmt: skip


def test_a_row_says_what_was_searched_and_how(duel):
    row = next(
        row
        for row in bench.searchers(["random"], [duel], queries=5, seeds=1).rows
        if row["searcher"] == "random"
    )
    benchmark = duel.removesuffix(":val:test")
    assert (row["benchmark"], row["metric"], row["test"]) == (benchmark, "val", "test")
    assert row["settings"] == {"distinct": True}
    table = datasets.load(benchmark)
    assert row["optimum"] == table["test"].max()
    assert 50 < row["seconds"] < 100


def test_a_constant_fitness_does_no_better_than_random_search(duel):
    """The control: what is found without being told anything is found by chance."""
    kinds = ["table", "constant"]
    own = {"evolution": partial(RegularizedEvolution, population=10, sample=5)}
    result = bench.searchers(own, [duel], fitness=kinds, queries=40, seeds=50)
    chance = finals(result, "random")
    blind, seeing = finals(result, "evolution", "constant"), finals(result, "evolution")
    assert stats.mannwhitneyu(blind, chance, alternative="greater").pvalue > 0.05
    assert stats.mannwhitneyu(seeing, blind, alternative="greater").pvalue < 0.01


def test_an_oracle_finds_the_optimum_at_once(duel, monkeypatch):
    path = duel.removesuffix(":val:test")
    monkeypatch.setattr(Oracle, "path", path)
    result = bench.searchers({"oracle": Oracle}, [duel, f"{path}:val"], queries=10, seeds=3)
    table = datasets.load(path)
    best = int(np.argmax(table["val"]))
    rows = [row for row in result.rows if row["searcher"] == "oracle"]
    seen = [row for row in rows if row["test"] == "val"]
    found = [(row["steps"][0][0], row["final"], row["optimum"]) for row in seen]
    assert found == [(1, table["val"][best], table["val"][best])] * 3
    reported = [row for row in rows if row["test"] == "test"]
    assert [row["final"] for row in reported] == [table["test"][best]] * 3, "chosen by what is seen"


def test_what_is_in_the_file_is_not_searched_again(duel, tmp_path):
    out = tmp_path / "x.jsonl"
    first = bench.searchers(["random"], [duel], queries=5, seeds=2, out=out)
    seen = []
    more = bench.searchers(
        {"slow": Slow}, [duel], queries=5, seeds=3, out=out, progress=lambda *now: seen.append(now)
    )
    assert more.resumed == 4
    assert seen[0] == (4, 9, None)
    assert sum(row in first.rows for row in more.rows) == 4
    assert len(out.read_text().splitlines()) == 9
    assert bench.searchers(["random"], [duel], queries=6, seeds=1, out=out).resumed == 0


def test_a_file_of_other_results_is_refused(duel, tmp_path):
    out = tmp_path / "x.jsonl"
    out.write_text('{"predictor": "forest"}\n')
    with pytest.raises(DataError, match=r"x\.jsonl is not a file of results: line 1"):
        bench.searchers(["random"], [duel], queries=5, seeds=1, out=out)


@pytest.mark.usefixtures("copied_workers")
def test_processes_change_nothing_but_the_times(duel, tmp_path):
    one = bench.searchers(SEARCHERS, [duel], queries=20, seeds=3)
    two = bench.searchers(SEARCHERS, [duel], queries=20, seeds=3, processes=2, out=tmp_path / "x.jsonl")
    assert untimed(two.rows) == untimed(one.rows)


@pytest.mark.parametrize("processes", [1, 2])
def test_killed_again_and_again_the_table_is_the_same(duel, kill_and_finish, tmp_path, processes):
    out = tmp_path / "x.jsonl"
    kill_and_finish(main, duel, out, processes, (3, 20)[processes - 1 :])
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert len({json.dumps([row["searcher"], row["seed"]]) for row in found}) == len(found) == 48
    unbroken = bench.searchers(SEARCHERS, [duel], queries=25, seeds=16)
    resumed = bench.searchers(SEARCHERS, [duel], queries=25, seeds=16, out=out)
    assert resumed.resumed == 48
    assert untimed(resumed.rows) == untimed(unbroken.rows)
    assert resumed.summary.equals(unbroken.summary)
    assert resumed.comparison.equals(unbroken.comparison)


def test_a_searcher_that_fails_stops_no_other(duel, tmp_path):
    out = tmp_path / "x.jsonl"
    result = bench.searchers({"broken": Broken}, [duel], queries=5, seeds=2, out=out)
    assert {row["searcher"] for row in result.rows} == {"random", EVOLUTION}
    assert [failure.reason for failure in result.failures] == ["ZeroDivisionError: by zero"] * 2
    assert len(out.read_text().splitlines()) == 4


def test_an_option_of_the_fitness_that_is_out_of_range_is_a_failure(duel):
    result = bench.searchers(["random"], [duel], fitness=["ranker:initial=0"], queries=5, seeds=1)
    assert result.failures[0].reason == "initial must be a whole number of at least 1, got 0"


def test_a_searcher_that_needs_a_predictor_gets_it_by_name(duel, monkeypatch):
    from egraph import searchers
    from egraph.baselines import Forest

    class Guided(RandomSearch):
        name = "guided"

        def __init__(self, space, *, seed=0, predictor=None):
            super().__init__(space, seed=seed)
            assert isinstance(predictor(), Forest)

    monkeypatch.setitem(searchers._registry.registry._things, "guided", Guided)
    result = bench.searchers(["guided:predictor=forest"], [duel], queries=5, seeds=1)
    assert "guided:predictor=forest" in {row["searcher"] for row in result.rows}
    with pytest.raises(UnknownNameError, match=r"unknown predictor 'forrest'.*Did you mean 'forest'"):
        bench.searchers(["guided:predictor=forrest"], [duel], queries=5, seeds=1)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"queries": 0}, "queries must be a whole number of at least 1, got 0"),
        ({"seeds": 0}, "seeds must be a whole number of at least 1, got 0"),
        ({"benchmarks": []}, "name at least one benchmark"),
        ({"searchers": ["randomm"]}, "unknown searcher 'randomm'; .* Did you mean 'random'"),
        ({"searchers": ["random:size=1"]}, "'random:size=1' has no option 'size'; known: distinct"),
        ({"searchers": ["regularized-evolution:population=0"]}, "population must be a whole number of"),
        ({"searchers": ["regularized-evolution:population=x"]}, "population must be .*, got 'x'"),
        ({"fitness": ["tabel"]}, "unknown fitness 'tabel'"),
        ({"fitness": ["table:size=1"]}, "'table:size=1' has no option 'size'; known: none"),
        ({"processes": 0}, "processes must be at least 1, got 0"),
        ({"processes": 2, "seeds": 2, "searchers": {"s": lambda space, seed: Slow(space, seed=seed)}},
         "the searchers cannot be sent to other processes .* use one process"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused(duel, change, text):
    arguments = {"searchers": ["random"], "benchmarks": [duel], "queries": 5, "seeds": 1} | change
    with pytest.raises(UsageError, match=text):
        bench.searchers(**arguments)


def test_cells_of_a_searcher_that_is_not_given_are_refused(duel):
    cells = arena.plan([arena.Contestant("slow")], [duel], seeds=1, searchers=SEARCHERS)
    with pytest.raises(UnknownNameError, match="unknown searcher 'slow'"):
        arena.run(cells)
