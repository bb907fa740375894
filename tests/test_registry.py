import os
import subprocess
import sys

import pytest

from egraph.errors import FailedError, PluginWarning, UnknownNameError, UsageError
from egraph.registry import Registry


def colours():
    registry = Registry("colour")
    registry.register("red", 1)
    registry.register("green", 2)
    return registry


def test_things_are_found_by_name_in_the_order_they_came():
    registry = colours()
    assert registry["green"] == 2
    assert list(registry) == ["red", "green"]
    assert len(registry) == 2
    assert dict(registry) == {"red": 1, "green": 2}


def test_register_returns_the_thing():
    assert Registry("colour").register("blue", 3) == 3


def test_second_thing_of_a_name_is_refused_and_the_first_stays():
    registry = colours()
    with pytest.raises(UsageError, match="a colour named 'red' is registered already"):
        registry.register("red", 5)
    assert registry["red"] == 1


def test_unknown_name_lists_what_there_is_and_the_nearest():
    with pytest.raises(
        UnknownNameError, match=r"unknown colour 'gren'; known: green, red\. Did you mean 'green'\?$"
    ):
        colours()["gren"]


def test_unlike_name_gets_no_hint():
    with pytest.raises(UnknownNameError, match=r"unknown colour 'x'; known: green, red\.$"):
        colours()["x"]


def test_empty_registry_says_that_nothing_is_known():
    with pytest.raises(UnknownNameError, match="known: none"):
        Registry("colour")["red"]


@pytest.mark.parametrize("name", [["red"], {}])
def test_unhashable_name_is_unknown(name):
    with pytest.raises(UnknownNameError, match="unknown colour"):
        colours()[name]


def test_get_and_in_do_not_raise():
    registry = colours()
    assert "red" in registry
    assert "blue" not in registry
    assert registry.get("blue") is None


def test_repr_names_kind_and_names():
    assert repr(colours()) == "Registry('colour': red, green)"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a package, as far as Python can tell, that offers colours under an entry point."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(package, entries, code=""):
        monkeypatch.delitem(sys.modules, package, raising=False)
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = [f"{name} = {value}" for name, value in entries.items()]
        (info / "entry_points.txt").write_text("\n".join(["[test.colours]", *lines]))
        (tmp_path / f"{package}.py").write_text(code)

    return install


def read_whole_number(name, thing):
    if not isinstance(thing, int):
        raise UsageError(f"a colour is a whole number, got {thing!r}")


def open_colours():
    registry = Registry("colour", group="test.colours", check=read_whole_number)
    registry.register("red", 1)
    return registry


def test_what_installed_packages_offer_is_found_and_loaded_when_asked_for(install):
    install("paints", {"blue": "paints:BLUE", "lilac": "absent_module:LILAC"}, "BLUE = 7")
    registry = open_colours()
    assert list(registry) == ["red", "blue", "lilac"]
    assert len(registry) == 3
    assert "lilac" in registry
    assert registry["blue"] == 7
    assert registry["blue"] == 7
    with pytest.raises(UnknownNameError, match=r"known: blue, lilac, red\. Did you mean 'blue'"):
        registry["blu"]


def test_a_broken_package_disturbs_no_other(install):
    install("cracked", {"grey": "cracked:GREY"}, "raise TypeError('of paint')")
    install("paints", {"blue": "paints:BLUE"}, "BLUE = 7")
    registry = open_colours()
    assert [registry["red"], registry["blue"]] == [1, 7]
    text = "the colour 'grey' of the package 'cracked' cannot be loaded: TypeError: of paint; repair or unin"
    with pytest.raises(FailedError, match=text):
        registry["grey"]


def test_what_will_not_do_is_refused_with_its_package(install):
    install("paints", {"blue": "paints:BLUE"}, "BLUE = 'navy'")
    with pytest.raises(
        FailedError, match=r"of the package 'paints' is not valid: a colour is a .* got 'navy'"
    ):
        open_colours()["blue"]


def test_a_name_that_is_taken_is_left_out_with_a_warning(install):
    install("paints", {"red": "paints:RED"}, "RED = 9")
    registry = open_colours()
    text = "the colour 'red' of the package 'paints' is left out: 'egraph' has one of that name"
    with pytest.warns(PluginWarning, match=text):
        assert list(registry) == ["red"]
    assert registry["red"] == 1
    assert list(registry) == ["red"]  # told once


