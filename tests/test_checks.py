import math
from collections import namedtuple
from fractions import Fraction

import numpy as np
import pytest

from egraph import checks
from egraph.errors import UsageError

WRONG = ["x", None, math.nan, True, [1], 1j]


@pytest.mark.parametrize("value", [*WRONG, 1.5, 1, -(10**30)])
def test_what_is_no_whole_number_from_the_least_on_is_refused(value):
    with pytest.raises(UsageError, match=r"^size must be a whole number of at least 2, got \S+$"):
        checks.check_whole(2, seen=2, size=value)


def test_a_whole_number_above_the_most_is_refused():
    checks.check_whole(1, 9, size=9)
    with pytest.raises(UsageError, match=r"^size must be at most 9, got 10$"):
        checks.check_whole(1, 9, size=10)


@pytest.mark.parametrize("value", [2, np.int64(3), 10**30])
def test_whole_numbers_of_any_type_pass(value):
    checks.check_whole(2, size=value)


@pytest.mark.parametrize(
    ("check", "inside", "outside", "text"),
    [
        (checks.check_probability, [0, 1.0, Fraction(1, 2)], [-0.1, 1.1, math.inf], "a probability"),
        (checks.check_fraction, [0.1, np.float32(0.9)], [0, 1, 1.5], "a number above 0 and below 1"),
        (checks.check_positive, [1, 1e-9, math.inf], [0, -1], "a number above 0"),
        (checks.check_not_negative, [0, 7, math.inf], [-1e-9], "a number of at least 0"),
    ],
)
def test_numbers_are_checked_by_their_range(check, inside, outside, text):
    for value in inside:
        check(rate=value)
    for value in [*outside, *WRONG, 10**400]:
        with pytest.raises(UsageError, match=f"^rate must be {text}, got "):
            check(rate=value)


def test_numbers_of_numpy_become_those_of_python():
    Pair = namedtuple("Pair", "a b")
    given = [np.int64(2), np.float32(0.5), np.bool_(True), np.arange(2), Fraction(1, 2), 1 << 70]
    plain = checks.to_plain({"all": given, np.int64(1): Pair(np.uint8(3), None), "text": np.str_("x")})
    assert repr(plain) == repr({"all": [2, 0.5, True, [0, 1], 0.5, 1 << 70], 1: Pair(3, None), "text": "x"})


def test_what_holds_no_number_of_numpy_stays_as_it_is():
    for value in ({"a": [1, (2.5, None)]}, (True, "x"), [object()], math.sin, None):
        assert checks.to_plain(value) is value


def test_a_flag_is_true_or_false():
    checks.check_flag(distinct=False, kept=np.bool_(True))
    for value in ("true", 1, None):
        with pytest.raises(UsageError, match=r"^distinct must be true or false, got "):
            checks.check_flag(distinct=value)


def test_a_seed_is_a_whole_number():
    for seed in (3, np.int64(3), np.array(3)):
        assert checks.make_generator(seed).random() == np.random.default_rng(3).random()
    for seed in (-1, 0.5, "3", math.nan, object()):
        with pytest.raises(UsageError, match=r"^seed must be a whole number of at least 0, got "):
            checks.make_generator(seed)
