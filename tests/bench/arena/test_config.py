from pathlib import Path

import pytest

from egraph.bench.arena import Contestant, read_config
from egraph.errors import DataError, MissingExtraError, UsageError

SHIPPED = Path(__file__).parents[3] / "benchmarks" / "searchers.toml"


def write(tmp_path, text):
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    return tmp_path / "c.toml"


def test_a_file_says_what_is_compared(tmp_path):
    config = read_config(
        write(
            tmp_path,
            """
            benchmarks = ["nasbench_macro:mean_acc"]
            queries = 30
            seeds = 4
            [[contestant]]
            searcher = "regularized-evolution:population=5,sample=2"
            [[contestant]]
            searcher = "random"
            fitness = "ranker:members=1"
            """,
        )
    )
    assert config.contestants == [
        Contestant("regularized-evolution:population=5,sample=2", "table"),
        Contestant("random", "ranker:members=1"),
    ]
    assert (config.benchmarks, config.queries, config.seeds, config.skipped) == (
        ["nasbench_macro:mean_acc"], 30, 4, [],
    )  # fmt: skip
    assert read_config(write(tmp_path, "")).seeds == 50


def test_what_is_not_known_here_is_skipped_with_the_reason(tmp_path, monkeypatch):
    path = write(
        tmp_path,
        """
        [[contestant]]
        searcher = "randomm"
        [[contestant]]
        searcher = "random"
        fitness = "tabel"
        [[contestant]]
        searcher = "random"
        """,
    )
    config = read_config(path)
    assert config.contestants == [Contestant("random")]
    assert [each.searcher for each, _ in config.skipped] == ["randomm", "random"]
    assert "unknown searcher 'randomm'" in config.skipped[0][1]
    assert "unknown fitness 'tabel'" in config.skipped[1][1]

    def refuse(text, own):
        raise MissingExtraError("xgboost", "boost")

    monkeypatch.setattr("egraph.bench.arena._config.find_searcher", refuse)
    assert "pip install 'egraph[boost]'" in read_config(path).skipped[2][1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("seed = 5", "unknown entry 'seed'; known: benchmarks, queries, seeds, contestant"),
        ("seeds = true", "seeds must be of type int, got True"),
        ('benchmarks = "x"', "benchmarks must be of type list, got 'x'"),
        ("benchmarks = [1]", r"benchmarks must be texts, got \[1\]"),
        ("contestant = [3]", "expected a table with searcher, fitness, got 3"),
        ("[[contestant]]\nfitness = 'table'", r"a \[\[contestant\]\] needs a searcher, got"),
        ("[[contestant]]\nsearcher = 'random:size=3'", "'random:size=3' has no option 'size'"),
        ("[[contestant]]\nsearcher = 'random'\nfitness='ranker:size=3'", "no option 'size'; known: members"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_refused(tmp_path, text, reason):
    with pytest.raises(UsageError, match=reason):
        read_config(write(tmp_path, text))


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*none\.toml: No such file"):
        read_config(tmp_path / "none.toml")
    with pytest.raises(DataError, match=r"c\.toml is not TOML: Invalid value"):
        read_config(write(tmp_path, "queries ="))
    with pytest.raises(DataError, match=r"c\.toml is not TOML: .*recursion"):
        read_config(write(tmp_path, "queries = " + "[" * 5000))


def test_the_file_of_the_repository_can_be_read():
    config = read_config(SHIPPED)
    assert len(config.contestants) == 5
    assert config.skipped == []
    assert sum(each.fitness.startswith("zero-cost:proxies=naswot") for each in config.contestants) == 2
    assert config.seeds >= 50
    assert {benchmark.partition(":")[0] for benchmark in config.benchmarks} == {"nasbench101", "nasbench201"}