def test_of_two_packages_with_one_name_the_first_counts(install):
    install("paints", {"blue": "paints:BLUE"}, "BLUE = 7")
    install("dyes", {"blue": "dyes:BLUE"}, "BLUE = 8")
    with pytest.warns(
        PluginWarning, match="of the package 'paints' is left out: 'dyes' has one of that name"
    ):
        assert open_colours()["blue"] == 8


def test_a_registry_without_a_group_looks_for_no_packages(install):
    install("paints", {"blue": "paints:BLUE"})
    assert list(colours()) == ["red", "green"]


def test_a_thing_of_the_users_is_found_by_module_and_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_paints.py").write_text("BLUE = 7\nNAVY = 'navy'\n")
    registry = open_colours()
    assert registry.find("red", "--colour") == 1
    assert registry.find("my_paints:BLUE", "--colour") == 7
    with pytest.raises(UnknownNameError, match="unknown colour 'blu'"):
        registry.find("blu", "--colour")
    with pytest.raises(UsageError, match="--colour my_paints:NAVY: a colour is a whole number, got 'navy'"):
        registry.find("my_paints:NAVY", "--colour")
    with pytest.raises(
        UsageError, match="module 'my_paints' has no function 'GREY', for --colour my_paints:GREY"
    ):
        registry.find("my_paints:GREY", "--colour")
    with pytest.raises(UnknownNameError, match="unknown colour 'my_paints:BLUE'"):
        registry["my_paints:BLUE"]  # a name from a file imports nothing
    sys.modules.pop("my_paints")


PLUGINS = """
import numpy as np
import egraph
from egraph.evaluation import TableLookup, as_evaluator

class Twice(type(egraph.spaces.get("nasbench201"))):
    name = "twice"

space = Twice()
wrong_space = 5

def count(architectures):
    return [len(a.edges) + 0.1 * sum(op == "nor_conv_3x3" for op in a.ops) for a in architectures]

evaluator = as_evaluator(count)

def table():
    rng = np.random.default_rng(0)
    rows = [space.sample(rng) for _ in range(40)]
    return egraph.datasets.Table("nasbench201", rows, {"acc": count(rows)}, {"acc": egraph.datasets.Metric()})

def no_table():
    return 5

def broken():
    raise ValueError("of a package")

def predictor(seed=0):
    return egraph.baselines.Forest(seed=seed)
"""
ASK = """
import egraph, plugins
from egraph.baselines import predictors
from egraph.errors import EgraphError
from egraph.evaluation import evaluators

assert egraph.spaces.get("twice") is plugins.space
assert evaluators["counting"] is plugins.evaluator
assert predictors["mine"] is plugins.predictor
assert len(egraph.datasets.load("my-table")) == 40
for ask in (
    lambda: egraph.spaces.get("five"), lambda: egraph.spaces.get("another"),
    lambda: egraph.datasets.load("nothing"), lambda: egraph.datasets.load("fails"),
    lambda: egraph.datasets.load("five"), lambda: predictors["five"], lambda: evaluators["five"],
    lambda: evaluators["class"], lambda: egraph.datasets.load("my-tabel"),
):
    try:
        ask()
    except EgraphError as error:
        print(error)
"""
OFFERS = {
    "spaces": {"twice": "space", "five": "wrong_space", "another": "space"},
    "tables": {"my-table": "table", "nothing": "no_table", "fails": "broken", "five": "wrong_space"},
    "evaluators": {"counting": "evaluator", "five": "wrong_space", "class": "TableLookup"},
    "predictors": {"mine": "predictor", "five": "wrong_space"},
}


def test_installed_packages_offer_spaces_tables_evaluators_and_predictors(tmp_path):
    info = tmp_path / "plugins-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugins\nVersion: 1.0\n")
    lines = []
    for group, offers in OFFERS.items():
        lines += [f"[egraph.{group}]", *(f"{name} = plugins:{thing}" for name, thing in offers.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    (tmp_path / "plugins.py").write_text(PLUGINS)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for text in (
        "the search space 'five' of the package 'plugins' is not valid: expected a search space, got 5",
        "'another' of the package 'plugins' is not valid: the space is named 'twice'; both names must",
        "the table 'nothing' of a package is no Table, but 5",
        "the table 'fails' of a package failed: ValueError: of a package",
        "the table 'five' of the package 'plugins' is not valid: expected a function without arguments that",
        "the predictor 'five' of the package 'plugins' is not valid: expected a function of seed that",
        "expected a function fit(module, trial) or an egraph.evaluation.Evaluator, got 5",
        "class is a class; give an evaluator made of it, such as my_class = class()",
        "unknown table 'my-tabel'",
    ):
        assert text in done.stdout, text
