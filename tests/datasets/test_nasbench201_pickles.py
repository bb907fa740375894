"""The files of NAS-Bench-201 and NATS-Bench, written here anew in their layout from rows of the table."""

import bz2
import collections
import math
import os
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph import datasets
from egraph.cli.main import main
from egraph.datasets._nasbench201_pickles import read_nasbench201
from egraph.errors import DataError

needs_table = pytest.mark.skipif(
    not os.environ.get("EGRAPH_DATA"), reason="EGRAPH_DATA names no folder with nasbench201.parquet"
)

CELLS = [
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|",
    "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
]
SETS = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("x-valid", "x-test", "ori-test"),
    "ImageNet16-120": ("x-valid", "x-test", "ori-test"),
}


def run(cell, data, seed, epochs, final, params=0.5, latency=0.01):
    """What was measured in one training; ``final`` are the accuracies behind its last epoch."""
    curve = {epoch: 10.0 + epoch / epochs for epoch in range(epochs)}
    accuracies = {f"{name}@{epoch}": value for name in SETS[data] for epoch, value in curve.items()}
    accuracies |= {f"{name}@{epochs - 1}": value for name, value in final.items()}
    return {
        "name": data,
        "train_acc1es": dict(curve),
        "train_acc5es": None,
        "train_losses": dict(curve),
        "train_times": dict.fromkeys(range(epochs), 2.0),
        "arch_config": {"channel": 16, "num_cells": 5, "arch_str": cell, "class_num": 10},
        "params": params,
        "flop": 15.64737,
        "seed": f"{seed:04d}",
        "epochs": epochs,
        "latency": [np.float64(latency)],
        "eval_names": list(SETS[data]),
        "eval_acc1es": accuracies,
        "eval_times": dict.fromkeys(accuracies, 0.5),
        "eval_losses": dict.fromkeys(accuracies, 1.5),
        "net_state_dict": None,
    }


def state(index, cell, runs):
    seeds = {}
    for data, seed in runs:
        seeds.setdefault(data, []).append(seed)
    return {
        "arch_index": index,
        "arch_str": cell,
        "all_results": runs,
        "dataset_seed": seeds,
        "clear_net_done": True,
    }


def states(index, cell, short="12", long="200", value=50.0, epochs=200, **more):
    """A cell with two runs of CIFAR-10's half and one of each other data set for 12 epochs, two for 200."""
    runs = {
        ("cifar10-valid", 777): run(cell, "cifar10-valid", 777, 12, {"x-valid": value + 2, "ori-test": 1.0}),
        ("cifar10-valid", 111): run(cell, "cifar10-valid", 111, 12, {"x-valid": value, "ori-test": 1.0}),
        ("cifar10", 111): run(cell, "cifar10", 111, 12, {"ori-test": value + 3}),
        ("cifar100", 111): run(cell, "cifar100", 111, 12, {"x-valid": 1.5, "x-test": 2.5, "ori-test": 2.0}),
    }
    many = {
        ("cifar10", seed): run(cell, "cifar10", seed, epochs, {"ori-test": value + seed / 111}, **more)
        for seed in (888, 777)
    }
    content = collections.OrderedDict()
    content[short], content[long] = state(index, cell, runs), state(index, cell, many)
    return content


def write_folder(folder, cells, contents, protocol=4):
    folder.mkdir(exist_ok=True)
    meta = {
        "meta_archs": cells,
        "total_archs": 15_625,
        "arch2infos": None,
        "evaluated_indexes": set(),
    }
    for name, content in [("meta", meta), *((f"{index:06d}", c) for index, c in contents.items())]:
        with bz2.open(folder / f"{name}.pickle.pbz2", "wb") as file:
            pickle.dump(content, file, protocol=protocol)
    return folder


def write_file(path, cells, contents, how):
    whole = {
        "meta_archs": cells,
        "total_archs": 15_625,
        "arch2infos": contents,
        "evaluated_indexes": set(contents),
    }
    if how == "bzip2":
        with bz2.open(path, "wb") as file:
            pickle.dump(whole, file, protocol=4)
    else:
        torch.save(whole, path, _use_new_zipfile_serialization=how == "zip")
    return path


FORMS = ["folder", "bzip2", "zip", "legacy"]


def write(folder, cells, contents, form):
    if form == "folder":
        return write_folder(folder / "NATS-tss-v1_0-3ffb9-simple", cells, contents)
    name = "NATS-tss.pickle.pbz2" if form == "bzip2" else "NAS-Bench-201-v1_1-096897.pth"
    if form != "bzip2":  # as NAS-Bench-201 calls the two states
        names = {"12": "less", "200": "full"}
        contents = {i: {names.get(k, k): state for k, state in c.items()} for i, c in contents.items()}
    return write_file(folder / name, cells, contents, form)


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


