"""Random architectures, their scores and renumberings that many tests share; which tests are slow."""

import multiprocessing
import os
import signal
import sys
import warnings
from collections import Counter, defaultdict
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from egraph import Architecture, operations, spaces
from egraph.canonical import canonical_form, simplify
from egraph.operations import Operation

sys.path.insert(0, str(Path(__file__).with_name("helpers")))

# Each run draws other examples; a busy machine is slow.
settings.register_profile("egraph", max_examples=40, deadline=None)
settings.load_profile("egraph")

OPS = ("t-conv1", "t-conv3", "t-pool", "t-none", "t-skip", "t-half")
for _operation in (
    Operation("t-conv1", "conv", kernel=1),
    Operation("t-conv3", "conv", kernel=3),
    Operation("t-pool", "avg-pool", kernel=3, shareable=True),
    Operation("t-none", "zero"),
    Operation("t-skip", "identity"),
    Operation("t-half", "separable-conv", kernel=5, stride=2, groups=0),
):
    operations.register(_operation)


@pytest.fixture(autouse=True)
def _spaces_of_the_test_alone(monkeypatch):
    """What a test names or registers is known to that test only."""
    monkeypatch.setattr(spaces._registry.registry, "_things", dict(spaces._registry.registry._things))


def make_architecture(rng: np.random.Generator, num_vertices: int | None = None, ops=OPS) -> Architecture:
    """A random graph; with probability a half of each edge, so that dead parts occur."""
    n = int(rng.integers(2, 9)) if num_vertices is None else num_vertices
    edges = [(i, j) for i in range(n) for j in range(i + 1, n) if rng.random() < 0.5]
    return Architecture(["input", *rng.choice(ops, n - 2).tolist(), "output"], edges)


def renumber(architecture: Architecture, rng: np.random.Generator) -> Architecture:
    """The same graph with its interior vertices in another order, topological or not."""
    n = architecture.num_vertices
    place = [0, *(1 + rng.permutation(n - 2)).tolist(), n - 1]
    ops = [""] * n
    for vertex, op in enumerate(architecture.ops):
        ops[place[vertex]] = op
    return Architecture(ops, [(place[i], place[j]) for i, j in architecture.edges])


@pytest.fixture(scope="session", name="make_architecture")
def _make_architecture():
    return make_architecture


@pytest.fixture(scope="session", name="renumber")
def _renumber():
    return renumber


def toy_score(architecture: Architecture) -> float:
    """What the rankers of the tests learn: convolutions help, most of all one after the other."""
    ops, counts = simplify(architecture)
    weight = {"t-conv3": 1.0, "t-conv1": 0.6, "t-pool": -0.2, "t-half": 0.3}
    deepest = [0.0] * len(ops)
    for j in range(1, len(ops)):
        before = [deepest[i] for i in range(j) if counts[i, j]]
        deepest[j] = weight.get(ops[j], 0.0) + max(before, default=0.0)
    return deepest[-1] + 0.05 * float(counts.sum())


def make_toy_data() -> tuple[list[Architecture], np.ndarray]:
    """160 architectures and their scores."""
    rng = np.random.default_rng(0)
    graphs = [make_architecture(rng, 7) for _ in range(160)]
    return graphs, np.array([toy_score(a) for a in graphs])


@pytest.fixture(scope="session")
def toy_data() -> tuple[list[Architecture], np.ndarray]:
    """160 architectures and their scores."""
    return make_toy_data()


@pytest.fixture(scope="session", name="distinct")
def _distinct():
    """Gives as many architectures as asked for that are different computations, and their scores."""

    def choose(graphs, scores, count):
        first = {canonical_form(simplify(a)): row for row, a in reversed(list(enumerate(graphs)))}
        rows = sorted(first.values())[:count]
        assert len(rows) == count
        return [graphs[row] for row in rows], scores[rows]

    return choose


def _unfold(architecture: Architecture, rounds: int) -> list[list]:
    """For each round what each vertex computes in its last steps, written out as nested tuples."""
    ops, counts = simplify(architecture)
    levels = [list(ops)]
    for _ in range(rounds):
        before = levels[-1]
        read = [Counter({i: int(n) for i, n in enumerate(column) if n}) for column in counts.T]
        levels.append(
            [(before[v], tuple(sorted(repr(before[i]) for i in read[v].elements()))) for v in range(len(ops))]
        )
    return levels


def _count_shared(a: Architecture, b: Architecture, rounds: int) -> int:
    """Pairs of vertices that compute the same, over all rounds."""
    return sum(
        x == y
        for of_a, of_b in zip(_unfold(a, rounds), _unfold(b, rounds), strict=True)
        for x, y in product(of_a, of_b)
    )


def compute_slow_kernel(some, others, rounds) -> np.ndarray:
    """The normalised Weisfeiler-Lehman kernel, from pairs of vertices that compute the same."""

    def shared(a, b):
        return _count_shared(a, b, rounds)

    return np.array([[shared(a, b) / np.sqrt(shared(a, a) * shared(b, b)) for b in others] for a in some])


