"""Workers are started, replaced and ended."""

import json
import os
import signal
import threading
import time

import lives
import pytest

from egraph.errors import FailedError, ModelError
from egraph.service._journal import set_up_logging
from egraph.service._supervising import Supervisor


@pytest.fixture
def supervise():
    """Runs workers of some kind; ``then`` is called once they are ready."""

    def run(work, then=lambda supervisor: None, load=lambda: None, **settings):
        settings = {"count": 1, "arguments": (), "drain_seconds": 5.0, **settings}
        on_death, on_end = (settings.pop(name, lambda *rest: None) for name in ("on_death", "on_end"))
        supervisor = Supervisor(work=work, load=load, on_death=on_death, on_end=on_end, **settings)

        def on_ready():
            thread = threading.Thread(target=act)
            thread.start()

        def act():
            try:
                then(supervisor)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        supervisor.run(on_ready)
        return supervisor

    return run


def events(capfd):
    return [json.loads(line)["event"] for line in capfd.readouterr().err.splitlines()]


def test_workers_that_cannot_start_end_the_service(supervise):
    with pytest.raises(FailedError, match="a worker exited at start-up with code 3; see its log"):
        supervise(lives.fail, count=2)


def test_what_cannot_be_loaded_is_not_served(supervise):
    def load():
        raise ModelError("no ranker")

    with pytest.raises(ModelError, match="no ranker"):
        supervise(lives.wait, load=load)


def test_a_worker_that_does_not_end_is_killed(supervise, capfd):
    set_up_logging()
    began = time.monotonic()
    supervisor = supervise(lives.insist, drain_seconds=0.3)
    assert time.monotonic() - began < 20
    assert [worker.process.exitcode for worker in supervisor._workers] == [-signal.SIGKILL]
    assert events(capfd) == ["a worker did not end in time"]


def test_a_worker_that_dies_is_replaced(supervise, capfd):
    set_up_logging()
    forgotten, numbers = [], []

    def then(supervisor):
        numbers.append(supervisor._workers[0].process.pid)
        os.kill(numbers[0], signal.SIGKILL)
        end = time.monotonic() + 20
        while supervisor._workers[0].process.pid == numbers[0] and time.monotonic() < end:
            time.sleep(0.02)
        numbers.append(supervisor._workers[0].process.pid)

    supervise(lives.wait, then, on_death=forgotten.append)
    assert numbers[0] != numbers[1]
    assert forgotten == numbers[:1]
    assert events(capfd) == ["a worker died"]


def test_loading_again_that_fails_is_logged_and_nothing_else(supervise, capfd):
    set_up_logging()
    outcomes = [None, ModelError("the file is no ranker"), ZeroDivisionError("its text stays here")]
    left = list(outcomes)

    def load():
        outcome = left.pop(0)
        if outcome is not None:
            raise outcome

    def then(supervisor):
        for remaining in (1, 0):
            os.kill(os.getpid(), signal.SIGHUP)
            end = time.monotonic() + 20
            while len(left) > remaining and time.monotonic() < end:
                time.sleep(0.02)
            supervisor._reloading.join()

    supervise(lives.wait, then, load=load)
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["kept the old ranker"] * 2
    assert lines[0]["reason"] == "the file is no ranker"
    assert lines[1]["error"] == "ZeroDivisionError"
    assert "its text" not in json.dumps(lines)


def test_the_parent_lets_go_before_its_workers_end(supervise):
    seen = []
    supervise(lives.wait, on_end=lambda: seen.append("left"))
    assert seen == ["left"]
