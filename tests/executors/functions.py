"""What worker processes do in these tests."""

import os
import signal
import time

SEEN = []


def square(number):
    return number * number


def act(job):
    """Does what the job says."""
    if job == "raise":
        raise ZeroDivisionError("by\nzero")
    if job == "exit":
        os._exit(3)
    if job == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if job == "sleep":
        time.sleep(60)
    if job == "lambda":
        return lambda: None
    return os.getpid()


def number(job):
    """The number of this worker process, which ends if the job says so."""
    if job == "exit":
        os._exit(3)
    time.sleep(0.5)  # so that one process cannot do all jobs
    return int(os.environ["EGRAPH_WORKER"])


def threads(_):
    return os.environ["OMP_NUM_THREADS"], list(SEEN)


def remember():
    SEEN.append("initialized")


class Unloadable:
    """Can be sent to a worker process, and not be unpacked there."""

    def __call__(self, job):
        return job

    def __reduce__(self):
        return _refuse, ()


def _refuse():
    raise RuntimeError("not here")
