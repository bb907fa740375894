"""Studies on a Ray cluster of two machines, whose workers, machines, driver and head are lost."""

import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest
import sent
from played import MODES, SPACE, Played, history, study
from shouting import shout

from egraph import __version__
from egraph.errors import FailedError, JournalError, MissingExtraError, WorkerWarning
from egraph.executors import Ray, UnsendableError, _ray, join
from egraph.study import TrialFinished, _stragglers, open_journal
from egraph.study._trial import BASELINE

pytest.importorskip("ray", reason="Ray is not installed")

STORE = 80_000_000


@pytest.fixture(scope="module")
def cluster():
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 2, "num_gpus": 1, "object_store_memory": STORE, "include_dashboard": False}
    for last in (False, False, True):  # Ray gives a machine 30 s to start, which a busy one exceeds
        try:
            cluster = Cluster(initialize_head=True, head_node_args=head)
            break
        except Exception:
            if last:
                raise
    cluster.add_node(num_cpus=1, object_store_memory=STORE)
    yield cluster
    cluster.shutdown()


def finish(executor, jobs):
    futures = [executor.submit(job) for job in jobs]
    while not all(future.done() for future in futures):
        executor.wait()
    return futures


@pytest.fixture(scope="module")
def shouting(cluster):
    """An executor that several tests use: its start takes longer than their jobs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_ray, "SILENCE", 1.0)
        executor = Ray(cluster.address, cores=0.25, gpus=0.5).open(shout, 9)
    with closing(executor):
        yield executor


def test_a_job_has_a_share_of_a_gpu_and_errors_come_as_one_line(shouting):
    assert shouting.capacity == 2
    good, bad = finish(shouting, ["a", "raise"])
    assert good.result() == "a! 0"
    with pytest.raises(FailedError, match=r"^by zero$"):
        bad.result()


def test_a_job_can_be_dropped(shouting):
    *others, waiting, last = (shouting.submit(job) for job in ("sleep", "sleep", "sleep", "a"))
    while not all(map(shouting.elapsed, others)):
        assert shouting.wait(0.1) == []
    assert shouting.elapsed(waiting) == 0
    for dropped in (waiting, others[0]):
        shouting.drop(dropped)
    assert shouting.wait() == [last]
    assert shouting.elapsed(last) == 0
    shouting.drop(others[1])
    assert not any(dropped.done() for dropped in (*others, waiting))


def test_a_driver_whose_client_dies_goes_on(shouting):
    shouting._client._process.kill()
    with pytest.warns(WorkerWarning, match=r"lost the connection to Ray .*; waiting 120 s for it"):
        assert finish(shouting, ["a"])[0].result().startswith("a!")


def test_a_head_that_asks_for_a_token(cluster, monkeypatch, tmp_path):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("HOME", str(tmp_path))
    text = (
        r"cannot connect to Ray at .* no authentication token was found.*; if the head asks for a token, set"
    )
    with pytest.raises(FailedError, match=text):
        Ray(cluster.address).open(shout, 1)


def test_another_version_is_refused(cluster, monkeypatch):
    monkeypatch.setattr(_ray, "__version__", "0.0.7")
    text = f"the worker has egraph {__version__}, but the study is of egraph 0\\.0\\.7; install the same"
    with study(ranker=False, workers=2, executor=Ray(cluster.address)) as one:
        with (
            pytest.warns(WorkerWarning, match=text),
            pytest.raises(FailedError, match=f"no machine can work for this study: .*{text}"),
        ):
            one.run(trials=1)
        assert set(one.trials["state"]) == {"queued"}


def test_the_history_is_that_of_one_process_also_after_a_full_disk(cluster, tmp_path):
    options = {"evaluate": Played(fails_where_first_is=1), "synchronous": True, **MODES["fidelities"]}

    def fill(event):
        if isinstance(event, TrialFinished) and event.trial.number == 10:
            one.journal._db.execute("PRAGMA max_page_count = 1")  # as on a full disk

    with (
        study(tmp_path / "x.db", **options, workers=2, executor=Ray(cluster.address)) as one,
        pytest.raises(JournalError, match=r"cannot use .*x\.db: database or disk is full; make room"),
    ):
        one.run(trials=6, baseline=True, progress=fill)
    with study(tmp_path / "x.db", **options) as one, study(**options) as unbroken:
        assert {"complete", "failed"} <= set(one.trials["state"]) <= {"complete", "failed", "queued"}
        for each in (one, unbroken):
            each.run(trials=6, baseline=True)
        assert history(one) == history(unbroken)


def test_trainings_that_fail_are_recorded_and_not_repeated(cluster, tmp_path):
    """One kills its worker, one hangs, for two Python and PyTorch lack memory, and one is fine."""
    notes, path = tmp_path / "notes", tmp_path / "x.db"
    notes.mkdir()
    options = {"evaluate": sent.Faulty(notes), "ranker": False, "batch": 5, "trial_seconds": 10}
    with study(path, **options, workers=2, executor=Ray(cluster.address)) as one:
        one.enqueue([SPACE.parse(f"{first}.2.3.4") for first in range(5)])
        one.run(trials=5)
    begun = sorted(note.name.split("-")[0] for note in notes.iterdir())
    assert begun == ["0", "0", "0", "1", "2", "3", "4"]
    with study(path, **options) as one:
        one.run(trials=5)
        assert len(list(notes.iterdir())) == len(begun)
        trials = one.trials.set_index("number")
    assert trials["state"].tolist() == ["failed"] * 4 + ["complete"]
    for reason, start in zip(
        trials["reason"],
        ["the worker was lost 3 times (", "not finished after 10 s, ", "MemoryError: ", "RuntimeError: ", ""],
        strict=True,
    ):
        assert reason.startswith(start)
    assert "memory" in trials["reason"][3]


def test_a_straggler_is_repeated_and_one_that_never_ends_is_given_up(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(_stragglers, "_FIRST_SECONDS", 0.5)
    evaluate, engine = sent.Straggling(tmp_path, 3), Ray(cluster.address, cores=0.5)
    numbers = [f"{first}.{second}" for first in (3, 4) for second in range(4)]
    numbers.insert(6, "1.0")  # it is late before the other one is
    numbers.append("0.0")
    with study(
        evaluate=evaluate, ranker=False, workers=3, executor=engine, timeout="60x", backup="4x"
    ) as one:
        one.enqueue([SPACE.parse(f"{each}.3.4") for each in numbers])
        one.run(trials=10)
        trials = one.trials
    assert trials["state"].tolist() == ["complete"] * 9 + ["failed"]
    assert re.match(r"not finished after .* s, 60 times the usual .*; given up", trials["reason"][9])
    assert (trials["finished"] - trials["started"]).max() < sent.HANGS


LACKING = """
import sys
from pathlib import Path

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "egraph":
            Path(__file__).with_name("lacking").touch()
            raise ModuleNotFoundError("No module named 'egraph'")

