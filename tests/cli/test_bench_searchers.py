import json
from pathlib import Path

import pytest

from egraph import searchers
from egraph.bench.arena import FITNESS


@pytest.fixture
def arena(egraph, table):
    def run(*args, **options):
        own = ["--benchmark", f"{table}:accuracy", "--queries", 8, "--seeds", 2]
        return egraph("bench", "searchers", *own, *args, **options)

    return run


def test_the_help_names_every_fitness(egraph):
    text = egraph("bench", "searchers", "--help").stdout.replace(",", " ").replace(".", " ")
    assert set(FITNESS) <= set(text.split())


def test_searches_shows_and_writes_three_files(arena):
    done = arena("--searcher", "random:distinct=false", "--out", "new/s.jsonl")
    assert "accuracy, which the searchers see, 8 queries" in done.stdout
    assert "regularized-evolution:population=20,sample=5" in done.stdout
    assert "Kolmogorov-Smirnov" in done.stdout
    assert "wrote new/s.jsonl, new/s.md, new/s.svg" in done.stdout
    rows = [json.loads(line) for line in Path("new/s.jsonl").read_text().splitlines()]
    assert {(row["searcher"], row["seed"]) for row in rows} == {
        (name, seed)
        for name in ("random:distinct=false", "regularized-evolution:population=20,sample=5")
        for seed in (0, 1)
    }
    assert "| random:distinct=false | 2 |" in Path("new/s.md").read_text(encoding="utf-8")
    assert "<svg" in Path("new/s.svg").read_text(encoding="utf-8")


def test_the_same_command_goes_on(arena, read_json):
    arena("--seeds", 1)
    done = arena("--json")
    assert "resuming: 2 of 4 are done already" in done.stderr
    results = read_json(done)
    assert {row["at"] for row in results["summary"]} == {8}
    assert len(results["comparison"]) == 1
    assert len(results["results"]) == 4
    assert results["skipped"] == []


def test_the_baselines_can_be_told_by_another_fitness(arena, read_json):
    results = read_json(arena("--fitness", "constant", "--json"))
    assert {(row["searcher"].partition(":")[0], row["fitness"]) for row in results["summary"]} == {
        (name, fitness) for name in ("random", "regularized-evolution") for fitness in ("table", "constant")
    }


def test_a_file_says_what_is_compared_and_options_go_before_it(egraph, table, read_json):
    Path("c.toml").write_text(
        f"""
        benchmarks = ["{table}:accuracy"]
        queries = 6
        seeds = 50
        [[contestant]]
        searcher = "random"
        fitness = "constant"
        [[contestant]]
        searcher = "teleport"
        """
    )
    done = egraph("bench", "searchers", "--config", "c.toml", "--seeds", 1, "--json")
    assert "skipped: teleport: unknown searcher 'teleport'" in done.stderr
    results = read_json(done)
    assert [(row["queries"], row["seed"]) for row in results["results"]] == [(6, 0)] * 3
    assert results["skipped"][0]["searcher"] == "teleport"


def test_all_takes_every_searcher(monkeypatch):
    from egraph.cli._searchers import _read

    assert [each.searcher for each in _read(("all",), (), None).contestants] == searchers.names()


def test_searches_that_fail_are_told_and_the_others_shown(arena):
    done = arena("--fitness", "ranker:initial=0", code=1)
    assert "regularized-evolution" in done.stdout
    assert "random / ranker:initial=0 on" in done.stderr
    assert "4 of 8 searches failed" in done.stderr


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("--searcher", "randomm"), "Did you mean 'random'?"),
        (("--searcher", "random:size=1"), "has no option 'size'; known: distinct"),
        (("--fitness", "tabel"), "Did you mean 'table'?"),
        (("--out", "b.md"), "give --out a name such as bench.jsonl"),
        (("--benchmark", "nasbench999:x"), "nasbench999"),
        (("--config", "c.toml", "--searcher", "random"), "leave --searcher and --fitness out"),
    ],
)
def test_wrong_use_is_told_in_a_line(arena, args, text):
    done = arena(*args, code=2)
    assert text in done.stderr
    assert not Path("runs").exists()


def test_a_config_that_is_not_there_is_told(arena):
    assert "cannot read none.toml" in arena("--config", "none.toml", code=1).stderr
