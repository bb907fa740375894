import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from egraph import datasets, spaces
from egraph.datasets import Metric, Table, known, load
from egraph.errors import DataError, UnknownNameError

ROOT = Path(__file__).parents[2]
CELLS = [
    "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|",
    "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
]


@pytest.fixture
def no_package(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)


def raw_nasbench201(folder, file="nasbench201.parquet", **columns):
    """A file with the published columns, but two rows only."""
    source = next(t for t in known() if t.name == "nasbench201")
    metrics = datasets._catalogue._sources[source.name].metrics
    folder.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame(
        {"index": [0, 1], "cell": CELLS, **{metric: [1.0, 2.0] for metric in metrics}, **columns}
    )
    frame.to_parquet(folder / file)
    return folder / file


def test_a_name_is_looked_for_in_root_then_in_egraph_data_then_in_the_cache(nowhere, tmp_path, monkeypatch):
    folders = [tmp_path / "root", tmp_path / "env", nowhere]
    monkeypatch.setenv("EGRAPH_DATA", str(folders[1]))
    for folder in reversed(folders):
        path = raw_nasbench201(folder)
        assert load("nasbench201", root=folders[0]).provenance["read from"] == str(path)
        assert next(t for t in known(root=folders[0]) if t.name == "nasbench201").path == path
    assert next(t for t in known(root=folders[0]) if t.name == "nasbench201").folders == tuple(folders)


def test_an_absent_benchmark_is_reported_with_file_size_places_and_the_way_out(
    nowhere, tmp_path, monkeypatch
):
    expected = (
        "the table 'nasbench201' is not here: no nasbench201.parquet (448,277 bytes) in "
        f"{tmp_path / 'root'}, {nowhere} ($EGRAPH_DATA is not set); put the file into one of them, or "
        "bring your own copy in with `egraph data import FILE --space nasbench201 --name nasbench201`"
    )
    with pytest.raises(DataError, match=f"^{re.escape(expected)}$"):
        load("nasbench201", root=tmp_path / "root")
    monkeypatch.setenv("EGRAPH_DATA", str(tmp_path / "env"))
    with pytest.raises(DataError, match=f"in {tmp_path / 'env'}, {nowhere}; put the file"):
        load("nasbench201")


def test_an_absent_benchmark_that_pip_brings_is_reported_so(nowhere, no_package):
    match = r"no nasbench_graph_cora\.parquet \(284,156 bytes\) in .*; pip install 'egraph\[graph\]', or put"
    with pytest.raises(DataError, match=match):
        load("nasbench_graph")


def test_an_unknown_name_is_refused_with_the_near_one(nowhere):
    with pytest.raises(
        UnknownNameError, match=r"unknown table 'nasbench20l'; known: .*Did you mean 'nasbench201'\?"
    ):
        load("nasbench20l")


def test_known_lists_every_benchmark_and_whether_it_is_here(nowhere, no_package):
    tables = {table.name: table for table in known()}
    assert {"nasbench101", "nasbench201", "nasbench_macro"} < set(tables)
    assert {"nasbench_graph_cora", "nasbench_graph_arxiv", "nasbench_graph_photo"} < set(tables)
    assert all(each.path is None for each in tables.values() if not each.title.startswith("part of egraph"))
    assert tables["nasbench101"].file == "nasbench101_20k.parquet"
    assert tables["nasbench101"].size == 688_163
    assert tables["nasbench101"].rows == 20_001
    assert tables["nasbench_graph_cora"].extra == "graph"


def test_every_benchmark_names_a_space_that_exists():
    assert all(spaces.get(table.space).name == table.space for table in known())


def test_the_published_file_becomes_a_table(nowhere):
    path = raw_nasbench201(nowhere)
    table = load("nasbench201")
    assert table.name == "nasbench201"
    assert table["cifar10_test_200"].tolist() == [1, 2]
    assert table.columns["index"].tolist() == [0, 1]
    assert "index" not in table.metrics
    assert table.provenance["checksum"] == "differs from the published file"
    assert load(path).name == "nasbench201"


def more_of_nasbench201(folder, **columns):
    """A file with the further columns of the second and a third cell."""
    [companion] = datasets._catalogue._sources["nasbench201"].companions
    content = {"index": [1, 7], **{metric: [3.0, 4.0] for metric in companion.metrics}, **columns}
    pd.DataFrame(content).to_parquet(folder / companion.file)
    return folder / companion.file


def test_columns_of_a_file_beside_it_are_joined(nowhere):
    raw_nasbench201(nowhere)
    more_of_nasbench201(nowhere, cifar10_edgetpu_latency=[-1.0, 2.0])
    table = load("nasbench201")
    np.testing.assert_equal(table["cifar10_val_200"], [np.nan, 3])
    np.testing.assert_equal(table["cifar10_edgetpu_latency"], [np.nan, np.nan])  # -1 is not measured
    assert table.metrics["cifar10_fpga_energy"] == Metric(
        "mJ", higher_is_better=False, description="FPGA, estimated; network for CIFAR-10"
    )
    assert "HW-NAS-Bench" in table.provenance["nasbench201_extra.parquet"]
    assert not table.absent