sys.meta_path.insert(0, Finder())
"""


def test_a_machine_that_refuses_or_lacks_egraph_is_left_out_and_the_others_go_on(cluster, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(LACKING)
    variables = {"EGRAPH_TEST_BAD": "1"}, {"PYTHONPATH": str(tmp_path)}
    bad = [cluster.add_node(num_cpus=3, object_store_memory=STORE, env_vars=each) for each in variables]
    evaluate = sent.Picky(tmp_path / "refused", tmp_path / "lacking")
    try:
        with study(evaluate=evaluate, ranker=False, workers=4, executor=Ray(cluster.address)) as one:
            with (
                pytest.warns(WorkerWarning, match="is left out: no good here"),
                pytest.warns(WorkerWarning, match="is left out: egraph cannot be imported there .*: No mod"),
            ):
                one.run(trials=6)
            assert set(one.trials["state"]) == {"complete"}
    finally:
        for each in bad:
            cluster.remove_node(each)


def test_machines_join_by_egraph_work_and_leave(cluster, tmp_path):
    command = [sys.executable, "-m", "egraph", "work", "--address", cluster.address, "--cores", "4"]
    started = []

    def start():
        started.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))

    with closing(Ray(cluster.address, cores=4).open(shout, 1)) as executor:
        threading.Timer(1, start).start()
        with pytest.warns(WorkerWarning, match="no machine of the cluster has cores=4,gpus=0,memory=0"):
            assert finish(executor, ["a"])[0].result().startswith("a!")
    with started[0] as process:
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(60) == 130
        finally:
            process.terminate()
        assert process.stderr.read().startswith(
            f"this machine works for the cluster of {cluster.address}; Ctrl-C"
        )


def test_a_lost_worker_machine_and_driver_lose_no_trial(cluster, tmp_path, monkeypatch):
    """The driver is started again as on another machine: in another folder, with a copy of the journal."""
    notes, path, there = tmp_path / "notes", tmp_path / "x.db", tmp_path / "elsewhere"
    notes.mkdir()
    there.mkdir()
    call = f"import sent; sent.search({str(path)!r}, {cluster.address!r}, {str(notes)!r}, 16)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen([sys.executable, "-c", call], env=environment)
    wait_for(path, 3, process)
    os.kill(int(max(one.name for one in notes.iterdir()).split("-")[1]), signal.SIGKILL)
    wait_for(path, 6, process)
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    done = wait_for(path, 9, process)
    process.kill()
    process.wait()
    for file in (path, path.with_name("x.db-wal")):
        shutil.copy(file, there)
    monkeypatch.chdir(there)
    sent.search("x.db", cluster.address, notes, 16)
    with open_journal("x.db") as journal:
        check_whole(journal, 16)
        assert done.items() <= read_done("x.db").items()
        assert set(journal.losses.values()) <= {1}


DEADLY = """
import os

