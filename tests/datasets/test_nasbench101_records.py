"""The authors' file of NAS-Bench-101, written here anew in the same bytes from rows of the sample."""

import base64
import json
import os
import struct
import tracemalloc

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st

from egraph import datasets
from egraph.cli.main import main
from egraph.datasets._nasbench101_records import read_nasbench101
from egraph.datasets._tfrecord import crc32c, mask
from egraph.errors import DataError, UnknownNameError, UsageError

needs_sample = pytest.mark.skipif(
    not os.environ.get("EGRAPH_DATA"), reason="EGRAPH_DATA names no folder with nasbench101_20k.parquet"
)

SMALLEST = {"adjacency": "0100", "ops": "input,output", "hash": "043721b9c7fe8c5fad811d47d83132ec"}


def varint(number):
    text = b""
    while number >= 0x80:
        text += bytes([number & 0x7F | 0x80])
        number >>= 7
    return text + bytes([number])


def evaluation(epoch, seconds, train, val, test):
    values = (epoch, seconds, train, val, test)
    body = b"".join(bytes([field << 3 | 1]) + struct.pack("<d", v) for field, v in enumerate(values, 1))
    path = f"/tmp/model.ckpt-{epoch:.0f}".encode()
    body += bytes([6 << 3 | 2]) + varint(len(path)) + path
    return bytes([1 << 3 | 2]) + varint(len(body)) + body


def message(evaluations, params, seconds=1234.5):
    text = b"".join(evaluation(*each) for each in evaluations)
    return text + bytes([2 << 3]) + varint(params) + bytes([3 << 3 | 1]) + struct.pack("<d", seconds)


def record(module_hash, epochs, adjacency, ops, text):
    return json.dumps([module_hash, epochs, adjacency, ops, base64.b64encode(text).decode()]).encode()


def run(cell, epochs, half, final, params=77):
    """``half`` and ``final``: seconds, then accuracy on training, validation and test images."""
    evaluations = [(0.0, 0.0, 0.1, 0.1, 0.1), (epochs / 2, *half), (float(epochs), *final)]
    return record(cell["hash"], epochs, cell["adjacency"], cell["ops"], message(evaluations, params))


def write(path, chunks):
    lengths = [struct.pack("<Q", len(chunk)) for chunk in chunks]
    with path.open("wb") as file:
        for chunk, length, a, b in zip(chunks, lengths, crc32c(lengths), crc32c(chunks), strict=True):
            file.write(length + struct.pack("<I", mask(int(a))) + chunk + struct.pack("<I", mask(int(b))))
    return path


def as_cell(architecture, module_hash):
    n = architecture.num_vertices
    matrix = ["1" if (i, j) in architecture.edges else "0" for i in range(n) for j in range(n)]
    return {"adjacency": "".join(matrix), "ops": ",".join(architecture.ops), "hash": module_hash}


@pytest.fixture(scope="module")
def sample():
    return datasets.load("nasbench101").take(range(0, 20_000, 500))


