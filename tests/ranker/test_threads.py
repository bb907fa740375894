import threading
from itertools import count, islice

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from egraph.baselines import predictors
from egraph.ranker.threads import in_threads
from egraph.threads import threads_limited


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("items", [0, 1, 2, 3, 20])
def test_results_are_in_order(threads, items):
    assert list(in_threads(lambda x: x * x, range(items))) == [x * x for x in range(items)]


def test_each_worker_has_its_share_of_the_threads(threads):
    together = threading.Barrier(threads, timeout=10)

    def work(_):
        together.wait()
        return threading.get_ident(), torch.get_num_threads()

    found = set(in_threads(work, range(threads)))
    assert len(found) == threads
    assert {number for _, number in found} == {1}


def test_the_number_of_threads_is_afterwards_what_it_was(threads):
    list(in_threads(lambda x: torch.ones(9).sum(), range(9)))
    later = []
    started = threading.Thread(target=lambda: later.append((torch.ones(9).sum(), torch.get_num_threads())))
    started.start()
    started.join()
    assert torch.get_num_threads() == later[0][1] == threads


def test_a_single_item_stays_in_the_calling_thread(threads):
    assert list(in_threads(lambda _: threading.get_ident(), [0])) == [threading.get_ident()]


def test_items_are_read_by_the_calling_thread_and_not_far_ahead(threads):
    read = []

    def items():
        for number in count():
            read.append(threading.get_ident())
            yield number

    results = in_threads(lambda x: x, items())
    assert list(islice(results, 10)) == list(range(10))
    results.close()
    assert set(read) == {threading.get_ident()}
    assert len(read) <= 10 + threads


def test_an_error_of_the_work_arrives(threads):
    with pytest.raises(ZeroDivisionError, match="division"):
        list(in_threads(lambda x: 1 / x, [2, 1, 0, 1, 2]))
    assert torch.get_num_threads() == threads
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ranker")]


def test_rankers_predict_the_same_with_any_number_of_threads(fitted, toy_data, threads, monkeypatch):
    monkeypatch.setattr("egraph.encoding.series.CHUNK", 25)
    in_parts = fitted.predict(toy_data[0])
    monkeypatch.undo()
    torch.set_num_threads(1)
    np.testing.assert_allclose(in_parts, fitted.predict(toy_data[0]), rtol=1e-5, atol=1e-5)
    encoding = fitted.encode(toy_data[0])
    np.testing.assert_array_equal(fitted.predict(encoding), fitted.predict(toy_data[0]))


@pytest.mark.parametrize("name", ["egraph", "boosting"])
def test_a_ranker_scores_and_learns_in_a_forked_process_too(name, toy_data, call_forked):
    """OpenMP has threads in this process, for which a copy of it would wait forever."""
    graphs, scores = toy_data
    few = {"members": 2, "width": 8, "epochs": 2, "folds": 0} if name == "egraph" else {}
    with threadpool_limits(2), threads_limited(2):
        ranker = predictors.get(name)(**few).fit(graphs[:40], scores[:40])
        expected = ranker.predict(graphs)
        before, after = call_forked(
            lambda: (ranker.predict(graphs), ranker.fit(graphs[:40], scores[:40]).predict(graphs))
        )
    assert before == pytest.approx(expected, abs=1e-5)
    assert after == pytest.approx(expected, abs=1e-5)


def test_a_forked_process_has_one_thread_whatever_is_asked_for(call_forked):
    def count_threads():
        before = torch.get_num_threads()
        with threads_limited(3):
            return before, torch.get_num_threads()

    assert call_forked(count_threads) == (1, 1)
