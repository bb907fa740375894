import pickle

import pytest

from egraph import errors


@pytest.mark.parametrize(
    "error",
    [
        errors.UnknownNameError("space", "nasbnch", ["nasbench101", "convnet"]),
        errors.MissingExtraError("xgboost", "boost"),
        errors.EvaluationError("loss is nan in epoch 3"),
    ],
)
def test_errors_come_back_from_a_worker_process_unchanged(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)


def test_an_unknown_name_is_answered_with_the_names_that_exist_and_the_nearest():
    error = errors.UnknownNameError("space", "convnt", ["nasbench101", "convnet"])
    assert str(error) == "unknown space 'convnt'; known: convnet, nasbench101. Did you mean 'convnet'?"


def test_a_missing_extra_is_answered_with_the_line_to_type():
    assert "pip install 'egraph[boost]'" in str(errors.MissingExtraError("xgboost", "boost"))


def test_wrong_use_and_failure_have_different_exit_codes():
    codes = {cls: cls.exit_code for cls in (errors.UsageError, errors.ArchitectureError, errors.DataError)}
    assert codes == {errors.UsageError: 2, errors.ArchitectureError: 2, errors.DataError: 1}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, "two", None], "[1, 'two', None]"),
        ("x" * 100, "'" + "x" * 76 + "..."),
        (range(10**9), "range(0, 1000000000)"),
        (10**5000, "<a number of 16610 bits>"),
        ("a\nb", r"'a\nb'"),
        (type("Odd", (), {"__repr__": lambda _: "two\nlines"})(), "two lines"),
    ],
    ids=["list", "long", "range", "huge", "line", "lines"],
)
def test_what_came_is_shown_on_one_line(value, text):
    assert errors.shorten(value) == text


def test_what_came_is_shown_however_large_or_deep_it_is():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert errors.shorten(deep).startswith("[[[[")
    assert errors.shorten([0] * 10**6) == "[" + "0, " * 25 + "0..."
    assert len(errors.shorten({"key": [deep] * 10**6}, 20)) == 20


def test_the_text_of_an_error_is_one_line_whatever_it_quotes():
    assert str(errors.DataError("no column a\nb\r\nc\u2028d")) == "no column a b c d"
    assert "archit ecture" in str(errors.UnknownNameError("column", "a", ["archit\necture"]))


def test_the_text_of_an_error_ends_with_the_way_out_however_much_it_quotes():
    text = str(errors.UsageError(f"got {'x' * 100_000}; give a number"))
    assert len(text) < 2000
    assert text.startswith("got xxx")
    assert text.endswith("xxx; give a number")


def test_a_huge_number_is_near_to_no_name():
    assert errors.suggest(10**5000, ["a", "b"]) == ""
