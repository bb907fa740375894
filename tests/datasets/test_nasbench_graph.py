import pickle
import struct

import numpy as np
import pytest

from egraph.datasets import _nasbench_graph, known, load
from egraph.errors import DataError

PATHS = {table.name: table.path for table in known()}
needs_package = pytest.mark.skipif(
    _nasbench_graph._package_file("cora") is None, reason="needs nas-bench-graph: pip install 'egraph[graph]'"
)


def number(value):
    """A NumPy float, pickled as the package has it: by the names that NumPy 1 used."""
    little_endian = b"(K\x03X\x01\x00\x00\x00<NNN" + 2 * b"J\xff\xff\xff\xff" + b"K\x00tb"
    dtype = b"cnumpy\ndtype\nX\x02\x00\x00\x00f8\x89\x88\x87R" + little_endian
    return b"cnumpy.core.multiarray\nscalar\n" + dtype + b"C\x08" + struct.pack("<d", value) + b"\x86R"


def write(path, entries):
    """A result file: ``{hash: (valid, test, latency, millions of parameters)}``."""
    content = b"\x80\x03}("
    for key, (valid, test, latency, params) in entries.items():
        content += pickle.dumps(key, 2)[2:-1] + b"}("
        for name, value in (("valid_perf", valid), ("perf", test), ("latency", latency)):
            content += pickle.dumps(name, 2)[2:-1] + pickle.dumps(value, 2)[2:-1]
        content += pickle.dumps("para", 2)[2:-1] + number(params) + b"u"
    path.write_bytes(content + b"u.")


def test_a_result_file_is_decoded_by_its_digits(tmp_path):
    path = tmp_path / "tiny.bench"
    write(path, {30178: (0.5, 0.25, 0.125, 1.5), 8: (1.0, 0.75, 2.0, 0.000001)})
    columns = _nasbench_graph._read_package_file(path)
    assert columns["hash"].tolist() == [8, 30178]
    assert columns["link"].tolist() == ["0000", "0012"]
    assert columns["ops"].tolist() == ["gat,gat,gat,skip", "gat,gcn,fc,skip"]
    assert columns["valid_perf"].tolist() == [1, 0.5]
    assert columns["test_perf"].tolist() == [0.75, 0.25]
    assert columns["latency_s"].tolist() == [2, 0.125]
    assert columns["params"].tolist() == [1, 1_500_000]


class Malice:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_would_run_something_is_refused_and_nothing_runs(tmp_path, protocol):
    path, trace = tmp_path / "bad.bench", tmp_path / "trace"
    path.write_bytes(pickle.dumps({0: Malice(trace)}, protocol))
    with pytest.raises(
        DataError,
        match=r"bad\.bench is damaged, or contains more than numbers \(it names .*open, which is neither",
    ):
        _nasbench_graph._read_package_file(path)
    assert not trace.exists()


@pytest.mark.parametrize("value", [np.array([1.0]), np.dtype("O"), np.dtype(">f8"), 1j, {1}])
def test_anything_but_real_numbers_is_refused(tmp_path, value):
    path = tmp_path / "odd.bench"
    path.write_bytes(pickle.dumps({0: {"valid_perf": 0.0, "perf": 0.0, "latency": 0.0, "para": value}}, 3))
    with pytest.raises(DataError, match=r"odd\.bench is (damaged|not a result file)"):
        _nasbench_graph._read_package_file(path)


@pytest.mark.parametrize(
    "content", [{}, 3, [1], {"a": {}}, {0: {}}, {-1: {}}, {90000: {}}, {9: {}}, {2**40: {}}]
)
def test_a_pickle_of_something_else_is_refused(tmp_path, content):
    path = tmp_path / "else.bench"
    path.write_bytes(pickle.dumps(content, 3))
    with pytest.raises(
        DataError, match=r"else\.bench is not a result file of nas-bench-graph; install the package"
    ):
        _nasbench_graph._read_package_file(path)


def test_a_truncated_result_file_is_refused(tmp_path):
    path = tmp_path / "cut.bench"
    write(path, {8: (1.0, 0.75, 2.0, 0.5)})
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"cut\.bench is damaged, or contains more than numbers"):
            _nasbench_graph._read_package_file(path)


@needs_package
def test_without_a_file_the_installed_package_is_read(nowhere):
    table = load("nasbench_graph")
    assert table.name == "nasbench_graph_cora"
    assert len(table) == 26_206
    assert table.provenance["read from"] == "package nas-bench-graph, cora.bench"


@needs_package
@pytest.mark.parametrize("data", ["cora", "arxiv", "photo"])
def test_the_package_gives_the_rows_of_the_file(data, nowhere):
    path = PATHS[f"nasbench_graph_{data}"]
    if path is None or path.suffix != ".parquet":
        pytest.skip("needs the Parquet file; set EGRAPH_DATA to its folder")
    file, package = load(path), load(f"nasbench_graph_{data}")
    assert file.metrics == package.metrics
    assert list(file.columns) == list(package.columns)
    for name, values in file.columns.items():
        assert package.columns[name].dtype == values.dtype
        assert package.columns[name].tolist() == values.tolist(), name
    assert file.architectures == package.architectures


@needs_package
def test_data_sets_that_only_the_package_holds_are_loaded_too(nowhere):
    table = load("nasbench_graph_pubmed")
    assert len(table) == 26_206
    assert 0.3 < table["test_perf"].min() < table["test_perf"].max() < 1
