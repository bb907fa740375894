"""Evaluations in processes of their own."""

import subprocess
import sys
from pathlib import Path

import pytest
from played import SPACE, Played, Slow, Unloadable, history, study

from egraph.errors import DataError, FailedError, UsageError

TESTS = Path(__file__).parents[1]


@pytest.mark.usefixtures("copied_workers")
def test_process_that_dies_fails_its_own_trial_only():
    one = study(evaluate=Played(fails_where_first_is=1, how="kill"), workers=2)
    one.run(trials=4)
    doomed = [SPACE.parse(key).ops[1] == "op1" for key in one.trials["key"]]
    assert any(doomed)
    assert (one.trials["state"] == "failed").tolist() == doomed
    assert set(one.trials.loc[doomed, "reason"]) == {
        "the worker process died (killed by SIGKILL, perhaps out of memory)"
    }


@pytest.mark.usefixtures("copied_workers")
def test_an_evaluation_that_hangs_is_ended_and_fails_alone():
    hangs, raises = (Played(fails_where_first_is=1, how=how) for how in ("hang", "raise"))
    hanging, other = (
        study(evaluate=hangs, workers=2, trial_seconds=0.5, synchronous=True),
        study(evaluate=raises),
    )
    for one in (hanging, other):
        one.run(trials=5)
    assert history(hanging, ["reason"]) == history(other, ["reason"])
    failed = hanging.trials[hanging.trials["state"] == "failed"]
    assert set(failed["reason"]) == {
        "not finished after 0.5 s, its process was ended; allow more time, or limit the size of networks"
    }
    again = hanging.retrain(SPACE.parse("1.2.3.4"), repeats=1)
    assert (again.scores, len(hanging.journal.retrains)) == ((), 1)


@pytest.mark.usefixtures("copied_workers")
def test_the_start_of_a_process_is_not_in_the_time_limit():
    one = study(evaluate=Slow(), workers=2, trial_seconds=0.5)
    one.run(trials=2)
    assert set(one.trials["state"]) == {"complete"}


def test_reasons_and_histories_are_those_of_one_process():
    here, there = (
        study(evaluate=Played(fails_where_first_is=1), workers=workers, synchronous=True)
        for workers in (1, 2)
    )
    for one in (here, there):
        one.run(trials=16, baseline=True)
    assert history(here) == history(there)
    assert "no path to the output" in set(there.trials["reason"])


@pytest.mark.usefixtures("copied_workers")
def test_exit_code_is_named_and_fatal_errors_arrive():
    one = study(evaluate=Played(fails_where_first_is=1, how="exit"), workers=2)
    one.run(trials=1)
    assert one.trials["reason"][0] == "the worker process died (exit code 3)"
    one = study(evaluate=Played(fails_where_first_is=1, how="fatal"), workers=2)
    with pytest.raises(DataError, match="the images are gone"):
        one.run(trials=2)
    assert set(one.trials["state"]) <= {"complete", "queued"}


def test_evaluation_that_cannot_be_sent_is_refused():
    one = study(evaluate=lambda many: SPACE.value(many), workers=2)
    with pytest.raises(
        UsageError, match=r"the evaluation cannot be sent to worker processes .*use workers=1"
    ):
        one.run(trials=2)


@pytest.mark.usefixtures("copied_workers")
def test_evaluation_that_cannot_be_loaded_stops_the_run():
    one = study(evaluate=Unloadable(), workers=2)
    with pytest.raises(FailedError, match="could not load the evaluation: RuntimeError: not here"):
        one.run(trials=2)


def test_unguarded_script_is_told_what_to_do(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys; sys.path[:0] = {[str(TESTS / name) for name in ('study', 'helpers')]}\n"
        "from played import study\n"
        "study(workers=2, storage=sys.argv[1]).run(trials=2)\n"
    )
    result = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "x.db")], capture_output=True, text=True, check=False
    )
    assert "in a script, run the study under `if __name__ == '__main__':`, or use workers=1" in result.stderr
    assert result.stderr.count("Traceback") == 1, "a worker, which meets the held journal, prints none"
