"""``egraph ask`` and ``egraph tell``."""

import json
import sys

import pytest

from egraph import spaces
from egraph.study import Study, open_journal

SPACE = spaces.get("nasbench201")
BEGIN = ["--space", "nasbench201", "--no-ranker", "--batch", 3]
NETS = """
from torch import nn


def build(choose):
    width = choose("width", 2, 3, 4, 5, 6, 7, 8, 9)
    choose.setting("learning_rate", 0.1, 0.01)
    return nn.Sequential(nn.Linear(4, width), choose("act", nn.ReLU, nn.Tanh)(), nn.Linear(width, 3))


def submit(module, trial):
    with open("jobs.txt", "a") as jobs:
        print(trial.number, sum(p.numel() for p in module.parameters()), file=jobs)
"""


@pytest.fixture
def nets(tmp_path, request):
    """The name of a module of the user's, another one for each test."""
    name = f"asked_{request.node.name}"
    (tmp_path / f"{name}.py").write_text(NETS)
    yield name
    sys.modules.pop(name, None)


def read(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def score(line):
    return line["notation"].count("conv_3x3") - 1.5


def test_a_search_from_outside_is_one_with_a_function(egraph):
    asked = read(egraph("ask", "x.db", *BEGIN, "--trials", 7, "--searcher", "random"))
    while asked:
        for line in asked:
            egraph("tell", "x.db", line["trial"], score(line))
        done = egraph("ask", "x.db")  # the journal has the options
        asked = read(done)
    assert done.stderr == "7 trials are done\n"
    fitness = lambda a: SPACE.format(a).count("conv_3x3") - 1.5  # noqa: E731
    with (
        Study(SPACE, fitness, ranker=False, batch=3, searcher="random") as one,
        open_journal("x.db") as journal,
    ):
        one.run(trials=7)
        same = ["key", "round", "origin", "seed", "score", "state"]
        assert journal.trials[same].to_dict() == one.trials[same].to_dict()
    egraph("report", "x.db")


def test_a_line_says_all_that_a_training_needs(egraph, nets):
    begin = ["--space", f"{nets}:build", "--input", "4", "--classes", 3, "--no-ranker", "--seed", 5]
    (line,) = read(egraph("ask", "x.db", *begin, "--fidelities", "0.3,1", "--max-params", 60, "-n", 1))
    space = spaces.find(f"{nets}:build@4,3")
    architecture = space.parse(line["notation"])
    assert (line["architecture"], line["trial"]) == (architecture.to_dict(), 0)
    assert line["answers"] == dict(architecture.answers)
    assert line["settings"] == {"learning_rate": line["answers"]["learning_rate"]}
    assert line["fidelity"] == 0.3
    with open_journal("x.db") as journal:
        assert journal.trials["seed"][0] == line["seed"]
    assert read(egraph("ask", "x.db", "--space", f"{nets}:build", "--again")) == [line]
    refused = egraph("ask", "x.db", code=2)
    assert f"x.db was begun with --space {nets}:build, which is used only where you name it" in refused.stderr


def test_brackets_are_kept_too(egraph):
    first, second, third = read(egraph("ask", "x.db", *BEGIN, "--fidelities", "0.3,1", "--brackets", 2))
    assert [line["fidelity"] for line in (first, second, third)] == [0.3, 1, 0.3]
    for line in (first, second, third):
        egraph("tell", "x.db", line["trial"], score(line))
    assert {line["fidelity"] for line in read(egraph("ask", "x.db"))} == {0.3, 1}


def test_a_round_waits_and_failures_are_told(egraph):
    asked = read(egraph("ask", "x.db", *BEGIN))
    assert [line["trial"] for line in asked] == [0, 1, 2]
    done = egraph("ask", "x.db", "--number", 2)
    assert (done.stdout, done.stderr) == ("", "waiting for the scores of 3 trials\n")
    assert egraph("tell", "x.db", 0, "--failed", "the node is down").stderr == "trial 0: failed\n"
    egraph("tell", "x.db", 1, "-0.5", "--test-score", "0.25")
    with open_journal("x.db") as journal:
        trials = journal.trials
    assert trials["state"].tolist() == ["failed", "complete", "asked"]
    assert (trials["reason"][0], trials["score"][1], trials["test_score"][1]) == (
        "the node is down",
        -0.5,
        0.25,
    )


def test_results_are_imported(egraph):
    egraph("ask", "x.db", *BEGIN)
    (rows := open("known.csv", "w")).write("architecture,accuracy\n")  # noqa: SIM115
    rows.write("|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|,0.9\n")
    rows.close()
    done = egraph("tell", "x.db", "--import", "known.csv")
    assert "known.csv: 1 known networks by accuracy, 1 of them new" in done.stderr
    assert "0 of them new" in egraph("tell", "x.db", "--import", "known.csv").stderr
    with open_journal("x.db") as journal:
        assert journal.trials["origin"].tolist()[-1] == "known"


def test_results_of_own_spaces_are_imported_where_the_space_is_named(egraph, nets):
    egraph("ask", "x.db", "--space", f"{nets}:build", "--input", "4", "--classes", 3, "--no-ranker")
    answers = {"width": 3, "learning_rate": 0.1, "act": "ReLU"}
    with open("known.jsonl", "w") as file:
        file.write(json.dumps({"architecture": json.dumps(answers), "score": 0.5}) + "\n")
    refused = egraph("tell", "x.db", "--import", "known.jsonl", code=2)
    assert "which is no registered space; name it with --space" in refused.stderr
    refused = egraph("tell", "x.db", "--import", "known.jsonl", "--space", "nasbench201", code=2)
    assert f"the search is in {nets}:build@4,3, not in nasbench201" in refused.stderr
    done = egraph("tell", "x.db", "--import", "known.jsonl", "--space", f"{nets}:build")
    assert "1 known networks by score, 1 of them new" in done.stderr


def test_a_function_that_submits_jobs_is_told_their_scores(egraph, nets, tmp_path):
    search = ["search", "--no-ranker", "--batch", 3, "--trials", 6, "--workers", 1, "--storage", "x.db"]
    search += ["--space", f"{nets}:build", "--train", f"{nets}:submit", "--input", "4", "--classes", 3]
    for _ in range(2):
        done = egraph(*search, "--no-baseline")
        assert "waiting for the scores of 3 trials" in done.stdout
        assert "tell each score by `egraph tell JOURNAL TRIAL SCORE`" in done.stdout
        for line in (tmp_path / "jobs.txt").read_text().splitlines()[-3:]:
            egraph("tell", "x.db", *line.split())
    assert "6 trials are done" in egraph(*search, "--no-baseline").stdout
    with open_journal("x.db") as journal:
        assert journal.trials["score"].min() >= 19  # of the narrowest network
        assert set(journal.trials["source"]) == {"told"}


@pytest.mark.parametrize(
    ("given", "code", "text"),
    [
        (["tell", "x.db"], 2, "give TRIAL and SCORE, or TRIAL and --failed REASON, or --import FILE"),
        (["tell", "x.db", 0], 2, "give TRIAL and SCORE"),
        (["tell", "x.db", 0, 1, "--failed", "why"], 2, "give TRIAL and SCORE"),
        (["tell", "x.db", 0, "good"], 2, "'good' is not a valid float"),
        (["tell", "x.db", 77, 1], 2, "there is no trial 77 in x.db"),
        (["tell", "y.db", 0, 1], 1, "no journal at y.db"),
        (["ask", "y.db"], 2, "y.db is no search of `egraph ask`; begin one with --space"),
        (["ask", "x.db", "--seed", 3], 1, "x.db is of a study with seed 0, not 3"),
    ],
)
def test_wrong_use_is_told_in_one_line(egraph, given, code, text):
    egraph("ask", "x.db", *BEGIN, "--number", 1)
    assert text in egraph(*given, code=code).stderr.splitlines()[-1]


def test_results_for_a_search_with_costs_are_refused(egraph):
    egraph("ask", "x.db", *BEGIN, "--cost", "params", "--number", 1)
    (rows := open("known.csv", "w")).write("architecture,accuracy\n")  # noqa: SIM115
    rows.write("|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|,0.9\n")
    rows.close()
    refused = egraph("tell", "x.db", "--import", "known.csv", code=2)
    assert "weighs costs, which only the command that searches can measure" in refused.stderr
