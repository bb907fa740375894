"""``egraph data``."""

import numpy as np
import pytest

from egraph import datasets
from egraph.metrics import kendall_tau
from egraph.study import Study


def test_list_names_every_known_table_and_whether_it_is_here(egraph, read_json):
    text = egraph("data", "list").stdout
    listed = read_json(egraph("data", "list", "--json"))
    assert [each["name"] for each in listed] == [each.name for each in datasets.known()]
    for each in listed:
        assert each["name"] in text
        assert each["file"] in text or each["path"]
    assert "looked for in" in text


def test_show_tells_networks_metrics_and_units(egraph, table, read_json):
    text = egraph("data", "show", table).stdout
    for expected in ("40 rows", "40 distinct networks", "accuracy", "percent", "lower is better"):
        assert expected in text
    described = read_json(egraph("data", "show", table, "--json"))
    assert described["distinct networks"] == 40
    assert [metric["metric"] for metric in described["metrics"]] == ["accuracy", "latency"]


def test_import_makes_a_table_that_show_finds_by_name(egraph, tmp_path, lines):
    rows = "".join(f"{cell},{90 + k},text\n" for k, cell in enumerate(lines[1]))
    (tmp_path / "mine.csv").write_text(f"architecture,acc,note\n{rows}")
    done = egraph("data", "import", "mine.csv", "--space", "nasbench_macro")
    told = "read mine: 3 rows, 3 distinct networks of the space nasbench_macro; acc, higher is better\n"
    assert done.stdout.startswith(told)
    assert "3 rows" in egraph("data", "show", "mine").stdout


def test_import_names_the_bad_row_and_writes_nothing(egraph, tmp_path):
    (tmp_path / "mine.csv").write_text("architecture,acc\n01201201,90\n0120120x,91\n")
    done = egraph("data", "import", "mine.csv", "--space", "nasbench_macro", "--out", "t.parquet", code=1)
    assert "mine.csv, line 3: not a NAS-Bench-Macro chain" in done.stderr
    assert not (tmp_path / "t.parquet").exists()


def test_import_of_an_unknown_column(egraph, tmp_path):
    (tmp_path / "mine.csv").write_text("architecture,acc\n01201201,90\n")
    done = egraph("data", "import", "mine.csv", "--space", "nasbench_macro", "--architecture", "cell", code=2)
    assert "cell" in done.stderr


def test_an_absent_table_tells_file_size_and_ways_to_get_it(egraph):
    done = egraph("data", "show", "nasbench201", code=1)
    for expected in ("nasbench201.parquet", "448,277 bytes", "egraph data import"):
        assert expected in done.stderr


def test_an_unknown_table_names_the_nearest(egraph):
    assert "Did you mean 'nasbench201'?" in egraph("data", "show", "nasbench20", code=2).stderr


@pytest.mark.parametrize("content", [b"", b"PAR1 and then nothing sensible", None])
def test_a_damaged_parquet_file_is_refused(egraph, table, tmp_path, content):
    (tmp_path / "bad.parquet").write_bytes(table.read_bytes()[:-200] if content is None else content)
    assert "bad.parquet" in egraph("data", "show", "bad.parquet", code=1).stderr


def test_a_foreign_parquet_file_is_refused(egraph, tmp_path):
    import pandas

    pandas.DataFrame({"a": [1, 2]}).to_parquet(tmp_path / "foreign.parquet")
    assert "not a table of egraph" in egraph("data", "show", "foreign.parquet", code=1).stderr


def count_wide(architectures):
    return [sum(op.startswith("mbconv5x5") for op in a.ops) for a in architectures]


@pytest.fixture
def journal(tmp_path):
    """The journal of a short search."""
    with Study("nasbench_macro", count_wide, ranker=False, storage=tmp_path / "x.db", screen=None) as one:
        one.run(trials=16)
    return tmp_path / "x.db"


