"""Jobs in this process and in worker processes."""

import os
import subprocess
import sys
import time
from contextlib import closing

import pytest
from functions import Unloadable, act, number, remember, square, threads

from egraph.errors import FailedError, UnknownNameError, UsageError
from egraph.executors import (
    Pool,
    UnsendableError,
    WorkerDiedError,
    WorkerLoadError,
    WorkerStartError,
    WorkerTimeoutError,
    open_executor,
)


def finish(executor, jobs):
    """The futures of the jobs, in their order, when all are done."""
    futures = [executor.submit(job) for job in jobs]
    done = []
    while finished := executor.wait():
        done += finished
    assert set(done) == set(futures)
    return futures


@pytest.mark.parametrize("workers", [1, 2])
def test_more_jobs_than_workers_are_done_and_keep_their_futures(workers):
    with closing(open_executor(square, workers)) as executor:
        assert executor.capacity == workers
        assert executor.wait() == []
        assert [future.result() for future in finish(executor, range(5))] == [0, 1, 4, 9, 16]


@pytest.mark.parametrize(("workers", "kind", "text"), [
    (1, ZeroDivisionError, "by\nzero"),
    (2, FailedError, r"^ZeroDivisionError: by zero \(functions\.py:\d+\)$"),
])  # fmt: skip
def test_a_job_that_raises_fails_alone(workers, kind, text):
    with closing(open_executor(act, workers)) as executor:
        bad, good = finish(executor, ["raise", "pid"])
        assert isinstance(good.result(), int)
        with pytest.raises(kind, match=text):
            bad.result()


def test_each_worker_process_has_a_number_and_its_successor_the_same():
    with closing(open_executor(number, 2)) as executor:
        assert {future.result() for future in finish(executor, range(2))} == {0, 1}
        (ended, *others) = finish(executor, ["exit", 0, 1, 2])
        with pytest.raises(WorkerDiedError):
            ended.result()
        assert {future.result() for future in others} == {0, 1}


def test_a_result_that_cannot_be_sent_back_is_an_error_of_its_job():
    with closing(open_executor(act, 2)) as executor:
        (future,) = finish(executor, ["lambda"])
        with pytest.raises(FailedError, match=r"pickle|local object"):
            future.result()


def test_a_process_that_dies_fails_its_own_job_and_is_replaced():
    with closing(open_executor(act, 2)) as executor:
        killed, left, *others = finish(executor, ["kill", "exit", "pid", "pid", "pid"])
        with pytest.raises(WorkerDiedError, match=r"died \(killed by SIGKILL, perhaps out of memory\)"):
            killed.result()
        with pytest.raises(WorkerDiedError, match=r"died \(exit code 3\)"):
            left.result()
        assert killed.exception().seconds > 0
        assert all(isinstance(other.result(), int) for other in others)


def test_a_process_that_takes_too_long_is_ended_and_replaced():
    begun = time.monotonic()
    with closing(open_executor(act, 2, seconds=0.5)) as executor:
        futures = [executor.submit(job) for job in ("pid", "sleep", "pid", "pid")]
        while executor.wait():
            pass
        with pytest.raises(WorkerTimeoutError, match=r"^not finished after 0\.5 s; the process was ended$"):
            futures[1].result()
        assert all(isinstance(futures[number].result(), int) for number in (0, 2, 3))
    assert time.monotonic() - begun < 55, "the job would have slept for a minute"


def test_functions_must_be_picklable_for_other_processes_only():
    with pytest.raises(UnsendableError, match=r"pickle|local object"):
        open_executor(lambda job: job, 2)
    with closing(open_executor(lambda job: job + 1, 1)) as executor:
        assert finish(executor, [1])[0].result() == 2


def test_a_function_that_cannot_be_loaded_is_named():
    with closing(open_executor(Unloadable(), 2)) as executor:
        (future,) = finish(executor, [1])
        with pytest.raises(WorkerLoadError, match="could not load its function: RuntimeError: not here"):
            future.result()
        assert future.exception().reason.startswith("RuntimeError: not here (functions.py:")


