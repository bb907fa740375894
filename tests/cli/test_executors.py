"""``--executor`` and ``--address``, and ``egraph work``."""

import json
import re

import pytest

SEARCH = ("search", "--metric", "accuracy", "--trials", "6", "--no-baseline", "--json")


def test_a_search_finds_the_same_with_an_engine_of_ones_own(egraph, table, own_engine):
    found = []
    for name in ("inline", own_engine):
        options = ("--storage", f"{len(found)}.db", "--workers", 1, "--executor", name)
        done = egraph(*SEARCH, "--data", table, *options)
        found.append(json.loads(done.stdout)["best"])
    assert found[0] == found[1]


@pytest.mark.parametrize(("options", "text"), [
    (["--executor", "rays"], r"unknown executor 'rays'; known: .* Did you mean 'ray'\?"),
    (["--executor", "inline", "--address", "a:1"], "--address is that of Ray's head; use it with --exec"),
    (["--executor", "inline", "--workers", "2"], "inline does one training at a time; leave --workers out"),
    (["--executor", "ray:cpus=1"], "'ray' has no option 'cpus'; known: address, cores, gpus, memory"),
    (["--executor", "own_engine:number"], "own_engine:number is no function that makes an executor; got 3"),
    (["--executor", "absent_engine:make"], "no module 'absent_engine' in the current folder or installed"),
])  # fmt: skip
def test_what_is_no_engine_is_refused_before_a_journal_is_made(
    egraph, table, tmp_path, own_engine, options, text
):
    done = egraph(*SEARCH, "--data", table, "--storage", "x.db", *options, code=2)
    assert re.search(text, done.stderr), done.stderr
    assert not (tmp_path / "x.db").exists()


@pytest.mark.parametrize("command", [
    ["work"], [*SEARCH, "--executor", "ray", "--storage", "x.db"],
])  # fmt: skip
def test_a_head_that_does_not_answer_is_told(egraph, table, command):
    pytest.importorskip("ray", reason="Ray is not installed")
    data = ["--data", table] if len(command) > 1 else []
    done = egraph(*command, *data, "--address", "127.0.0.1:9", code=1)
    assert "nothing answers at 127.0.0.1:9; start a head there: ray start --head" in done.stderr