@pytest.fixture
def small(tmp_path, form):
    contents = {index: states(index, CELLS[index], value=50.0 + index) for index in (0, 2)}
    return write(tmp_path, CELLS, contents, form)


@needs_table
def test_the_table_is_what_the_file_was_written_from(tmp_path, form):
    known = datasets.load("nasbench201")
    indices = [3, 700, 15_624]
    rows = known.take(indices)
    contents = {}
    for number, index in enumerate(indices):
        row = {name: rows[name][number] for name in rows.metrics}
        cell = rows.columns["cell"][number]
        short, long = {}, {}
        for runs, epochs, seeds in ((short, 12, (111, 777)), (long, 200, (777, 888, 999))):
            for data, name in (
                ("cifar10", "cifar10"),
                ("cifar100", "cifar100"),
                ("ImageNet16-120", "imagenet16"),
            ):
                for sign, seed in zip((-1, 0, 1), seeds[: 1 if epochs == 12 else 3], strict=False):
                    test = row[f"{name}_test_{epochs}"] + sign * (epochs == 200)
                    final = {"ori-test": test if data == "cifar10" else 1.0, "x-test": test}
                    final["x-valid"] = row.get(f"{name}_val_{epochs}", 5.0)
                    final = {key: value for key, value in final.items() if key in SETS[data]}
                    runs[data, seed] = run(cell, data, seed, epochs, final)
            for sign, seed in zip((-1, 1, 0), seeds, strict=False):
                final = {"x-valid": row.get(f"cifar10_val_{epochs}", 5.0) + sign}
                runs["cifar10-valid", seed] = run(cell, "cifar10-valid", seed, epochs, final)
        contents[index] = {"12": state(index, cell, short), "200": state(index, cell, long)}
    path = write(tmp_path, known.columns["cell"].tolist(), contents, form)
    table = datasets.load(datasets.import_table(path, tmp_path / "x.parquet", benchmark="nasbench201"))
    assert table.name == "nasbench201"
    assert table.columns["index"].tolist() == indices
    assert table.architectures == rows.architectures
    for name, metric in datasets._catalogue._sources["nasbench201"].metrics.items():
        np.testing.assert_allclose(table[name], rows[name], rtol=1e-14)
        ours = table.metrics[name]
        assert (ours.unit, ours.split, ours.budget) == (metric.unit, metric.split, metric.budget)
        assert ours.runs == (3 if name.endswith("200") else 2 if name == "cifar10_val_12" else 1)
    np.testing.assert_allclose(table["cifar100_test_200_seed777"], rows["cifar100_test_200"] - 1)
    assert table.metrics["cifar100_test_200_seed777"].runs == 1
    assert "cifar100_test_12_seed111" not in table.metrics  # it is the mean
    assert table.provenance["cells"] == f"3 of the 15,625 that {path.name} names"


def test_all_forms_of_a_file_give_the_same_table(small, form):
    table = read_nasbench201(small)
    assert table.keys == datasets.Table("nasbench201", [CELLS[0], CELLS[2]], {}, {}).keys
    expected = {
        "cifar10_val_12": [51, 53],
        "cifar10_val_12_seed111": [50, 52],
        "cifar10_val_12_seed777": [52, 54],
        "cifar10_test_12": [53, 55],
        "cifar100_val_12": [1.5, 1.5],
        "cifar100_test_12": [2.5, 2.5],
        "cifar10_test_200": [57.5, 59.5],
        "cifar10_test_200_seed777": [57, 59],
        "cifar10_test_200_seed888": [58, 60],
        "cifar10_half_train_time_12": [24, 24],
        "cifar10_train_time_12": [24, 24],
        "cifar10_train_time_200": [400, 400],
        "cifar100_train_time_12": [24, 24],
        "params": [500_000] * 2,
        "flops": [15_647_370] * 2,
        "latency": [0.01] * 2,
    }
    assert {name: table[name].tolist() for name in table.metrics} == expected
    checksum = "none: files" if form == "legacy" else "of "
    assert table.provenance["checksum"].startswith(checksum)


def test_progress_is_told(small, form):
    told = []
    read_nasbench201(small, lambda done, total: told.append((done, total)))
    assert told == ([(0, 2)] if form == "folder" else told)
    assert all(0 <= done <= total for done, total in told)