if os.getpid() != {}:
    os._exit(1)


def work(text):
    return text
"""


def test_where_workers_only_die_a_driver_ends(cluster, tmp_path, monkeypatch):
    (tmp_path / "deadly.py").write_text(DEADLY.format(os.getpid()))
    monkeypatch.syspath_prepend(tmp_path)
    work = importlib.import_module("deadly").work
    with (
        closing(Ray(cluster.address).open(work, 1)) as executor,
        pytest.raises(FailedError, match=r"^no worker of the cluster can start: .* died"),
    ):
        finish(executor, ["a"])


def test_without_a_head_a_driver_ends(shouting, cluster, monkeypatch):
    """Soon, though Ray waits a minute for the head when a worker starts."""
    monkeypatch.setattr(_ray, "PATIENCE", 2.0)
    begun = time.monotonic()
    cluster.head_node.kill_gcs_server(check_alive=False)
    with (
        pytest.warns(WorkerWarning, match="lost the connection to Ray .*; waiting 2 s"),
        pytest.raises(
            FailedError,
            match=r"it did not come back \(nothing answers at .*\); run the same command again",
        ),
    ):
        finish(shouting, ["sleep", "sleep", "sleep"])
    assert time.monotonic() - begun < 40


def test_nothing_answers():
    for call in (
        lambda: Ray("127.0.0.1:9").open(shout, 1),
        lambda: join("127.0.0.1:9", tell=print),
    ):
        with pytest.raises(FailedError, match=r"^nothing answers at 127\.0\.0\.1:9; start a head there"):
            call()


def test_ray_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    for call in (Ray, lambda: join("127.0.0.1:9", tell=print)):
        with pytest.raises(MissingExtraError, match=r"this needs ray: pip install 'egraph\[ray\]'"):
            call()


def test_a_function_without_a_name_is_refused():
    with pytest.raises(UnsendableError, match="is not at the top of a module that workers can import"):
        Ray().open(lambda text: text, 1)


def wait_for(path, count, process):
    """What is done, when so many trials are."""
    until = time.monotonic() + 200
    while len(done := read_done(path)) < count:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    return done


def read_done(path):
    """Scores and times of the trials that are done, by number."""
    try:
        with open_journal(path) as journal:
            return {one.number: (one.score, one.finished) for one in journal.read_trials(states=["complete"])}
    except JournalError:  # not begun
        return {}


def check_whole(journal, count):
    """Nothing is lost, doubled or left running."""
    trials = journal.read_trials()
    assert {trial.state for trial in trials} == {"complete"}
    own = [trial.key for trial in trials if trial.origin != BASELINE]
    assert len(set(own)) == len(own) == count
    assert journal.rounds["finished"].notna().all()
