"""Self-made tables: interrupted, sharded and continued, they are as made at once."""

import shutil
import signal
import time

import copied
import numpy as np
import pandas as pd
import pytest
from played import SPACE, Deadly, Played, fill, run_in_a_process

from egraph import datasets, spaces
from egraph.errors import DataError, FailedError, JournalError, UsageError
from egraph.spaces import Limited
from egraph.study import generate, open_journal


def make(out, evaluate=None, space=SPACE, **options):
    options = {"count": 24, "repeats": 3, "share": 0.25, **options}
    return generate(space, evaluate or Played(), out, **options)


@pytest.fixture
def whole(tmp_path):
    """The table, made at once."""
    return make(tmp_path / "whole" / "x").table


def content(table):
    frame = table.to_frame()
    return frame.assign(key=table.keys)


def test_rows_are_distinct_networks_with_means_over_runs(whole):
    assert len(whole) == len(set(whole.keys)) == 24
    assert whole.numbers("number").tolist() == list(range(24))
    assert whole.columns["runs"].tolist() == [3] * 6 + [1] * 18
    runs = np.stack([whole[f"score_{run}"] for run in range(3)], axis=1)
    assert np.isfinite(runs[:6]).all()
    assert np.isnan(runs[6:, 1:]).all()
    assert len(np.unique(runs[0])) == 3
    np.testing.assert_allclose(whole["score"][:6], runs[:6].mean(axis=1))
    np.testing.assert_allclose(whole["score"][6:], runs[6:, 0])
    np.testing.assert_allclose(whole["test_score"], whole["score"] - 1)
    truth = SPACE.value(whole.architectures)
    assert np.abs(whole["score"] - truth).max() < 0.05
    assert whole.default_metric() == "score"
    assert whole.provenance["networks"] == "24, 6 of them evaluated several times"


def test_the_file_is_the_table(tmp_path, monkeypatch, whole):
    monkeypatch.setitem(spaces._registry.registry._things, SPACE.name, SPACE)
    read = datasets.load(tmp_path / "whole" / "x.parquet")
    pd.testing.assert_frame_equal(content(read), content(whole))
    assert read.provenance == whole.provenance


def test_the_journal_is_not_taken_for_the_table(tmp_path, whole):
    with pytest.raises(
        DataError, match=r"x\.db is the journal of `egraph data generate`; give the table that"
    ):
        datasets.load(tmp_path / "whole" / "x.db")


@pytest.mark.parametrize(("workers", "counts"), [(1, (3, 26)), (2, (12,))])
def test_killed_again_and_again_nothing_is_lost_and_nothing_runs_twice(tmp_path, whole, workers, counts):
    journal, killed = tmp_path / "x.db", 0
    for count in (*counts, None):
        process = copied.start(fill, tmp_path / "x", workers)
        if count is None:
            process.join(120)
            assert process.exitcode == 0
            break
        while _count(journal) < count and process.is_alive():
            time.sleep(0.01)
        process.kill()
        process.join(60)
        killed += process.exitcode == -signal.SIGKILL
        assert not (tmp_path / "x.parquet").exists()
    assert killed == len(counts)
    with open_journal(journal) as one:
        runs = one.retrains
        assert not runs.duplicated(["key", "repeat"]).any()
        assert len(runs) == 24 + 2 * 6
    pd.testing.assert_frame_equal(content(make(tmp_path / "x").table), content(whole))


def _count(path):
    try:
        with open_journal(path) as one:
            return len(one.retrains)
    except JournalError:
        return 0


def test_shards_make_the_same_table_whichever_ends_last(tmp_path, whole):
    for index in (2, 0):
        made = make(tmp_path / "x", shard=(index, 3))
        assert made.table is None
    assert {path.name: left for path, left in made.missing.items()} == {"x-1-of-3.db": 8 + 2 * 2}
    assert not made.path.exists()
    made = make(tmp_path / "x", shard=(1, 3))
    pd.testing.assert_frame_equal(content(made.table), content(whole))
    again = make(tmp_path / "x", shard=(0, 3), evaluate=Played(how="bug", fails_where_first_is=0))
    pd.testing.assert_frame_equal(content(again.table), content(whole))  # nothing was left to evaluate


def test_copies_of_a_journal_go_on_as_shards(tmp_path, whole):
    make(tmp_path / "x", count=10)
    for index in range(2):
        shutil.copy(tmp_path / "x.db", tmp_path / f"x-{index}-of-2.db")
    (tmp_path / "x.db").unlink()
    (tmp_path / "x.parquet").unlink()
    told = []
    make(tmp_path / "x", shard=(0, 2), progress=lambda done, total: told.append((done, total)))
    assert told[0] == (5 + 2 * 1, 18)  # of the first ten, five are in this shard; two were to be repeated
    pd.testing.assert_frame_equal(content(make(tmp_path / "x", shard=(1, 2)).table), content(whole))


def test_a_larger_count_continues_the_table(tmp_path, whole):
    told = []
    make(tmp_path / "x", count=10)
    made = make(tmp_path / "x", progress=lambda done, total: told.append((done, total)))
    assert (told[0], told[-1]) == ((10 + 2 * 2, 36), (36, 36))
    pd.testing.assert_frame_equal(content(made.table), content(whole))


