"""Processes that are copies of one that has loaded PyTorch: each starts in .1 s instead of 3 s.

Like spawned processes they know nothing of the process that starts them. Their environment is that in which
the first of them was started.
"""

import multiprocessing
import os
import sys
import time

LOADED = [
    "torch",
    "torch._dynamo",
    "pandas",
    "scipy.stats",
    "sklearn.base",
    "egraph.study",
    "egraph.evaluation",
]

_get_context = multiprocessing.get_context


def get_context(method=None):
    """Copies where spawned processes are asked for."""
    if method != "spawn":
        return _get_context(method)
    context = _get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    return context


def get_forked(method=None):
    """Copies of this process itself, for a process that is a copy already or runs no threads."""
    return _get_context("fork")


def start(function, *arguments):
    """A process that calls the function; its worker processes are copies of itself."""
    process = get_context("spawn").Process(target=_call, args=(function, arguments))
    process.start()
    return process


def start_command(folder, *arguments):
    """A process that runs the command ``egraph`` in a folder and tells nothing."""
    return start(_run, str(folder), [str(argument) for argument in arguments])


def hold(path, pipe):
    """Holds a journal, for as long as nobody ends it."""
    from egraph.study import Journal

    with Journal(path):
        pipe.send(True)
        time.sleep(600)


def _run(folder, arguments):
    from egraph.cli.main import main

    os.chdir(folder)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, as long as the process
    main(arguments)


def _call(function, arguments):
    multiprocessing.get_context = get_forked
    function(*arguments)
