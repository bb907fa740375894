import contextlib
import io
import json
import math
import os
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from egraph.datasets import Metric, Table, is_training_data, known, load
from egraph.errors import DataError, FailedError, UsageError

METRICS = {
    "accuracy": Metric("percent", "test", 200, 3, description="of a pretended run"),
    "seconds": Metric("seconds", higher_is_better=False),
}


@pytest.fixture
def table(registered):
    return Table(
        registered,
        ["aba", "b", "a.b"],
        {
            "accuracy": np.array([1.5, math.nan, 3], np.float32),
            "seconds": [7, 6, 5],
            "label": ["p", None, "r"],
        },
        METRICS,
        name="three",
        provenance={"origin": "made up"},
    )


@pytest.fixture
def path(table, tmp_path):
    path = tmp_path / "three.parquet"
    table.save(path)
    return path


@pytest.mark.parametrize("word", [b"architecture", b"accuracy"], ids=["a name", "a text"])
def test_texts_that_are_not_utf_8_are_damage(tmp_path, word):
    """Both in the description of the columns and in a cell."""
    path = tmp_path / "x.parquet"
    pq.write_table(
        pa.table({"architecture": ["accuracy"] * 3}), path, compression="none", use_dictionary=False
    )
    path.write_bytes(path.read_bytes().replace(word, b"\xff" + word[1:]))
    with pytest.raises(DataError, match=r"is damaged or not a Parquet file: .*(UTF8|utf-8)"):
        load(path, space="nasbench201")
    assert is_training_data(str(path)) == (word == b"accuracy")  # only the names of columns are read
    assert "x" not in [table.name for table in known(tmp_path)]


def rewrite(path, **changes):
    """Saves the file again with another header."""
    content = pq.read_table(path)
    header = json.loads(content.schema.metadata[b"egraph"]) | changes
    pq.write_table(content.replace_schema_metadata({"egraph": json.dumps(header)}), path)


def test_what_is_saved_is_loaded_again(table, path):
    loaded = Table.load(path)
    assert loaded.space == table.space
    assert loaded.architectures == table.architectures
    assert loaded.metrics == METRICS
    assert loaded.name == "three"
    assert loaded.provenance == {"origin": "made up"}
    np.testing.assert_array_equal(loaded["accuracy"], [1.5, math.nan, 3])
    assert loaded.columns["accuracy"].dtype == np.float32
    assert loaded.columns["seconds"].tolist() == [7, 6, 5]
    assert loaded.columns["label"].tolist() == ["p", None, "r"]
    assert load(path).keys == table.keys
    assert load(str(path)).keys == table.keys


def test_other_tools_can_read_it(path):
    frame = pd.read_parquet(path)
    assert list(frame.columns) == ["architecture", "accuracy", "seconds", "label"]
    assert frame["architecture"].tolist() == ["aba", "b", "a.b"]
    header = json.loads(pq.read_schema(path).metadata[b"egraph"])
    assert header["schema"] == 1
    assert header["space"] == "test-chains"
    assert header["metrics"]["accuracy"] == {
        "unit": "percent",
        "split": "test",
        "budget": 200,
        "runs": 3,
        "higher_is_better": True,
        "description": "of a pretended run",
    }


def test_an_empty_table_survives(registered, tmp_path):
    Table(registered, [], {"m": np.empty(0)}, {"m": Metric()}).save(tmp_path / "empty.parquet")
    assert len(Table.load(tmp_path / "empty.parquet")["m"]) == 0


def test_a_column_that_cannot_be_stored_is_refused_and_leaves_nothing(registered, tmp_path):
    table = Table(registered, ["a", "b"], {"odd": np.array([1, "x"], dtype=object)}, {})
    with pytest.raises(UsageError, match="the column 'odd' cannot be stored"):
        table.save(tmp_path / "odd.parquet")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_reported(table, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FailedError, match=r"cannot write .*file/x\.parquet"):
        table.save(tmp_path / "file" / "x.parquet")


