"""A journal belongs to a study by content: names and places may change, what scores depend on may not."""

import json
import types

import numpy as np
import pytest
from played import SPACE, Linear, Played

import egraph
from egraph.datasets import Table
from egraph.errors import JournalError
from egraph.evaluation import Recipe, TableLookup, Training
from egraph.evaluation.wrapping import as_evaluator
from egraph.study import Study, open_journal
from egraph.study._sameness import differences, find_equal

SCRIPT = "def fitness(architectures):\n    return [{} for a in architectures]\n"
COUNT = "len(a.ops)"


def define(module, body=COUNT, name="fitness"):
    """A fitness as another module defines it."""
    made = types.ModuleType(module)
    exec(SCRIPT.format(body).replace("fitness", name), made.__dict__)
    return getattr(made, name)


def search(path, evaluate, **options):
    with Study("nasbench201", evaluate, storage=path, ranker=False, initial=2, **options) as study:
        study.run(trials=2)
        study.retrain(study.best, repeats=1)
        return len(study.journal.retrains)


@pytest.mark.parametrize(
    "other",
    [
        define("mytrain"),  # moved
        define("__main__", name="measure"),  # renamed
        define("__main__", "len(a.ops) + 0"),  # mended
    ],
    ids=["moved", "renamed", "mended"],
)
def test_a_function_may_have_another_place_or_name_or_code(tmp_path, other):
    assert search(tmp_path / "x.db", define("__main__")) == 1
    assert search(tmp_path / "x.db", other) == 1, "what was trained again is known too"


def test_another_function_is_told_by_name(tmp_path):
    search(tmp_path / "x.db", define("mine"))
    told = r"is of a study with evaluator function mine\.fitness, not yours\.fitness; use the same arguments"
    with pytest.raises(JournalError, match=told):
        search(tmp_path / "x.db", define("yours", "a.num_vertices"))


def test_journals_that_have_no_code_of_a_function_tell_modules_apart_but_scripts():
    old = {"kind": "function", "function": "__main__.fitness"}
    moved, renamed = (
        {"kind": "function", "function": f"mine.{n}", "code": "1"} for n in ("fitness", "other")
    )
    assert list(differences(old, moved)) == []
    assert list(differences(old, renamed)) == ["function __main__.fitness, not mine.other"]
    assert list(differences(moved | {"code": None}, renamed)) == ["function mine.fitness, not mine.other"]


def test_the_code_of_a_function_is_known_without_its_docstring_or_order_of_sets():
    code = [as_evaluator(define(m, "len({'a', 'b'})")).describe()["code"] for m in ("a", "b")]
    assert code[0] == code[1]
    assert "code" not in as_evaluator(max).describe()


def make_images(folder, name, seed=0):
    rng = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    np.savez(folder / name, x=rng.integers(0, 255, (60, 1, 8, 8), np.uint8), y=np.arange(60) % 3)
    return folder / name


def train(path, data, seed=0, **recipe):
    training = Training(
        egraph.spaces.get("convnet"), data, Recipe(epochs=1, channels=2, **recipe), device="cpu"
    )
    return Study("convnet", training, storage=path, ranker=False, initial=2, seed=seed)


def test_a_data_file_may_be_moved_and_renamed_and_differences_have_names(tmp_path):
    mine = make_images(tmp_path / "a", "mine.npz")
    train(tmp_path / "x.db", mine).close()
    mine.rename(tmp_path / "renamed.npz")
    train(tmp_path / "x.db", tmp_path / "renamed.npz").close()
    other = make_images(tmp_path / "b", "mine.npz", seed=1)
    with pytest.raises(JournalError) as told:
        train(tmp_path / "x.db", other, seed=3, momentum=0.5)
    pattern = (
        r"x\.db is of a study with seed 0, not 3; evaluator data mine \(digest \w{16}\), not mine "
        r"\(digest \w{16}\); recipe momentum 0\.9, not 0\.5; use the same arguments to resume it, or another "
        r"storage, or accept the difference with --force-resume \(force_resume=True\)$"
    )
    assert told.match(pattern)
    assert len(str(told.value)) < 400


def make_table(name, scores, order):
    space = egraph.spaces.get("nasbench201")
    architectures = [space.sample(np.random.default_rng(seed)) for seed in range(4)]
    metrics = {"acc": egraph.datasets.Metric("percent")}
    columns = {"acc": np.array([scores[row] for row in order])}
    return Table(space, [architectures[row] for row in order], columns, metrics, name=name)


def look_up(path, name, scores, order=range(4)):
    evaluator = TableLookup(make_table(name, scores, order), "acc")
    Study("nasbench201", evaluator, storage=path, ranker=False).close()


def test_a_table_may_have_another_name_and_order_but_no_other_numbers(tmp_path):
    look_up(tmp_path / "x.db", "a", [1.0, 2, 3, 4])
    look_up(tmp_path / "x.db", "b", [1.0, 2, 3, 4], [3, 1, 0, 2])
    with pytest.raises(JournalError, match=r"evaluator table a \(digest \w+\), not a \(digest \w+\);"):
        look_up(tmp_path / "x.db", "a", [1.0, 2, 3, 5])
    old = TableLookup(make_table("a", [1.0, 2, 3, 4], range(4)), "acc").describe()
    del old["digest"]  # of an earlier version
    new = TableLookup(make_table("b", [1.0, 2, 3, 4], range(4)), "acc").describe()
    assert [each[:16] for each in differences(old, new)] == ["table a, not b ("]
    assert find_equal(old, [json.dumps(old | {"table": "c"})]) == json.dumps(old, sort_keys=True)


def test_a_difference_can_be_forced_and_is_recorded(tmp_path):
    search(tmp_path / "x.db", define("mine"))
    other = define("yours", "a.num_vertices")
    search(tmp_path / "x.db", other, seed=4, force_resume=True)
    search(tmp_path / "x.db", other, seed=4)  # the journal is now of this study
    with open_journal(tmp_path / "x.db") as journal:
        [forced] = journal.settings["forced"]
        assert forced["differences"] == ("seed 0, not 4; evaluator function mine.fitness, not yours.fitness")
        assert journal.settings["seed"] == 4


def test_a_space_without_the_networks_of_the_journal_cannot_be_forced(tmp_path):
    search(tmp_path / "x.db", define("mine"))
    with pytest.raises(
        JournalError, match=r"trial 0 of .*x\.db is no network of the space 'convnet', which "
    ):
        Study("convnet", define("mine"), storage=tmp_path / "x.db", ranker=False, force_resume=True)


def test_costs_cannot_be_forced(tmp_path):
    Study(SPACE, Played(), storage=tmp_path / "x.db", ranker=Linear()).close()
    costs = {"size": lambda a: a.num_vertices}
    with pytest.raises(JournalError, match=r"with costs none, not size; use the same .* or another storage$"):
        Study(SPACE, Played(), storage=tmp_path / "x.db", ranker=Linear(), costs=costs, force_resume=True)
