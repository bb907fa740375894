"""``egraph train``, ``evaluate`` and ``rank``."""

import json
import math

import numpy as np
import pandas
import pytest

import egraph as package
from egraph import datasets


def with_accuracy(path, values):
    """The table of a file with other values of one metric."""
    table = datasets.load(path)
    columns = {**table.columns, "accuracy": values}
    return datasets.Table(table.space, table.architectures, columns, table.metrics, name="small")


def test_train_writes_ranker_and_card(ranker):
    model = package.load(ranker)
    assert model.card["metric"]["name"] == "accuracy"
    assert model.card["split"]["networks learned from"] == 25
    assert len(model.card["trained on"]) == 25
    assert set(model.card["scores"]) == {"rows", "kendall tau-b", "spearman", "precision@10"}
    tau = model.card["scores"]["kendall tau-b"]
    assert -1 <= tau["low"] <= tau["value"] <= tau["high"] <= 1
    coverage = model.card["interval coverage"]
    assert list(coverage) == ["measured on", "50 %", "80 %", "95 %"]
    assert list(coverage.values())[1:] == pytest.approx(list(model.coverage_.values()), abs=5e-4)
    page = ranker.with_name("r.egraph.md").read_text()
    rows = page.split("## Interval coverage\n")[1].split("##")[0]
    for level, share in coverage.items():
        assert f"\n| {level} | {share} |\n" in rows
    for expected in ("accuracy", "percent", "kendall tau-b", "torch", "networks learned from | 25"):
        assert expected in page


def test_train_prints_scores_and_what_to_do_next(egraph, table, tmp_path):
    done = egraph("train", "--data", table, "--metric", "accuracy", "--samples", 25, "--out", "r.egraph")
    for expected in (
        "learned from 25 networks",
        "on 15 other networks",
        "kendall tau-b",
        "95 % interval",
        "of the scores that the fit held out",
        "egraph rank",
    ):
        assert expected in done.stdout


def test_train_learns_from_several_sources(egraph, table, tmp_path):
    done = egraph(
        *("train", "--data", f"{table}:accuracy", "--data", f"{table}:latency", "--samples", 20),
        *("--out", "r.egraph", "--json"),
    )
    card = json.loads(done.stdout)
    model = package.load("r.egraph")
    assert model.groups_ == {"small:accuracy": 20, "small:latency": 20}
    assert card["space"] == "nasbench_macro"
    assert [source["metric"]["name"] for source in card["sources"]] == ["accuracy", "latency"]
    assert [source["scores"]["rows"] for source in card["sources"]] == [20, 20]
    page = (tmp_path / "r.egraph.md").read_text()
    assert "| nasbench_macro | small | latency | 20 | 20 |" in page
    shown = egraph(
        "train", "--data", f"{table}:accuracy", "--data", f"{table}:latency", "--out", "r.egraph"
    ).stdout
    for expected in (
        "2 sources: learned from 64 networks",
        "latency: learned from 32; lower is better",
        "\nintervals of all sources: of 50 % hold",
    ):
        assert expected in shown


def test_train_refuses_a_metric_given_twice(egraph, table):
    done = egraph("train", "--data", f"{table}:accuracy", "--metric", "latency", "--out", "r.egraph", code=2)
    assert "names its metric, leave --metric latency out" in done.stderr


def test_intervals_without_held_out_networks_have_no_coverage(egraph, table, tmp_path):
    done = egraph("train", "--data", table, "--metric", "accuracy", "--samples", 5, "--out", "r.egraph")
    assert "intervals" not in done.stdout
    coverage = package.load("r.egraph").card["interval coverage"]
    assert [coverage[level] for level in ("50 %", "80 %", "95 %")] == [None] * 3


def test_a_metric_where_lower_is_better_is_turned_around(egraph, table, tmp_path):
    done = egraph("train", "--data", table, "--metric", "latency", "--samples", 25, "--out", "r.egraph")
    assert "lower is better, so the ranker learned its negative" in done.stdout
    loaded = datasets.load(table)
    predicted = package.load("r.egraph").predict(loaded.architectures)
    assert np.corrcoef(predicted, loaded["latency"])[0, 1] < -0.5


def test_evaluate_leaves_out_what_the_ranker_learned_from(egraph, table, ranker, read_json):
    done = egraph("evaluate", ranker, "--data", table, "--json")
    found = read_json(done)
    assert (found["excluded"], found["scores"]["rows"]) == (25, 15)
    assert found["metric"]["name"] == "accuracy"
    stored = package.load(ranker).card["scores"]
    assert found["scores"]["kendall tau-b"]["value"] == pytest.approx(stored["kendall tau-b"]["value"])
    assert "15 networks, 25 left out" in egraph("evaluate", ranker, "--data", table).stdout


