import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egraph.errors import UnknownNameError, UsageError
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
    with pytest.raises(UsageError, match="unknown field of an augmentation 'rotate'; known: color_scale, "):
        Recipe(augment={"rotate": 5})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"optimizer": "lion"},
            "optimizer must be one of adam, adamw, sgd, adamax, rmsprop, adagrad, adadelta; got 'lion'",
        ),
        ({"optimizer": "adamm"}, r"got 'adamm'\. Did you mean 'adam'\?"),
        ({"cells": 0}, "cells must be a whole number of at least 1; got 0"),
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
        ({"warmup": 1}, "warmup must be a number of at least 0 and below 1; got 1"),
        ({"floor": -0.1}, "floor must be a number of at least 0 and below 1; got -0.1"),
        ({"label_smoothing": "0.1"}, "label_smoothing must be a number of at least 0 and below 1; got '0.1'"),
        ({"ema": 1.0}, "ema must be a number of at least 0 and below 1; got 1.0"),
        ({"clip_norm": 0}, "clip_norm must be a positive number; got 0"),
        ({"stop_loss": True}, "stop_loss must be a positive number; got True"),
        ({"mixup": -1}, "mixup must be a number of at least 0; got -1"),
        ({"auxiliary": -0.1}, "auxiliary must be a number of at least 0; got -0.1"),
        ({"drop_path": 1}, "drop_path must be a number of at least 0 and below 1; got 1"),
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


def test_new_fields_are_written_only_where_they_do_something():
    """Journals of earlier versions, which lack them, go on."""
    assert list(Recipe().to_dict()) == [
        "epochs", "batch_size", "optimizer", "learning_rate", "momentum", "nesterov", "weight_decay",
        "schedule", "augment", "channels",
    ]  # fmt: skip
    recipe = Recipe(ema=0.9, augment={"cutout": 0.5})
    written = recipe.to_dict()
    assert written["ema"] == 0.9
    assert written["augment"]["cutout"] == 0.5
    assert "erase" not in written["augment"]
    assert Recipe(**json.loads(json.dumps(written))) == recipe


def test_another_optimizer_brings_its_own_rate_and_decay():
    """The defaults are those of PyTorch."""
    import torch

    kinds = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD", "adamax": "Adamax", "rmsprop": "RMSprop"}
    for name, kind in {**kinds, "adagrad": "Adagrad", "adadelta": "Adadelta"}.items():
        own = getattr(torch.optim, kind)([torch.nn.Parameter(torch.zeros(1))]).defaults
        other = Recipe(optimizer="sgd" if name != "sgd" else "adam", learning_rate=7)
        got = other.changed(optimizer=name)
        assert (got.learning_rate, got.weight_decay) == (own["lr"], own["weight_decay"])
        assert other.changed(optimizer=name, learning_rate=0.5).learning_rate == 0.5
    assert Recipe(learning_rate=7).changed(optimizer="adamw", epochs=3).learning_rate == 7


def test_an_unknown_field_is_told_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"unknown field of a recipe 'epoch'.*Did you mean 'epochs'\?"):
        Recipe().changed(epoch=3)


def test_warm_up_and_cosine_with_a_floor_are_those_of_pytorch():
    import torch
    from torch.optim import lr_scheduler as schedulers

    recipe = Recipe(schedule="cosine", learning_rate=2.0, warmup=0.25, floor=0.1)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    scheduler = schedulers.SequentialLR(
        optimizer,
        [
            schedulers.LinearLR(optimizer, start_factor=1 / 6, total_iters=5),
            schedulers.CosineAnnealingLR(optimizer, T_max=15, eta_min=0.2),
        ],
        milestones=[5],
    )
    rates = []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert [recipe.rate_at(step, 20) for step in range(20)] == pytest.approx(rates)
