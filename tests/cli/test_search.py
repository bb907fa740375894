"""``egraph search`` and ``egraph report``."""

import json
import os
import signal
import subprocess
import sys
import time

import copied
import numpy as np
import pytest

import egraph as package
from egraph import datasets, spaces
from egraph.errors import JournalError
from egraph.study import Journal, open_journal


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A table of all networks of nasbench_macro, in which wide operations are good."""
    space = spaces.get("nasbench_macro")
    architectures = list(space)
    quality = [sum(op.startswith("mbconv5x5") + k / 50 for k, op in enumerate(a.ops)) for a in architectures]
    columns = {"accuracy": np.array(quality), "test": np.array(quality) - 1.0}
    metrics = {"accuracy": datasets.Metric(split="validation"), "test": datasets.Metric(split="test")}
    path = tmp_path_factory.mktemp("data") / "whole.parquet"
    datasets.Table(space, architectures, columns, metrics, name="whole").save(path)
    return path


@pytest.fixture
def search(egraph, whole):
    def run(*args, code=0):
        return egraph("search", "--data", whole, "--metric", "accuracy", *args, code=code)

    return run


def test_a_search_tells_all_that_was_promised(search, tmp_path):
    done = search("--test-metric", "test", "--trials", 24, "--storage", "runs/x.db")
    for expected in (
        "24 trials are done",
        "the best network, trial",
        "mbconv5x5",
        "egraph         test ",
        "random search  test ",
        "the ranker's tau on trials that it had not seen",
        "its own choice",
        "  promised ",
        "scores in the ranker's intervals: ",
        "runs/x.html",
        "egraph rank runs/x.egraph FILE",
        "--trials 48 resumes",
    ):
        assert expected in done.stdout
    assert "round 1: ranker learned from 16" in done.stderr
    with open_journal("runs/x.db") as journal:
        origins = list(journal.trials["origin"])
    assert origins.count("initial") == 16
    assert origins.count("baseline") == 8
    assert "Best so far" in (tmp_path / "runs" / "x.html").read_text()
    best = package.Architecture.from_json((tmp_path / "runs" / "x.best.json").read_text())
    assert package.load("runs/x.egraph").predict([best]).shape == (1,)


def test_the_result_as_json(search, read_json):
    found = read_json(search("--trials", 3, "--json", "--storage", "x.db"))
    assert found["trials"] == 3
    assert found["best"]["architecture"]["ops"][0] == "input"
    assert found["files"]["report"] == "x.html"


def test_the_same_command_goes_on_and_more_trials_continue(search):
    search("--trials", 2, "--no-baseline")
    assert "3 trials are done" in search("--trials", 3, "--no-baseline").stdout
    again = search("--trials", 3, "--no-baseline", "--resume")
    assert "resuming: 3 trainings are done already" in again.stderr
    with open_journal("runs/nasbench_macro-whole-0.db") as journal:
        assert list(journal.trials["state"]) == ["complete"] * 3
        assert len(journal.sessions) == 3


def test_a_resumed_search_tells_which_trial_was_lost_with_its_process(search):
    search("--trials", 3, "--no-baseline", "--storage", "x.db")
    with Journal("x.db") as journal:
        journal.start(2)  # and no result: what a process leaves that was killed
    again = search("--trials", 3, "--no-baseline", "--storage", "x.db")
    assert (
        "resuming: 2 trainings are done already, 1 interrupted ones run again\n"
        "  trial 2: killed or crashed with its process, 1 of at most 3 times; then it counts as failed\n"
    ) in again.stderr


def test_resume_refuses_to_begin_anew(search, tmp_path):
    assert "no journal at absent.db to resume" in search("--resume", "--storage", "absent.db", code=1).stderr
    assert not (tmp_path / "absent.db").exists()


def test_another_seed_goes_on_with_a_journal_only_if_forced(search, tmp_path):
    search("--trials", 2, "--storage", "x.db")
    told = search("--seed", 1, "--storage", "x.db", code=1).stderr
    assert "x.db is of a study with seed 0, not 1; use the same arguments to resume it, or another" in told
    assert told.endswith(" or accept the difference with --force-resume (force_resume=True)\n")
    search("--seed", 1, "--trials", 3, "--storage", "x.db", "--force-resume")
    assert "seed 0, not 1" in (tmp_path / "x.html").read_text(encoding="utf-8")


def test_known_results_and_wishes_come_from_files(search, egraph, tmp_path):
    space, rng = spaces.get("nasbench_macro"), np.random.default_rng(3)
    known, wished = ([space.format(space.sample(rng)) for _ in range(n)] for n in (4, 2))
    rows = [f'"{text}",{score}' for score, text in enumerate(known)]
    (tmp_path / "known.csv").write_text("\n".join(["architecture,accuracy", *rows]))
    (tmp_path / "wishes.txt").write_text("\n".join(wished))
    given = ("--known", "known.csv", "--enqueue", "wishes.txt", "--no-baseline", "--initial", 7)
    done = search("--trials", 3, "--storage", "x.db", *given)
    assert "known.csv: 4 known networks by accuracy, 4 of them new" in done.stderr
    assert "wishes.txt: 2 networks to train first, 2 of them new" in done.stderr
    again = search("--trials", 3, "--storage", "x.db", *given)
    assert "4 known networks by accuracy, 0 of them new" in again.stderr
    with open_journal("x.db") as journal:
        assert list(journal.trials["origin"]) == ["known"] * 4 + ["enqueued"] * 2 + ["initial"]


def test_a_foreign_journal_is_refused(search, tmp_path):
    (tmp_path / "x.db").write_bytes(b"this is certainly not a database" * 40)
    assert "x.db" in search("--storage", "x.db", code=1).stderr


def test_a_journal_of_another_space_is_refused(search, egraph):
    search("--trials", 2, "--storage", "x.db")
    assert (
        "x.db is of a study with space nasbench_macro"
        in egraph("search", "--data", "digits", "--storage", "x.db", code=1).stderr
    )


def test_a_journal_that_another_process_holds_is_refused(search, tmp_path):
    search("--trials", 2, "--storage", "x.db")
    ours, theirs = copied.get_context("spawn").Pipe()
    holder = copied.start(copied.hold, tmp_path / "x.db", theirs)
    try:
        assert ours.recv()
        assert "x.db is held by another process" in search("--storage", "x.db", code=1).stderr
    finally:
        holder.kill()
        holder.join()


def test_a_space_that_is_not_the_table_s_is_refused(search):
    assert "is of the space 'nasbench_macro', not of 'convnet'" in search("--space", "convnet", code=2).stderr


@pytest.mark.parametrize(
    ("args", "code", "expected"),
    [
        (("--space", "convet"), 2, "Did you mean 'convnet'?"),
        (
            ("--searcher", "evolution"),
            2,
            "unknown searcher 'evolution'; known: ant-colony, bayesian, ",
        ),
        (("--data", "digit"), 2, "Did you mean 'digits'?"),
        (("--data", "fashion-mnist"), 1, "fashion-mnist"),
        (("--metric", "accuracy"), 2, "--metric goes with a table"),
        (("--space", "nasbench_graph"), 2, "nasbench_graph"),
        (("--device", "gpu"), 2, "device must be auto, cpu, cuda"),
        (("--ranker", "absent.egraph"), 1, "absent.egraph"),
        (("--trials", "0"), 2, "--trials"),
        (("--shares", "60,30,20"), 2, "shares must be three percentages that sum to 100"),
        (("--shares", "60;30;10"), 2, "expected three numbers such as 60,30,10, got '60;30;10'"),
        (("--searcher", "random", "--searcher", "evolution"), 2, "unknown searcher 'evolution'"),
        (("--no-ranker", "--ranker", "x.egraph"), 2, "--ranker and --no-ranker exclude each other"),
        (("--no-ranker", "--recalibrate", "drift"), 2, "--recalibrate and --no-ranker exclude each other"),
        (("--no-ranker", "--shares", "60,30,10"), 2, "shares divide the candidates that a ranker scores"),
        (("--screen", "swop"), 2, "Did you mean 'swap'?"),
        (("--screen-count", "0"), 2, "--screen-count"),
        (("--screen-seconds", "0"), 2, "--screen-seconds"),
        (("--searcher", "random:size=1"), 2, "'random:size=1' has no option 'size'; known: distinct"),
        (("--searcher", "nsga2:population=x"), 2, "population must be a whole number of at least 2, got 'x'"),
        (("--searcher", "nsga2:costs=params"), 2, "costs must be a mapping from names to functions, got"),
        (
            ("--searcher", "pareto-evolution:limits=3"),
            2,
            "limits must be a mapping from names to numbers",
        ),
        (("--searcher", "random:"), 2, "expected NAME or NAME:OPTION=VALUE,OPTION=VALUE"),
        (("--max-latency", "0"), 2, "--max-latency"),
        (
            ("--recalibrate", "often"),
            2,
            "recalibrate must be 'every=N' trials, 'seconds=S' of trials or 'drift'",
        ),
    ],
)
def test_wrong_use_is_told_before_anything_is_written(egraph, tmp_path, args, code, expected):
    assert expected in egraph("search", *args, code=code).stderr
    assert not (tmp_path / "runs").exists()


def test_a_limit_that_no_network_keeps_is_told_before_anything_is_written(egraph, tmp_path, monkeypatch):
    monkeypatch.setattr("egraph.spaces.limited._SAMPLES", 20)
    told = egraph("search", "--data", "digits", "--max-params", "10", code=2).stderr
    assert "'convnet, params <= 10'; the least that they cost is params " in told
    assert not (tmp_path / "runs").exists()


def test_options_of_a_searcher(search):
    search("--trials", 2, "--searcher", "regularized-evolution:population=7,sample=3", "--storage", "x.db")
    with open_journal("x.db") as journal:
        settings = journal.settings["settings"]["searcher"]
    assert settings == {"searcher": "regularized-evolution", "population": 7, "sample": 3, "distinct": True}


def test_the_first_trainings_are_chosen_by_a_score_and_its_cost_is_told(search, read_json, tmp_path):
    args = ("--screen", "params", "--screen-count", 6, "--trials", 3, "--storage", "x.db")
    done = search(*args, "--json")
    assert "scored 6 untrained networks in" in done.stderr
    told = read_json(done)["screening"]
    assert told["fitness"]["proxies"] == ["params"]
    assert (told["networks"], told["scored"], told["without a score"]) == (6, 6, 0)
    assert told["end"] == "all scored"
    assert told["seconds"] > 0
    assert "6 untrained networks were scored in" in (tmp_path / "x.html").read_text()
    with open_journal("x.db") as journal:
        assert set(journal.trials["origin"]) == {"screened", "baseline"}


def test_screening_is_left_out_on_demand(search, read_json):
    found = read_json(search("--screen", "none", "--trials", 2, "--storage", "x.db", "--json"))
    assert found["screening"] is None


def test_several_searchers_share_the_candidates(search, read_json):
    several = ("--searcher", "random", "--searcher", "genetic", "--shares", "50,25,25")
    args = (*several, "--trials", 32, "--no-baseline", "--storage", "x.db")
    done = search(*args)
    lines = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line.startswith("  ")}
    assert lines["random"][1] == "1,000"
    assert int(lines["random"][2].strip("(")) >= 25
    found = {one["name"]: one for one in read_json(search(*args, "--json"))["finders"]}
    assert set(found) == {"initial", "random", "genetic", "mutants", "samples"}
    assert sum(one["trials"] for one in found.values()) == 32
    assert found["initial"] == {
        "name": "initial", "candidates": 0, "share": 0.0, "trials": 16, "best": found["initial"]["best"]
    }  # fmt: skip
    assert 3 <= found["random"]["trials"] <= 5
    with open("x.html", encoding="utf-8") as page:
        text = page.read()
    assert "Who found what" in text
    assert "genetic" in text
    with open_journal("x.db") as journal:
        assert journal.settings["settings"]["shares"] == [50, 25, 25]
        assert [one["searcher"] for one in journal.settings["settings"]["searcher"]] == ["random", "genetic"]


def test_a_search_without_a_ranker(search, read_json):
    args = (
        "--no-ranker",
        "--searcher",
        "genetic:population=4",
        "--trials",
        12,
        "--storage",
        "x.db",
        "--json",
    )
    found = read_json(search(*args))
    assert [one["name"] for one in found["finders"]] == ["genetic:population=4"]
    assert found["finders"][0]["trials"] == 12
    assert "ranker" not in found["files"]


def test_no_network_above_a_limit_is_trained(search, read_json):
    from egraph.evaluation import Costs

    space = spaces.get("nasbench_macro")
    limits = ("--max-params", 1_300_000, "--max-latency", 60_000, "--trials", 3, "--storage", "x.db")
    found = read_json(search(*limits, "--json"))
    with open_journal("x.db") as journal:
        trained = [package.Architecture.from_json(text) for text in journal.trials["architecture"]]
        assert journal.settings["space"] == "nasbench_macro, params <= 1,300,000, latency <= 60,000"
    assert max(map(Costs(space).params, trained)) <= 1_300_000
    assert found["front"] == []  # a table knows no sizes
    with open("x.html", encoding="utf-8") as page:
        assert "params &lt;= 1,300,000" in page.read()
    assert (
        "is of a study with space nasbench_macro, params <= 1,300,000"
        in search("--max-params", 1_400_000, "--storage", "x.db", code=1).stderr
    )


def test_real_training_on_digits(egraph):
    done = egraph(
        "search", "--data", "digits", "--trials", 1, "--workers", 1, "--cost", "params", "--epochs", 2
    )
    assert "the best trade-offs" in done.stdout
    assert "trained again 3 times" in done.stdout
    assert "%" in done.stdout
    assert "runs/convnet-digits-0.db" in done.stdout
    assert "egraph export runs/convnet-digits-0.db best --network" in done.stdout
    with open_journal("runs/convnet-digits-0.db") as journal:  # sizes of this space come from arithmetic
        assert journal.settings["settings"]["candidates"] == 2000


def test_images_of_one_s_own(egraph, tmp_path, read_json):
    rng = np.random.default_rng(0)
    parts = {}
    for name in ("train", "val", "test"):
        parts[f"y_{name}"] = rng.integers(0, 2, 20)
        parts[f"x_{name}"] = rng.random((20, 1, 8, 8))
    np.savez(tmp_path / "mine.npz", **parts)
    options = ("--trials", 1, "--workers", 1, "--no-baseline", "--epochs", 1, "--screen", "none")
    done = egraph("search", "--data", "mine.npz", *options)
    assert "runs/convnet-mine-0.db" in done.stdout
    found = read_json(egraph("search", "--data", f"{tmp_path}/mine.npz:layout=first", *options, "--json"))
    assert found["files"]["journal"] == "runs/convnet-mine-npz-layout-first-0.db"
    assert found["data"] == {
        "name": "mine", "file": f"{tmp_path}/mine.npz", "kind": "images", "shape": [1, 8, 8], "classes": 2,
        "labels": ["0", "1"], "target": "classes", "train": 20, "validation": 20, "test": 20, "notes": [],
        "digest": datasets.images(tmp_path / "mine.npz").digest,
    }  # fmt: skip
    assert "absent.npz does not exist" in egraph("search", "--data", "absent.npz", code=1).stderr


def test_features_are_searched_in_the_space_for_them(egraph, tmp_path):
    rng = np.random.default_rng(0)
    parts = {}
    for name in ("train", "val", "test"):
        parts[f"y_{name}"] = np.arange(30) % 2
        parts[f"x_{name}"] = rng.normal(size=(30, 5))
    np.savez(tmp_path / "table.npz", **parts)
    options = ("--data", "table.npz", "--trials", 1, "--workers", 1, "--no-baseline", "--epochs", 2)
    done = egraph("search", *options)
    assert (
        "table: features of 5, 2 classes; 30 to train, 30 to validate, 30 to test; from table.npz\n"
        in done.stderr
    )
    assert "runs/dense-table-0.db" in done.stdout
    failed = egraph("search", *options, "--space", "convnet", code=2).stderr
    assert "'convnet' read images or signals, not features of shape (5,); take the space 'dense'" in failed


def test_a_table_of_features_is_searched(egraph, tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 2))
    lines = [f"{a},{b},{'high' if a > b else 'low'},7" for a, b in rows]
    (tmp_path / "mine.csv").write_text("\n".join(["a,b,level,spare", *lines]))
    options = ("--trials", 1, "--workers", 1, "--no-baseline", "--epochs", 2, "--screen", "none")
    done = egraph("search", "--data", "mine.csv:level", *options)
    assert (
        "mine: features of 3, 2 classes; 36 to train, 12 to validate, 12 to test; the target" in done.stderr
    )
    assert "runs/dense-mine-csv-level-0.db" in done.stdout
    wrong = egraph("search", "--data", "mine.csv", *options, code=1)
    assert "all examples are of one class, '7'" in wrong.stderr


def test_a_regression_is_scored_by_r2(egraph, tmp_path, read_json):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 5))
    np.savez(tmp_path / "prices.npz", X=x, y=100 + x[:, 0])
    options = ("--data", "prices.npz", "--trials", 2, "--workers", 1, "--epochs", 2, "--screen", "none")
    done = egraph("search", *options)
    assert "prices: features of 5, regression of a target from 9" in done.stderr
    assert "validation R2 " in done.stdout
    assert " %" not in done.stdout.partition("the best network")[2].partition("who found what")[0]
    assert "egraph export runs/dense-prices-0.db best --network" in done.stdout
    found = read_json(egraph("search", *options, "--json"))
    assert found["data"]["target"] == "regression"
    exported = egraph("export", "runs/dense-prices-0.db", "best", "--network", "--data", "prices.npz")
    assert "  test R2 " in exported.stdout
    assert "in the journal has the same" in exported.stdout
    assert "validation R2" in (tmp_path / "runs" / "dense-prices-0.html").read_text()
    wrong = egraph("search", *options, "--recipe", "smooth.toml", code=2)
    assert "smooth.toml" in wrong.stderr


def test_options_of_generated_data_are_read_and_name_the_journal(egraph):
    few = "mnist1d:noise=0.5,train=80,validation=40,test=40"
    args = ("--trials", 1, "--workers", 1, "--no-baseline", "--epochs", 1, "--screen", "none")
    done = egraph("search", "--data", few, *args)
    assert f"{few}: signals of 1 x 40, 10 classes; 80 to train, 40 to validate, 40 to test\n" in done.stderr
    assert "runs/convnet-mnist1d-noise-0-5-train-80-validation-40-test-40-0.db" in done.stdout


@pytest.fixture
def mine(tmp_path):
    """Random images of 8 x 8 pixels, the name of their file."""
    rng = np.random.default_rng(0)
    parts = {}
    for name in ("train", "val", "test"):
        parts[f"y_{name}"] = np.arange(20) % 2
        parts[f"x_{name}"] = rng.random((20, 1, 8, 8))
    np.savez(tmp_path / "mine.npz", **parts)
    return "mine.npz"


def test_the_recipe_is_that_of_file_and_options(egraph, tmp_path, mine):
    (tmp_path / "r.toml").write_text('epochs = 9\noptimizer = "sgd"\nwarmup = 0.1\n')
    args = (
        "--data", mine, "--trials", 2, "--initial", 1, "--batch", 1, "--candidates", 9, "--workers", 1,
        "--storage", "x.db",
        "--recipe", "r.toml", "--channels", 4, "--batch-size", 10, "--lr", 0.02,
        "--augment", "shift=0.1,flip=true", "--no-baseline",
    )  # fmt: skip
    egraph("search", *args, "--epochs", 1)
    with open_journal("x.db") as journal:
        recipe = journal.settings["evaluator"]["recipe"]
        assert journal.settings["settings"]["initial"] == 1
        assert journal.settings["settings"]["batch"] == 1
        assert journal.settings["settings"]["candidates"] == 9
    assert recipe["augment"] == {
        "shift": 0.1, "flip": True, "crop": 1.0, "zoom": 0.0, "hue": 0.0, "color_shift": 0.0,
        "color_scale": 0.0,
    }  # fmt: skip
    chosen = {"epochs": 1, "optimizer": "sgd", "learning_rate": 0.02, "weight_decay": 0.0, "warmup": 0.1}
    assert recipe.items() >= {**chosen, "channels": 4, "batch_size": 10}.items()
    again = egraph("search", *args, "--epochs", 2, "--optimizer", "adagrad", code=1).stderr
    assert "x.db is of a study with evaluator recipe epochs 1, not 2; recipe optimizer sgd, not adag" in again


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("--optimizer", "adamm"), "got 'adamm'. Did you mean 'adam'?"),
        (("--augment", "shfit=0.1"), "unknown field of an augmentation 'shfit'"),
        (
            ("--augment", "shift=far"),
            "--augment takes a name or fields such as shift=0.1,flip=true; got 'shi",
        ),
        (("--augment", "mixup"), "augment must be one of none, shift, flip-shift; got 'mixup'"),
        (("--lr", "0"), "learning_rate must be a positive number; got 0"),
        (("--recipe", "absent.toml"), "cannot read the recipe absent.toml: No such file"),
        (("--epochs", "0"), "--epochs"),
        (("--initial", "0"), "--initial"),
        (("--batch", "0"), "--batch"),
        (("--candidates", "0"), "--candidates"),
    ],
)
def test_a_recipe_that_is_wrong_is_told_before_anything_is_written(egraph, tmp_path, mine, args, expected):
    assert expected in egraph("search", "--data", mine, *args, code=2).stderr
    assert not (tmp_path / "runs").exists()


def test_the_winner_is_trained_once_more_by_the_final_recipe(egraph, mine, tmp_path, read_json):
    (tmp_path / "f.toml").write_text("channels = 6\nema = 0.9\n")
    args = (
        "--data", mine, "--trials", 2, "--workers", 1, "--no-ranker", "--screen", "none", "--no-baseline",
        "--epochs", 1, "--channels", 4, "--storage", "x.db",
    )  # fmt: skip
    assert "training the best networks again from scratch" in egraph("search", *args).stderr
    with open_journal("x.db") as journal:
        trials, before = journal.trials, journal.retrains
    last = ("--final-recipe", "f.toml", "--final-epochs", 2)
    done = egraph("search", *args, *last)
    assert "training the winner by the final recipe" in done.stderr
    assert "again from scratch" not in done.stderr, "the journal holds these trainings"
    assert "the winner, trained by the final recipe\n\n  channels 6, ema 0.9, epochs 2: test " in done.stdout
    assert "channels 6, ema 0.9, epochs 2" in (tmp_path / "x.html").read_text()
    with open_journal("x.db") as journal:
        assert journal.trials.equals(trials)
        after = journal.retrains
    assert len(after) == len(before) + 1
    once_more = egraph("search", *args, *last, "--json")
    assert "training the" not in once_more.stderr
    (final,) = read_json(once_more)["finals"]
    assert final["changes"] == {"epochs": 2, "channels": 6, "ema": 0.9}
    assert final["recipe"]["epochs"] == 2
    assert len(final["scores"]) == len(final["test scores"]) == 1
    with open_journal("x.db") as journal:  # it is not trained again
        assert journal.retrains.equals(after)


def test_a_training_that_takes_too_long_is_a_failed_trial(egraph, mine):
    args = ("--data", mine, "--trials", 2, "--workers", 1, "--no-ranker", "--screen", "none", "--no-baseline")
    done = egraph("search", *args, "--epochs", 10**6, "--channels", 4, "--trial-seconds", 0.2)
    assert "trial 0 failed: not finished after 0.2 s, " in done.stderr
    assert "2 trials are done; 2 failed" in done.stdout


def test_killed_while_the_winner_is_trained_again_a_search_ends_as_an_unbroken_one(mine, tmp_path):
    """First in the repeated trainings of the best networks, then in the final one."""
    options = [
        "--data", str(mine), "--trials", "2", "--workers", "1", "--no-ranker", "--screen", "none",
        "--no-baseline", "--epochs", "20", "--channels", "4", "--final-epochs", "40",
    ]  # fmt: skip

    def start(name):
        return copied.start_command(tmp_path, "search", *options, "--storage", tmp_path / name)

    def count():
        """Fresh trainings that are done, and whether the final one runs."""
        try:
            with open_journal(tmp_path / "x.db") as journal:
                rows = journal._db.execute("SELECT job FROM attempt WHERE running").fetchall()
                jobs = [json.loads(job) for (job,) in rows]
                final = [job[0] == "retrain" and json.loads(job[2])["recipe"]["epochs"] == 40 for job in jobs]
                return len(journal.retrains), any(final)
        except JournalError:
            return 0, False

    finished = []
    for reached in (lambda: count()[0] >= 2, lambda: count()[1]):
        running = start("x.db")
        while not reached() and running.is_alive():
            time.sleep(0.01)
        running.kill()
        running.join(60)
        assert running.exitcode == -signal.SIGKILL
        with open_journal(tmp_path / "x.db") as journal:
            finished.append(journal.retrains)
    assert 2 <= len(finished[0]) < len(finished[1]) == 6
    for running in (start("x.db"), start("y.db")):
        running.join(120)
        assert running.exitcode == 0
    with open_journal(tmp_path / "x.db") as broken, open_journal(tmp_path / "y.db") as unbroken:
        after = broken.retrains
        assert after.drop(columns="seconds").equals(unbroken.retrains.drop(columns="seconds"))
    assert len(after) == 7
    for before in finished:  # with the seconds: what was finished is not trained again
        assert len(before.merge(after)) == len(before)


def test_a_final_recipe_that_changes_nothing_is_refused(egraph, mine):
    args = ("--data", mine, "--epochs", 2, "--final-epochs", 2)
    assert "the final recipe is that of the search, by which the" in egraph("search", *args, code=2).stderr


def test_a_table_has_no_recipe(search):
    assert "--epochs, --lr: nothing is trained, because 'whole' is a table; leave this out" in (
        search("--epochs", 3, "--lr", 0.1, code=2).stderr
    )


def test_report_of_a_journal(search, egraph, tmp_path):
    search("--trials", 2, "--storage", "x.db")
    assert egraph("report", "x.db", "--out", "y.html").stdout == "wrote y.html\n"
    assert (tmp_path / "y.html").read_text().startswith("<!DOCTYPE html>")
    assert "no journal at absent.db" in egraph("report", "absent.db", code=1).stderr


def test_an_interrupted_search_says_how_to_go_on(whole, tmp_path):
    # A shell that starts its tests in the background hands down an ignored SIGINT.
    begin = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    command = [
        sys.executable,
        "-c",
        begin + "from egraph.cli.main import main; main()",
        "search",
        "--data",
        str(whole),
        "--metric",
        "accuracy",
        "--trials",
        "3000",
    ]
    running = subprocess.Popen(
        [*command, "--storage", "x.db"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONSAFEPATH": "1"},
    )
    line = ""
    deadline = time.monotonic() + 60
    while not line.startswith("round 0") and time.monotonic() < deadline:
        line = running.stderr.readline()
    running.send_signal(signal.SIGINT)
    error = running.communicate(timeout=60)[1]
    assert running.returncode == 130
    assert error.endswith(
        "egraph: interrupted; finished work is kept, run the same command again to resume\n"
    )
    with open_journal(tmp_path / "x.db") as journal:
        assert (journal.trials["state"] == "complete").sum() >= 16


def test_a_ranker_of_a_service_guides(search, monkeypatch):
    class Knowing:
        def __init__(self, address):
            assert address == "https://host:8000"

        def predict(self, architectures):
            return np.array([sum(op.startswith("mbconv3x3") for op in a.ops) for a in architectures], float)

    monkeypatch.setattr("egraph.service.client.fitness", Knowing)
    done = search(
        "--ranker",
        "https://host:8000",
        "--trials",
        8,
        "--no-baseline",
        "--storage",
        "x.db",
        "--recalibrate",
        "drift",
    )
    with open_journal("x.db") as journal:
        assert journal.settings["settings"]["recalibrate"] == "drift"
        assert set(journal.trials["origin"]) == {"top", "far"}
        assert journal.trials["predicted"].max() == 8
    assert "the ranker is not saved: a file cannot hold the prior, a Knowing" in done.stderr
    assert "`egraph train --data x.db` learns from the trials alone" in done.stderr


def test_the_pretrained_ranker_chooses_the_first_networks(search):
    search("--ranker", "pretrained", "--trials", 3, "--no-baseline", "--storage", "x.db")
    with open_journal("x.db") as journal:
        assert set(journal.trials["origin"]) <= {"top", "far"}
    assert package.load("x.egraph").prior_share_ > 0


def test_a_service_that_is_not_there_is_told_before_anything_is_written(search, tmp_path, monkeypatch):
    monkeypatch.setattr("egraph.service._connection._FIRST", 0.001)
    done = search("--ranker", "http://127.0.0.1:9", "--storage", "x.db", code=1)
    assert "cannot reach http://127.0.0.1:9: Connection refused (6 attempts)" in done.stderr
    assert not (tmp_path / "x.db").exists()


def test_of_a_table_with_a_part_of_its_space_the_rows_are_searched(egraph, table):
    few = datasets.load(table).take(range(7))
    few.save("few.parquet")
    args = ("search", "--data", "few.parquet", "--metric", "accuracy", "--no-baseline", "--trials")
    egraph(*args, 7)
    with open_journal("runs/nasbench_macro-few-0.db") as journal:
        assert journal.settings["space"] == "nasbench_macro, rows of small"
        assert list(journal.trials["state"]) == ["complete"] * 7  # all that there are
    told = egraph(*args, 8).stdout
    assert "the space 'nasbench_macro, rows of small' is exhausted after 7 trials" in told


def test_of_a_table_with_all_of_its_space_the_space_is_searched(search):
    search("--trials", 2, "--storage", "x.db")
    with open_journal("x.db") as journal:
        assert journal.settings["space"] == "nasbench_macro"


def test_a_ranker_that_knows_the_table_is_told(egraph, search, whole):
    egraph("train", "--data", whole, "--metric", "accuracy", "--samples", 25, "--out", "r.egraph")
    given = ("--ranker", "r.egraph", "--trials", 4, "--no-baseline", "--storage", "x.db")
    assert "the ranker has learned from 25 networks of whole, so this" in search(*given).stderr


@pytest.fixture(scope="module")
def ladder(tmp_path_factory):
    """A table with a quick, rough measurement beside the whole one."""
    space = spaces.get("nasbench_macro")
    architectures = list(space)
    quality = np.array([sum(op.startswith("mbconv5x5") for op in a.ops) for a in architectures], dtype=float)
    rough = quality + np.random.default_rng(0).normal(0, 0.5, len(quality))
    metrics = {
        "val_2": datasets.Metric(split="validation", budget=2),
        "val_10": datasets.Metric(split="validation", budget=10),
    }
    path = tmp_path_factory.mktemp("ladder") / "ladder.parquet"
    table = datasets.Table(space, architectures, {"val_2": rough, "val_10": quality}, metrics, name="ladder")
    table.save(path)
    return path


def test_columns_of_a_table_as_fidelities(egraph, ladder, read_json):
    options = ("--data", ladder, "--fidelities", "val_2,val_10", "--storage", "x.db", "--no-ranker")
    done = egraph("search", *options, "--trials", 4)
    assert "at val_2" in done.stdout
    assert "as much as 4 whole trainings" in done.stdout
    assert "Both chose by the scores of the same cost of trainings" in done.stdout
    found = read_json(egraph("search", *options, "--trials", 4, "--json"))
    assert found["fidelities"] == {"val_2": 0.2, "val_10": 1.0}
    assert found["whole trainings"] == pytest.approx(4)
    with open_journal("x.db") as journal:
        trials = journal.trials
    assert trials["fidelity"].value_counts()[0.2] > 4
    assert (trials["origin"] == "baseline").sum() == 4
    own = trials[(trials["fidelity"] == 1) & (trials["origin"] != "baseline")]
    assert found["best"]["score"] == own["score"].max()


def test_brackets_enter_at_several_fidelities(egraph, ladder):
    options = ("--data", ladder, "--fidelities", "val_2,val_10", "--storage", "x.db", "--no-ranker")
    egraph("search", *options, "--brackets", 2, "--trials", 5, "--no-baseline")
    with open_journal("x.db") as journal:
        trials = journal.trials
        assert journal.settings["brackets"] == 2
    entered = trials[trials["origin"] != "promoted"]["fidelity"].value_counts()
    assert entered[0.2] > entered[1] >= 1
    wrong = egraph("search", *options, "--trials", 5, code=1).stderr
    assert "x.db is of a study with brackets 2, not 1; use the same arguments" in wrong
    wrong = egraph("search", "--data", ladder, "--metric", "val_10", "--brackets", 2, code=2).stderr
    assert "brackets=2 needs fidelities such as [0.1, 0.3, 1]; leave brackets out" in wrong


def test_fidelities_of_trainings_continue(egraph):
    options = (
        "--data",
        "digits",
        "--epochs",
        2,
        "--channels",
        4,
        "--initial",
        4,
        "--screen",
        "none",
        "--workers",
        1,
    )
    options += ("--fidelities", "0.5, 1", "--no-ranker", "--storage", "x.db", "--no-baseline")
    assert "as much as 2 whole trials are done" in egraph("search", *options, "--trials", 2).stdout
    again = egraph("search", *options, "--trials", 3)
    assert "resuming: 2 trainings are done already" in again.stderr
    assert "the best network, trial" in again.stdout


def test_fidelities_that_cannot_be_are_one_line(egraph, ladder):
    wrong = egraph("search", "--data", ladder, "--fidelities", "val_3,val_10", code=2).stderr
    assert "val_3" in wrong
    options = ("--data", "digits", "--fidelities", "0.5,0.1,1", "--storage", "x.db")
    wrong = egraph("search", *options, code=2).stderr
    assert "each fidelity must cost more than the one before it" in wrong
