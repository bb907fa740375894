"""Files that egraph writes itself: journals, rankers, and rankers as ONNX files."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

import egraph
from egraph import report
from egraph.baselines import BASELINES
from egraph.export import OnnxRanker
from egraph.ranker.genome import Genome, from_genome, shipped_genomes
from egraph.service import open_ranker
from fuzzing.edits import ODD, damaged, edit_json, edited_json, write_json
from fuzzing.trying import Door, attempt

SEEDS = st.integers(0, 2**40)
SMALL = {"members": 1, "epochs": 2, "layers": ("mean",), "width": 8, "folds": 0, "seed": 0}


def cells(count: int = 30) -> list[egraph.Architecture]:
    """Cells of nasbench201."""
    space, rng = egraph.spaces.get("nasbench201"), np.random.default_rng(0)
    return [space.sample(rng) for _ in range(count)]


def count_convolutions(architectures: list[egraph.Architecture]) -> list[float]:
    """The fitness of the studies here."""
    return [float(a.ops.count("nor_conv_3x3")) for a in architectures]


def fit(**options: Any) -> egraph.Ranker:
    """A ranker, in a moment."""
    graphs = cells()
    return egraph.Ranker(**{**SMALL, **options}).fit(graphs, np.array(count_convolutions(graphs)))


def search(storage: Path, trials: int, **options: Any) -> egraph.Study:
    """A small study."""
    study = egraph.Study("nasbench201", count_convolutions, storage=storage, ranker=False, seed=0, **options)
    study.run(trials=trials)
    return study


def open_journals(folder: Path) -> Door:
    """Journals whose bytes, or whose cells, are others."""
    whole = folder / "whole.db"
    if not whole.exists():
        search(whole, 6)
        with sqlite3.connect(whole) as db:
            db.execute("PRAGMA journal_mode=DELETE")
        db.close()

    def edit(seed: int) -> bytes:
        rng = random.Random(seed)
        copy = folder / "edited.db"
        shutil.copyfile(whole, copy)
        db = sqlite3.connect(copy)
        for _ in range(rng.choice((1, 1, 2))):
            names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            table = rng.choice(sorted(names))
            column = rng.choice([column for _, column, *_ in db.execute(f"PRAGMA table_info({table})")])
            try:
                db.execute(*_change(db, table, column, rng))
            except (sqlite3.Error, OverflowError, UnicodeEncodeError):
                continue  # SQLite itself refuses the value
        db.commit()
        db.close()
        return copy.read_bytes()

    def read(path: Path) -> None:
        attempt(lambda: egraph.datasets.load(path))
        if zlib.crc32(path.read_bytes()) % 4 == 0:  # its charts take longer than all else
            attempt(lambda: report.write(path, folder / "page.html"))
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        try:
            attempt(lambda: search(path, 8))
        finally:
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)

    return Door(SEEDS.map(edit) | damaged([whole.read_bytes()]), read, ".db")


def _change(db: sqlite3.Connection, table: str, column: str, rng: random.Random) -> tuple[str, list[Any]]:
    """A statement that changes one cell, or one part of the JSON in it, or takes a row or column away."""
    count = db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
    place = rng.randrange(max(1, count))
    where = f"WHERE rowid = (SELECT rowid FROM {table} LIMIT 1 OFFSET {place})"
    how = rng.random()
    if how < 0.05:
        return f"DELETE FROM {table} {where}", []
    if how < 0.1:
        return f"ALTER TABLE {table} DROP COLUMN {column}", []
    if how < 0.12:
        return f"DROP TABLE {table}", []
    old = db.execute(f"SELECT {column} FROM {table} {where}").fetchone()
    value = rng.choice(ODD)
    if old is not None and isinstance(old[0], str) and old[0][:1] in ("{", "[") and rng.random() < 0.7:
        value = edit_json(json.loads(old[0]), rng)
    if isinstance(value, list | dict | bool) or (rng.random() < 0.3 and table == "study"):
        value = write_json(value).decode("utf-8", "surrogatepass")
    if isinstance(value, str) and rng.random() < 0.05:
        value = value.encode("utf-8", "surrogatepass")
    return f"UPDATE {table} SET {column} = ? {where}", [value]


def _split(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and tensors of a file of safetensors."""
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def _join(header: Any, tensors: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + tensors


def _edit_description(content: bytes, seed: int) -> bytes:
    """A ranker's file with another description, or other tensors."""
    rng = random.Random(seed)
    header, tensors = _split(content)
    told = header["__metadata__"]
    (kind,) = told
    how = rng.random()
    if how < 0.7:
        told[kind] = json.dumps(edit_json(json.loads(told[kind]), rng))
    elif how < 0.9:  # two tensors change places, or one has another shape or type
        a, b = rng.sample([name for name in header if name != "__metadata__"], 2)
        header[a], header[b] = header[b], header[a]
        if rng.random() < 0.5:
            shape = header[a]["shape"]
            header[a]["shape"] = rng.choice((shape[::-1], [int(np.prod(shape))], [1, *shape]))
    else:
        span = rng.randrange(max(1, len(tensors) - 8))
        odd = np.array(rng.choice((np.nan, np.inf, -1e30, 1e38)), dtype=np.float32).tobytes()
        tensors = tensors[: span // 4 * 4] + odd + tensors[span // 4 * 4 + 4 :]
    return _join(header, tensors)


def _use(ranker: Any) -> None:
    """What commands do with a ranker."""
    graphs = cells(5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of numbers in the file that are too large
        ranker.predict(graphs)
        if hasattr(ranker, "intervals"):  # baselines have none
            ranker.intervals(graphs)
            ranker.compare(graphs[:2], graphs[2:4])
    json.dumps(dict(ranker.card))


def open_rankers(folder: Path) -> Door:
    """Files of rankers and of baselines."""
    seeds = []
    for name in ("WLGP", "MLP", "Forest"):
        path = folder / f"{name}.egraph"
        if not path.exists():
            BASELINES[name](seed=0).fit(cells(), count_convolutions(cells())).save(path)
        seeds.append(path.read_bytes())
    for number, options in enumerate(({}, {"tabular": "gaussian-process"}, {"prior": None})):
        path = folder / f"{number}.egraph"
        if not path.exists():
            options = {"prior": fit()} if "prior" in options else options
            fit(**options).save(path)
        seeds.append(path.read_bytes())
    edited = st.builds(_edit_description, st.sampled_from(seeds), SEEDS)

    def read(path: Path) -> None:
        _use(egraph.load(path))

    return Door(edited | damaged(seeds), read, ".egraph")


def open_genomes(folder: Path) -> Door:
    """Files of rankers' genomes."""
    shipped = shipped_genomes()
    values = []
    for name in shipped:
        Genome.load(name).save(folder / "whole.json")
        values.append(json.loads((folder / "whole.json").read_text()))
    seeds = [write_json(value) for value in values]

    def read(path: Path) -> None:
        from_genome(Genome.load(path)).get_params()

    return Door(edited_json(values).map(write_json) | damaged(seeds), read, ".json")


def open_onnx(folder: Path) -> Door:
    """Files of exported rankers, whose metadata and bytes are others."""
    import onnx

    path = folder / "r.onnx"
    if not path.exists():
        fit().to_onnx(path)
    whole = path.read_bytes()

    def edit(seed: int) -> bytes:
        rng = random.Random(seed)
        model = onnx.load_model_from_string(whole)
        if rng.random() < 0.7:
            for entry in model.metadata_props:
                entry.value = json.dumps(edit_json(json.loads(entry.value), rng))
        else:
            parts = (model.graph.initializer, model.graph.node, model.graph.output, model.graph.input)
            part = rng.choice([each for each in parts if len(each)])
            one, other = rng.choice(part), rng.choice(part)
            one.CopyFrom(other) if rng.random() < 0.5 else part.remove(one)
        return model.SerializeToString()

    def read(file: Path) -> None:
        ranker = OnnxRanker(file, threads=1)
        _use(ranker)
        open_ranker(str(file))

    return Door(SEEDS.map(edit) | damaged([whole]), read, ".onnx")
