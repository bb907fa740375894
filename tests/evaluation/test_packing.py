"""Evaluators as text and arrays, read where nothing but the bytes arrives."""

import io
import pickle
from pathlib import Path

import fits
import held
import numpy as np
import pytest

import egraph
from egraph.architecture import Architecture
from egraph.datasets import ImageData
from egraph.errors import FailedError, UnknownNameError, UsageError
from egraph.evaluation import (
    Evaluation,
    Evaluator,
    InheritedTraining,
    OwnTraining,
    Recipe,
    TableLookup,
    Training,
    ZeroCost,
    as_evaluator,
    building,
)
from egraph.evaluation.packing import pack, unpack
from egraph.spaces import Limited

RECIPE = Recipe(epochs=1, batch_size=8, channels=4, augment={"shift": 0.125})


def make_images(count=16):
    rng = np.random.default_rng(0)
    parts = [(rng.random((count, 1, 6, 6), dtype=np.float32), np.arange(count) % 2) for _ in range(3)]
    return ImageData(*parts, name="random", labels=("a", "b"))


def own_training():
    space = egraph.spaces.get("convnet")
    return OwnTraining(space, fits.fit_on_data, make_images(), device="cpu").at("0.5").evaluator


EVALUATORS = {
    "training": lambda: Training("convnet", make_images(), RECIPE, device="cpu"),
    "a cheaper training": lambda: (
        Training("convnet", make_images(), RECIPE, device="cpu").at("data=0.5").evaluator.within(60)
    ),
    "inherited training": lambda: InheritedTraining("nash", make_images(), RECIPE, device="cpu"),
    "own training": own_training,
    "zero cost": lambda: ZeroCost("convnet", "naswot", make_images(), batch_size=4, device="cpu"),
}


@pytest.mark.parametrize("name", EVALUATORS)
def test_networks_get_the_same_score_there(name):
    evaluator = EVALUATORS[name]()
    there = unpack(pack(evaluator))
    assert type(there) is type(evaluator)
    assert there.describe() == evaluator.describe()
    network = evaluator.space.sample(np.random.default_rng(1))
    assert there.evaluate(network, seed=3).score == evaluator.evaluate(network, seed=3).score


GENERATED = {
    "training": lambda: Training("convnet", "mnist1d:train=40,validation=40,test=40", RECIPE, device="cpu"),
    "own training": lambda: OwnTraining(
        "convnet", fits.fit_on_data, "mnist1d:train=40,validation=40,test=40", device="cpu"
    ),
}


@pytest.mark.parametrize("name", GENERATED)
@pytest.mark.parametrize("send", [lambda one: pickle.loads(pickle.dumps(one)), lambda one: unpack(pack(one))])
def test_generated_data_go_along(name, send, monkeypatch):
    """It takes ten seconds to generate them again."""
    evaluator = GENERATED[name]()
    described = evaluator.describe()
    sent = send(evaluator)
    monkeypatch.setattr(building, "load_cached", None)
    assert sent.describe() == described


def test_what_several_evaluators_share_goes_once():
    evaluator = EVALUATORS["training"]()
    several = [evaluator, evaluator.within(60), evaluator.at("data=0.5").evaluator]
    assert len(pack(several)) < 1.5 * len(pack(evaluator))
    first, *others = unpack(pack(several))
    assert all(one.images.digest == first.images.digest for one in others)


def test_rows_of_a_table_go_along():
    table = egraph.datasets.load("mnist1d_convnet")
    lookup = TableLookup(table, next(iter(table.metrics)))
    there = unpack(pack(lookup))
    assert there.describe() == lookup.describe()
    assert len(there) == len(lookup)
    one = table.architectures[5]
    assert there.evaluate(one).score == lookup.evaluate(one).score


def test_the_device_is_chosen_where_it_arrives(monkeypatch):
    evaluator = Training("convnet", make_images(), RECIPE)
    data = pack(evaluator)
    monkeypatch.setattr("egraph.evaluation.building.choose_device", lambda asked: f"{asked} there")
    assert unpack(data).device == "auto there"


def test_checkpoints_are_kept_only_where_the_journal_is(tmp_path):
    kept = Training("convnet", make_images(), RECIPE, device="cpu").keeping(tmp_path / "no" / "checkpoints")
    there = unpack(pack(kept))
    there.evaluate(there.space.sample(np.random.default_rng(0)))
    assert not list(tmp_path.iterdir())


def test_functions_and_objects_of_modules_go_by_their_names():
    there = unpack(pack([as_evaluator(held.count_edges), held.HELD, held.Kept(3, Path("x"))]))
    assert there[0].function is held.count_edges
    assert there[1] is held.HELD
    assert (there[2].number, there[2].path, there[2].pairs) == (3, Path("x"), ((1, 2.5), {"a": [None]}))
    assert there[2].array.tolist() == [1, 2]
    assert there[2].graph == Architecture(["input", "output"], [(0, 1)])


def make_limited():
    return Limited(egraph.spaces.get("nasbench201"), {"edges": lambda one: len(one.edges)}, {"edges": 9})


@pytest.mark.parametrize(("thing", "text"), [
    (lambda: as_evaluator(lambda many: [0.0] * len(many)),
     r"^function of FunctionEvaluator cannot go to other machines as text: <function .*package\.module:name"),
    (lambda: held.Kept(object(), Path()), r"^number of Kept cannot go to other machines"),
    (lambda: held.Kept(np.array([None]), Path()), r"^number of Kept cannot go to other machines"),
    (lambda: held.Kept(make_limited(), Path()),
     r"^the space 'nasbench201, edges <= 9' cannot go .*; call egraph\.spaces\.register"),
])  # fmt: skip
def test_what_others_cannot_make_is_refused(thing, text):
    with pytest.raises(UsageError, match=text):
        pack(thing())


def test_an_evaluator_with_a_state_of_its_own_form_is_refused():
    class Odd(Evaluator):
        def evaluate(self, architecture, *, seed=0):
            return Evaluation(0.0)

        def describe(self):
            return {}

    with pytest.raises(UsageError, match=r"^the evaluation cannot go to other machines as text"):
        pack(Odd())
    with pytest.raises(UsageError, match=r"^the evaluation cannot go to other machines as text"):
        pack(held.Slotted())


def packed(text, **arrays):
    file = io.BytesIO()
    np.savez(file, text=np.frombuffer(text.encode(), np.uint8), **arrays)
    return file.getvalue()


@pytest.mark.parametrize(("data", "text"), [
    (b"no archive", "the description of an evaluation is damaged"),
    (packed('{"name": "fits:absent"}'), "module 'fits' has no 'absent' here; have the same files"),
    (packed('{"name": "absent_module:f"}'), r"cannot import absent_module here \(ModuleNotFoundError"),
    (packed('{"evaluator": ["held:count_edges", {}]}'), "held:count_edges is no evaluator here"),
])  # fmt: skip
def test_what_is_not_here_is_told(data, text):
    with pytest.raises(FailedError, match=text):
        unpack(data)


def test_a_space_that_is_not_registered_there_is_told():
    with pytest.raises(UnknownNameError, match="unknown search space 'absent'"):
        unpack(packed('{"space": ["absent", "fits"]}'))
