import functools
import math
import pickle

import numpy as np
import pytest
import torch

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, EvaluationError, UsageError
from egraph.evaluation import Evaluation, Evaluator, as_evaluator

A = Architecture(["input", "op", "output"], [(0, 1), (1, 2)])


def many(architectures):
    return [float(len(a.ops)) for a in architectures]


def one(architecture):
    return float(len(architecture.ops))


class Counting:
    """A callable object that remembers what it was called with."""

    def __init__(self, function):
        self.function, self.calls = function, []

    def __call__(self, argument):
        self.calls.append(type(argument))
        return self.function(argument)


def test_an_evaluator_stays_what_it_is():
    class Constant(Evaluator):
        def evaluate(self, architecture, *, seed=0):
            return Evaluation(1)

        def describe(self):
            return {}

    evaluator = Constant()
    assert as_evaluator(evaluator) is evaluator


@pytest.mark.parametrize("function", [many, one, functools.partial(many), Counting(one)])
def test_functions_of_many_and_of_one_give_the_same(function):
    result = as_evaluator(function).evaluate(A)
    assert result.score == 3
    assert result.seconds >= 0
    assert math.isnan(result.test_score)


def seeded_one(architecture, seed):
    return len(architecture.ops) + seed


def seeded_many(architectures, *, seed=0):
    return [len(a.ops) + seed for a in architectures]


class Seeded:
    def __call__(self, architecture, seed=None):
        return len(architecture.ops) + seed


@pytest.mark.parametrize("function", [seeded_one, seeded_many, Seeded(), functools.partial(seeded_many)])
def test_a_parameter_with_the_name_seed_gets_the_seed(function):
    evaluator = as_evaluator(function)
    assert evaluator.takes_seed
    assert [evaluator.evaluate(A, seed=seed).score for seed in (7, 8)] == [10, 11]


def keywords(architecture, **options):
    return len(architecture.ops) + len(options)


@pytest.mark.parametrize("function", [many, one, keywords, Counting(one), max])
def test_other_functions_take_no_seed(function):
    assert not as_evaluator(function).takes_seed


def test_a_fitness_is_called_with_a_list_each_time():
    function = Counting(many)
    as_evaluator(function)([A, A])
    assert function.calls == [list, list]


def test_a_function_of_one_is_tried_with_a_list_only_once():
    function = Counting(one)
    as_evaluator(function)([A, A, A])
    assert function.calls == [list, Architecture, Architecture, Architecture]


@pytest.mark.parametrize("error", [TypeError, AttributeError, KeyError, IndexError, ArchitectureError])
def test_a_list_may_be_refused_with_any_of_the_usual_errors(error):
    def function(architecture):
        if isinstance(architecture, list):
            raise error("no list, please")
        return 0.5

    assert as_evaluator(function).evaluate(A).score == 0.5


def test_a_number_for_a_list_means_a_function_of_one():
    function = Counting(lambda anything: 0.25)
    assert as_evaluator(function)([A, A]).tolist() == [0.25, 0.25]
    assert function.calls == [list, Architecture, Architecture]


@pytest.mark.parametrize("scores", [[2], (2.0,), np.array([2.0]), torch.tensor([2.0]), [np.float32(2)]])
def test_scores_may_be_any_sequence_of_numbers(scores):
    assert as_evaluator(lambda architectures: scores).evaluate(A).score == 2


def test_an_evaluation_keeps_what_it_says():
    given = Evaluation(0.5, test_score=0.4, seconds=7, params=3, flops=2, source="by hand")
    assert as_evaluator(lambda architecture: given).evaluate(A) == given
    assert as_evaluator(lambda architectures: [given for _ in architectures]).evaluate(A) == given


def test_a_missing_cost_is_measured():
    assert as_evaluator(lambda a: Evaluation(0.5)).evaluate(A).seconds >= 0


def test_which_way_worked_travels_with_a_pickle():
    evaluator = as_evaluator(one)
    evaluator.evaluate(A)
    again = pickle.loads(pickle.dumps(evaluator))
    assert again.takes_many is False
    assert again.evaluate(A).score == 3


def test_description_is_module_and_name():
    described = as_evaluator(one).describe()
    assert (described["kind"], described["function"]) == ("function", f"{__name__}.one")
    assert as_evaluator(Counting(one)).describe()["function"].endswith(".Counting")


class TestFailures:
    def test_what_cannot_be_called_is_refused(self):
        with pytest.raises(
            UsageError, match="must be an Evaluator or a function of architectures; got float"
        ):
            as_evaluator(0.5)

    @pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
    def test_scores_that_are_not_finite(self, score):
        with pytest.raises(EvaluationError, match=f"returned the score {score}"):
            as_evaluator(lambda architectures: [score]).evaluate(A)

    @pytest.mark.parametrize("result", [None, "good", {"score": 1}, 1j])
    def test_what_is_no_number(self, result):
        with pytest.raises(EvaluationError, match="must return numbers or Evaluations; got"):
            as_evaluator(lambda architectures: [result]).evaluate(A)

    def test_an_exception_is_told_in_one_line(self):
        def crash(architectures):
            raise RuntimeError("the disk\nis on fire")

        with pytest.raises(EvaluationError, match=r"crash failed: RuntimeError: the disk is on fire$"):
            as_evaluator(crash).evaluate(A)

    def test_where_both_ways_fail_both_are_told(self):
        def broken(argument):
            raise KeyError("accuracy") if isinstance(argument, list) else TypeError("no len()")

        expected = (
            r"broken failed with a list of architectures: KeyError: 'accuracy', "
            r"and with one architecture: TypeError: no len\(\)"
        )
        with pytest.raises(EvaluationError, match=expected):
            as_evaluator(broken).evaluate(A)

    def test_the_way_stays_open_until_one_works(self):
        answers = iter([RuntimeError("busy"), [0.5]])

        def flaky(architectures):
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

        evaluator = as_evaluator(flaky)
        with pytest.raises(EvaluationError, match="busy"):
            evaluator.evaluate(A)
        assert evaluator.evaluate(A).score == 0.5

    def test_later_failures_of_a_function_of_one(self):
        results = iter([0.5, ValueError("diverged")])

        def function(architecture):
            architecture.ops  # noqa: B018
            result = next(results)
            if isinstance(result, Exception):
                raise result
            return result

        evaluator = as_evaluator(function)
        assert evaluator.evaluate(A).score == 0.5
        with pytest.raises(EvaluationError, match=r"function failed: ValueError: diverged"):
            evaluator.evaluate(A)

    def test_an_evaluation_error_of_the_function_passes(self):
        def function(architectures):
            raise EvaluationError("too large for this machine")

        with pytest.raises(EvaluationError, match=r"^too large for this machine$"):
            as_evaluator(function).evaluate(A)

    def test_too_many_scores_later(self):
        answers = iter([[1.0], [1.0, 2.0]])
        evaluator = as_evaluator(lambda architectures: next(answers))
        evaluator.evaluate(A)
        with pytest.raises(EvaluationError, match="expected 1 score for 1 architecture, got 2 scores"):
            evaluator.evaluate(A)
