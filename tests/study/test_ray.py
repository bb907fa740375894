"""Studies on a Ray cluster of two machines, whose workers, machines, driver and head are lost."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest
import sent
from played import MODES, SPACE, Played, history, study

from egraph import __version__
from egraph.errors import FailedError, JournalError, MissingExtraError, WorkerWarning
from egraph.executors import Ray, UnsendableError, _ray, join
from egraph.study import open_journal
from egraph.study._trial import BASELINE

pytest.importorskip("ray", reason="Ray is not installed")

STORE = 80_000_000


@pytest.fixture(scope="module")
def cluster():
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "num_gpus": 1, "object_store_memory": STORE, "include_dashboard": False}
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


def test_the_history_is_that_of_one_process(cluster):
    options = {"evaluate": Played(fails_where_first_is=1), "synchronous": True, **MODES["fidelities"]}
    engines = ({"workers": 2, "executor": f"ray:address={cluster.address}"}, {})
    histories = []
    for engine in engines:
        with study(**options, **engine) as one:
            one.run(trials=6, baseline=True)
            histories.append(history(one))
    assert histories[0] == histories[1]


def test_a_job_has_a_share_of_a_gpu_and_errors_come_as_one_line(cluster):
    with closing(Ray(cluster.address, cores=0.25, gpus=0.5).open(sent.shout, 9)) as executor:
        assert executor.capacity == 2
        good, bad = finish(executor, ["a", "raise"])
        assert good.result() == "a! 0"
        with pytest.raises(FailedError, match=r"^by zero$"):
            bad.result()


def test_a_job_can_be_dropped(cluster):
    with closing(Ray(cluster.address).open(sent.shout, 1)) as executor:
        first, second, third = (executor.submit(job) for job in ("sleep", "sleep", "a"))
        while not executor.elapsed(first):
            assert executor.wait(0.1) == []
        assert executor.elapsed(second) == 0
        executor.drop(second)
        executor.drop(first)
        assert executor.wait() == [third]
        assert not any(dropped.done() for dropped in (first, second))
        assert executor.elapsed(third) == 0


def test_a_job_that_hangs_is_ended_and_one_that_kills_its_worker_fails_alone(cluster):
    hanging = {"evaluate": Played(fails_where_first_is=1, how="hang"), "trial_seconds": 1}
    killing = {"evaluate": Played(fails_where_first_is=1, how="kill")}
    for options, reason in (
        (hanging, "not finished after 1 s, its process was ended"),
        (killing, "the worker was lost 3 times (the last on "),
    ):
        with study(**options, ranker=False, batch=4, workers=2, executor=Ray(cluster.address)) as one:
            one.enqueue([SPACE.parse("1.2.3.4"), SPACE.parse("2.2.3.4")])
            one.run(trials=2)
            assert one.trials["state"].tolist() == ["failed", "complete"]
            assert one.trials["reason"][0].startswith(reason)


def test_a_machine_that_refuses_is_left_out_and_the_others_go_on(cluster, tmp_path):
    bad = cluster.add_node(num_cpus=3, object_store_memory=STORE, env_vars={"EGRAPH_TEST_BAD": "1"})
    picky = {"evaluate": sent.Picky(tmp_path / "refused"), "ranker": False, "workers": 3}
    try:
        with study(**picky, executor=Ray(cluster.address)) as one:
            with pytest.warns(WorkerWarning, match="is left out: no good here"):
                one.run(trials=4)
            assert set(one.trials["state"]) == {"complete"}
        with study(**picky, executor=Ray(cluster.address, cores=3)) as one:
            with (
                pytest.warns(WorkerWarning, match="is left out: no good here"),
                pytest.raises(FailedError, match=r"no machine can work for this study: .*: no good here"),
            ):
                one.run(trials=1)
            assert set(one.trials["state"]) == {"queued"}
    finally:
        cluster.remove_node(bad)


def test_another_version_is_refused(cluster, monkeypatch):
    monkeypatch.setattr(_ray, "__version__", "0.0.7")
    text = f"egraph {__version__} is installed there, but the study is of egraph 0\\.0\\.7; install the same"
    with (
        closing(Ray(cluster.address).open(sent.shout, 2)) as executor,
        pytest.warns(WorkerWarning, match=text),
        pytest.raises(FailedError, match=f"no machine can .*{text}"),
    ):
        finish(executor, ["a", "b"])


def test_machines_join_by_egraph_work_and_leave(cluster, tmp_path):
    command = [sys.executable, "-m", "egraph", "work", "--address", cluster.address, "--cores", "4"]
    started = []

    def start():
        started.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))

    with closing(Ray(cluster.address, cores=4).open(sent.shout, 1)) as executor:
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


def test_a_lost_worker_machine_and_driver_lose_no_trial(cluster, tmp_path):
    notes, path = tmp_path / "notes", tmp_path / "x.db"
    notes.mkdir()
    other = cluster.add_node(num_cpus=1, object_store_memory=STORE)
    call = f"import sent; sent.search({str(path)!r}, {cluster.address!r}, {str(notes)!r}, 16)"
    command = [sys.executable, "-c", call]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(command, env=environment)
    wait_for(path, 3, process)
    os.kill(int(max(one.name for one in notes.iterdir()).split("-")[1]), signal.SIGKILL)
    wait_for(path, 6, process)
    cluster.remove_node(other, allow_graceful=False)
    done = wait_for(path, 9, process)
    process.kill()
    process.wait()
    again = subprocess.run(command, check=False, timeout=300, env=environment)
    assert again.returncode == 0
    with open_journal(path) as journal:
        check_whole(journal, 16)
        assert done.items() <= read_done(path).items()
        assert set(journal.losses.values()) <= {1}


def test_a_driver_whose_client_dies_goes_on_and_one_without_a_head_ends(cluster, monkeypatch):
    monkeypatch.setattr(_ray, "SILENCE", 1.0)
    monkeypatch.setattr(_ray, "PATIENCE", 2.0)
    with closing(Ray(cluster.address).open(sent.shout, 1)) as executor:
        executor._client._process.kill()
        with pytest.warns(WorkerWarning, match=r"lost the connection to Ray .*; waiting 2 s for it"):
            assert finish(executor, ["a"])[0].result().startswith("a!")
        cluster.head_node.kill_gcs_server(check_alive=False)
        with (
            pytest.warns(WorkerWarning, match="lost the connection to Ray"),
            pytest.raises(
                FailedError,
                match=r"it did not come back \(nothing answers at .*\); run the same command again",
            ),
        ):
            finish(executor, ["sleep"])


def test_nothing_answers():
    for call in (
        lambda: Ray("127.0.0.1:9").open(sent.shout, 1),
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