def test_a_cell_with_fewer_runs_has_gaps(tmp_path, form):
    contents = {index: states(index, CELLS[index]) for index in (0, 1)}
    del contents[0]["200"]["all_results"]["cifar10", 777]
    del contents[1]["12"]["all_results"]["cifar100", 111]
    contents[1]["200"]["all_results"]["cifar10", 777]["train_times"] = None
    table = read_nasbench201(write(tmp_path, CELLS, contents, form))
    np.testing.assert_array_equal(table["cifar10_test_200"], [58, 57.5])
    np.testing.assert_array_equal(table["cifar10_test_200_seed777"], [math.nan, 57])
    np.testing.assert_array_equal(table["cifar100_val_12"], [1.5, math.nan])
    assert table.metrics["cifar10_test_200"].runs is None
    assert table.metrics["cifar10_test_200"].description.endswith("; mean of 1 to 2 runs")


def test_of_counts_that_differ_the_authors_choice_is_taken(tmp_path):
    contents = {0: states(0, CELLS[0])}
    contents[0]["200"]["all_results"]["cifar10", 888]["params"] = 0.25
    table = read_nasbench201(write(tmp_path, CELLS, contents, "folder"))
    assert table["params"].tolist() == [250_000]


def test_weights_are_left_out(tmp_path, form):
    contents = {0: states(0, CELLS[0])}
    weights = collections.OrderedDict(w=torch.ones(3, 2), n=torch.tensor(7))
    weights._metadata = {"": {"version": 1}}
    runs = contents[0]["200"]["all_results"]
    runs["cifar10", 888]["net_state_dict"] = weights
    runs["cifar10", 777]["net_state_dict"] = {"w": np.ones(3, dtype=np.float32)}
    table = read_nasbench201(write(tmp_path, CELLS, contents, form))
    assert table["cifar10_test_200"].tolist() == [57.5]


class Command:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (os.system, r"posix\.system|nt\.system"),
        (eval, r"builtins\.eval|__builtin__\.eval"),
        (getattr, r"builtins\.getattr|__builtin__\.getattr"),
        (np.load, r"numpy\.load"),
    ],
)
@pytest.mark.parametrize("where", ["run", "key", "meta"])
def test_what_a_pickle_asks_for_is_named_and_not_done(tmp_path, form, function, name, where):
    trace = tmp_path / "trace"
    command = Command(function, f"echo executed > {trace}")
    contents = {0: states(0, CELLS[0])}
    cells = [command] if where == "meta" else CELLS
    if where == "run":
        contents[0]["200"]["all_results"]["cifar10", 888]["latency"] = command
    elif where == "key":
        contents[0]["12"]["extra"] = {command: 1}
    path = write(tmp_path, cells, contents, form)
    with pytest.raises(DataError, match=rf"it names ({name}), which is neither a container nor a number"):
        datasets.import_table(path, tmp_path / "x.parquet", benchmark="nasbench201")
    assert not trace.exists()
    assert not (tmp_path / "x.parquet").exists()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda c: c.clear(), "it is not the dictionary of a cell|has no results"),
        (lambda c: c["12"].update(arch_index=1), "no cell, several cells or one for the second time"),
        (lambda c: [s.update(arch_index="0") for s in c.values()], "no cell, several cells or one for"),
        (lambda c: [s.update(arch_index=1) for s in c.values()], "the cell 1, not 0|index 1 the wrong cell"),
        (
            lambda c: [s.update(arch_str=CELLS[1]) for s in c.values()],
            "under the index 0 the wrong cell",
        ),
        (lambda c: c["12"].update(all_results=[]), r"expected a dictionary, got \[\]"),
        (lambda c: c["12"]["all_results"].update(x={}), "'x' is not a data set and seed"),
        (
            lambda c: c["12"]["all_results"].update({("svhn", 1): {}}),
            r"\('svhn', 1\) is not a data set and seed",
        ),
        (
            lambda c: c["12"]["all_results"]["cifar10", 111].update(epochs=200),
            "a training of 200 epochs is among",
        ),
        (
            lambda c: c["12"]["all_results"]["cifar10", 111]["eval_acc1es"].update({"ori-test@11": "99"}),
            "expected a number from 0 to 100, got '99'",
        ),
        (
            lambda c: c["12"]["all_results"]["cifar10", 111]["eval_acc1es"].update({"ori-test@11": 101.0}),
            "expected a number from 0 to 100, got 101.0",
        ),
        (
            lambda c: c["12"]["all_results"]["cifar10", 111]["eval_acc1es"].update({"ori-test@11": math.nan}),
            "expected a number from 0 to 100, got nan",
        ),
        (
            lambda c: c["12"]["all_results"]["cifar10", 111].update(params=None),
            "expected a number from 0, got None",
        ),
        (lambda c: c.update(x={"all_results": {}}), "it is not the dictionary of a cell"),
    ],
)
def test_content_of_another_kind_is_refused(tmp_path, form, change, match):
    contents = {0: states(0, CELLS[0])}
    change(contents[0])
    with pytest.raises(DataError, match=match) as caught:
        read_nasbench201(write(tmp_path, CELLS, contents, form))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "match"),
    [
        (None, "it has no list meta_archs of cells"),
        ([1], "it has no list meta_archs of cells"),
        (
            ["8:8:8:8:8"],
            "is of NATS-Bench's size space, whose networks are widths such as '8:8:8:8:8'; only the topology",
        ),
    ],
)
def test_a_list_of_other_cells_is_refused(tmp_path, form, cells, match):
    with pytest.raises(DataError, match=match):
        read_nasbench201(write(tmp_path, cells, {0: states(0, CELLS[0])}, form))