def test_a_failed_evaluation_is_recorded_and_not_repeated(tmp_path):
    made = make(tmp_path / "x", Played(fails_where_first_is=2))
    bad = np.array([SPACE.numbers(a)[0] == 2 for a in made.table.architectures])
    assert bad.any()
    assert set(made.table.columns["failure"][bad]) == {"no path to the output"}
    assert set(made.table.columns["failure"][~bad]) == {""}
    assert np.array_equal(np.isnan(made.table["score"]), bad)
    assert made.table.provenance["failed"].startswith(f"{np.sum(np.where(bad, [3] * 6 + [1] * 18, 0))} of 36")
    told = []
    make(tmp_path / "x", progress=lambda done, total: told.append(done))
    assert told == [36]


@pytest.mark.usefixtures("copied_workers")
def test_a_process_that_dies_fails_its_own_evaluation_alone(tmp_path):
    made = make(tmp_path / "x", Played(fails_where_first_is=2, how="kill"), workers=2)
    reasons = set(made.table.columns["failure"])
    assert len(reasons) == 2
    assert "killed by SIGKILL" in max(reasons)


def test_an_error_that_every_evaluation_would_have_stops_and_is_not_recorded(tmp_path):
    with pytest.raises(DataError, match="the images are gone"):
        make(tmp_path / "x", Played(fails_where_first_is=2, how="fatal"))
    with open_journal(tmp_path / "x.db") as one:
        assert set(one.retrains["state"]) <= {"complete"}
    assert len(make(tmp_path / "x").table) == 24


def test_a_set_without_any_success_is_no_table(tmp_path):
    with pytest.raises(
        FailedError, match=r"each of 2 evaluations failed, the last because: .* the score nan; repair"
    ):
        make(tmp_path / "x", lambda architectures: [float("nan")] * len(architectures), count=2, repeats=1)
    assert not (tmp_path / "x.parquet").exists()


@pytest.mark.usefixtures("copied_workers")
def test_an_evaluation_that_hangs_or_kills_its_process_fails_alone(tmp_path):
    hangs = Played(fails_where_first_is=1, how="hang")
    hanging = make(tmp_path / "hanging", hangs, count=3, repeats=1, workers=2, trial_seconds=0.5).table
    deadly = Deadly(tmp_path / "counts", times=99)
    work = lambda: make(tmp_path / "deadly", deadly, count=3, repeats=1)  # noqa: E731
    while run_in_a_process(work):
        pass
    for table, reason in ((hanging, "not finished after 0.5 s"), (work().table, "the process ended 3 times")):
        doomed = [SPACE.numbers(a)[0] == 1 for a in table.architectures]
        assert any(doomed)
        assert [text.startswith(reason) for text in table.columns["failure"]] == doomed


def test_a_function_without_a_seed_is_not_repeated(tmp_path):
    with pytest.raises(UsageError, match=r"^repeats need a seed: .*value takes none"):
        make(tmp_path / "x", SPACE.value)
    assert not list(tmp_path.iterdir())
    assert len(make(tmp_path / "x", SPACE.value, repeats=1).table) == 24


def test_a_space_that_ends_gives_all_it_has(tmp_path):
    def first(architecture):
        return float(SPACE.numbers(architecture)[0])

    part = Limited(SPACE, {"first": first}, {"first": 0.5})
    made = make(tmp_path / "x", space=part, count=1000, repeats=1)
    assert len(made.table) == 125
    assert made.table.space is SPACE
    assert "first <= 0.5" in made.table.provenance["space"]


def test_a_journal_of_other_arguments_is_refused(tmp_path):
    make(tmp_path / "x", count=2)
    with pytest.raises(JournalError, match="is of a study with seed 0, not 1"):
        make(tmp_path / "x", count=2, seed=1)


def test_another_number_of_shards_is_refused(tmp_path):
    make(tmp_path / "x", count=2)
    with pytest.raises(JournalError, match=r"was begun with 1 shard \(x.db\), not 2; go on with as many"):
        make(tmp_path / "x", count=2, shard=(0, 2))


def test_a_shard_of_other_arguments_is_refused(tmp_path):
    make(tmp_path / "x", count=4, shard=(0, 2))
    make(tmp_path / "y", count=4, shard=(1, 2), seed=1)
    (tmp_path / "y-1-of-2.db").rename(tmp_path / "x-1-of-2.db")
    with pytest.raises(JournalError, match=r"x-1-of-2\.db is of another seed than .*; move it away"):
        make(tmp_path / "x", count=4, shard=(0, 2))


def test_a_table_of_another_origin_is_not_overwritten(tmp_path, whole):
    whole.save(tmp_path / "y.parquet")
    with pytest.raises(UsageError, match=r"is a table without the journal y\.db, which would"):
        make(tmp_path / "y.parquet")


@pytest.mark.parametrize("shard", [(2, 2), (-1, 2), (0, 0)])
def test_a_shard_out_of_range_is_refused(tmp_path, shard):
    with pytest.raises(UsageError, match="a shard is I/N with I from 0 to N - 1"):
        make(tmp_path / "x", shard=shard)
