"""Prediction intervals inside the range of the metric."""

import numpy as np
import pytest

from egraph.units import clip_interval

LOW, HIGH = np.array([-3.0, 0.4, 99.0]), np.array([0.2, 1.7, 104.0])


@pytest.mark.parametrize(
    ("card", "low", "high"),
    [
        ({"metric": {"unit": "fraction"}}, [0, 0.4, 1], [0.2, 1, 1]),
        ({"metric": {"unit": "percent", "higher is better": True}}, [0, 0.4, 99], [0.2, 1.7, 100]),
        ({"metric": {"unit": "fraction", "higher is better": False}}, [-1, 0, 0], [0, 0, 0]),
        ({"metric": {"unit": "R2"}}, LOW, HIGH),
        ({"metric": "accuracy"}, LOW, HIGH),
        ({}, LOW, HIGH),
    ],
)
def test_ends_stay_inside_the_range_of_the_unit(card, low, high):
    found = clip_interval(card, LOW, HIGH)
    np.testing.assert_allclose(found[0], low)
    np.testing.assert_allclose(found[1], high)
