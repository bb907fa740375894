"""Imports go down only, and never in a circle: the floors that ARCHITECTURE.md draws."""

import ast
from pathlib import Path

import networkx
import pytest

ROOT = Path(__file__).parent.parent
FLOORS = [
    {
        "_version",
        "_lazy",
        "checks",
        "errors",
        "registry",
        "specs",
        "files",
        "operations",
        "architecture",
        "canonical",
        "metrics",
        "threads",
        "drawing",
    },
    {"training", "executors"},
    {"networks", "encoding", "tracing"},
    {"spaces"},
    {"datasets", "surrogates"},
    {"ranker", "evaluation", "searchers"},
    {"baselines"},
    {"study", "evolve", "bench", "export"},
    {"report", "service"},
    {"cli"},
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# Neighbours on one floor that do not import each other: a searcher sees numbers, a ranker sees architectures.
NEIGHBOURS = {"ranker", "evaluation", "searchers"}
ENTRANCES = {"__init__", "__main__"}


def _modules() -> list[Path]:
    return sorted(
        path
        for folder in ("egraph", "searchers", "datasets", "cli")
        for path in (ROOT / folder).rglob("*.py")
        if not any(parent.is_symlink() for parent in path.parents)
    )


def _room(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if parts[0] == "egraph" else parts[0]


def _imported_names(path: Path) -> list[tuple[str, str]]:
    """Modules of egraph that a file imports anywhere, each with the name that it takes from there, if any.

    What only the type checker reads is left out.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names += [(node.module or "", alias.name) for alias in node.names]
    return [(module, name) for module, name in names if f"{module}.".startswith("egraph.")]


def _imported_rooms(path: Path) -> set[str]:
    names = [f"{module}.{name}".rstrip(".") for module, name in _imported_names(path)]
    return {name.split(".")[1] for name in names if "." in name} & FLOOR_OF.keys()


def _module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in ("egraph", *parts[parts[0] == "egraph" :]) if part != "__init__")


def test_every_room_has_a_floor():
    rooms = {_room(path) for path in _modules()} - ENTRANCES
    assert rooms <= FLOOR_OF.keys(), f"put {rooms - FLOOR_OF.keys()} on a floor here and in ARCHITECTURE.md"


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_only(path):
    room = _room(path)
    if room in ENTRANCES:
        return
    for imported in _imported_rooms(path) - {room}:
        assert FLOOR_OF[imported] <= FLOOR_OF[room], f"{room} imports {imported} from a floor above it"
        assert not {room, imported} <= NEIGHBOURS, f"{room} and {imported} must not import each other"


def test_no_files_import_each_other_in_a_circle():
    """Imports inside functions count too: they only hide a circle."""
    paths = {_module_name(path): path for path in _modules()}
    graph: networkx.DiGraph[str] = networkx.DiGraph()
    for importer, path in paths.items():
        for module, name in _imported_names(path):
            submodule = f"{module}.{name}"
            graph.add_edge(importer, submodule if submodule in paths else module)
    circles = [sorted(part) for part in networkx.strongly_connected_components(graph) if len(part) > 1]
    assert not circles


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_command_line_prints(path):
    if _room(path) in {"cli", "__main__"}:
        return
    calls = [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
    ]
    assert not [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]


# A worker process reads the function that its own parent sends through a pipe.
PICKLES_FROM_THE_PARENT = "egraph/executors/_processes.py"


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_pickle_is_read_from_a_file(path):
    if str(path.relative_to(ROOT)) == PICKLES_FROM_THE_PARENT:
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "pickle":
            assert node.attr not in {"load", "loads"}, f"{path}:{node.lineno} reads a pickle"
