"""Jobs and outcomes as text: what an engine for other machines carries."""

import json
import math
import pickle
import socket
import subprocess
import sys
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing

import played
import pytest
from played import MODES, SPACE, Broken, Elsewhere, Glimpse, Played, history, study

from egraph import __version__
from egraph.errors import DataError, FailedError, UnknownNameError, UsageError
from egraph.evaluation import Evaluation
from egraph.executors import Pool, WorkerLostError, WorkerRefusedError, open_executor
from egraph.study._evaluating import read_outcome as read_future
from egraph.study._jobs import Evaluate, Job, Outcome, Preview
from egraph.study._working import Work, carry, read_job, read_outcome, write_job, write_outcome

GRAPH = SPACE.parse("1.2.3.4")
HERE = socket.gethostname()


def make(function, workers):
    """An engine in this process that notes what it carries."""

    def noted(text):
        answer = function(text)
        CARRIED.append((text, answer))
        return answer

    return open_executor(noted, workers, engine="inline")


CARRIED = []


def make_pool(function, workers):
    engine = ThreadPoolExecutor(workers)
    return Pool(engine.submit, function, workers, close=engine.shutdown, seconds=0.01)


@pytest.mark.parametrize("job", [Job(GRAPH, 7, 0.5, 3), Job(GRAPH, 2**63), Preview(GRAPH)])
def test_jobs_are_read_as_they_were_written(job):
    assert read_job(write_job(job)) == job


def test_outcomes_are_read_as_they_were_written():
    measured = Evaluation(0.1 + 0.2, math.inf, 1e-300, 3, 4, "täble")
    for outcome in [
        Outcome(1.5, measured),
        Outcome(0.1, values=(1.0, -math.inf)),
        Outcome(0.2, reason="no", later=True),
    ]:
        assert read_outcome(write_outcome(outcome)) == outcome
    assert math.isnan(read_outcome(write_outcome(Outcome(math.nan, Evaluation(1.0)))).evaluation.test_score)


@pytest.mark.parametrize(("error", "kind", "text"), [
    (DataError("the images are gone"), DataError, "the images are gone"),
    (UnknownNameError("space", "x", ["y"]), UsageError, "unknown space 'x'; known: y"),
])  # fmt: skip
def test_fatal_errors_keep_their_class_where_it_takes_a_text(error, kind, text):
    read = read_outcome(write_outcome(Outcome(0.0, fatal=error))).fatal
    assert type(read) is kind
    assert str(read).startswith(text)


@pytest.mark.parametrize("mode", ["ranker", "screened", "fidelities"])
def test_a_study_has_the_same_history_over_texts(mode):
    CARRIED.clear()
    options = {"evaluate": Played(fails_where_first_is=1), **MODES[mode]}
    if mode == "screened":
        options["screen"] = Glimpse()
    with study(**options) as here, study(**options, executor=make) as there:
        for one in (here, there):
            one.run(trials=10, baseline=True)
        assert history(here) == history(there)
        assert len(CARRIED) >= len(here.trials)
        again = [one.retrain(GRAPH, repeats=2).scores for one in (here, there)]
        assert again[0] == again[1]
    for carried in CARRIED:
        assert all(json.loads(text)["egraph"] == __version__ for text in carried)


def test_the_work_goes_as_bytes_and_texts_alone():
    work = Work.of(Evaluate({1.0: Played()}))
    there = pickle.loads(pickle.dumps(work))
    assert b"played" not in pickle.dumps(work).replace(work.parcel, b"")
    outcome = read_outcome(there(write_job(Job(GRAPH, 3))))
    assert outcome.evaluation == Played().evaluate(GRAPH, seed=3)


def test_a_worker_loads_no_more_than_it_needs():
    code = "import sys, egraph.study._working; print({'torch', 'sklearn', 'scipy.stats'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_a_worker_of_another_version_refuses_and_the_run_ends_in_one_line():
    work = Work.of(Evaluate({1.0: Played()}))
    job = write_job(Job(GRAPH, 3)).replace(f'"{__version__}"', '"0.0.7"')
    answer = work(job)
    text = f"{HERE}: the worker has egraph {__version__}, but the study is of egraph 0\\.0\\.7; install the"
    with pytest.raises(WorkerRefusedError, match=text):
        read_outcome(answer)
    old = write_outcome(Outcome(1.0)).replace(f'"{__version__}"', '"0.0.7"')
    with pytest.raises(FailedError, match=r"the worker has egraph 0\.0\.7, but the study is of egraph "):
        read_outcome(old)

    def aged(function, workers):
        return open_executor(
            lambda text: function(text.replace(f'"{__version__}"', '"0.0.7"')), 1, engine="inline"
        )

    with study(executor=aged) as one:
        with pytest.raises(
            FailedError, match=f"a worker can do nothing for this study: {HERE}: the worker has egraph"
        ):
            one.run(trials=3)
        assert set(one.trials["state"]) == {"queued"}


