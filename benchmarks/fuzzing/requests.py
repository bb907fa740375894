"""Bodies of HTTP requests, and options of commands."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
from pathlib import Path

import httpx
from hypothesis import strategies as st

from egraph import datasets, spaces
from egraph.service import Settings, create_app
from egraph.service._models import Model
from fuzzing.edits import CELL, damage, edit_json, write_json
from fuzzing.models import cells, fit, search
from fuzzing.trying import Door, InternalError

GRAPH = {"ops": ["input", "nor_conv_3x3", "output"], "edges": [[0, 1], [1, 2]]}
BODIES = {
    "score": {"architectures": [GRAPH, CELL], "space": "nasbench201", "level": 0.8},
    "compare": {"pairs": [{"a": GRAPH, "b": CELL}], "space": "nasbench201"},
    "rank": {"architectures": [CELL, GRAPH], "space": "nasbench201", "top": 2},
    "neighbors": {"architecture": CELL, "space": "nasbench201", "top": 2},
    "draw": {"architecture": CELL, "space": "nasbench201"},
}
TYPES = ["application/json"] * 8 + [
    "text/plain",
    "",
    "application/json; charset=utf-16",
    "multipart/form-data",
]


class Fixed:
    """A model that does not change."""

    def __init__(self, model: Model) -> None:
        self.model = model


def _write_request(seed: int) -> bytes:
    """The address and the type of a request in the first line, and its body."""
    rng = random.Random(seed)
    name = rng.choice(list(BODIES))
    body = {**BODIES[name]}
    if rng.random() < 0.3:
        body["space"] = rng.choice(spaces.names())
    body = write_json(edit_json(body, rng) if rng.random() < 0.8 else body)
    body = damage(body, seed) if rng.random() < 0.4 else body
    return f"/v1/{name} {rng.choice(TYPES)}".encode() + b"\n" + body


def open_http(folder: Path) -> Door:
    """The service in this process."""
    path = folder / "r.onnx"
    if not path.exists():
        fit().to_onnx(path)
    app = create_app(
        Fixed(Model.load(path, "r", "0123456789abcdef", threads=1)), Settings(log_requests=False)
    )
    runner = asyncio.Runner()
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")

    async def ask(address: str, kind: str, body: bytes) -> httpx.Response:
        return await client.post(address, content=body, headers={"Content-Type": kind} if kind else {})

    def read(file: Path) -> None:
        head, _, body = file.read_bytes().partition(b"\n")
        address, _, kind = head.decode().partition(" ")
        answer = runner.run(ask(address, kind, body))
        if answer.status_code >= 500 or (answer.status_code == 200) != ("title" not in answer.json()):
            raise InternalError(f"{answer.status_code}: {answer.text[:500]}")

    return Door(st.integers(0, 2**40).map(_write_request), read, ".http")


FILES = [
    "r.egraph",
    "r.onnx",
    "study.db",
    "table.csv",
    "table.parquet",
    "cells.txt",
    "absent.db",
    ".",
    "broken.json",
    "genome.json",
    "",
]
WORDS = [
    *FILES,
    CELL,
    "nasbench201",
    "convnet",
    "acc",
    "loss",
    "auto",
    "-",
    "--",
    "random",
    "regularized-evolution",
]
WORDS += [
    "regularized-evolution:population=1",
    "random:x=1",
    "ntk",
    "params",
    "latency=acc",
    "acc=1",
    "0.1,1",
    "3x32x32",
]
WORDS += [
    "0",
    "1",
    "2",
    "-1",
    "0.5",
    "nan",
    "inf",
    "-inf",
    "1e-320",
    "",
    " ",
    "a",
    "x" * 3000,
    "é",
    "🙂",
    "a,b",
    "=",
    ":",
    "%",
]
WORDS += [
    "none",
    "no",
    "true",
    "60,30,10",
    "100,0,0",
    "1,2",
    "every=1",
    "drift",
    "seconds=nan",
    "every=0",
    "out.svg",
    "[1]",
]
GIVEN = {  # without what may take hours, or a port
    "search": ["--data", "table.parquet", "--metric", "acc", "--trials", "2"],
    "train": ["--data", "table.parquet", "--samples", "7", "--out", "new.egraph"],
    "evaluate": ["r.egraph", "--data", "table.csv", "--space", "nasbench201", "--metric", "acc"],
    "rank": ["r.egraph", "cells.txt", "--space", "nasbench201"],
    "export": ["r.egraph", "new.onnx"],
    "data show": ["table.parquet"],
    "data import": ["table.csv", "--space", "nasbench201", "--metric", "acc", "--out", "new.parquet"],
    "data list": [],
    "draw": [CELL, "--space", "nasbench201"],
    "report": ["study.db"],
}
SLOW = ("--help", "--device", "--workers", "--model", "--genome")


def _options(command: str) -> list[str]:
    """The names of a command's options."""
    import click

    from egraph.cli.main import main

    found: click.Command = main
    for word in command.split():
        found = found.get_command(click.Context(found), word)  # type: ignore[attr-defined]
    return [
        name
        for each in found.params
        if isinstance(each, click.Option)
        for name in each.opts
        if name not in SLOW
    ]