def test_threads_are_set_and_the_initializer_is_called_once(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with closing(open_executor(threads, 2, threads=3, initializer=remember)) as executor:
        assert {str(f.result()) for f in finish(executor, [0, 1, 2])} == {"('3', ['initialized'])"}


def test_close_ends_jobs_that_run_and_drops_those_that_wait():
    begun = time.monotonic()
    executor = open_executor(act, 2)
    for job in ("sleep", "sleep", "sleep"):
        executor.submit(job)
    executor.close()
    assert executor.wait() == []
    assert time.monotonic() - begun < 20


def test_an_unguarded_script_is_told_what_to_do(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
        "from egraph.executors import open_executor\n"
        "from functions import square\n"
        "executor = open_executor(square, 2)\n"
        "executor.submit(1)\n"
        "for future in executor.wait():\n"
        "    print(future.result())\n"
    )
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert WorkerStartError.__name__ in result.stderr
    assert result.stderr.count("Traceback") == 1, "that of the script, not those of its workers"
    assert "could not start (exit code 1); run a script under `if __name__ == '__main__':`" in result.stderr


def test_workers_end_with_their_parent(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        f"import os, sys; sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
        "from egraph.executors import open_executor\n"
        "from functions import act\n"
        "if __name__ == '__main__':\n"
        "    executor = open_executor(act, 2)\n"
        "    first = executor.submit('pid')\n"
        "    executor.wait()\n"
        "    executor.submit('sleep')\n"
        "    print(first.result(), flush=True)\n"
        "    os._exit(0)\n"
    )
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    pid, until = int(result.stdout), time.monotonic() + 10
    while _alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _alive(pid)


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0] != "Z"


def test_an_engine_is_named_or_made():
    with closing(open_executor(act, 3, engine="inline")) as executor:
        assert executor.capacity == 1
        assert finish(executor, ["pid"])[0].result() == os.getpid()
    with closing(open_executor(act, 1, engine="processes")) as executor:
        assert finish(executor, ["pid"])[0].result() != os.getpid()
    made = []

    def make(function, workers):
        made.append((function, workers))
        return open_executor(function, 1)

    with closing(open_executor(square, 5, engine=make)) as executor:
        assert finish(executor, [4])[0].result() == 16
    assert made == [(square, 5)]
    with pytest.raises(
        UnknownNameError,
        match=r"unknown executor 'threads'; known: inline, package\.module:",
    ):
        open_executor(act, 2, engine="threads")


def test_what_makes_no_executor_is_told():
    def fail(function, workers):
        raise RuntimeError("no cluster")

    def forget(function, workers):
        Pool(print, function, workers)

    def refuse(function, workers):
        raise FailedError("the cluster is closed")

    with pytest.raises(FailedError, match=r"fail made no executor: RuntimeError: no cluster \(test_ex"):
        open_executor(square, 2, engine=fail)
    with pytest.raises(FailedError, match=r"^the cluster is closed$"):
        open_executor(square, 2, engine=refuse)
    with pytest.raises(UsageError, match=r"forget must return an executor, with submit.*; got None$"):
        open_executor(square, 2, engine=forget)


def test_processes_end_one_job_and_leave_the_others():
    with closing(open_executor(act, 2)) as executor:
        slow, quick, waiting = (executor.submit(job) for job in ("sleep", "quick", "sleep"))
        assert executor.elapsed(waiting) == 0
        executor.drop(waiting)
        assert executor.wait() == [quick]
        assert executor.wait(0.05) == []
        until = time.monotonic() + 60
        while not executor.elapsed(slow) and time.monotonic() < until:  # it starts
            assert executor.wait(0.05) == []
        executor.drop(slow)
        executor.drop(slow)
        assert executor.wait(0.05) == []
        again = executor.submit("quick")
        assert executor.wait() == [again]
        assert again.result() == quick.result(), "its process lives on"