@pytest.mark.parametrize(("evaluator", "text"), [
    (Elsewhere, r"the evaluation differs here: 'share 0\.5, not 1\.0'; have the same files"),
    (Broken, r"RuntimeError: no device \(played\.py:\d+\)"),
])  # fmt: skip
def test_an_evaluation_that_differs_there_is_refused(evaluator, text):
    work = Work.of(Evaluate({1.0: evaluator()}))
    with pytest.raises(WorkerRefusedError, match=f"{HERE}: {text}"):
        read_outcome(work(write_job(Job(GRAPH, 3))))


def test_an_evaluation_without_a_name_is_refused_before_anything_runs():
    with study(evaluate=lambda many: SPACE.value(many), executor=make) as one:
        with pytest.raises(UsageError, match=r"cannot go to other machines as text: .*\(package"):
            one.run(trials=2)
        assert not len(one.trials)


def test_a_lost_job_is_a_failed_trial_and_errors_of_an_engine_are_too():
    future = Future()
    future.set_exception(WorkerLostError(5, 2.5, "the last on a: Killed"))
    outcome = read_future(future)
    assert (outcome.seconds, outcome.state) == (2.5, "failed")
    assert outcome.reason == "the worker was lost 5 times (the last on a: Killed), perhaps out of memory"

    def broken(function, workers):
        def fail(text):
            raise OSError("the line\nis cut")

        return open_executor(fail, 1, engine="inline")

    with study(executor=broken) as one:
        one.run(trials=1)
        assert one.trials["reason"][0].startswith("OSError: the line is cut (test_working.py:")


def test_what_can_end_one_job_can_do_so_over_texts():
    work = Work.of(Evaluate({1.0: Played(seconds=0.2, fails_where_first_is=2, how="hang")}))
    with closing(carry(open_executor(work, 1, engine="processes"))) as executor:
        hanging, other = (executor.submit(job) for job in (Job(SPACE.parse("2.0.0.0"), 3), Job(GRAPH, 3)))
        while not executor.elapsed(hanging):
            assert executor.wait(0.1) == []
        assert executor.elapsed(other) == 0
        executor.drop(hanging)
        assert executor.wait() == [other]
        assert other.result().evaluation == Played().evaluate(GRAPH, seed=3)
        assert not hanging.done()
    assert not hasattr(carry(open_executor(work, 1, engine="inline")), "drop")


def test_a_pool_over_futures_of_other_engines():
    with study(executor=make_pool, workers=3, synchronous=True) as there, study() as here:
        for one in (there, here):
            one.run(trials=9)
        assert history(there) == history(here)


def test_a_pool_of_processes_gets_nothing_but_texts():
    engine = ProcessPoolExecutor(1)
    pool = Pool(engine.submit, Work.of(Evaluate({1.0: Played()})), 1, close=engine.shutdown)
    future = pool.submit(write_job(Job(GRAPH, 3)))
    assert pool.wait() == [future]
    assert read_outcome(future.result()).evaluation == Played().evaluate(GRAPH, seed=3)
    assert pool.wait() == []
    pool.close()


def test_a_pool_tells_errors_in_one_line_and_cancels_at_the_end():
    closed, theirs = [], [Future(), Future()]
    theirs[0].set_exception(OSError("a\nb"))
    left = list(theirs)
    pool = Pool(lambda function, job: left.pop(0), str, 2, close=lambda: closed.append(1))
    first, _, _ = (pool.submit(job) for job in "abc")
    with pytest.raises(IndexError):  # the third job starts when the first is done
        pool.wait()
    with pytest.raises(FailedError, match=r"^OSError: a b \("):
        first.result()
    pool.close()
    assert theirs[1].cancelled()
    assert closed == [1]


@pytest.mark.parametrize(("executor", "kind", "text"), [
    ("rays", UnknownNameError, r"unknown executor 'rays'; known: .*ray.*Did you mean 'ray'\?"),
    ("inline:x=1", UnknownNameError, "unknown executor 'inline:x=1'"),
    (3, UsageError, "executor must be a name or a function that makes one, got 3"),
    ("played:SPACE", UsageError, "played:SPACE is no function that makes an executor"),
    ("played:absent", UsageError, "module 'played' has no function 'absent', for --executor played:absent"),
    ("ray:coers=1", UsageError, "'ray' has no option 'coers'; known: address, cores, gpus, memory"),
    ("ray:address=10.0.0.1", UsageError, r"address must be HOST:PORT, such as .*, got '10\.0\.0\.1'"),
    ("ray:cores=0", UsageError, "cores must be a number above 0, got 0"),
    ("ray:gpus=1.5", UsageError, r"gpus must be a whole number, or a fraction below 1, got 1\.5"),
])  # fmt: skip
def test_executors_by_name_are_checked_before_anything_runs(executor, kind, text):
    with pytest.raises(kind, match=text):
        study(executor=executor)


def test_engines_of_modules_go_by_their_names(monkeypatch):
    monkeypatch.setattr(played, "make", make, raising=False)
    with study(executor="played:make") as one:
        one.run(trials=2)
        assert set(one.trials["state"]) == {"complete"}
