"""Files of rows and columns: measured architectures, and features to train on."""

from __future__ import annotations

import csv
import datetime
import decimal
import gzip
import io
import random
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from egraph import datasets, spaces
from fuzzing.edits import CELL, ODD, damaged, edit_json, write_json
from fuzzing.trying import Door, attempt

NAMES = [
    "architecture",
    "arch",
    "acc",
    "loss",
    "latency_ms",
    "acc_0",
    "acc_1",
    "label",
    "species",
    "ops",
    "edges",
]
NAMES += ["matrix", "normal", "", " ", "Unnamed: 0", "split", "é", "a,b", 'a"b', "x" * 300, "0", "nan", "key"]
TEXTS = [CELL, CELL.replace("none", "skip_connect"), CELL[::-1], "(4, 0, 3, 1, 4, 3)", "[4,0,3,1,4,3]"]
TEXTS += ['{"ops":["input","none","output"],"edges":[[0,1],[1,2]]}', '["input","output"]', "[[0,1],[0,0]]"]
TEXTS += [
    "setosa",
    "virginica",
    "0.5",
    "91.25",
    "1e-3",
    "93,1",
    "1,234",
    "91 %",
    "inf",
    "-inf",
    "nan",
    "failed",
    "-",
]


def _read(path: Path) -> None:
    """All ways into egraph that a table has."""
    out = path.with_name("out.parquet")
    for options in (
        {},
        {"space": "nasbench201"},
        {"space": "nasbench201", "lower_is_better": ["loss"], "higher_is_better": ["latency_ms"]},
        {"space": "nasbench201", "metrics": ["acc"], "na": ["failed"], "architecture": "arch"},
    ):
        table = attempt(lambda options=options: datasets.load(path, **options))
        if table is not None:
            attempt(lambda table=table: _use(table))
    attempt(lambda: datasets.import_table(path, out, space="nasbench201", higher_is_better=["loss"]))
    if out.exists():
        attempt(lambda: _use(datasets.load(out)))
        out.unlink()
    for name in (str(path), f"{path}:species", f"{path}:target=acc"):
        data = attempt(lambda name=name: datasets.images(name))
        repr(data)


def _use(table: datasets.Table) -> None:
    """What commands do with a table."""
    datasets.summarise(table)
    table.distinct().split(max(2, len(table) // 2), seed=0)
    repr(table)


def _cells(rng: random.Random) -> Any:
    return rng.choice((CELL, rng.choice(TEXTS), round(rng.uniform(80, 95), 2), str(rng.choice(ODD))[:300]))


def _row(names: list[str], rng: random.Random, odd: float) -> list[Any]:
    space = spaces.get("nasbench201")
    cells = []
    for name in names:
        if rng.random() < odd:
            cells.append(_cells(rng))
        elif name in ("architecture", "arch"):
            cells.append(space.format(space.sample(np.random.default_rng(rng.randrange(10**6)))))
        elif name in ("label", "species"):
            cells.append(rng.choice(("setosa", "virginica", "other")))
        else:
            cells.append(rng.choice((round(rng.uniform(80, 95), 2), rng.randrange(10))))
    return cells


def _columns(rng: random.Random) -> list[str]:
    usual = ["architecture", "acc", "loss", "species"]
    return usual[: rng.randrange(1, 5)] if rng.random() < 0.5 else rng.choices(NAMES, k=rng.randrange(1, 7))


def write_csv(seed: int) -> bytes:
    """A CSV file of any usual or unusual kind."""
    rng = random.Random(seed)
    names = _columns(rng)
    file = io.StringIO(newline="")
    quoting = rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC))
    ending = rng.choice(("\n", "\r\n", "\r", "\n\n"))
    writer = csv.writer(file, delimiter=rng.choice(",,,;\t| "), lineterminator=ending, quoting=quoting)
    writer.writerow(names)
    odd = rng.choice((0, 0.02, 0.3))
    for _ in range(rng.choice((0, 1, 3, 12, 40))):
        row = _row(names, rng, odd)
        writer.writerow(row[: rng.randrange(len(row) + 1)] if rng.random() < odd / 3 else row)
    content = file.getvalue().encode(
        rng.choice(("utf-8",) * 6 + ("utf-8-sig", "utf-16", "latin-1")), "replace"
    )
    return gzip.compress(content, mtime=0) if rng.random() < 0.05 else content


def write_json_lines(seed: int) -> bytes:
    """A file of JSON lines."""
    rng = random.Random(seed)
    names, odd = _columns(rng), rng.choice((0, 0.02, 0.3))
    lines = []
    for _ in range(rng.choice((0, 1, 3, 12, 40))):
        record: Any = dict(zip(names, _row(names, rng, odd), strict=True))
        if rng.random() < 0.2:
            record["architecture"] = {"ops": ["input", "nor_conv_3x3", "output"], "edges": [[0, 1], [1, 2]]}
        lines.append(write_json(edit_json(record, rng) if rng.random() < odd else record))
    return rng.choice((b"\n", b"\r\n", b"\n\n", b"\r")).join(lines)


