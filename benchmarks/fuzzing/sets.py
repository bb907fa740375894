"""Files to train on, and the files of benchmarks as their authors published them."""

from __future__ import annotations

import base64
import gzip
import io
import json
import pickle
import random
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from egraph import datasets
from fuzzing.edits import CELL, ODD, damage, damaged
from fuzzing.trying import Door, attempt

SEEDS = st.integers(0, 2**40)


def _read(path: Path | str) -> None:
    data = datasets.images(str(path))
    repr(data)


def write_npz(seed: int) -> bytes:
    """An archive of arrays of any type and shape."""
    rng = random.Random(seed)
    count = rng.choice((0, 1, 2, 30, 30, 60))
    shape = rng.choice(
        ((count, 8, 8), (count, 3, 8, 8), (count, 8, 8, 3), (count, 40), (count, 1, 40), (count,), ())
    )
    make = np.random.default_rng(seed)

    def inputs() -> np.ndarray:
        values = make.random(shape) * rng.choice((1, 255, 1e30, 0))
        kind = rng.choice(("u1", "f4", "f8", "f2", "i8", "?", "c8", "U3", "S3", "m8[s]", "M8[s]", "O"))
        kind = kind if rng.random() < 0.3 else rng.choice(("u1", "f4"))
        with np.errstate(all="ignore"):
            found = np.zeros(shape, kind) if kind == "M8[s]" else np.asarray(values).astype(kind)
        if found.dtype.kind == "f" and found.size and rng.random() < 0.1:
            found.flat[0] = rng.choice((np.nan, np.inf, 6e4))
        return found

    def targets() -> np.ndarray:
        n = count if rng.random() < 0.9 else count + 1
        labels = np.arange(n) % rng.choice((1, 2, 3, 10))
        kinds = ("i8", "u1", "f4", "f8", "U3", "S3", "?", "O", "c8", "M8[s]")
        return rng.choice(
            (
                labels,
                labels.astype(rng.choice(kinds)),
                np.eye(10)[labels % 10],
                labels[:, None],
                labels - 1,
                labels * 10**6,
                labels + 0.5,
            )
        )

    names = rng.choice(
        (
            ["X", "y"],
            ["x_train", "y_train", "x_test", "y_test"],
            ["train_images", "train_labels", "test_images", "test_labels"],
            ["a"],
            [],
        )
    )
    arrays = {name: inputs() if name.lower()[0] == "x" or "images" in name else targets() for name in names}
    if rng.random() < 0.2:
        arrays["kind"] = np.array(rng.choice(("images", "signals", "features", "", "a\nb", 3)))
    file = io.BytesIO()
    (np.savez if rng.random() < 0.7 else np.savez_compressed)(file, **arrays)
    return file.getvalue()


def edit_npz(seed: int) -> bytes:
    """An archive in which one array's file is damaged: its header announces other types and shapes."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(write_npz(seed % 50))) as old, zipfile.ZipFile(file, "w") as new:
        names = old.namelist()
        for number, name in enumerate(names):
            content = old.read(name)
            new.writestr(
                name, damage(content[:128], seed) + content[128:] if number == seed % len(names) else content
            )
    return file.getvalue()


def open_npz(folder: Path) -> Door:
    whole = SEEDS.map(write_npz)
    seeds = [write_npz(seed) for seed in range(40)]
    return Door(
        whole | SEEDS.map(edit_npz) | damaged(seeds),
        _read,
        ".npz",
    )


def _idx(array: np.ndarray) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def open_idx(folder: Path) -> Door:
    """One damaged file beside three good ones."""
    rng = np.random.default_rng(0)
    images, labels = (
        _idx(rng.integers(0, 256, (30, 6, 6), dtype=np.uint8)),
        _idx(np.arange(30, dtype=np.uint8) % 3),
    )
    places = {f"train-{which}-ubyte": folder / which for which in ("images-idx3", "labels-idx1")}
    for place in places.values():
        place.mkdir(exist_ok=True)
        for part in ("train", "t10k"):
            (place / f"{part}-images-idx3-ubyte").write_bytes(images)
            (place / f"{part}-labels-idx1-ubyte").write_bytes(labels)

    def read(path: Path) -> None:
        for name, place in places.items():
            (place / name).write_bytes(path.read_bytes())
            attempt(lambda place=place: _read(place))

    seeds = [
        images,
        labels,
        gzip.compress(images, mtime=0),
        gzip.compress(labels, mtime=0),
        _idx(np.zeros((0, 6, 6), np.uint8)),
    ]
    return Door(damaged(seeds), read)


def _benchmark() -> dict[str, Any]:
    """A cell of NAS-Bench-201 as its authors' pickles describe it."""
    runs = {}
    for data, splits in (("cifar10-valid", ["x-valid"]), ("cifar10", ["ori-test"])):
        accuracies = {f"{split}@{epoch}": 50.0 + epoch for split in splits for epoch in range(12)}
        runs[data, 777] = {
            "name": data, "arch_config": {"arch_str": CELL}, "params": 0.5, "flop": 15.0, "seed": 777,
            "epochs": 12, "latency": [0.01], "eval_names": splits, "eval_acc1es": accuracies,
            "eval_times": dict(accuracies), "eval_losses": dict(accuracies), "train_times": {},
            "train_acc1es": {}, "net_state_dict": None,
        }  # fmt: skip
    state = {"arch_index": 0, "arch_str": CELL, "all_results": runs, "dataset_seed": {"cifar10": [777]}}
    return {
        "meta_archs": [CELL],
        "total_archs": 15_625,
        "arch2infos": {0: {"12": state, "200": state}},
        "evaluated_indexes": {0},
    }