@pytest.fixture(scope="module")
def written(sample, tmp_path_factory):
    """The sample's rows as a full file: four numbers of epochs, three runs, in no order; and the runs."""
    rng = np.random.default_rng(0)
    budgets = (4, 12, 36, 108)
    runs = rng.integers(0, 9985, size=(len(sample), len(budgets), 3, 2, 4)) / 9984
    runs[..., 0] *= 1000
    for number, epochs in enumerate(
        budgets
    ):  # of the validation accuracies, one run is the one of the sample
        runs[:, number, 1, 1, 2] = sample[f"val_acc_{epochs}"]
    chunks = [
        run(as_cell(a, h), epochs, *runs[i, j, k], params=int(params))
        for i, (a, h, params) in enumerate(
            zip(sample.architectures, sample.columns["hash"], sample["params"], strict=True)
        )
        for j, epochs in enumerate(budgets)
        for k in range(3)
    ]
    order = rng.permutation(len(chunks))
    for training in range(len(chunks) // 3):  # its runs keep their order: they have no numbers
        order[order // 3 == training] = np.arange(3) + 3 * training
    path = write(tmp_path_factory.mktemp("official") / "nasbench_full.tfrecord", [chunks[c] for c in order])
    return path, runs


@needs_sample
def test_the_table_is_what_the_file_was_written_from(sample, written, tmp_path):
    path, runs = written
    out = datasets.import_table(path, tmp_path / "x.parquet", benchmark="nasbench101")
    table = datasets.load(out)
    assert (table.name, table.space.name) == ("nasbench101", "nasbench101")
    rows = {key: row for row, key in enumerate(table.keys)}
    assert set(rows) == set(sample.columns["hash"])
    table = table.take([rows[key] for key in sample.columns["hash"]])
    assert table.architectures == sample.architectures
    np.testing.assert_array_equal(table["params"], sample["params"])
    for j, epochs in enumerate((4, 12, 36, 108)):
        np.testing.assert_array_equal(table[f"val_acc_{epochs}_1"], sample[f"val_acc_{epochs}"])
        for half, prefix in enumerate(("half_", "")):
            for q, quantity in enumerate(("train_time", "train_acc", "val_acc", "test_acc")):
                name = f"{prefix}{quantity}_{epochs}"
                np.testing.assert_allclose(table[name], runs[:, j, :, half, q].mean(axis=1), rtol=1e-14)
                metric = table.metrics[name]
                assert (metric.budget, metric.runs) == (epochs if half else epochs // 2, 3)
                assert metric.unit == ("seconds" if q == 0 else "fraction")
                assert metric.higher_is_better == (q != 0)
        for split, q in (("val", 2), ("test", 3)):
            for k in range(3):
                np.testing.assert_array_equal(table[f"{split}_acc_{epochs}_{k}"], runs[:, j, k, 1, q])
                assert table.metrics[f"{split}_acc_{epochs}_{k}"].runs == 1
    assert table.metrics["val_acc_108"].split == "validation"
    assert table.metrics["test_acc_108"].split == "test"
    assert table.provenance["imported from"] == "nasbench_full.tfrecord"
    assert table.provenance["records"].startswith("480, each with the right checksum")
    assert table.provenance["cells"] == "40 of the 423,624 of the benchmark"


@needs_sample
def test_the_command_reads_it_under_its_own_name(written, tmp_path, monkeypatch):
    monkeypatch.setenv("EGRAPH_DATA", str(tmp_path))
    monkeypatch.setattr(
        "egraph.datasets._folders.platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache"
    )
    done = CliRunner().invoke(main, ["data", "import", "nasbench101", str(written[0])])
    assert done.exit_code == 0, done.output
    assert "40 rows, 40 distinct networks of the space nasbench101; half_train_time_108, s" in done.stdout
    assert "and 45 more" in done.stdout
    assert "next: egraph data show nasbench101\n" in done.stdout
    assert len(datasets.load("nasbench101")) == 40
    shown = CliRunner().invoke(main, ["data", "show", "nasbench101"])
    assert "each with the right checksum" in shown.stdout
    for arguments, code, text in (
        (["nasbench101", "a", "b"], 2, "expected one file, with or without a benchmark before it"),
        (["nasbench11", "a"], 2, "unknown benchmark 'nasbench11'; known: nasbench101, nasbench201. Did you"),
        (["nasbench101", "none"], 1, "there is no file none to import; give nasbench_only108.tfrecord or"),
    ):
        done = CliRunner().invoke(main, ["data", "import", *arguments])
        assert done.exit_code == code
        assert text in done.stderr


def test_the_format_is_known_by_the_files_name(tmp_path):
    path = write(tmp_path / "mine.tfrecord", [run(SMALLEST, 108, (1, 0.5, 0.4, 0.3), (2, 0.9, 0.8, 0.7))])
    table = datasets.load(datasets.import_table(path, tmp_path / "x.parquet"))
    assert table.name == "x"
    assert table["test_acc_108"].tolist() == [0.7]
    assert table["half_train_time_108"].tolist() == [1]
    assert table.metrics["test_acc_108"].runs == 1
    with pytest.raises(UsageError, match="is a table of the space 'nasbench101', not of 'nasbench201'"):
        datasets.import_table(path, tmp_path / "y.parquet", space="nasbench201")
    with pytest.raises(UsageError, match=r"the metrics of .*mine\.tfrecord are known, and all are taken"):
        datasets.import_table(path, tmp_path / "y.parquet", metrics=["val_acc_108"])
    with pytest.raises(UnknownNameError, match="unknown benchmark 'darts'"):
        datasets.import_table(path, benchmark="darts")


def test_missing_runs_are_missing_and_equal_runs_stay_equal(tmp_path):
    other = {"adjacency": "010001000", "ops": "input,maxpool3x3,output", "hash": None}
    other["hash"] = datasets.Table("nasbench101", ["010/001/000 maxpool3x3"], {}, {}).keys[0]
    final = (2, 0.9, 0.1, 0.7)
    chunks = [run(SMALLEST, 108, final, final)] * 3 + [
        run(other, 108, final, final),
        run(other, 4, final, final),
    ]
    table = read_nasbench101(write(tmp_path / "x", chunks))
    assert table.keys == [SMALLEST["hash"], other["hash"]]
    assert table["val_acc_108"].tolist() == [0.1, 0.1]  # three times a tenth are not three tenths
    np.testing.assert_array_equal(table["val_acc_108_2"], [0.1, np.nan])
    np.testing.assert_array_equal(table["val_acc_4"], [np.nan, 0.1])
    assert table.metrics["val_acc_108"].runs is None
    assert table.metrics["val_acc_108"].description == "CIFAR-10; mean of 1 to 3 runs"


def test_progress_is_told_in_bytes(tmp_path):
    path = write(tmp_path / "x", [run(SMALLEST, 108, (1, 0.5, 0.4, 0.3), (2, 0.9, 0.8, 0.7))] * 3)
    told = []
    read_nasbench101(path, lambda done, total: told.append((done, total)))
    assert told == [(0, path.stat().st_size)]


GOOD = [SMALLEST["hash"], 108, SMALLEST["adjacency"], SMALLEST["ops"]]
METRICS = message([(0, 0, 0, 0, 0), (54, 1, 0.5, 0.5, 0.5), (108, 2, 0.9, 0.9, 0.9)], 5)


@pytest.mark.parametrize(
    ("chunk", "match"),
    [
        (b"\xff", "codec can't decode"),
        (b"{", "Expecting property name"),
        (b"[" * 5000, "recursion"),
        (b"{}", "it is not a list of five"),
        (b"[1, 2]", "it is not a list of five"),
        (b"[1, 108, 2, 3, 4]", "are not all texts"),
        (record("zz", *GOOD[1:], METRICS), "non-hexadecimal"),
        (record("00", *GOOD[1:], METRICS), "'00' is not a hash of 32 hexadecimal digits"),
        (record("0" * 32, *GOOD[1:], METRICS), f"its graph has the hash {SMALLEST['hash']}, not 0{{32}}"),
        (record(GOOD[0], 0, *GOOD[2:], METRICS), "0 is not a number of epochs"),
        (record(GOOD[0], True, *GOOD[2:], METRICS), "True is not a number of epochs"),
        (record(GOOD[0], 108, "010", GOOD[3], METRICS), "'010' is not an adjacency matrix of 2 vertices"),
        (record(GOOD[0], 108, "0120", GOOD[3], METRICS), "'0120' is not an adjacency matrix of 2 vertices"),
        (record(GOOD[0], 108, "0110", GOOD[3], METRICS), "the edge 1 -> 0 does not lead forward"),
        (record(GOOD[0], 108, "0000", GOOD[3], METRICS), "no path"),
        (record(GOOD[0], 108, "0100", "input,input", METRICS), "'input,input' are not operations of a cell"),
        (record(GOOD[0], 108, "0" * 9, "input,conv,output", METRICS), "are not operations of a cell"),
        (json.dumps([*GOOD, "abc"]).encode(), "Incorrect padding|Invalid base64"),
        (record(*GOOD, METRICS[:-1]), "no field of a message begins with 25, or it is cut off"),
        (record(*GOOD, METRICS[:10]), "field 1 is cut off"),
        (record(*GOOD, b"\x80"), "a number is cut off"),
        (record(*GOOD, b"\xff" * 11), "a number has more than 64 bits"),
        (record(*GOOD, b"\x0b"), "no field of a message begins with 11"),
        (record(*GOOD, b"\x10\x05"), "it has 0 evaluations, not three: at the start"),
        (record(*GOOD, message([(0, 0, 0, 0, 0)] * 4, 5)), "it has 4 evaluations"),
        (record(*GOOD, message([(0, 1, 0.5, 0.5, 1.5)] * 3, 5)), "are not a time and three fractions"),
        (record(*GOOD, message([(0, -1, 0.5, 0.5, 0.5)] * 3, 5)), "are not a time and three fractions"),
        (
            record(*GOOD, message([(0, 1, 0.5, 0.5, float("nan"))] * 3, 5)),
            "are not a time and three accuracies",
        ),
    ],
)
def test_a_record_of_something_else_is_reported_with_its_place(tmp_path, chunk, match):
    good = record(*GOOD, METRICS)
    path = write(tmp_path / "x", [good, chunk])
    place = rf"x: record 1 at byte {len(good) + 16} is not a run of NAS-Bench-101: .*"
    with pytest.raises(DataError, match=place + f"({match})") as caught:
        read_nasbench101(path)
    assert "\n" not in str(caught.value)


def test_a_field_that_is_absent_is_zero(tmp_path):
    bare = bytes([1 << 3 | 2, 0]) * 3
    table = read_nasbench101(write(tmp_path / "x", [record(*GOOD, bare)]))
    assert table["test_acc_108"].tolist() == table["params"].tolist() == [0]


def test_fields_that_nobody_knows_are_skipped(tmp_path):
    unknown = bytes([9 << 3 | 5]) + b"abcd" + bytes([10 << 3 | 2, 2]) + b"xy" + bytes([11 << 3]) + varint(300)
    table = read_nasbench101(write(tmp_path / "x", [record(*GOOD, unknown + METRICS)]))
    assert table["test_acc_108"].tolist() == [0.9]


def test_a_fourth_run_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"record 3 at byte .* it is the fourth of 108 epochs of its cell"):
        read_nasbench101(write(tmp_path / "x", [record(*GOOD, METRICS)] * 4))


def test_an_empty_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="x contains no records"):
        read_nasbench101(write(tmp_path / "x", []))


def test_a_cell_drawn_in_two_ways_is_one_cell(tmp_path):
    a = {"adjacency": "0110000100010000", "ops": "input,maxpool3x3,conv1x1-bn-relu,output"}
    b = {**a, "ops": "input,conv1x1-bn-relu,maxpool3x3,output"}
    key = datasets.Table("nasbench101", ["0110/0001/0001/0000 maxpool3x3,conv1x1-bn-relu"], {}, {}).keys[0]
    final = (2, 0.9, 0.8, 0.7)
    chunks = [run({**cell, "hash": key}, 108, final, final) for cell in (a, b, a)]
    table = read_nasbench101(write(tmp_path / "x", chunks))
    assert table.architectures[0].ops == tuple(a["ops"].split(","))
    assert len(table) == 1


CHUNKS = [run(SMALLEST, epochs, (1, 0.5, 0.4, 0.3), (2, 0.9, 0.8, 0.7)) for epochs in (4, 12, 108)]
STARTS = np.cumsum([0, *(len(chunk) + 16 for chunk in CHUNKS)]).tolist()


@settings(max_examples=40, deadline=None)
@given(position=st.integers(0, STARTS[-1] - 1), changes=st.lists(st.integers(1, 255), min_size=1, max_size=4))
def test_changed_bytes_never_become_a_number(tmp_path_factory, position, changes):
    folder = tmp_path_factory.mktemp("damage")
    path = write(folder / "x.tfrecord", CHUNKS)
    content = bytearray(path.read_bytes())
    for place, change in enumerate(changes, position):
        content[min(place, len(content) - 1)] ^= change
    if bytes(content) == path.read_bytes():  # two changes of the last byte can cancel
        return
    path.write_bytes(content)
    number = sum(start <= position for start in STARTS[1:])
    with pytest.raises(DataError, match=rf"record {number} at byte {STARTS[number]} "):
        datasets.import_table(path, folder / "y.parquet")
    assert not (folder / "y.parquet").exists()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, STARTS[-1] - 1))
