"""`egraph.fitness`, against a service that misbehaves on demand."""

import base64
import logging
import multiprocessing
import pickle
import socket
import sys
import threading
import time
import warnings

import numpy as np
import pytest
from breaking import Served
from pretended import pretend

import egraph
from egraph import Architecture
from egraph.errors import ArchitectureError, OutOfDistributionWarning, ServiceError, UsageError
from egraph.service import _connection as connection

SECRET = "a-token-that-nobody-shall-see"


@pytest.fixture
def service(monkeypatch):
    monkeypatch.delenv("EGRAPH_TOKEN", raising=False)
    monkeypatch.setattr(connection, "_FIRST", 0.001)
    with pretend() as server:
        yield server


def chain(length):
    """A path of so many vertices; the pretended model gives it 11 * length - 1."""
    ops = ["input", *["conv3x3-bn-relu"] * (length - 2), "output"]
    return Architecture(ops, [(i, i + 1) for i in range(length - 1)])


CHAINS = [chain(length) for length in range(2, 12)]
SCORES = [11.0 * length - 1 for length in range(2, 12)]


def posts(service):
    return [content for path, _, content in service.seen if content is not None]


def test_scores_come_in_the_order_of_the_architectures(service):
    scores = egraph.fitness(service.url)(CHAINS)
    assert scores.dtype == np.float64
    assert scores.tolist() == SCORES


def test_a_proxy_of_the_environment_is_used(service, monkeypatch):
    monkeypatch.setenv("http_proxy", service.url.replace("//", "//me:p%40ss@"))
    assert egraph.fitness("http://ranker.invalid:8000")(CHAINS).tolist() == SCORES
    path, headers, _ = service.seen[0]
    assert path == "http://ranker.invalid:8000/v1/model"
    assert {k.lower(): v for k, v in headers.items()}["proxy-authorization"] == "Basic " + base64.b64encode(
        b"me:p@ss"
    ).decode()


@pytest.mark.parametrize(("proxy", "none"), [("http://127.0.0.1:1", ""), ("socks5://127.0.0.1:1", "*")])
def test_addresses_of_this_machine_and_of_no_proxy_are_asked_directly(service, monkeypatch, proxy, none):
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv("no_proxy", none)
    assert egraph.fitness(service.url)(CHAINS).tolist() == SCORES


def test_a_proxy_of_another_kind_is_refused(monkeypatch):
    monkeypatch.setenv("http_proxy", "socks5://me:secret@127.0.0.1:1")
    told = r"http_proxy and https_proxy must be http://host:port or https://host:port, got '127\.0\.0\.1:1'"
    with pytest.raises(UsageError, match=told):
        egraph.fitness("http://ranker.invalid:8000")


def test_many_are_asked_for_in_batches_over_few_connections(service):
    fitness = egraph.fitness(service.url, batch=3)
    for _ in range(3):
        assert fitness(CHAINS).tolist() == SCORES
    assert sorted(len(content["architectures"]) for content in posts(service)) == [1] * 3 + [3] * 9
    assert service.connections <= 4


def test_no_architectures_need_no_request(service):
    fitness = egraph.fitness(service.url)
    assert fitness([]).shape == (0,)
    assert fitness.compare([], []).shape == (0, 3)
    assert not posts(service)


def test_batches_keep_to_what_the_service_takes(service):
    service.limits = {"architectures": 4, "body_bytes": 400}
    assert egraph.fitness(service.url, batch=100)(CHAINS).tolist() == SCORES
    bodies = [int(headers["Content-Length"]) for path, headers, content in service.seen if content]
    assert max(len(content["architectures"]) for content in posts(service)) == 4
    assert max(bodies) <= 400


def test_text_and_objects_go_as_they_are_with_their_space(service):
    graph = {"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"], "edges": []}
    assert egraph.fitness(service.url, space="nasbench201")(["|abc|", graph]).tolist() == [5.0, 20.0]
    assert posts(service) == [{"architectures": ["|abc|", graph], "space": "nasbench201", "level": 0}]


