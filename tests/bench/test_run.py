import json
from functools import partial

import numpy as np
import pytest
from contestants import PREDICTORS, Broken, Chance, Linear, main

from egraph import bench
from egraph.errors import DataError, FailedError, UnknownNameError, UsageError

TIMES = {"fit_seconds", "architectures_per_second", "finished", "threads"}
TWO = {"linear": Linear, "chance": Chance}


def untimed(rows):
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


def test_all_combinations_are_measured_once(benchmark, tmp_path):
    out = tmp_path / "x.jsonl"
    result = bench.predictors(TWO, [benchmark], [20, 40], seeds=3, out=out)
    cells = [(row["samples"], row["seed"], row["predictor"]) for row in result.rows]
    assert cells == [(n, s, p) for n in (20, 40) for s in range(3) for p in ("linear", "chance")]
    assert (result.failures, result.resumed) == ([], 0)
    assert [json.loads(line) for line in out.read_text().splitlines()] == result.rows
    tau = result.summary.set_index(["predictor", "samples"])["tau"]
    assert tau["linear", 40] > 0.7 > 0.3 > abs(tau["chance", 40])
    assert result.rows[0]["benchmark"] == benchmark.removesuffix(":accuracy")
    assert result.rows[0]["metric"] == "accuracy"


def test_what_is_in_the_file_is_not_measured_again(benchmark, tmp_path):
    out = tmp_path / "x.jsonl"
    first = bench.predictors(TWO, [benchmark], [20], seeds=2, out=out)
    seen = []
    more = bench.predictors(
        TWO, [benchmark], [20, 30], seeds=3, out=out, progress=lambda *now: seen.append(now)
    )
    assert more.resumed == 4
    assert seen[0] == (4, 12, None)
    assert [done for done, *_ in seen] == list(range(4, 13))
    assert [row for row in more.rows if row in first.rows] == first.rows
    assert len(out.read_text().splitlines()) == 12
    fewer = bench.predictors(TWO, [benchmark], [30], seeds=1, out=out)
    assert (fewer.resumed, len(fewer.rows)) == (2, 2)


def test_a_predictor_with_other_settings_is_another_one(benchmark, tmp_path):
    out = tmp_path / "x.jsonl"
    bench.predictors({"linear": Linear}, [benchmark], [20], seeds=1, out=out)
    again = bench.predictors({"linear": partial(Linear, ridge=9)}, [benchmark], [20], seeds=1, out=out)
    assert (again.resumed, len(again.rows)) == (0, 1)
    assert again.rows[0]["settings"]["ridge"] == 9


def test_processes_change_nothing_but_the_times(benchmark, tmp_path):
    one = bench.predictors(TWO, [benchmark], [20, 40], seeds=2)
    two = bench.predictors(TWO, [benchmark], [20, 40], seeds=2, processes=2, out=tmp_path / "x.jsonl")
    assert untimed(two.rows) == untimed(one.rows)


@pytest.mark.parametrize("processes", [1, 2])
def test_killed_again_and_again_the_table_is_the_same(benchmark, kill_and_finish, tmp_path, processes):
    out = tmp_path / "x.jsonl"
    kill_and_finish(main, benchmark, out, processes, (3, 20)[processes - 1 :])
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(found) == len({bench._measuring.identify(row, bench.Cell) for row in found}) == 48, (
        "no cell twice, none missing"
    )
    unbroken = bench.predictors(PREDICTORS, [benchmark], [20, 40], seeds=8)
    resumed = bench.predictors(PREDICTORS, [benchmark], [20, 40], seeds=8, out=out)
    assert resumed.resumed == 48
    assert untimed(resumed.rows) == untimed(unbroken.rows)
    columns = ["predictor", "samples", "tau", "tau_sd", "precision", "regret"]
    assert resumed.summary[columns].equals(unbroken.summary[columns])


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("refuse", "too few networks"),
        ("bug", "ZeroDivisionError: by zero"),
        ("nan", "predictor 'broken' must return one finite score for each of"),
    ],
)
def test_a_predictor_that_fails_stops_no_other(benchmark, tmp_path, how, reason):
    out = tmp_path / "x.jsonl"
    broken = {"broken": partial(Broken, how=how), "chance": Chance}
    result = bench.predictors(broken, [benchmark], [20], seeds=2, out=out)
    assert [row["predictor"] for row in result.rows] == ["chance", "chance"]
    assert [failure.cell.seed for failure in result.failures] == [0, 1]
    assert result.failures[0].reason.startswith(reason)
    assert "\n" not in result.failures[0].reason
    assert len(out.read_text().splitlines()) == 2
    again = bench.predictors(broken, [benchmark], [20], seeds=2, out=out)
    assert (again.resumed, len(again.failures)) == (2, 2), "failures are tried again"


