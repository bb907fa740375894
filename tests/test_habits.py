"""What the files at the root say fits together: versions, bounds, thresholds."""

import re
import runpy
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from egraph._version import __version__

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins(file):
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return dict(line.lower().replace("_", "-").split("==") for line in lines if not line.startswith("#"))


def test_the_citation_names_this_version():
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_the_lowest_versions_are_the_lower_bounds():
    extras = PROJECT["optional-dependencies"]
    wanted = [
        *PROJECT["dependencies"],
        *extras["graph"],
        *extras["onnx"],
        *extras["ray"],
        *extras["serve"],
    ]
    bounds = {}
    for requirement in map(Requirement, wanted):
        [bound] = [Version(s.version) for s in requirement.specifier if s.operator == ">="]
        bounds[requirement.name] = bound
    lowest = {name: Version(version) for name, version in pins("constraints-lowest.txt").items()}
    assert lowest.pop("torch") == Version(pins("constraints.txt")["torch"])
    assert bounds.pop("torch") <= Version(pins("constraints.txt")["torch"])
    assert lowest == bounds


def test_every_command_of_make_is_explained():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"\.PHONY: (.*?)\n\n", text, re.DOTALL)[1].replace("\\\n", " ").split()
    explained = re.findall(r"^([a-z-]+):.*##", text, re.MULTILINE)
    assert sorted(phony) == sorted(explained)


@pytest.fixture(scope="module")
def quick():
    folder = str(ROOT / "benchmarks")
    sys.path.insert(0, folder)
    try:
        yield runpy.run_path(f"{folder}/quick.py")
    finally:
        sys.path.remove(folder)


def test_each_quick_ratio_has_a_threshold_below_the_recorded_one(quick):
    thresholds = tomllib.loads(quick["THRESHOLDS"].read_text(encoding="utf-8"))
    assert thresholds.keys() == quick["MEASURES"].keys()
    for name, threshold in thresholds.items():
        assert 0 < threshold["least"] < threshold["recorded"], name


@pytest.mark.parametrize(("found", "failed"), [(0.9, []), (0.5, []), (0.49, ["a"]), (float("nan"), ["a"])])
def test_a_ratio_below_its_threshold_fails(quick, found, failed):
    assert quick["too_small"]({"a": found}, {"a": {"recorded": 1.0, "least": 0.5}}) == failed


def test_the_longest_tests_are_slow_until_the_others_fit_the_budget():
    choose_slow = runpy.run_path(str(ROOT / "tests" / "conftest.py"))["choose_slow"]
    seconds = {"b": 5.0, "a": 4.0, "c": 1.0, "d": 0.5}
    assert choose_slow(seconds, budget=2.0) == ["a", "b"]
    assert choose_slow(seconds, budget=20.0) == []


def test_slow_tests_exist():
    for line in (ROOT / "tests" / "slow.txt").read_text(encoding="utf-8").splitlines():
        file, *_, name = line.split("::")
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), line