def test_disabled_edges_stay_at_home(service):
    graph = Architecture(["input", "output"], [(0, 1)])
    dormant = Architecture(["input", "conv1x1-bn-relu", "output"], [(0, 2)], [(0, 1)])
    assert egraph.fitness(service.url)([graph, dormant]).tolist() == [21.0, 31.0]
    assert set(posts(service)[0]["architectures"][1]) == {"ops", "edges"}


def test_compare_gives_worse_equal_and_better(service):
    found = egraph.fitness(service.url, batch=4).compare(CHAINS[:3], CHAINS[1::-1] + CHAINS[:1])
    assert found == pytest.approx(np.array([[0.9, 0.1, 0], [0.1, 0.1, 0.8], [0.1, 0.1, 0.8]]))
    assert [len(content["pairs"]) for content in posts(service)] == [2, 1]  # a pair is two architectures
    with pytest.raises(UsageError, match="a and b of equal length, got 3 and 2"):
        egraph.fitness(service.url).compare(CHAINS[:3], CHAINS[:2])


def test_the_model_is_told(service):
    fitness = egraph.fitness(service.url)
    assert fitness.model["space"] == "nasbench101"
    assert fitness.describe() == {
        "address": service.url, "name": "pretended", "version": "1", "space": "nasbench101"
    }  # fmt: skip


def test_null_is_nan(service):
    service.replies.append((200, {}, {"scores": [1.5, None], "unfamiliar": [None, None], "model": {}}))
    assert np.isnan(egraph.fitness(service.url)(CHAINS[:2])).tolist() == [False, True]


def test_predict_warns_of_what_the_model_does_not_know_and_a_call_does_not(service):
    strange = Architecture(["input", "warp", "output"], [(0, 1), (1, 2)])
    fitness = egraph.fitness(service.url)
    with pytest.warns(
        OutOfDistributionWarning, match="1 of the architectures .* the first: operation 'warp'"
    ):
        fitness.predict([chain(3), strange])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fitness([strange]).tolist() == [32.0]


# What passes


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_an_overloaded_service_is_asked_again(service, status):
    service.replies.extend([(status, {}, {"title": "later"})] * 2)
    assert egraph.fitness(service.url)(CHAINS).tolist() == SCORES
    assert len(posts(service)) == 3


def test_a_broken_connection_is_made_again(service):
    service.replies.extend([None, None])
    assert egraph.fitness(service.url)(CHAINS).tolist() == SCORES


def test_an_answer_that_is_cut_short_is_asked_for_again(service):
    service.replies.append((200, {"Content-Length": 1000, "Connection": "close"}, b'{"scores": ['))
    assert egraph.fitness(service.url, timeout=0.5)(CHAINS).tolist() == SCORES


def test_a_service_that_hangs_is_asked_again(service):
    service.replies.append(1.0)
    assert egraph.fitness(service.url, timeout=0.2)(CHAINS).tolist() == SCORES
    assert len(posts(service)) == 2


def test_waits_double_and_are_partly_random(monkeypatch):
    monkeypatch.setattr(connection, "_FIRST", 0.5)
    backoff, longest = connection._Backoff(9), []
    for _ in range(9):
        backoff = backoff.increment("GET", "/", error=None)
        drawn = [backoff.get_backoff_time() for _ in range(200)]
        assert len(set(drawn)) == 200
        assert min(drawn) >= max(drawn) / 2.1
        longest.append(max(drawn))
    assert longest == pytest.approx([0.5, 1, 2, 4, 8, 16, 32, 60, 60], rel=0.1)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [("1", 1.0, 1.2), ("999999", 60.0, 60.2), ("soon", 0.0, 0.1), ("0", 0.0, 0.1)],
)
def test_retry_after_is_heeded_within_reason(service, monkeypatch, header, least, most):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    service.replies.append((503, {"Retry-After": header}, {}))
    assert egraph.fitness(service.url)(CHAINS).tolist() == SCORES
    assert least <= sum(slept) <= most


# What does not pass