def test_rank_sorts_best_first(egraph, ranker, lines, tmp_path):
    (tmp_path / "a.jsonl").write_text("\n".join(lines[0]))
    rows = egraph("rank", ranker, "a.jsonl").stdout.splitlines()
    scores = [float(row.split()[2]) for row in rows[1:]]
    assert scores == sorted(scores, reverse=True)
    assert {row.split()[3] for row in rows[1:]} == set(lines[1])


def test_rank_prints_json_lines_in_the_order_of_the_input(egraph, ranker, lines):
    done = egraph("rank", ranker, "-", "--json", stdin="\n".join(lines[0]))
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [json.dumps(row["architecture"], separators=(",", ":")) for row in rows] == lines[0]
    assert all(math.isfinite(row["score"]) for row in rows)


def test_rank_reads_the_space_s_notation_and_its_own_output(egraph, ranker, lines):
    done = egraph("rank", ranker, "-", "--json", stdin="\n".join(lines[1]))
    assert egraph("rank", ranker, "-", "--json", stdin=done.stdout).stdout == done.stdout


def test_rank_warns_in_one_line_of_what_the_ranker_never_saw(egraph, lines):
    short = [
        package.Architecture(
            ["input", *["mbconv3x3-e3"] * count, "output"], [(i, i + 1) for i in range(count + 1)]
        )
        for count in range(1, 6)
    ]
    small = package.Ranker(members=1, tabular=None, epochs=1, folds=0).fit(short, [1, 2, 3, 4, 5])
    small.save("small.egraph", card={"space": "nasbench_macro"})
    done = egraph("rank", "small.egraph", "-", stdin="\n".join(lines[0]))
    [line] = done.stderr.splitlines()
    assert line.startswith("egraph: some architectures are unlike all that the ranker was trained on: ")
    assert len(done.stdout.splitlines()) == 1 + len(lines[0])


def test_rank_names_the_bad_line(egraph, ranker, lines):
    done = egraph("rank", ranker, "-", stdin=f"{lines[0][0]}\n\n{{oops\n", code=1)
    assert "egraph: line 3 of standard input, left out: not JSON" in done.stderr
    assert [row.split()[1] for row in done.stdout.splitlines()] == ["line", "1"]
    done = egraph("rank", ranker, "-", "--json", stdin=f"{lines[0][0]}\n\n{{oops\n", code=1)
    good, bad = map(json.loads, done.stdout.splitlines())
    assert good["architecture"] == json.loads(lines[0][0])
    assert (bad["line"], bad["error"][:8]) == (3, "not JSON")
    done = egraph("rank", ranker, "-", stdin="{oops\n0\n", code=2)
    assert "line 1 of standard input: not JSON" in done.stderr
    assert done.stdout == ""


def test_rank_names_a_few_of_many_bad_lines(egraph, ranker, lines):
    done = egraph("rank", ranker, "-", stdin="\n".join([lines[0][0], *["oops"] * 12]), code=1)
    assert [line.split(",")[0] for line in done.stderr.splitlines()[:10]] == [
        f"egraph: line {number} of standard input" for number in range(2, 12)
    ]
    assert done.stderr.splitlines()[10] == "egraph: 2 more lines are left out"


@pytest.mark.parametrize("ending", ["csv", "CSV", "tsv", "csv.gz", "parquet", "jsonl", "jsonl.gz", "-"])
def test_rank_reads_files_with_columns_and_keeps_the_others(egraph, ranker, lines, tmp_path, ending):
    frame = pandas.DataFrame({"cell": lines[1], "note": ["x", None, "z"], "seed": [7, 8, 9]})
    path = tmp_path / f"some.{ending}"
    if ending == "parquet":
        frame.to_parquet(path)
    elif ending.startswith("jsonl"):
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, sep="\t" if ending == "tsv" else ",")
    source, stdin = ("-", path.read_text()) if ending == "-" else (path, None)
    done = egraph("rank", ranker, source, "--architecture", "cell", "--json", stdin=stdin)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    expected = egraph("rank", ranker, "-", "--json", stdin="\n".join(lines[1])).stdout.splitlines()
    assert [row["score"] for row in rows] == [json.loads(row)["score"] for row in expected]
    assert [(row.get("note"), row["seed"]) for row in rows] == [("x", 7), (None, 8), ("z", 9)]
    shown = egraph("rank", ranker, source, "--architecture", "cell", stdin=stdin).stdout.splitlines()
    assert shown[0].split() == ["rank", "line", "score", "note", "seed", "architecture"]
    first = 2 if "sv" in ending.lower() or ending == "-" else 1
    assert sorted(int(row.split()[1]) for row in shown[1:]) == [first, first + 1, first + 2]


