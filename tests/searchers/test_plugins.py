"""A searcher of an installed package is used like those of egraph."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CODE = '''
from egraph.searchers import RandomSearch, Searcher


class Backwards(Searcher):
    """Mutates the worst."""

    name = "backwards"

    def __init__(self, space, *, seed=0, distinct=True):
        super().__init__(space, seed=seed, distinct=distinct)
        self._worst = None

    def _propose(self):
        child = self._mutate_to_new(self._worst[0]) if self._worst else None
        return child or self._sample_new()

    def _learn(self, architectures, scores):
        for told in zip(architectures, scores.tolist()):
            if told[1] < (self._worst[1] if self._worst else float("inf")):
                self._worst = told

    def _state(self):
        return {"worst": self._worst and [self._worst[0].to_dict(), self._worst[1]]}

    def _load(self, state):
        from egraph import Architecture

        worst = state["worst"]
        self._worst = worst and (Architecture.from_dict(worst[0]), worst[1])


class Misnamed(RandomSearch):
    name = "another"
'''
ENTRIES = """[egraph.searchers]
backwards = guest:Backwards
broken = guest.absent:Broken
misnamed = guest:Misnamed
number = guest:__name__
random = guest:Backwards
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Runs code where the package is installed; gives back what it printed and what it complained of."""
    site = tmp_path_factory.mktemp("site")
    (site / "guest.py").write_text(CODE)
    info = site / "egraph_guest-0.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: egraph-guest\nVersion: 0.3\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(site)])}

    def run(*arguments, code=0):
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=site,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done

    return run


def test_it_is_registered_and_conforms(python):
    done = python(
        "-c",
        "from egraph import searchers\n"
        "from egraph.searchers import testing\n"
        "print(searchers.names()[-4:])\n"
        "for check in testing.CHECKS:\n"
        "    check(searchers.get('backwards'))\n"
        "print(searchers.get('random').__module__)\n"
        "for name in ('broken', 'misnamed', 'number'):\n"
        "    try:\n"
        "        searchers.get(name)\n"
        "    except Exception as error:\n"
        "        print(error)\n",
    )
    names, module, broken, misnamed, number = done.stdout.splitlines()
    assert names == "['backwards', 'broken', 'misnamed', 'number']"
    assert module == "egraph.searchers._random"
    assert "'random' of the package 'egraph-guest' is left out: 'egraph' has one of that name" in done.stderr
    assert broken.startswith(
        "the searcher 'broken' of the package 'egraph-guest' cannot be loaded: ModuleNot"
    )
    assert misnamed.endswith("is not valid: its class is named 'another'; both names must be the same")
    assert number.endswith("is not valid: expected a subclass of egraph.searchers.Searcher, got 'guest'")


def test_the_command_line_knows_it(python, tmp_path):
    from egraph import datasets, spaces

    space = spaces.get("nasbench_macro")
    networks = list(space)[::200]
    table = datasets.Table(
        space, networks, {"size": [len(str(a.ops)) for a in networks]}, {"size": datasets.Metric()}
    )
    table.save(tmp_path / "t.parquet")
    data = ("--data", tmp_path / "t.parquet", "--trials", 2, "--storage", tmp_path / "s.db")
    python("-m", "egraph", "search", *data, "--searcher", "backwards", "--no-baseline")
    failed = python("-m", "egraph", "search", *data, "--searcher", "broken", code=1)
    last = failed.stderr.splitlines()[-1]
    assert last.startswith("egraph: the searcher 'broken' of the package 'egraph-guest' cannot be loaded")


def test_the_arena_takes_it_with_all_others_and_skips_what_is_broken(python):
    done = python(
        "-c",
        "from egraph.cli._searchers import _read\n"
        "wanted = _read(('all',), (), None)\n"
        "print('backwards' in [each.searcher for each in wanted.contestants])\n"
        "print([each.searcher for each, reason in wanted.skipped])\n",
    )
    assert done.stdout.splitlines() == ["True", "['broken', 'misnamed', 'number']"]