def test_without_that_file_its_columns_are_absent_and_an_error_names_it(nowhere):
    raw_nasbench201(nowhere)
    table = load("nasbench201").take([0])
    assert "cifar10_val_200" not in table.metrics
    match = (
        r"table 'nasbench201' has no metric 'cifar10_val_200' here: it is in nasbench201_extra\.parquet "
        rf"\(1,469,290 bytes\), which is not in {nowhere}; put the file there"
    )
    with pytest.raises(DataError, match=match):
        table["cifar10_val_200"]
    with pytest.raises(DataError, match=match):
        table.choose_metric("cifar10_val_200")
    with pytest.raises(DataError, match="no column 'cifar10_fpga_energy' here: it is in nasbench201_extra"):
        table.numbers("cifar10_fpga_energy")


def test_a_file_beside_it_that_lacks_a_column_is_refused(nowhere):
    raw_nasbench201(nowhere)
    path = more_of_nasbench201(nowhere)
    pd.read_parquet(path).drop(columns=["cifar10_val_200", "index"]).to_parquet(path)
    with pytest.raises(
        DataError, match=r"nasbench201_extra.parquet lacks the columns cifar10_val_200, index; fetch"
    ):
        load("nasbench201")


def test_a_published_file_under_another_name_is_recognised_by_its_columns(nowhere, tmp_path):
    assert load(raw_nasbench201(tmp_path, "mine.parquet")).name == "mine"


def test_a_benchmark_file_that_lacks_a_column_is_refused(nowhere):
    path = raw_nasbench201(nowhere)
    pd.read_parquet(path).drop(columns=["cell", "cifar10_val_12"]).to_parquet(path)
    with pytest.raises(
        DataError, match="is not the table 'nasbench201': it lacks the columns cell, cifar10_val_12; fetch"
    ):
        load("nasbench201")


def test_a_truncated_benchmark_file_is_reported_with_the_published_size(nowhere):
    path = raw_nasbench201(nowhere)
    os.truncate(path, 1000)
    match = (
        r"\(1,000 bytes\) is damaged or not a Parquet file: .*; nasbench201\.parquet as published has 448,277"
    )
    with pytest.raises(DataError, match=match):
        load("nasbench201")


def test_a_table_imported_into_a_searched_folder_is_known_by_name(nowhere, registered):
    Table(registered, ["a", "b"], {"m": [1, 2]}, {"m": Metric()}, name="ours").save(nowhere / "ours.parquet")
    (nowhere / "foreign.parquet").write_bytes(b"PAR1")
    pd.DataFrame({"x": [1]}).to_parquet(nowhere / "other.parquet")
    ours = [table for table in known() if table.space == registered.name]
    assert [(table.name, table.rows, table.path) for table in ours] == [("ours", 2, nowhere / "ours.parquet")]
    assert load("ours")["m"].tolist() == [1, 2]
    assert "foreign" not in {table.name for table in known()}
    with pytest.raises(UnknownNameError, match="Did you mean 'ours'"):
        load("our")


def test_a_table_imported_under_the_name_of_a_benchmark_goes_first(nowhere, registered):
    table = Table(registered, ["a", "b"], {"m": [1, 2]}, {"m": Metric()}, name="nasbench101")
    table.save(nowhere / "nasbench101.parquet")
    assert load("nasbench101").space == registered
    listed = next(table for table in known() if table.name == "nasbench101")
    assert (listed.path, listed.rows) == (nowhere / "nasbench101.parquet", 2)


def test_a_damaged_file_is_listed_all_the_same(nowhere):
    nowhere.mkdir()
    (nowhere / "nasbench201.parquet").write_bytes(b"PAR1")
    listed = next(table for table in known() if table.name == "nasbench201")
    assert (listed.path, listed.rows) == (nowhere / "nasbench201.parquet", 15_625)


def test_the_folder_at_the_top_is_not_a_package_of_its_own():
    done = subprocess.run(
        [sys.executable, "-c", "import datasets"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "ImportError: import egraph.datasets; the repository root shadows `datasets`" in done.stderr


def test_tables_need_neither_torch_nor_pandas_at_import():
    code = "import sys, egraph.datasets; print(sorted({'torch', 'pandas', 'pyarrow'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_table_that_is_part_of_egraph_is_found_after_all_folders(nowhere, tmp_path, monkeypatch):
    monkeypatch.setattr("egraph.datasets._catalogue.PACKAGED", tmp_path / "package")
    for folder, value in ((tmp_path / "package", 1.0), (tmp_path / "root", 2.0)):
        Table("nasbench201", CELLS, {"acc": [value] * 2}, {"acc": Metric()}, name="own").save(
            folder / "own.parquet"
        )
    assert load("own")["acc"][0] == 1
    listed = next(table for table in known() if table.name == "own")
    assert (listed.title, listed.path) == ("part of egraph: own", tmp_path / "package" / "own.parquet")
    assert load("own", root=tmp_path / "root")["acc"][0] == 2
    listed = next(table for table in known(tmp_path / "root") if table.name == "own")
    assert listed.title == "imported: own"
    with pytest.raises(UnknownNameError, match=r"known: .*own"):
        load("owm")