def test_rank_reads_a_csv_file_whose_column_it_does_not_know(egraph, ranker, lines, tmp_path):
    (tmp_path / "a.csv").write_text("cell,acc\n" + f"{lines[1][0]},1\n")
    done = egraph("rank", ranker, "a.csv", code=2)
    assert (
        "unknown column 'architecture' in a.csv, which --architecture names; known: acc, cell" in done.stderr
    )
    (tmp_path / "b.csv").write_text("\n".join(lines[1]))  # no header at all
    assert len(egraph("rank", ranker, "b.csv").stdout.splitlines()) == 4
    (tmp_path / "l.json").write_text(json.dumps([{"architecture": lines[1][0], "acc": 1}], indent=1))
    for source in ("l.json", "-"):
        done = egraph("rank", ranker, source, stdin=(tmp_path / "l.json").read_text())
        assert done.stdout.split()[:5] == ["rank", "line", "score", "acc", "architecture"]
    (tmp_path / "c.csv").write_text(f"architecture,acc\n{lines[1][0]},1\n,2\n0120120x,3\n")
    done = egraph("rank", ranker, "c.csv", code=1)
    assert "line 3 of c.csv, left out: expected an architecture, got an empty cell" in done.stderr
    assert "line 4 of c.csv, left out: not a NAS-Bench-Macro chain" in done.stderr
    assert len(done.stdout.splitlines()) == 2


def test_rank_reads_a_call_over_several_lines(egraph, tmp_path):
    cell = (
        "[('sep_conv_3x3', 0),\n  ('max_pool_3x3', 1),"
        + " ('skip_connect', 0), ('dil_conv_5x5', 1)," * 3
        + "]"
    )
    text = f"A = Genotype(\n  normal={cell},\n\n  reduce={cell})\n\n"
    (tmp_path / "genotypes.py").write_text(text + text.replace("A =", "B ="))
    drawn = egraph("draw", "genotypes.py").stdout
    assert drawn.count("skip_connect-s2") == 2 * 3


def test_rank_refuses_an_architecture_of_another_space(egraph, ranker):
    other = '{"ops":["input","maxpool3x3","output"],"edges":[[0,1],[1,2]]}'
    assert "line 1 of standard input: " in egraph("rank", ranker, "-", stdin=other, code=2).stderr


def test_rank_refuses_nothing_at_all(egraph, ranker):
    assert "standard input contains no architecture" in egraph("rank", ranker, "-", stdin="\n", code=2).stderr


def test_rank_names_a_missing_file(egraph, ranker):
    assert "cannot read absent.jsonl: No such file" in egraph("rank", ranker, "absent.jsonl", code=1).stderr


def test_a_binary_file_is_no_list_of_architectures(egraph, ranker, tmp_path):
    (tmp_path / "x.bin").write_bytes(b"\xff\xfe\x00\x01")
    assert "x.bin is not a text file in UTF-8" in egraph("rank", ranker, "x.bin", code=1).stderr
    done = egraph("rank", ranker, "-", stdin=b"\xff\xfe", code=1)
    assert "standard input is not a text file in UTF-8" in done.stderr


def test_a_file_without_a_name_is_refused_before_the_work(egraph, table):
    done = egraph("train", "--data", table, "--metric", "accuracy", "--out", "", code=2)
    assert "expected the name of a file to write, got ''" in done.stderr


@pytest.mark.parametrize("content", [b"", b"not a ranker", None])
def test_a_damaged_or_missing_ranker_is_refused(egraph, ranker, tmp_path, content):
    if content is not None:
        (tmp_path / "bad.egraph").write_bytes(content)
    assert "bad.egraph" in egraph("rank", "bad.egraph", "-", stdin="", code=1).stderr


def test_a_truncated_ranker_is_refused(egraph, ranker, tmp_path):
    (tmp_path / "half.egraph").write_bytes(ranker.read_bytes()[:-100])
    assert "half.egraph" in egraph("rank", "half.egraph", "-", stdin="", code=1).stderr