def test_no_other_thread_reads_the_file(path, monkeypatch):
    """A thread that still holds a Python file when the process ends makes it abort."""
    readers = set()

    class Watched(io.FileIO):
        def read(self, *size):
            readers.add(threading.current_thread())
            return super().read(*size)

    monkeypatch.setattr(Path, "open", lambda file, mode: Watched(file, mode))
    load(path)
    assert readers == {threading.main_thread()}


def test_an_absent_file_is_reported(tmp_path):
    with pytest.raises(
        DataError, match=r"there is no table file .*none\.parquet; give a Parquet file, the journal"
    ):
        Table.load(tmp_path / "none.parquet")
    with pytest.raises(DataError, match="there is no table file"):
        load(tmp_path / "none.parquet")
    with pytest.raises(DataError, match="there is no table file"):
        load(tmp_path)


def test_a_truncated_file_is_reported(path):
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(
        DataError,
        match=r"three\.parquet \([\d,]+ bytes\) is damaged or not a Parquet file: .*; get it again$",
    ):
        load(path)


@pytest.mark.parametrize("content", [b"", b"architecture,accuracy\na,1\n", b"PAR1" * 10])
def test_a_file_that_is_no_parquet_is_reported(tmp_path, content):
    path = tmp_path / "x.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match="is damaged or not a Parquet file"):
        load(path)


def test_a_foreign_parquet_file_is_reported(tmp_path):
    path = tmp_path / "foreign.parquet"
    pd.DataFrame({"x": [1], "y": [2]}).to_parquet(path)
    match = (
        r"foreign\.parquet is a Parquet file, but not a table of egraph.*\(its columns: x, y\); .*data import"
    )
    with pytest.raises(DataError, match=match):
        load(path)
    with pytest.raises(DataError, match=match):
        Table.load(path)


def test_another_schema_version_is_refused(path):
    rewrite(path, schema=2)
    with pytest.raises(
        DataError, match="has schema 2, this egraph reads schema 1; upgrade egraph, or import"
    ):
        load(path)


def test_an_unknown_space_is_reported_with_the_file(path):
    rewrite(path, space="nasbench20l")
    with pytest.raises(DataError, match=r"three\.parquet: unknown search space 'nasbench20l'; known: .*"):
        load(path)


def test_a_metric_without_a_column_is_reported(path):
    rewrite(path, metrics={"nope": {}})
    with pytest.raises(DataError, match=r"three\.parquet: the metric 'nope' of table 'three' has no column"):
        load(path)


@pytest.mark.parametrize(
    "changes", [{"metrics": 3}, {"metrics": {"accuracy": {"colour": 1}}}, {"space": None}, {"provenance": 3}]
)
def test_a_damaged_header_is_reported(path, changes):
    rewrite(path, **changes)
    with pytest.raises(DataError, match=r"three\.parquet has a damaged header"):
        load(path)


@pytest.mark.parametrize("header", [b"{", b"[]", b"3", b'{"schema": 1}', b"\xff"])
def test_a_header_that_is_no_header_is_reported(path, header):
    content = pq.read_table(path).replace_schema_metadata({b"egraph": header})
    pq.write_table(content, path)
    with pytest.raises(DataError, match="has a damaged header"):
        load(path)


def test_a_file_without_architectures_is_reported(path):
    content = pq.read_table(path)
    pq.write_table(content.drop_columns("architecture"), path)
    with pytest.raises(DataError, match=r"has a damaged header \('architecture'\)"):
        load(path)


def test_missing_numbers_are_nan(path):
    content = pq.read_table(path)
    column = content.column_names.index("seconds")
    pq.write_table(content.set_column(column, "seconds", pa.array([1, None, 3])), path)
    np.testing.assert_array_equal(load(path)["seconds"], [1, math.nan, 3])


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_with_one_byte_changed_is_refused_or_read(path, tmp_path, data):
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(content)
    with contextlib.suppress(DataError):
        load(damaged).keys  # noqa: B018