def test_all_scores_of_a_call_are_of_one_model(service):
    service.versions.extend(["1", "2"])  # of the first two batches; all that follow are of 1
    assert egraph.fitness(service.url, batch=5)(CHAINS).tolist() == SCORES
    assert len(posts(service)) == 4


def test_two_models_at_one_address_are_refused(service):
    service.versions.extend(["1", "2"] * 3)
    with pytest.raises(ServiceError, match=r"different models in each of 3 attempts \(1, 2\)"):
        egraph.fitness(service.url, batch=5)(CHAINS)


def test_an_overload_that_stays_is_told_with_its_reason(service):
    service.replies.extend([(503, {}, {"title": "Busy", "detail": "64 requests wait\n already"})] * 3)
    with pytest.raises(ServiceError, match="answered with status 503 3 times: 64 requests wait already"):
        egraph.fitness(service.url, retries=2)(CHAINS)


def test_an_error_of_the_service_is_not_repeated(service):
    service.replies.append((500, {}, {"title": "Internal error"}))
    with pytest.raises(ServiceError, match="answered with status 500: Internal error"):
        egraph.fitness(service.url)(CHAINS)
    assert len(posts(service)) == 1


def test_nobody_there(monkeypatch):
    monkeypatch.setattr(connection, "_FIRST", 0.001)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(
            ServiceError, match=rf"^cannot reach {url}: Connection refused \(3 attempts\); is"
        ):
            egraph.fitness(url, retries=2)


def test_a_host_that_does_not_exist():
    with pytest.raises(ServiceError, match=r"cannot reach http://nowhere\.invalid: .*; is `egraph serve`"):
        egraph.fitness("http://nowhere.invalid", retries=0)


def test_silence_is_told_with_the_time_waited(service):
    service.replies.append(0.5)
    with pytest.raises(ServiceError, match=r"no response within 0.1 s; increase timeout="):
        egraph.fitness(service.url, timeout=0.1, retries=0)(CHAINS)


def test_https_to_a_plain_service_fails_without_waiting(service):
    with pytest.raises(ServiceError, match=r"cannot reach .*SSL.*; https needs a certificate"):
        egraph.fitness(service.url.replace("http:", "https:"))
    assert service.connections == 1


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"<html>It works</html>", "/v1/score is not a JSON object"),
        (b"[" * 100_000, "/v1/score is not a JSON object"),
        ([1, 2], "/v1/score is not a JSON object"),
        ({}, r"values have shape \(\), expected \(10,\)"),
        ({"scores": [1.0]}, r"values have shape \(1,\), expected \(10,\)"),
        ({"scores": ["high"] * 10}, "not all values are numbers"),
        ({"scores": [{}] * 10}, "not all values are numbers"),
        ({"scores": 3, "unfamiliar": 3, "model": 3}, r"values have shape \(\), expected \(10,\)"),
    ],
)
def test_a_wrong_answer_is_refused(service, answer, text):
    service.replies.append((200, {}, answer))
    with pytest.raises(
        ServiceError, match=f"wrong response from .*: {text}; is it `egraph serve`, in a version"
    ):
        egraph.fitness(service.url)(CHAINS)


def test_a_wrong_answer_beside_the_scores_does_no_harm(service):
    service.replies.append((200, {}, {"scores": SCORES, "unfamiliar": 3, "model": 3}))
    assert egraph.fitness(service.url)(CHAINS).tolist() == SCORES


@pytest.mark.parametrize("answer", [{}, {"probabilities": 3}, {"probabilities": [{"worse": 1}]}])
def test_a_wrong_answer_to_a_comparison_is_refused(service, answer):
    service.replies.append((200, {}, answer))
    with pytest.raises(ServiceError, match="wrong response"):
        egraph.fitness(service.url).compare(CHAINS[:1], CHAINS[:1])


def test_something_else_at_the_address_is_told(service):
    service.limits = None
    with pytest.raises(ServiceError, match=r"wrong response from .*: /v1/model has no limits"):
        egraph.fitness(service.url)
    with pytest.raises(
        ServiceError, match=r"wrong response from .*/elsewhere: /v1/model is not a JSON object"
    ):
        egraph.fitness(service.url + "/elsewhere")