def test_files_that_are_something_else_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"is not a folder of NATS-Bench: it has no meta\.pickle\.pbz2"):
        datasets.import_table(tmp_path, tmp_path / "x.parquet", benchmark="nasbench201")
    with pytest.raises(
        DataError, match=r"has no file of a cell, such as 000000\.pickle\.pbz2; unpack it again"
    ):
        read_nasbench201(write_folder(tmp_path / "empty", CELLS, {}))
    path = tmp_path / "x.pth"
    for content in (b"", b"text", b"\x80\x04N.", b"\x80\x02", pickle.dumps(0x1950A86A20F9469CFC6C)):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"x\.pth is damaged, cut off or of another kind \("):
            read_nasbench201(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other", "x")
    with pytest.raises(DataError, match=r"a ZIP archive without the data\.pkl of torch\.save"):
        read_nasbench201(path)


def test_the_command_reads_them(small, tmp_path, monkeypatch):
    monkeypatch.setenv("EGRAPH_DATA", str(tmp_path))
    monkeypatch.setattr(
        "egraph.datasets._folders.platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache"
    )
    for arguments, name in (
        (["nasbench201", str(small)], "nasbench201"),
        ([str(small), "--name", "mine"], "mine"),
    ):
        done = CliRunner().invoke(main, ["data", "import", *arguments])
        assert done.exit_code == 0, done.output
        assert "2 rows, 2 distinct networks of the space nasbench201; cifar10_test_200" in done.stdout
        assert f"next: egraph data show {name}\n" in done.stdout
        assert datasets.load(name)["cifar10_val_12"].tolist() == [51, 53]
    (tmp_path / "nasbench201.parquet").write_bytes((tmp_path / "cache" / "mine.parquet").read_bytes())
    done = CliRunner().invoke(main, ["data", "import", "nasbench201", str(small)])
    assert f"next: egraph data show {tmp_path / 'cache' / 'nasbench201.parquet'}\n" in done.stdout


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One file of each form, with short curves, and what is read of it."""
    made = {}
    for form in FORMS:
        folder = tmp_path_factory.mktemp("whole")
        contents = {0: states(0, CELLS[0])}
        path = write(folder, CELLS, contents, form)
        path = path / "000000.pickle.pbz2" if form == "folder" else path
        made[form] = path, path.read_bytes(), read_nasbench201(path.parent if form == "folder" else path)
    return made


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_damage_is_reported_and_where_there_is_a_checksum_never_becomes_a_number(whole, form, data):
    path, content, table = whole[form]
    changed = bytearray(content)
    if data.draw(st.booleans()):
        del changed[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 3))):
            changed[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(changed)
    read, error = try_to_read(path.parent if form == "folder" else path)
    path.write_bytes(content)
    if error:
        assert str(path) in error
        assert "\n" not in error
    elif form != "legacy":
        assert read.keys == table.keys
        for name in table.metrics:
            np.testing.assert_array_equal(read[name], table[name])


def try_to_read(path):
    try:
        return read_nasbench201(path), None
    except DataError as error:
        return None, str(error)


@pytest.mark.parametrize("form", ["folder", "legacy", "zip"])
def test_memory_does_not_grow_with_the_cells(tmp_path, form):
    peaks = []
    for cells in (3, 9):
        names = [CELLS[0]] * cells
        contents = {index: states(index, CELLS[0]) for index in range(cells)}
        folder = tmp_path / str(cells)
        folder.mkdir()
        path = write(folder, names, contents, form)
        del contents
        tracemalloc.start()
        read_nasbench201(path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
