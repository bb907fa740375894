"""The structure that ARCHITECTURE.md draws: imports go down only and never in circles."""

import ast
import functools
from pathlib import Path

import networkx as nx
import pytest

pytestmark = pytest.mark.no_cover  # they read what they do not run

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
        "journals",
        "operations",
        "architecture",
        "canonical",
        "metrics",
        "threads",
        "drawing",
        "interchange",
        "shapes",
        "units",
    },
    {"training", "executors"},
    {"networks", "encoding", "tracing"},
    {"spaces"},
    {"datasets", "surrogates"},
    {"ranker", "evaluation", "searchers"},
    {"baselines", "supernets"},
    {"study", "evolve", "bench", "export"},
    {"report", "service"},
    {"cli"},
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# Neighbours on one floor that do not import each other: a searcher sees numbers, a ranker sees architectures.
NEIGHBOURS = {"ranker", "evaluation", "searchers"}
ENTRANCES = {"__init__", "__main__"}


@functools.cache
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


def _name(path: Path) -> str:
    """The dotted name under which a module is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "egraph" else ("egraph", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {_name(path) for path in _modules()}


@functools.cache
def _nodes(path: Path) -> list[ast.AST]:
    """All that a module says, without what only the type checker reads."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    return list(ast.walk(tree))


def _place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{node.lineno}"


@functools.cache
def _imported_modules(path: Path) -> frozenset[str]:
    """The modules of egraph that a module imports anywhere."""
    found = set()
    for node in _nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{_place(path, node)} has a relative import"
            for alias in node.names:
                member = f"{node.module}.{alias.name}"
                found.add(member if member in NAMES else node.module or "")
    return frozenset(found & NAMES)


def _imported_rooms(path: Path) -> set[str]:
    return {name.split(".")[1] for name in _imported_modules(path) if "." in name} & FLOOR_OF.keys()


def test_every_room_has_a_floor():
    rooms = {_room(path) for path in _modules()} - ENTRANCES
    assert rooms <= FLOOR_OF.keys(), f"put {rooms - FLOOR_OF.keys()} on a floor here and in ARCHITECTURE.md"


def test_imports_go_down_only():
    """And neighbours of NEIGHBOURS do not import each other."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {imported}"
        for path in _modules()
        if (room := _room(path)) not in ENTRANCES
        for imported in _imported_rooms(path) - {room}
        if FLOOR_OF[imported] > FLOOR_OF[room] or {room, imported} <= NEIGHBOURS
    ]
    assert wrong == []


def test_no_files_import_each_other_in_a_circle():
    """Imports inside functions count: they hide a circle and do not remove it."""
    imports = nx.DiGraph((_name(path), to) for path in _modules() for to in _imported_modules(path))
    circles = [sorted(circle) for circle in nx.strongly_connected_components(imports) if len(circle) > 1]
    assert circles == []


def test_no_module_imports_the_package_itself():
    assert [path for path in _modules() if "egraph" in _imported_modules(path)] == []


def test_modules_are_short():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in _modules()}
    assert {path: lines for path, lines in lengths.items() if lines > 400} == {}


def test_functions_are_short():
    long = [
        f"{_place(path, node)} {node.name}"
        for path in _modules()
        for node in _nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= 60
    ]
    assert long == []


def test_only_the_command_line_prints():
    prints = [
        _place(path, node)
        for path in _modules()
        if _room(path) not in {"cli", "__main__"}
        for node in _nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert prints == []


# A worker process reads the function that its own parent sends through a pipe.
PICKLES_FROM_THE_PARENT = "egraph/executors/_processes.py"


def test_no_pickle_is_read_from_a_file():
    reads = [
        _place(path, node)
        for path in _modules()
        if str(path.relative_to(ROOT)) != PICKLES_FROM_THE_PARENT
        for node in _nodes(path)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "pickle"
        if node.attr in {"load", "loads"}
    ]
    assert reads == []