def write_parquet(seed: int) -> bytes:
    """A Parquet file with columns of any type."""
    import pyarrow
    import pyarrow.parquet

    rng = random.Random(seed)
    names = list(dict.fromkeys(_columns(rng))) if rng.random() < 0.9 else _columns(rng)
    rows, odd = rng.choice((0, 1, 3, 12, 40)), rng.choice((0, 0, 0.3))
    arrays = []
    for name in names:
        values = [_row([name], rng, 0)[0] for _ in range(rows)]
        made = _odd_array(values, rng) if rng.random() < 0.3 else None
        if made is None:
            values = [None if rng.random() < odd else value for value in values]
            made = pyarrow.array(
                [
                    value
                    if value is None or name in ("architecture", "arch", "species", "label")
                    else float(value)
                    for value in values
                ]
            )
        arrays.append(made)
    table = pyarrow.Table.from_arrays(arrays, names=names)
    if rng.random() < 0.1:
        key = rng.choice((b"pandas", b"egraph", b"egraph table", b"ARROW:schema"))
        table = table.replace_schema_metadata({key: write_json(rng.choice(ODD))})
    return _to_bytes(table, rng.choice(("snappy", "gzip", "zstd", "none")))


def _to_bytes(table: Any, compression: str = "snappy") -> bytes:
    """A table as a Parquet file; nothing where its values have no place there."""
    import pyarrow
    import pyarrow.parquet

    file = io.BytesIO()
    try:
        pyarrow.parquet.write_table(table, file, compression=compression)
    except pyarrow.ArrowException:
        return b""
    return file.getvalue()


def _odd_array(values: list[Any], rng: random.Random) -> Any:
    """The values as another type, or other values; None where they do not fit."""
    import pyarrow as pa

    count = len(values)
    day = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    kinds = [
        lambda: pa.array([decimal.Decimal("1.5")] * count),
        lambda: pa.array([day] * count),
        lambda: pa.array([datetime.date(2024, 1, 1)] * count),
        lambda: pa.array([datetime.time(1)] * count),
        lambda: pa.array([datetime.timedelta(1)] * count),
        lambda: pa.array([b"\xff"] * count),
        lambda: pa.array([rng.choice((True, False, None)) for _ in values]),
        lambda: pa.array([None] * count),
        lambda: pa.array([[0, 1]] * count),
        lambda: pa.array([[[0, 1], [0, 0]]] * count),
        lambda: pa.array([["input", "output"]] * count),
        lambda: pa.array([{"ops": ["input", "output"], "edges": [[0, 1]]}] * count),
        lambda: pa.array([{"a": None}] * count),
        lambda: pa.array([[("a", 1)]] * count, pa.map_(pa.string(), pa.int64())),
        lambda: pa.array([str(value) for value in values]).dictionary_encode(),
        lambda: pa.array([rng.choice(TEXTS) for _ in values], pa.large_string()),
        lambda: pa.array([rng.choice((2**64 - 1, 0)) for _ in values], pa.uint64()),
        lambda: pa.array([rng.choice((2**63 - 1, 0, None)) for _ in values], pa.int64()),
        lambda: pa.array(np.full(count, rng.choice((0.5, np.inf, np.nan)), dtype=np.float16)),
        lambda: pa.array([float(value) for value in values], pa.float32()),
        lambda: pa.array([4102444800000000000] * count, pa.timestamp("ns", "Asia/Tokyo")),
        lambda: pa.array([10**12] * count, pa.timestamp("s")),
        lambda: pa.array([10**12] * count, pa.duration("s")),
        lambda: pa.FixedSizeListArray.from_arrays(pa.array([0.5] * 2 * count), 2),
    ]
    try:
        return rng.choice(kinds)()
    except (ValueError, TypeError, pa.ArrowException):
        return None


def _make(write: Any) -> st.SearchStrategy[bytes]:
    """Inputs of a writer, as they are and damaged."""
    whole = st.builds(write, st.integers(0, 2**40))
    return whole | damaged([write(seed) for seed in range(60)])


def open_csv(folder: Path) -> Door:
    return Door(_make(write_csv), _read, ".csv")


def open_json_lines(folder: Path) -> Door:
    return Door(_make(write_json_lines), _read, ".jsonl")


def open_parquet(folder: Path) -> Door:
    own = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        space = spaces.get("nasbench201")
        cells = [space.sample(rng) for _ in range(12)]
        metric = datasets.Metric("percent", runs=1)
        columns = {"acc": rng.random(12), "acc_0": rng.random(12), "acc_1": rng.random(12)}
        table = datasets.Table(
            space, cells, columns, dict.fromkeys(columns, metric), name="own", provenance={"a": "b"}
        )
        table.save(folder / "own.parquet")
        own.append((folder / "own.parquet").read_bytes())
    return Door(
        _make(write_parquet)
        | damaged(own)
        | st.builds(_edit_header, st.sampled_from(own), st.integers(0, 2**40)),
        _read,
        ".parquet",
    )


def _edit_header(content: bytes, seed: int) -> bytes:
    """A table of egraph whose description is another JSON value."""
    import json

    import pyarrow
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(io.BytesIO(content))
    rng = random.Random(seed)
    told = dict(table.schema.metadata or {})
    for key in told:
        try:
            told[key] = write_json(edit_json(json.loads(told[key]), rng))
        except ValueError:
            continue
    return _to_bytes(table.replace_schema_metadata(told))