def test_several_metrics_ask_for_one(egraph, table):
    done = egraph("train", "--data", table, "--out", "r.egraph", code=2)
    assert "several metrics; choose by --metric: accuracy, latency" in done.stderr
    done = egraph("train", "--data", f"{table}:latency", "--data", table, "--out", "r.egraph", code=2)
    assert f"choose by --data {table}:METRIC: accuracy, latency" in done.stderr


def test_an_unknown_metric_names_the_nearest(egraph, table):
    done = egraph("train", "--data", table, "--metric", "acuracy", "--out", "r.egraph", code=2)
    assert "Did you mean 'accuracy'?" in done.stderr


def test_samples_must_leave_networks_to_measure_on(egraph, table, tmp_path):
    done = egraph(
        "train", "--data", table, "--metric", "accuracy", "--samples", 40, "--out", "r.egraph", code=2
    )
    assert "samples must leave networks to measure on: 'small' has 40 distinct ones, got 40" in done.stderr
    assert not (tmp_path / "r.egraph").exists()


def test_scores_that_are_infinite_are_refused(egraph, table, tmp_path):
    values = datasets.load(table)["accuracy"]
    values[3] = math.inf
    with_accuracy(table, values).save("bad.parquet")
    done = egraph(
        "train", "--data", "bad.parquet", "--metric", "accuracy", "--samples", 9, "--out", "r.egraph", code=2
    )
    assert "is infinite in 1 of 40 rows, first in row 4" in done.stderr


def test_scores_without_two_distinct_values_are_refused(egraph, table, tmp_path):
    with_accuracy(table, np.ones(40)).save("flat.parquet")
    done = egraph(
        "train", "--data", "flat.parquet", "--metric", "accuracy", "--samples", 9, "--out", "r.egraph", code=2
    )
    assert "expected at least 3 distinct scores, got 1 of 9 architectures" in done.stderr
    assert not (tmp_path / "r.egraph").exists()


def test_an_output_that_cannot_be_written_is_refused_before_the_work(egraph, table, tmp_path):
    (tmp_path / "file").write_text("")
    done = egraph("train", "--data", table, "--metric", "accuracy", "--out", "file/r.egraph", code=1)
    assert "cannot write file/r.egraph" in done.stderr
    assert (
        "is a folder"
        in egraph("train", "--data", table, "--metric", "accuracy", "--out", tmp_path, code=2).stderr
    )


def test_a_ranker_that_learned_from_all_of_a_table_has_nothing_to_be_measured_on(egraph, ranker, table):
    loaded = datasets.load(table).distinct()
    seen, _ = loaded.split(25, 0)
    seen.save("seen.parquet")
    assert "0 of 25 networks of" in egraph("evaluate", ranker, "--data", "seen.parquet", code=2).stderr


def test_train_and_evaluate_read_a_csv_file(egraph, table, tmp_path, read_json):
    frame = datasets.load(table).to_frame()
    frame["accuracy"] = frame["accuracy"].astype(str)
    frame.loc[4, "accuracy"] = "failed"
    frame.to_csv("some.csv")
    train = ("train", "--data", "some.csv", "--samples", "25", "--out", "r.egraph")
    assert "which search space the rows of some.csv belong to" in egraph(*train, code=2).stderr
    space = ("--space", "nasbench_macro")
    told = (
        "some.csv, line 6: the column 'accuracy' has 'failed' where numbers were expected; write a number, "
    )
    assert told + "or --na failed if" in egraph(*train, *space, code=2).stderr
    asks = egraph(*train, *space, "--na", "failed,-", code=2).stderr
    assert "some.csv: is lower better for latency? say so with --lower-is-better latency, or with" in asks
    several = egraph(*train, *space, "--na", "failed", "--lower-is-better", "latency", code=2)
    assert "table 'some' has several metrics; choose by --metric: accuracy, latency" in several.stderr
    done = egraph(*train, *space, "--na", "failed", "--metric", "accuracy")
    line = "some: 40 rows, 40 distinct networks of the space nasbench_macro; accuracy, higher is better, not"
    assert line in done.stderr
    assert "on 14 other networks" in done.stdout
    evaluate = ("evaluate", "r.egraph", "--data", "some.csv", "--metric", "accuracy", "--json")
    card = read_json(egraph(*evaluate, "--na", "failed"))
    assert (card["data"]["distinct networks"], card["metric"]["higher is better"]) == (40, True)
    assert card["excluded"] == 25
    shown = egraph(
        "data", "show", "some.csv", *space, "--lower-is-better", "latency", "--na", "failed"
    ).stdout
    assert "40 rows, 40 distinct networks" in shown