def test_a_journal_is_a_table_of_all_commands(egraph, table, journal, read_json):
    """Imported, shown, learned from, measured on and ranked."""
    shown = read_json(egraph("data", "show", "x.db", "--json"))
    assert (shown["name"], shown["space"], shown["rows"]) == ("x", "nasbench_macro", 16)
    assert [metric["metric"] for metric in shown["metrics"]] == [
        "score", "test_score", "seconds", "params", "flops",
    ]  # fmt: skip
    assert "read mine: 16 rows" in egraph("data", "import", "x.db", "--name", "mine").stdout
    card = read_json(egraph("train", "--data", "x.db", "--samples", "8", "--out", "m.egraph", "--json"))
    assert card["metric"]["name"] == "score"
    assert "8 left out" in egraph("evaluate", "m.egraph", "--data", "x.db").stdout
    ranked = egraph("rank", "m.egraph", "x.db", "--json").stdout.splitlines()
    assert len(ranked) == shown["distinct networks"]
    assert len(egraph("rank", "m.egraph", table, "--json").stdout.splitlines()) == 40
    refused = egraph("rank", "m.egraph", "x.db", "--space", "nasbench201", code=2).stderr
    assert "x.db is of the space 'nasbench_macro', not of 'nasbench201'" in refused


def test_show_tells_the_noise_of_networks_that_were_trained_several_times(egraph, table, read_json):
    assert read_json(egraph("data", "show", table, "--json"))["noise"] == {}
    one = datasets.load(table)
    rng = np.random.default_rng(0)
    runs = {f"acc_{run}": one["accuracy"] + rng.normal(0, 0.5, len(one)) for run in range(2)}
    metrics = {name: datasets.Metric("percent", "test", runs=1) for name in runs}
    datasets.Table(one.space, one.architectures, runs, metrics).save("twice.parquet")
    told = read_json(egraph("data", "show", "twice.parquet", "--json"))["noise"]["acc"]
    assert (told["networks"], told["runs"]) == (40, 2)
    assert told["tau"][0] == pytest.approx(kendall_tau(*runs.values()))
    assert told["tau"][0] < told["ceiling"]["1"][0] < told["ceiling"]["2"][0] < 1
    text = egraph("data", "show", "twice.parquet").stdout
    assert "noise of acc: 40 networks with up to 2 trainings" in text
    assert f"tau between two trainings           {told['tau'][0]:.3f} (" in text
    assert f"best tau with means of 2 trainings  {told['ceiling']['2'][0]:.3f} (" in text


GENERATE = ("data", "generate", "--space", "convnet", "--data", "digits", "--epochs", "1", "--channels", "2")


def test_generate_makes_a_table_that_other_commands_read(egraph, read_json):
    amount = ("--count", "5", "--repeats", "2", "--repeat-share", "0.4", "--workers", "1", "--out", "sets/x")
    done = egraph(*GENERATE, *amount)
    assert "wrote sets/x.parquet: 5 networks, 2 of them trained several times, 0 with a failed" in done.stdout
    assert "7 of 7 trainings" in done.stderr or "training networks of convnet" in done.stderr
    shown = read_json(egraph("data", "show", "sets/x.parquet", "--json"))
    assert [each["metric"] for each in shown["metrics"]] == [
        *(f"{split}score{run}" for split in ("", "test_") for run in ("", "_0", "_1")),
        "seconds",
        "params",
        "flops",
    ]
    assert '"channels": 2' in shown["provenance"]["evaluator"]
    assert shown["provenance"]["command"].startswith("egraph")
    again = read_json(egraph(*GENERATE, *amount, "--json"))
    assert again.pop("data")["classes"] == 10
    assert again == {"table": "sets/x.parquet", "rows": 5, "failed": 0, "missing": {}}


def test_generate_in_shards_tells_what_is_missing(egraph, read_json):
    options = (*GENERATE, "--count", "4", "--workers", "1", "--out", "x", "--max-params", "3000")
    first = egraph(*options, "--shard", "0/2")
    assert "written when these are complete too: x-1-of-2.db (2 trainings left)" in first.stdout
    assert "wrote x.parquet: 4 networks" in egraph(*options, "--shard", "1/2").stdout
    table = datasets.load("x.parquet")
    assert table["params"].max() <= 3000
    assert table.space.name == "convnet"
    assert table.provenance["space"] == "convnet, params <= 3,000"


def test_generate_refuses_what_cannot_be_trained(egraph, table):
    done = egraph("data", "generate", "--space", "nasbench_macro", "--data", table, "--out", "x", code=2)
    assert "nothing to train on" in done.stderr
    done = egraph(*GENERATE, "--out", "x", "--shard", "4/4", code=2)
    assert "expected I/N with I from 0 to N - 1, such as 0/4, got '4/4'" in done.stderr
    done = egraph("data", "generate", "--space", "nasbench_graph", "--data", "digits", "--out", "x", code=2)
    assert "builds no networks" in done.stderr
