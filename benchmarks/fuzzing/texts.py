"""Texts: notations of architectures, recipes and grammars."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from egraph import bench, spaces
from egraph.bench._log import read_log
from egraph.training import Recipe, read_recipe
from fuzzing.edits import CELL, ODD, damaged, edited_json, write_json
from fuzzing.trying import Door, attempt

CONTENTS = [
    {"ops": ["input", "nor_conv_3x3", "output"], "edges": [[0, 1], [1, 2]]},
    {"ops": ["input", "conv3x3-bn-relu", "output"], "edges": [[0, 1], [1, 2]], "disabled": [[0, 2]]},
    {"matrix": [[0, 1, 1], [0, 0, 1], [0, 0, 0]], "ops": ["input", "conv1x1-bn-relu", "output"]},
    {"module_adjacency": [[0, 1], [0, 0]], "module_operations": ["input", "output"], "module_hash": "a"},
    [4, 0, 3, 1, 4, 3],
    [[[0, 3], [1, 3], [0, 3], [1, 3], [1, 3], [0, 0], [0, 0], [2, 1]]] * 2,
]


def _seeds() -> list[bytes]:
    """Texts of every space and program."""
    texts = [json.dumps(content) for content in CONTENTS]
    for name in spaces.names():
        space, rng = spaces.get(name), np.random.default_rng(0)
        for _ in range(3):
            architecture = space.sample(rng)
            texts += [space.format(architecture), architecture.to_json()]
    darts = spaces.get("darts").format(spaces.get("darts").sample(np.random.default_rng(1)))
    texts += [darts, f"genotype = {darts}", f"Structure(4 nodes with {CELL})", f"arch: '{CELL}'"]
    texts += [
        "ModelSpec(matrix=[[0,1],[0,0]], ops=['input','output'])",
        "(4, 0, 3, 1, 4, 3)",
        "[1, 2",
        "{'a': 1}",
    ]
    texts += ["Configuration(values={'NetworkSelectorDatasetInfo:darts:edge_normal_0': 'sep_conv_3x3'})"]
    return [text.encode("utf-8", "surrogatepass") for text in texts]


def _read_notation(path: Path) -> None:
    """Reads a text, and the JSON value that it may be, as an architecture of each space and of none."""
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    contents = [text]
    with contextlib.suppress(ValueError, RecursionError):
        contents.append(json.loads(text))
    for content in contents:
        for name in (None, *spaces.names()):
            found = attempt(lambda content=content, name=name: spaces.read_architecture(content, name))
            if found is not None and name is not None:
                space = spaces.get(name)
                again = spaces.read_architecture(space.format(found), name)
                assert space.key(again) == space.key(found), (
                    f"{name}: the text of an architecture is another one"
                )


def open_notations(folder: Path) -> Door:
    values = edited_json(CONTENTS).map(write_json)
    return Door(
        damaged(_seeds()) | values | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")),
        _read_notation,
        ".txt",
    )


RECIPES = [
    'epochs = 20\noptimizer = "sgd"\nlearning_rate = 0.1\nmomentum = 0.9\naugment = "shift"\n',
    'epochs = 3\nbatch_size = 64\nschedule = "cosine"\nwarmup = 0.1\n[augment]\nshift = 0.1\nflip = true\n',
    "weight_decay = 1e-3\nclip_norm = 1.0\nlabel_smoothing = 0.1\nema = 0.99\nmixup = 0.2\nchannels = 8\n",
]


def _fields() -> st.SearchStrategy[bytes]:
    """A field of a recipe with another value."""
    names = st.sampled_from([*Recipe.__dataclass_fields__, "augment.shift", "augment.cutout", "other"])
    odd = st.sampled_from([value for value in ODD if value is not None]) | st.floats() | st.integers()
    return st.builds(
        lambda name, value: f"{name} = {_toml(value)}\n".encode("utf-8", "surrogatepass"), names, odd
    )


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**400 else "9" * 400
    return json.dumps(value, ensure_ascii=False)


def _read_recipe(path: Path) -> None:
    recipe = read_recipe(path, Recipe())
    assert Recipe().changed(**recipe.to_dict()) == recipe
    repr(recipe)


def open_recipes(folder: Path) -> Door:
    lines = st.lists(_fields(), max_size=4).map(b"".join)
    return Door(damaged([text.encode() for text in RECIPES]) | lines, _read_recipe, ".toml")


CONFIGS = [
    'benchmarks = ["rastrigin"]\nqueries = 30\nseeds = 2\n[[contestant]]\nsearcher = "random"\n',
    '[[contestant]]\nsearcher = "regularized-evolution:population=10"\nfitness = "exact"\n',
    'seeds = 3\n[[contestant]]\nsearcher = "random"\n[[contestant]]\nsearcher = "unknown"\n',
]
LOGS = [
    b'{"predictor": "egraph", "dataset": "nasbench201", "labels": 100, "seed": 0, "tau": 0.7}\n' * 3,
    b'{"predictor": "random", "seed": 1}\n{"predictor": "ra',
]


def open_results(folder: Path) -> Door:
    """Files of contestants, and of the results of comparisons."""

    def read(path: Path) -> None:
        attempt(lambda: bench.arena.read_config(path))
        attempt(lambda: read_log(path, "predictor"))

    return Door(damaged([*LOGS, *(text.encode() for text in CONFIGS)]), read, ".txt")


GRAMMARS = [
    b"<net> ::= <conv>{1,4} <pool>{0,2}\n<conv> ::= layer:conv filters:[int:16..64:16] kernel:3 act:<act>\n"
    b"<act> ::= relu | tanh\n<pool> ::= layer:pool-max kernel:2\n",
    b"<n> ::= <a>{0,2}\n<a> ::= x | y\n",
]


def _read_grammar(path: Path) -> None:
    space = spaces.Grammar(path, name="fuzzed")
    rng = np.random.default_rng(0)
    for _ in range(3):
        architecture = space.mutate(space.sample(rng), rng)
        assert space.key(space.parse(space.format(architecture))) == space.key(architecture)


def open_grammars(folder: Path) -> Door:
    shipped = [path.read_bytes() for path in Path(spaces.__file__).with_name("grammars").iterdir()]
    return Door(damaged([*GRAMMARS, *shipped]), _read_grammar, ".bnf")