def _edit_object(value: Any, rng: random.Random) -> Any:
    """A Python value in which one part is another one."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        return (
            {**value, key: _edit_object(value[key], rng)}
            if rng.random() < 0.95
            else {k: v for k, v in value.items() if k != key}
        )
    if isinstance(value, list) and value and rng.random() < 0.9:
        place = rng.randrange(len(value))
        return [*value[:place], _edit_object(value[place], rng), *value[place + 1 :]]
    return rng.choice([*ODD, b"", b"\xff", np.arange(3), np.float32(1), np.array(["a"]), (1, 2), {1}, 2 + 3j])


def open_pickles(folder: Path) -> Door:
    """Batches of CIFAR and the files of NAS-Bench-201: pickles that are never executed."""
    rng = np.random.default_rng(0)
    batch = {
        b"data": rng.integers(0, 256, (20, 3072), dtype=np.uint8),
        b"labels": [each % 10 for each in range(20)],
    }
    meta = pickle.dumps({b"label_names": [f"c{each}".encode() for each in range(10)]}, protocol=2)
    good = pickle.dumps(batch, protocol=2)
    places = {which: folder / f"damaged {which}" for which in ("data_batch_1", "batches.meta")}
    for place in places.values():
        place.mkdir(exist_ok=True)
        for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
            (place / name).write_bytes(good)
        (place / "batches.meta").write_bytes(meta)

    def read(path: Path) -> None:
        content = path.read_bytes()
        for name, place in places.items():
            (place / name).write_bytes(content)
            attempt(lambda place=place: _read(place))
        (folder / "NAS.pth").write_bytes(content)
        attempt(lambda: datasets.import_table(folder / "NAS.pth", folder / "out.parquet"))

    cells = _benchmark()
    head = b"".join(pickle.dumps(each, 2) for each in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))

    def edit(seed: int) -> bytes:
        choose = random.Random(seed)
        content = _edit_object(choose.choice((cells, batch)), choose)
        return choose.choice((b"", head)) + pickle.dumps(content, protocol=choose.choice((2, 2, 0, 3, 4, 5)))

    small = pickle.dumps({b"data": batch[b"data"][:2], b"labels": [0, 1]}, protocol=2)
    return Door(
        SEEDS.map(edit) | damaged([good, small, meta, head + pickle.dumps(cells, 2), pickle.dumps(cells, 4)]),
        read,
    )


def open_pictures(folder: Path) -> Door:
    """One damaged picture in a folder of class folders."""
    from PIL import Image

    rng, seeds = np.random.default_rng(0), []
    for mode, channels in (("L", ()), ("RGB", (3,)), ("RGBA", (4,)), ("P", ()), ("1", ())):
        for kind in ("PNG", "JPEG", "BMP", "GIF"):
            file = io.BytesIO()
            picture = Image.fromarray(rng.integers(0, 256, (8, 8, *channels), dtype=np.uint8))
            try:
                picture.convert(mode).save(file, kind)
            except OSError:
                continue
            seeds.append(file.getvalue())
    place = folder / "pictures"
    for name in ("cat", "dog"):
        (place / name).mkdir(parents=True, exist_ok=True)
        for number in range(6):
            (place / name / f"{number}.png").write_bytes(seeds[0])

    def read(path: Path) -> None:
        (place / "cat" / "0.png").write_bytes(path.read_bytes())
        attempt(lambda: _read(place))

    return Door(damaged(seeds), read)


def open_records(folder: Path) -> Door:
    """The file of NAS-Bench-101: records with checksums, which are right although their content is not."""
    from egraph.datasets._tfrecord import crc32c, mask

    matrix, ops, digest = "0100", "input,output", "043721b9c7fe8c5fad811d47d83132ec"

    def number(field: int, value: float) -> bytes:
        return bytes([field << 3 | 1]) + struct.pack("<d", value)

    half = b"".join(number(field, 0.5 * field) for field in range(1, 6))
    measured = (bytes([1 << 3 | 2, len(half)]) + half) * 3 + bytes([2 << 3, 77]) + number(3, 12.0)

    def frame(chunks: list[bytes]) -> bytes:
        lengths = [struct.pack("<Q", len(chunk)) for chunk in chunks]
        sums = zip(chunks, lengths, crc32c(lengths), crc32c(chunks), strict=True)
        return b"".join(
            length + struct.pack("<I", mask(int(a))) + chunk + struct.pack("<I", mask(int(b)))
            for chunk, length, a, b in sums
        )

    def write(seed: int) -> bytes:
        rng = random.Random(seed)
        fields = [
            digest,
            rng.choice((4, 12, 36, 108)),
            matrix,
            ops,
            base64.b64encode(damage(measured, seed) if seed % 2 else measured).decode(),
        ]
        if rng.random() < 0.5:
            fields[rng.randrange(5)] = rng.choice(ODD)
        chunk = json.dumps(fields).encode()
        return frame([damage(chunk, seed) if rng.random() < 0.3 else chunk] * rng.choice((1, 2, 3)))

    good = frame([json.dumps([digest, 108, matrix, ops, base64.b64encode(measured).decode()]).encode()] * 3)
    out = folder / "out.parquet"
    return Door(
        SEEDS.map(write) | damaged([good]), lambda path: datasets.import_table(path, out), ".tfrecord"
    )