@pytest.fixture(scope="session", name="slow_kernel")
def _slow_kernel():
    return compute_slow_kernel


def call_forked(function):
    """The result of a function without arguments in a copy of this process."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=lambda: theirs.send(function()))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)  # newer Pythons advise against it
        process.start()
    try:
        assert ours.poll(60), "the forked process waits forever"
        return ours.recv()
    finally:
        process.kill()
        process.join()


@pytest.fixture(scope="session", name="call_forked")
def _call_forked():
    return call_forked


@pytest.fixture
def copied_workers(monkeypatch):
    """Worker processes start fast; for slow tests of what workers do, not of how they start."""
    import copied

    monkeypatch.setattr(multiprocessing, "get_context", copied.get_context)


@pytest.fixture
def quick_rankers(monkeypatch):
    """Rankers are small and train for a few epochs unless they are told otherwise.

    For tests of what is done with a ranker, whatever it has learned.
    """
    from egraph import Ranker

    for name, value in {"members": 2, "epochs": 4, "folds": 2, "width": 16}.items():
        monkeypatch.setitem(Ranker.__init__.__kwdefaults__, name, value)


@pytest.fixture(scope="session")
def few_compared():
    """The number of architectures on which exported rankers are compared: few, as that takes long."""
    batches = (1, 2, 30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("egraph.export._saving._BATCHES", batches)
        yield sum(batches)


@pytest.fixture
def own_tables():
    """What a test registers as parts of rankers is forgotten behind it."""
    from egraph.export import ONNX_AGGREGATORS, ONNX_READOUTS
    from egraph.ranker import AGGREGATORS, HEADS, READOUTS
    from egraph.spaces import graphsage

    registries = (AGGREGATORS, READOUTS, HEADS, ONNX_AGGREGATORS, ONNX_READOUTS, operations.registry)
    tables = [registry._things for registry in registries]
    tables += [graphsage.AGGREGATORS, *graphsage.HYPERPARAMETERS.values()]
    before = [dict(table) for table in tables]
    yield
    for table, entries in zip(tables, before, strict=True):
        table.clear()
        table.update(entries)


SLOW = Path(__file__).with_name("slow.txt")
FAST_SECONDS = 80
"""Seconds that the tests which are not slow take together, on one core."""

TRACED_CASES = 3
"""Number of cases of a fast test whose lines count for the coverage."""

TRACED = "COVERAGE_PROCESS_CONFIG"
"""Variable that has the processes traced which a traced process starts."""

_seconds: dict[str, float] = defaultdict(float)


def pytest_addoption(parser):
    text = f"write {SLOW.name}: the longest tests, without which the others take {FAST_SECONDS} s"
    parser.addoption("--record-slow", action="store_true", help=text)


def pytest_configure():
    """Lets Ctrl-C end what tests start: the background of a shell ignores it, and passes that on."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Marks the tests that ``slow.txt`` names; tests that it does not know are fast.

    The coverage is that of the fast tests, of the first cases of each. Up to Python 3.11, all code takes four
    times as long while a function traces, that of libraries too; without branches, or if it traces nothing,
    it is the same.
    """
    slow = set(SLOW.read_text(encoding="utf-8").splitlines())
    cases = Counter()
    for item in items:
        name = item.nodeid.partition("[")[0]
        if name in slow:
            item.add_marker(pytest.mark.slow)
        cases[name] += 1
        if name in slow or cases[name] > TRACED_CASES:
            item.add_marker(pytest.mark.no_cover)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes():
    """Workers are not traced as processes that this one starts: pytest-cov traces them."""
    os.environ.pop(TRACED, None)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session):
    """Ends the first of the two traces that pytest-cov starts in a worker.

    It would be forgotten, and go on whenever the second pauses, that is in all slow tests.
    """
    plugin = session.config.pluginmanager.getplugin("_cov")
    if hasattr(session.config, "workerinput") and plugin is not None and plugin.cov_controller is not None:
        plugin.cov_controller.cov.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Processes that slow tests and their fixtures start, of whatever scope, are not traced."""
    with pytest.MonkeyPatch.context() as patch:
        if item.get_closest_marker("no_cover"):
            patch.delenv(TRACED, raising=False)
        return (yield)


def pytest_runtest_logreport(report):
    _seconds[report.nodeid.partition("[")[0]] += report.duration


def pytest_sessionfinish(session):
    if session.config.getoption("record_slow") and not hasattr(session.config, "workerinput"):
        SLOW.write_text("".join(f"{name}\n" for name in choose_slow(_seconds)), encoding="utf-8")


def choose_slow(seconds, budget=FAST_SECONDS):
    """The names to leave out, longest first, so that the rest fits the budget; sorted by name."""
    total, slow = sum(seconds.values()), []
    for name in sorted(seconds, key=seconds.__getitem__, reverse=True):
        if total <= budget:
            break
        total -= seconds[name]
        slow.append(name)
    return sorted(slow)
