import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egraph.errors import UsageError
from egraph.training import Augmentation, Recipe
from egraph.training.recipe import CHOICES


def test_to_dict_round_trips_through_json():
    recipe = Recipe(epochs=3, optimizer="sgd", channels=8)
    assert Recipe(**json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_an_augmentation_may_be_a_name_a_value_or_a_mapping():
    assert Recipe(augment="flip-shift").augmentation == Augmentation(shift=0.125, flip=True)
    recipe = Recipe(augment={"zoom": 0.2, "flip": True})
    assert recipe == Recipe(augment=Augmentation(zoom=0.2, flip=True))
    assert recipe.augmentation.zoom == 0.2
    assert Recipe(**json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_an_unknown_field_of_an_augmentation_is_refused():
    with pytest.raises(UsageError, match="augment has no field 'rotate'; it has shift, flip, crop, zoom"):
        Recipe(augment={"rotate": 5})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"optimizer": "lion"}, "optimizer must be one of adam, adamw, sgd; got 'lion'"),
        ({"schedule": "step"}, "schedule must be one of one-cycle, cosine, constant; got 'step'"),
        ({"augment": "mixup"}, "augment must be one of none, shift, flip-shift; got 'mixup'"),
        ({"augment": 3}, "augment must be one of none, shift, flip-shift; got 3"),
        ({"momentum": 1}, "momentum must be a number of at least 0 and below 1; got 1"),
        ({"momentum": "0.9"}, "momentum must be a number of at least 0 and below 1; got '0.9'"),
        ({"nesterov": 1}, "nesterov must be True or False; got 1"),
        ({"epochs": 0}, "epochs must be a whole number of at least 1; got 0"),
        ({"epochs": 2.5}, "epochs must be a whole number of at least 1; got 2.5"),
        ({"batch_size": 1}, "batch_size must be a whole number of at least 2; got 1"),
        ({"channels": True}, "channels must be a whole number of at least 1; got True"),
        ({"learning_rate": 0}, "learning_rate must be a positive number; got 0"),
        ({"learning_rate": math.inf}, "learning_rate must be a positive number; got inf"),
        ({"weight_decay": -1}, "weight_decay must be a number of at least 0; got -1"),
        ({"weight_decay": "much"}, "weight_decay must be a number of at least 0; got 'much'"),
    ],
)
def test_a_field_out_of_range_is_named(fields, message):
    with pytest.raises(UsageError, match=message):
        Recipe(**fields)


def test_constant_schedule_stays():
    recipe = Recipe(schedule="constant", learning_rate=0.5)
    assert [recipe.rate_at(step, 3) for step in range(3)] == [0.5] * 3


def test_cosine_schedule_falls_from_the_peak():
    recipe = Recipe(schedule="cosine", learning_rate=2.0)
    assert [recipe.rate_at(step, 4) for step in range(4)] == pytest.approx(
        [2, 1 + math.sqrt(0.5), 1, 1 - math.sqrt(0.5)]
    )


def test_one_cycle_rises_for_a_quarter_and_falls():
    recipe = Recipe(schedule="one-cycle", learning_rate=1.0)
    assert [recipe.rate_at(step, 8) for step in range(8)] == pytest.approx(
        [0.1, 0.55, *((1 + math.cos(math.pi * k / 6)) / 2 for k in range(6))]
    )


@given(
    schedule=st.sampled_from(["one-cycle", "cosine", "constant"]),
    steps=st.integers(1, 200),
    rate=st.floats(1e-6, 10),
)
def test_rates_are_positive_and_reach_the_peak_at_most(schedule, steps, rate):
    recipe = Recipe(schedule=schedule, learning_rate=rate)
    rates = [recipe.rate_at(step, steps) for step in range(steps)]
    assert 0 < min(rates) <= max(rates) <= rate
    if steps > 1:
        assert max(rates) == rate


def test_every_optimizer_of_a_recipe_can_be_made():
    from egraph.training.optimizers import OPTIMIZERS

    assert tuple(OPTIMIZERS) == CHOICES["optimizer"]
