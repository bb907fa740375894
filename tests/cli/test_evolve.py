"""``egraph evolve`` and ``egraph train --genome``."""

import json

import pytest

import egraph as package
from egraph.ranker import Genome
from egraph.study import open_journal

SMALL = ("--population", 4, "--sample", 2, "--filters", 4, "--train", 10, "--validation", 12, "--workers", 1)


@pytest.fixture
def evolve(egraph, table):
    def run(*args, code=0):
        return egraph("evolve", "--data", table, "--metric", "accuracy", *SMALL, *args, code=code)

    return run


def test_an_evolution_tells_what_it_found_and_what_to_type_next(evolve, egraph, own_engine, table, tmp_path):
    done = evolve("--cycles", 4, "--repeats", 1, "--no-full", "--storage", "runs/x.db")
    for expected in (
        "8 trials are done",
        "the best genome",
        "READOUT_",
        "mean of 1 seeds",
        "tau on 18 networks of small that nothing was chosen by",
        "search   evolved",
        "search   default",
        "egraph train --genome runs/x.genome.json",
        "--cycles 8 resumes",
    ):
        assert expected in done.stdout
    assert "Best so far" in (tmp_path / "runs" / "x.html").read_text()
    assert (tmp_path / "runs" / "x.png").is_file()
    genome = Genome.load("runs/x.genome.json")
    assert genome.filters == 4
    assert genome.provenance["space"] == "graphsage"
    assert genome.provenance["splits"][0]["test"] == 18
    with open_journal("runs/x.db") as journal:
        assert len(journal.trials) == 8
        assert journal.trials["test_score"].isna().all()

    options = ("--repeats", 1, "--no-full", "--storage", "runs/x.db", "--executor", own_engine)
    again = evolve("--cycles", 5, "--resume", "--json", *options)
    assert "resuming: 8 trainings are done already" in again.stderr
    found = json.loads(again.stdout)
    assert found["evaluations"] == 9
    assert found["data"][0]["metric"]["name"] == "accuracy"
    assert "small: 40 rows, 40 distinct networks of the space nasbench_macro; accuracy" in again.stderr

    fewer = evolve("--cycles", 2, "--repeats", 1, "--no-full", "--storage", "runs/x.db")
    assert "9 trials are done, more than the 6 asked for" in fewer.stdout
    assert "--cycles 10 resumes" in fewer.stdout

    trained = egraph(
        "train", "--genome", "runs/x.genome.json", "--data", table, "--metric", "accuracy",
        "--samples", 20, "--out", "r.egraph",
    )  # fmt: skip
    assert "learned from 20 networks" in trained.stdout
    assert package.load("r.egraph").width == 4


def test_a_journal_that_cannot_go_on_is_told_in_one_line(evolve, egraph, table):
    evolve("--cycles", 1, "--repeats", 1, "--no-full", "--storage", "x.db")
    other = evolve("--cycles", 3, "--population", 5, "--storage", "x.db", code=2).stderr
    assert "{'population': 4, 'sample': 2, 'distinct': False}, this searcher has {'population': 5" in other
    assert "use the same to continue, or start a new search" in other
    assert "x.db is of a study with evaluator" in evolve("--filters", 5, "--storage", "x.db", code=1).stderr
    egraph("search", "--data", table, "--metric", "accuracy", "--trials", 2, "--storage", "y.db")
    assert "y.db is of a study with space nasbench_macro" in evolve("--storage", "y.db", code=1).stderr


def test_resume_refuses_to_begin_anew(evolve, tmp_path):
    assert "no journal at absent.db" in evolve("--resume", "--storage", "absent.db", code=1).stderr
    assert not (tmp_path / "absent.db").exists()


def test_an_unknown_metric_is_told(egraph, table):
    assert "acuracy" in egraph("evolve", "--data", table, "--metric", "acuracy", code=2).stderr


@pytest.mark.usefixtures("copied_workers")
def test_it_can_start_from_a_genome_and_train_longer(egraph, table, tmp_path):
    (tmp_path / "start.json").write_text(
        '{"genome": {"ops": ["input", "SAGE_POOL.H", "READOUT_MEAN", "output"], '
        '"edges": [[0, 1], [1, 2], [2, 3]]}, "filters": 6}'
    )
    common = ["evolve", "--data", table, "--metric", "accuracy", "--start", "start.json"]
    few = ["--train", 12, "--validation", 10, "--population", 2, "--sample", 2, "--cycles", 1, "--repeats", 1]
    done = egraph(*common, *few, "--training", "single", "--aggregators", "pool", "--no-full", "--json")
    best = Genome.load(json.loads(done.stdout)["files"]["best genome"])
    assert best.filters == 6
    assert set(best.architecture.ops[1:-2]) <= {"SAGE_POOL.H", "SAGE_POOL.N", "SAGE_POOL.D"}
    with open_journal(json.loads(done.stdout)["files"]["journal"]) as journal:
        assert "'companion': None, 'epochs'" not in str(journal.settings)
        assert "'companion': None, 'folds': 0, 'members': 1" in str(journal.settings)
    assert "gene READOUT" in egraph(*common, "--space", "graphsage-wide", code=2).stderr


def test_several_tables_are_reported_one_by_one(egraph, table):
    both = ["--data", table, "--metric", "accuracy", "--data", table, "--metric", "latency"]
    done = egraph("evolve", *both, *SMALL, "--cycles", 1, "--repeats", 1, "--no-full")
    assert done.stdout.count("networks of small that nothing was chosen by") == 2


@pytest.mark.parametrize(
    ("args", "code", "expected"),
    [
        (("--validation", "40"), 2, "leave none to report on"),
        (("--space", "convnet"), 2, "'graphsage', 'graphsage-wide'"),
        (("--aggregators", "sum"), 2, "aggregators of graphsage are lstm, pool; got sum"),
        (("--metric", "accuracy"), 2, "got 2 for 1"),
        (("--train", "1"), 2, "--train"),
    ],
)
def test_wrong_use_is_told_before_anything_is_written(evolve, tmp_path, args, code, expected):
    assert expected in evolve(*args, code=code).stderr
    assert not (tmp_path / "runs").exists()


def test_a_genome_that_is_none_is_told_before_anything_is_read(egraph, tmp_path):
    (tmp_path / "g.json").write_text("{}")
    told = egraph("train", "--genome", "g.json", "--data", "absent", "--out", "r.egraph", code=1).stderr
    assert "g.json holds no genome of a ranker" in told
