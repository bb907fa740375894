"""Numbers of NumPy, such as those of ``np.arange``, are taken wherever Python's are, and become those."""

import json

import numpy as np
import pytest

import egraph
from egraph import searchers
from egraph.baselines import predictors
from egraph.bench._cells import read_settings
from egraph.errors import UsageError
from egraph.ranker import Layer
from egraph.searchers._options import option_defaults
from egraph.training import Augmentation, Recipe

KINDS = {bool: np.bool_, int: np.int64, float: np.float64}
RECIPE = {
    "epochs": np.int64(2),
    "batch_size": np.uint8(32),
    "learning_rate": np.float32(0.25),
    "nesterov": np.bool_(False),
    "weight_decay": np.int64(0),
    "channels": np.int32(4),
    "clip_norm": np.int64(1),
}


def types_of(values):
    return {name: type(value) for name, value in values.items()}


def test_a_recipe_holds_numbers_of_python():
    recipe = Recipe(**RECIPE)
    plain = {name: value.item() for name, value in RECIPE.items()}
    assert recipe == Recipe(**plain)
    assert json.dumps(recipe.to_dict()) == json.dumps(Recipe(**plain).to_dict())
    assert types_of({n: getattr(recipe, n) for n in plain}) == types_of(plain)


def test_an_augmentation_holds_numbers_of_python():
    made = Augmentation(shift=np.float32(0.125), flip=np.bool_(True), hue=np.int64(9))
    assert made == Augmentation(shift=0.125, flip=True, hue=9)
    assert types_of({n: getattr(made, n) for n in ("shift", "flip", "hue")}) == {
        "shift": float,
        "flip": bool,
        "hue": int,
    }


@pytest.mark.parametrize("name", ["egraph", "mlp", "forest", "wl-gp"])
def test_models_fit_and_are_saved_with_numbers_of_numpy(name, toy_data, tmp_path):
    """Grid searches set such parameters after the constructor."""
    graphs, scores = toy_data
    few = {"members": 1, "folds": 0, "width": 8, "layers": [Layer("sum", 4)]} if name == "egraph" else {}
    make = predictors.get(name)
    few |= {"epochs": 2} if "epochs" in make().get_params() else {}
    few["seed"] = 3
    plain = make(**few).fit(graphs[:30], scores[:30])
    odd = make()
    odd.set_params(**{n: np.int64(v) if isinstance(v, int) else v for n, v in few.items()})
    if name == "egraph":
        odd.set_params(layers=(Layer("sum", np.int64(4)),), norm=np.bool_(True))
    assert read_settings(odd) == read_settings(make(**few))
    odd.fit(graphs[:30], scores[:30])
    np.testing.assert_array_equal(odd.predict(graphs), plain.predict(graphs))
    odd.save(tmp_path / "odd.egraph", card={"trials": np.int64(30)})
    again = egraph.load(tmp_path / "odd.egraph")
    assert type(again.get_params()["seed"]) is int
    assert odd.card == again.card == {"trials": 30}


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"seed": "3"}, "seed must be a whole number, got '3'"),
        ({"members": 2.5}, r"members must be a whole number, got 2\.5"),
        ({"width": None}, "width must be a whole number, got None"),
        ({"dropout": "much"}, "dropout must be a number, got 'much'"),
        ({"norm": 1}, "norm must be true or false, got 1"),
        ({"epochs": "ten"}, "epochs must be a whole number of at least 0, got 'ten'"),
    ],
)
def test_parameters_of_another_kind_are_named(parameters, text, toy_data):
    with pytest.raises(UsageError, match=text):
        egraph.Ranker(**parameters).fit(toy_data[0][:9], toy_data[1][:9])


@pytest.mark.parametrize("name", searchers.names())
def test_searchers_take_them_and_their_state_is_json(name):
    space, make = egraph.spaces.get("nasbench201"), searchers.get(name)
    defaults = option_defaults(make)
    odd = {n: KINDS[type(value)](value) for n, value in defaults.items() if type(value) in KINDS}
    searcher = make(space, seed=np.int64(0), **odd)
    for _ in range(2):
        asked = searcher.ask(8)
        searcher.tell(asked, np.array([float(a.num_vertices) for a in asked]))
    assert json.loads(json.dumps(searcher.state_dict()))


def test_a_study_takes_them(tmp_path):
    def count(architectures):
        return [float(a.ops.count("nor_conv_3x3")) for a in architectures]

    def search(path, number, real):
        study = egraph.Study(
            "nasbench201",
            count,
            storage=path,
            seed=number(3),
            candidates=number(40),
            initial=number(4),
            shares=[real(50), real(30), real(20)],
            ranker=egraph.Ranker(members=number(1), width=number(8), epochs=number(1), folds=number(0)),
        )
        study.run(trials=number(6), seconds=number(999))
        return list(study.trials["key"])

    assert search(tmp_path / "a.db", np.int64, np.float64) == search(tmp_path / "b.db", int, float)
    assert search(tmp_path / "a.db", int, float) == search(tmp_path / "a.db", np.int64, np.float64)
