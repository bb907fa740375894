"""What workers of the tests do with their lives."""

import os
import signal
import time


def fail(ready):
    """Ends before it is ready."""
    os._exit(3)


def wait(ready):
    """Works until it is told to end."""
    ready.send(True)
    time.sleep(60)


def insist(ready):
    """Does not end when it is told to."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready.send(True)
    time.sleep(60)
