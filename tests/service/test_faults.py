"""Whatever comes, the service gives the right status, goes on, and holds little memory.

At full size: ``benchmarks/serving_faults.py``.
"""

import os
import shutil
import threading

import pytest
from breaking import Served, bad_requests, faults, hammer
from sklearn.base import clone

import egraph

BODY = faults.score_body(4)
REQUEST = hammer.request("/v1/score", {"architectures": [bad_requests.GRAPH]})


@pytest.fixture(scope="module")
def rankers(file, ranker, cells, tmp_path_factory):
    """Two that differ."""
    other = tmp_path_factory.mktemp("other") / "r.onnx"
    clone(ranker).fit(cells, range(len(cells))).to_onnx(other)
    return file, other


@pytest.fixture(scope="module")
def served(rankers, tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "log"
    with Served(rankers[0], log, limits={"header_seconds": 1.5, "body_seconds": 1.5}) as running:
        yield running
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def pair(rankers, tmp_path_factory):
    """A service of two workers, the file that it serves, and the other ranker's."""
    folder = tmp_path_factory.mktemp("pair")
    shutil.copy(rankers[0], folder / "r.onnx")
    with Served(folder / "r.onnx", folder / "log", workers=2) as running:
        yield running, folder / "r.onnx", rankers[1]


@pytest.mark.parametrize("bad", bad_requests.bad_requests(10**6, 10**5), ids=lambda bad: bad.name)
def test_a_bad_request_gets_its_status_and_names_the_field(served, bad):
    status, problem = faults.send_bad(served, bad)
    assert (status, problem["status"]) == (bad.status, bad.status), problem
    assert problem.get("errors", [{}])[0].get("pointer") == bad.pointer, problem


@pytest.mark.parametrize(
    ("name", "words"), bad_requests.raw_requests().items(), ids=lambda value: str(value)[:30]
)
def test_what_is_no_http_gets_its_status(served, name, words):
    assert faults.say(served, words[0]).startswith(b"HTTP/1.1 %d " % words[1]), name


@pytest.mark.parametrize(
    "start", [b"GET /healthz HTTP/1.1\r\nX: ", REQUEST[:-20], b""], ids=["head", "body", "idle"]
)
def test_connections_that_dawdle_are_closed_and_hinder_nobody(served, start):
    crowd = faults.drip(served, 40, start, BODY, patience=8)
    assert crowd.closed == 40
    assert crowd.statuses in ({408: 40}, {})
    assert set(crowd.others) == {200}
    assert crowd.slowest < 2


def test_many_connections_are_all_answered(served):
    assert faults.gather(served, 300, REQUEST, BODY).statuses == {200: 300}


def test_clients_that_go_away_do_no_harm(served):
    assert faults.leave(served, 50, REQUEST, BODY).others == {200: 1}


def test_memory_stays_within_bounds(served):
    large = next(bad for bad in bad_requests.bad_requests(10**6, 10) if bad.name == "too many vertices")
    faults.send_bad(served, large)
    before = served.memory()
    for _ in range(4):
        faults.send_bad(served, large)
        faults.gather(served, 100, REQUEST, BODY)
    assert served.memory() - before < 50  # MiB


def test_a_worker_that_is_killed_is_replaced_and_costs_its_own_requests_at_most(pair):
    served, _, _ = pair
    fitness = egraph.fitness(served.url, space="nasbench201")
    scores, ended = [], threading.Event()

    def ask():
        while not ended.is_set():
            scores.append(fitness(["|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|"])[0])

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        with faults.hammering(served, REQUEST, connections=8, seconds=2.5) as seen:
            assert faults.kill_worker(served) < 20
    finally:
        ended.set()
        asking.join()
    assert len(served.workers()) == 2
    assert set(seen["statuses"]) == {"200"}
    assert sum(seen["errors"].values()) <= 16  # each connection's request, and one that queued behind it
    assert len(scores) > 10  # a client that asks again has not noticed
    assert len(set(scores)) == 1


def test_another_ranker_takes_the_place_of_the_first_without_a_lost_request(pair):
    served, path, other = pair
    before = served.ask("GET", "/v1/model")[1]["version"]
    with faults.hammering(served, REQUEST, connections=8, seconds=2.5) as seen:
        shutil.copy(other, path.with_name("new"))
        os.replace(path.with_name("new"), path)
        assert faults.reload(served, before) < 10
    assert set(seen["statuses"]) == {"200"}
    assert not seen["errors"]


def test_a_service_that_is_told_to_end_answers_what_it_has_begun(rankers, tmp_path):
    with (
        Served(rankers[0], tmp_path / "log") as served,
        faults.hammering(served, REQUEST, connections=8, seconds=1) as seen,
    ):
        code, seconds = faults.end(served)
    assert code == 0
    assert seconds < 10
    assert set(seen["statuses"]) == {"200"}
    assert set(seen["errors"]) <= {"refused", "not accepted"}
