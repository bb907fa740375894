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