@example(STARTS[2])
def test_a_file_that_is_cut_off_is_refused(tmp_path_factory, size):
    folder = tmp_path_factory.mktemp("damage")
    path = write(folder / "x.tfrecord", CHUNKS)
    path.write_bytes(path.read_bytes()[:size])
    number = sum(start <= size for start in STARTS[1:])
    if size in STARTS:  # a whole record at the end looks like an end
        assert len(read_nasbench101(path).metrics) == number * 10 + 1
        return
    with pytest.raises(DataError, match=rf"record {number} at byte {STARTS[number]} is cut off"):
        datasets.import_table(path, folder / "y.parquet")
    assert not (folder / "y.parquet").exists()


def test_memory_grows_with_the_cells_and_not_with_the_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("egraph.datasets._tfrecord._BATCH", 20_000)
    space = datasets.Table("nasbench101", [], {}, {}).space
    cells = [as_cell(a, space.key(a)) for a, _ in zip(space, range(300), strict=False)]
    final = (2, 0.9, 0.8, 0.7)
    peaks = []
    for runs in (1, 3):
        chunks = [run(cell, 108, final, final) for cell in cells for _ in range(runs)]
        path = write(tmp_path / "x", chunks)
        read_nasbench101(path)  # fills caches
        tracemalloc.start()
        read_nasbench101(path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