@pytest.mark.usefixtures("copied_workers")
def test_a_process_that_dies_ends_the_run_and_keeps_what_was_measured(benchmark, tmp_path):
    deadly = {"chance": Chance, "broken": partial(Broken, how="die")}
    with pytest.raises(FailedError, match="a process died, perhaps out of memory: start again with fewer"):
        bench.predictors(deadly, [benchmark], [20], seeds=2, out=tmp_path / "x.jsonl", processes=2)
    assert bench.predictors({"chance": Chance}, [benchmark], [20], seeds=1, out=tmp_path / "x.jsonl").rows


@pytest.mark.usefixtures("copied_workers")
def test_an_interrupt_leaves_whole_lines(benchmark, tmp_path):
    out = tmp_path / "x.jsonl"

    def interrupt(done, total, last):
        if done == 3:
            raise KeyboardInterrupt("by hand")

    for processes in (1, 2):
        out.unlink(missing_ok=True)
        with pytest.raises(KeyboardInterrupt, match="by hand"):
            bench.predictors(
                TWO, [benchmark], [20], seeds=4, out=out, processes=processes, progress=interrupt
            )
        assert len(out.read_text().splitlines()) == 3


def test_the_registry_gives_predictors_by_name(benchmark):
    result = bench.predictors(["forest"], [benchmark], [30], seeds=1)
    assert result.rows[0]["tau"] > 0.5
    assert "seed" not in result.rows[0]["settings"]
    with pytest.raises(UnknownNameError, match=r"unknown predictor 'forrest'; .* Did you mean 'forest'\?"):
        bench.predictors(["forrest"], [benchmark], [30])


def test_cells_of_a_predictor_that_is_not_given_are_refused(benchmark):
    cells = bench.plan(TWO, [benchmark], [20], seeds=1)
    with pytest.raises(UnknownNameError, match="unknown predictor 'chance'; known: linear"):
        bench.run(cells, {"linear": Linear})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"seeds": 0}, "seeds, k and samples must be at least 1, got 0, 10 and"),
        ({"k": 0}, "seeds, k and samples must be at least 1"),
        ({"samples": [0]}, r"must be at least 1, got 1, 10 and \[0\]"),
        ({"samples": []}, "name at least one predictor, one benchmark and one number of samples"),
        ({"benchmarks": []}, "name at least one predictor, one benchmark"),
        ({"predictors": {}}, "name at least one predictor"),
        ({"protocol": "own"}, "unknown protocol 'own'"),
        ({"processes": 0}, "processes must be at least 1, got 0"),
        ({"processes": 2, "seeds": 2, "predictors": {"p": lambda seed: Chance(seed)}},
         "the predictors cannot be sent to other processes .* use one process"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused(benchmark, change, text):
    arguments = {"predictors": TWO, "benchmarks": [benchmark], "samples": [20], "seeds": 1} | change
    with pytest.raises(UsageError, match=text):
        bench.predictors(**arguments)


def test_the_benchmark_must_exist_and_have_the_metric(benchmark, tmp_path):
    table = benchmark.removesuffix(":accuracy")
    with pytest.raises(UsageError, match=r"has several metrics; choose one, such as .*:accuracy; known: acc"):
        bench.predictors(TWO, [table], [20])
    with pytest.raises(UnknownNameError, match="unknown metric 'acc' in table 'small'"):
        bench.predictors(TWO, [f"{table}:acc"], [20])
    with pytest.raises(DataError, match=r"none\.parquet"):
        bench.predictors(TWO, [f"{tmp_path / 'none.parquet'}:accuracy"], [20])


def test_the_one_metric_of_a_table_need_not_be_named(benchmark, tmp_path):
    from egraph.datasets import Table

    table = Table.load(benchmark.removesuffix(":accuracy"))
    one = Table(
        table.space, table.architectures, {"score": table["accuracy"]}, {"score": table.metrics["accuracy"]}
    )
    one.save(tmp_path / "one.parquet")
    result = bench.predictors(TWO, [str(tmp_path / "one.parquet")], [20], seeds=1)
    assert {row["metric"] for row in result.rows} == {"score"}


def test_too_many_samples_are_a_failure_of_those_cells_only(benchmark):
    result = bench.predictors({"linear": Linear}, [benchmark], [20, 4000], seeds=1)
    assert [row["samples"] for row in result.rows] == [20]
    assert result.failures[0].reason.startswith("samples must be from 1 to 377 for this protocol, got 4000")


def test_shuffled_labels_are_a_run_of_their_own(benchmark, tmp_path):
    out = tmp_path / "x.jsonl"
    bench.predictors({"linear": Linear}, [benchmark], [200], seeds=2, out=out)
    result = bench.predictors({"linear": Linear}, [benchmark], [200], seeds=8, out=out, shuffled=True)
    assert result.resumed == 0
    taus = [row["tau"] for row in result.rows]
    assert abs(np.mean(taus)) < 3 * np.std(taus, ddof=1) / np.sqrt(8)