def _write_command(seed: int) -> bytes:
    """The words of a command, as a list in JSON."""
    rng = random.Random(seed)
    command = rng.choice(list(GIVEN))
    words = list(GIVEN[command])
    options = [name for name in _options(command) if name.startswith("--")]
    for _ in range(rng.choice((1, 1, 2, 3))):
        how = rng.random()
        if how < 0.25 and words:
            words[rng.randrange(len(words))] = rng.choice(WORDS)
        elif how < 0.3 and words:
            del words[rng.randrange(len(words))]
        elif options:
            words += [rng.choice(options), rng.choice(WORDS)]
        if options and how > 0.9:
            words.append(rng.choice(options))
    return json.dumps([*command.split(), *words]).encode()


def open_commands(folder: Path) -> Door:
    """The commands, with options whose values are unusual, in a folder with small files."""
    from click.testing import CliRunner

    from egraph.cli.main import main

    place = folder / "here"
    if not place.exists():
        place.mkdir()
        ranker = fit()
        ranker.save(place / "r.egraph")
        ranker.to_onnx(place / "r.onnx")
        search(place / "study.db", 3)
        space = spaces.get("nasbench201")
        rows = [f'"{space.format(a)}",{80 + number % 7},{number % 5}' for number, a in enumerate(cells(12))]
        (place / "table.csv").write_text("architecture,acc,loss\n" + "\n".join(rows) + "\n")
        table = place / "table.parquet"
        datasets.import_table(place / "table.csv", table, space="nasbench201", metrics=["acc"])
        (place / "cells.txt").write_text("\n".join(space.format(a) for a in cells(3)) + "\n")
        (place / "broken.json").write_text('{"a": [1, 2')
        (place / "genome.json").write_text("{}")
    keep = {path.name: path.read_bytes() for path in place.iterdir() if path.is_file()}

    def read(path: Path) -> None:
        words = json.loads(path.read_bytes())
        with contextlib.chdir(place):
            for each in Path().iterdir():  # what an earlier command has written
                if each.is_dir():
                    shutil.rmtree(each)
                elif each.name not in keep:
                    each.unlink()
            for name, content in keep.items():
                if not Path(name).exists() or Path(name).read_bytes() != content:
                    Path(name).write_bytes(content)
            answer = CliRunner().invoke(main, [*words, "--debug"])
        if "egraph: unexpected" in answer.output or answer.exit_code not in (0, 1, 2):
            raise InternalError(f"exit code {answer.exit_code}: {answer.output[-4000:]}")

    os.environ["EGRAPH_DATA"] = str(place)
    return Door(st.integers(0, 2**40).map(_write_command), read, ".json")