@pytest.mark.parametrize("status", [301, 404, 405])
def test_what_only_another_version_answers_is_told(service, status):
    service.replies.append((status, {"Location": "https://elsewhere.invalid/"}, b""))
    with pytest.raises(ServiceError, match=f"status {status} for /v1/score; is it `egraph serve`"):
        egraph.fitness(service.url)(CHAINS)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_architecture_is_named_by_its_place_among_all(service, status):
    problem = {
        "detail": "1 fault",
        "errors": [{"pointer": "/architectures/1/edges/0", "detail": "a \x1b cycle"}],
    }
    service.replies.append((status, {}, problem))
    with pytest.raises(ArchitectureError, match=r"^architecture [147] is invalid at edges/0: a cycle$"):
        egraph.fitness(service.url, batch=3)(CHAINS[:9])


def test_a_refused_pair_is_named_by_its_place(service):
    service.replies.append((422, {}, {"errors": [{"pointer": "/pairs/0/b", "detail": "no"}]}))
    with pytest.raises(ArchitectureError, match=r"^pair 0 is invalid at b: no$"):
        egraph.fitness(service.url).compare(CHAINS[:1], CHAINS[:1])


def test_a_refused_request_is_told_in_the_words_of_the_service(service):
    service.replies.append((422, {}, {"errors": [{"pointer": "/space", "detail": "unknown space 'x'"}]}))
    with pytest.raises(UsageError, match="the service rejects the request: /space: unknown space 'x'"):
        egraph.fitness(service.url, space="x")(CHAINS)
    service.replies.append((413, {}, {"title": "too large"}))
    with pytest.raises(UsageError, match="the service rejects the request: too large"):
        egraph.fitness(service.url)(CHAINS)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"url": "localhost:80"}, "must be http://host:port or https://host:port, got 'localhost:80'"),
        ({"url": "ftp://host"}, "got 'ftp://host'"),
        ({"url": "http://"}, "got 'http://'"),
        ({"url": "http://host:port"}, "got 'http://host:port'"),
        ({"url": "http://host?x=1"}, "got 'http://host"),
        ({"url": "http://me:secret@host"}, "^(?!.*secret).*without user or password"),
        ({"batch": 0}, "batch must be a whole number of at least 1, got 0"),
        ({"batch": True}, "batch must be a whole number of at least 1, got True"),
        ({"retries": -1}, "retries must be a whole number of at least 0, got -1"),
        ({"timeout": 0}, "timeout must be a positive number of seconds, got 0"),
        ({"timeout": "x"}, "timeout must be a positive number of seconds, got 'x'"),
        ({"token": "secret\nX-Other: 1"}, "^(?!.*secret).*a token must be one line of printable ASCII"),
        ({"token": "sécret"}, "^(?!.*cret).*a token must be one line of printable ASCII"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused(options, text):
    with pytest.raises(UsageError, match=text):
        egraph.fitness(**{"url": "http://127.0.0.1:9", **options})


def test_what_is_no_architecture_is_refused(service):
    with pytest.raises(
        ArchitectureError, match="expected an Architecture, a string or a JSON object, got object"
    ):
        egraph.fitness(service.url)([object()])


# The token


def test_the_token_is_sent_and_never_told(service, caplog, capsys):
    service.token = SECRET
    with caplog.at_level(logging.DEBUG):
        fitness = egraph.fitness(service.url, token=SECRET)
        assert fitness(CHAINS).tolist() == SCORES
        service.replies.append((500, {}, {"title": "broken"}))
        with pytest.raises(ServiceError) as error:
            fitness(CHAINS)
    told = (
        caplog.text
        + "".join(capsys.readouterr())
        + repr(fitness)
        + str(fitness.describe())
        + repr(error.value)
    )
    assert service.url in told
    assert SECRET not in told
    assert repr(fitness) == f"<ranker at {service.url}>"


def test_the_token_may_come_from_the_environment(service, monkeypatch):
    service.token = SECRET
    monkeypatch.setenv("EGRAPH_TOKEN", f"{SECRET}\n")
    assert egraph.fitness(service.url)(CHAINS).tolist() == SCORES


def test_a_missing_and_a_wrong_token_are_told_apart(service):
    service.token = SECRET
    with pytest.raises(ServiceError, match=r"requires a token; pass token=\.\.\. or set EGRAPH_TOKEN"):
        egraph.fitness(service.url)
    with pytest.raises(ServiceError, match=r"^(?!.*wrong-one).*rejects the token"):
        egraph.fitness(service.url, token="wrong-one")


# Threads and processes


def test_a_pickle_works_and_connects_when_it_is_used(service):
    service.token = SECRET
    fitness = egraph.fitness(service.url, token=SECRET, batch=4)
    asked = len(service.seen)
    copy = pickle.loads(pickle.dumps(fitness))
    assert len(service.seen) == asked
    assert copy(CHAINS).tolist() == SCORES


@pytest.mark.skipif(not hasattr(sys.modules["os"], "fork"), reason="needs fork")
def test_a_forked_process_opens_its_own_connection(service):
    fitness = egraph.fitness(service.url)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads, which here only serve
        child = multiprocessing.get_context("fork").Process(target=fitness, args=(CHAINS,))
        child.start()
    child.join(20)
    assert child.exitcode == 0
    assert service.connections == 2


def test_several_threads_may_ask_at_once(service):
    fitness, found = egraph.fitness(service.url, batch=2), []
    threads = [threading.Thread(target=lambda: found.append(fitness(CHAINS).tolist())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [SCORES] * 8
    assert service.connections <= 4


# With the service itself


@pytest.fixture(scope="module")
def real(file, tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "log"
    with Served(file, log, token=SECRET, limits={"architectures": 16}) as served:
        yield served


def test_the_service_and_a_ranker_in_this_process_agree(real, model, cells):
    fitness = egraph.fitness(real.url, SECRET)
    here, halves = model.ranker, (cells[:30], cells[30:])
    assert fitness(cells) == pytest.approx(here(cells), abs=1e-5)
    assert fitness.compare(*halves) == pytest.approx(here.compare(*halves), abs=1e-5)
    assert fitness.model["limits"]["architectures"] == 16
    space = egraph.spaces.get("nasbench201")
    assert fitness([space.format(cell) for cell in cells]) == pytest.approx(fitness(cells))


def test_the_service_names_what_it_refuses(real, cells):
    wrong = {"ops": ["input", "output"], "edges": [[0, 1], [1, 0]]}
    with pytest.raises(ArchitectureError, match="architecture 40 is invalid at edges: the graph has a cycle"):
        egraph.fitness(real.url, SECRET)([*cells[:40], wrong])
    with pytest.raises(UsageError, match="rejects the request: /space: unknown search space"):
        egraph.fitness(real.url, SECRET, space="nowhere")(cells)
    with pytest.raises(ServiceError, match="requires a token"):
        egraph.fitness(real.url)


def test_the_service_tells_what_is_strange_to_it(real):
    ops = ["input", "conv3x3-bn-relu", "output"]
    with pytest.warns(OutOfDistributionWarning, match="the first: operations missing from the training data"):
        egraph.fitness(real.url, SECRET).predict([Architecture(ops, [(0, 1), (1, 2)])])


def test_a_study_is_guided_by_the_service(real, monkeypatch):
    monkeypatch.setenv("EGRAPH_TOKEN", SECRET)
    fitness = egraph.fitness(real.url)
    study = egraph.Study("nasbench201", _count, ranker=fitness, candidates=64, batch=4, screen=False)
    study.run(trials=4)
    assert set(study.trials["origin"]) == {"top", "far"}
    chosen = [Architecture.from_json(text) for text in study.trials["architecture"]]
    assert study.trials["predicted"].to_numpy() == pytest.approx(fitness(chosen))
    assert study.journal.settings["settings"]["ranker"]["prior"]["address"] == real.url


def _count(architectures):
    return [float(architecture.ops.count("nor_conv_3x3")) for architecture in architectures]
