import json
import math

import numpy as np
import pandas as pd
import pytest

from egraph.datasets import Metric, Table, import_table, load
from egraph.errors import DataError, FailedError, UnknownNameError, UsageError

CSV = """cell,accuracy,seconds,note
aba,91.5,7,first
.b,,6,
a,90,5,third
"""


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(CSV)
    return path


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out" / "mine.parquet"


def test_a_csv_file_becomes_a_table(registered, csv, out):
    assert (
        import_table(csv, out, space="test-chains", architecture="cell", lower_is_better=["seconds"]) == out
    )
    table = Table.load(out)
    assert table.name == "mine"
    assert table.keys == ["aba", "b", "a"]
    np.testing.assert_array_equal(table["accuracy"], [91.5, math.nan, 90])
    assert table.metrics == {"accuracy": Metric(), "seconds": Metric(higher_is_better=False)}
    assert table.columns["note"].tolist() == ["first", None, "third"]
    assert table.provenance["imported from"] == "mine.csv"


def test_a_file_of_json_lines_becomes_a_table(registered, tmp_path, out):
    path = tmp_path / "mine.jsonl"
    graph = registered.parse("ab").to_dict()
    lines = [
        {"architecture": "aba", "accuracy": 1},
        {"architecture": graph, "accuracy": 2.5, "tags": ["x"]},
        {"architecture": json.dumps(graph), "accuracy": None},
    ]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    import_table(path, out, space=registered)
    table = Table.load(out)
    assert table.keys == ["aba", "ab", "ab"]
    np.testing.assert_array_equal(table["accuracy"], [1, 2.5, math.nan])
    assert table.columns["tags"].tolist() == [None, '["x"]', None]


def test_any_parquet_file_becomes_a_table(registered, tmp_path, out):
    path = tmp_path / "mine.parquet"
    frame = pd.DataFrame({"cell": ["a", "b"], "score": [1, 2], "other": [3, 4]})
    frame.to_parquet(path)
    metrics = {"score": Metric("percent", "test", 12, 1)}
    import_table(path, out, space=registered, architecture="cell", metrics=metrics, name="named")
    table = Table.load(out)
    assert table.metrics == metrics
    assert table.name == "named"
    assert table.columns["other"].tolist() == [3, 4]


def test_digits_keep_their_leading_zeros(tmp_path, out):
    path = tmp_path / "macro.csv"
    path.write_text("arch,acc\n00000001,64.2\n22222222,93\n")
    import_table(path, out, space="nasbench_macro", architecture="arch")
    assert Table.load(out).to_frame()["architecture"].tolist() == ["00000001", "22222222"]


def test_a_table_is_taken_as_it_is(registered, tmp_path, out):
    source = tmp_path / "table.parquet"
    Table(registered, ["a"], {"m": [1.0]}, {"m": Metric("percent")}).save(source)
    import_table(source, out, name="copy")
    assert Table.load(out).metrics == {"m": Metric("percent")}
    assert Table.load(out).name == "copy"
    with pytest.raises(UsageError, match="is a table of the space 'test-chains', not of 'nasbench201'"):
        import_table(source, out, space="nasbench201")


def test_without_a_file_to_write_it_goes_to_the_cache_and_is_known_by_name(registered, nowhere, csv):
    path = import_table(csv, space=registered, architecture="cell", name="ours", lower_is_better=["seconds"])
    assert path == nowhere / "ours.parquet"
    assert load("ours")["seconds"].tolist() == [7, 6, 5]


def test_chosen_metrics_leave_the_other_columns_as_columns(registered, csv, out):
    import_table(csv, out, space=registered, architecture="cell", metrics=["accuracy"])
    table = Table.load(out)
    assert list(table.metrics) == ["accuracy"]
    assert table.columns["seconds"].tolist() == [7, 6, 5]


def test_a_bad_row_is_named_and_nothing_is_written(registered, tmp_path, out):
    path = tmp_path / "bad.csv"
    path.write_text("architecture,m\na,1\nabc,2\n")
    with pytest.raises(DataError, match=r"bad\.csv, line 3: a chain is written with a, b and \., got 'abc'"):
        import_table(path, out, space=registered)
    path.write_text("architecture,m\na,1\n,2\n")
    with pytest.raises(DataError, match=r"bad\.csv, line 3: expected an architecture, got an empty cell"):
        import_table(path, out, space=registered)
    path.write_text('architecture,m\n"{""ops"": [], ""edges"": []}",1\n')
    with pytest.raises(DataError, match=r"bad\.csv, line 2: operations must begin with 'input'"):
        import_table(path, out, space=registered)
    assert not out.exists()


def test_an_architecture_of_another_space_is_refused(registered, tmp_path, out):
    path = tmp_path / "bad.jsonl"
    graph = {"ops": ["input", "c", "output"], "edges": [[0, 1], [1, 2]]}
    path.write_text(json.dumps({"architecture": graph, "m": 1}))
    with pytest.raises(DataError, match=r"bad\.jsonl, line 1: no chain of a, b"):
        import_table(path, out, space=registered)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (
            {"space": "test-chains"},
            r"unknown column 'architecture' in .*mine\.csv, which --architecture names; known: acc",
        ),
        (
            {"space": "test-chain", "architecture": "cell"},
            "unknown search space 'test-chain'; .*Did you mean",
        ),
        ({"space": "test-chains", "architecture": "cell", "metrics": ["acuracy"]}, "Did you mean 'accuracy'"),
        (
            {"space": "test-chains", "architecture": "cell", "lower_is_better": ["secs"]},
            "unknown column 'secs' in .*",
        ),
    ],
)
def test_an_unknown_name_is_refused(registered, csv, out, options, match):
    with pytest.raises(UnknownNameError, match=match):
        import_table(csv, out, **options)
    assert not out.exists()


def test_a_file_without_a_space_is_refused(csv, out):
    with pytest.raises(
        UsageError,
        match=r"which search space the rows of .*mine\.csv belong to \(--space NAME\), .*; known: concat-c",
    ):
        import_table(csv, out, architecture="cell")


def test_a_metric_of_text_is_refused(registered, csv, out):
    with pytest.raises(
        UsageError,
        match=r"mine\.csv, line 2: the column 'note' has 'first' where numbers were expected; write a "
        "number, or --na first if that stands for a failed measurement$",
    ):
        import_table(csv, out, space=registered, architecture="cell", metrics=["note"])


def test_a_file_without_numbers_is_refused(registered, tmp_path, out):
    path = tmp_path / "bare.csv"
    path.write_text("architecture\na\n")
    with pytest.raises(UsageError, match=r"bare\.csv has no column of numbers"):
        import_table(path, out, space=registered)


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("x.csv", b"", r"x\.csv is empty"),
        ("x.csv", b'a,b\n1,2\n"3,4\n', r"x\.csv is not a CSV file"),
        ("x.csv", b"\xff\xfe\x00", r"x\.csv is not in UTF-8"),
        ("x.jsonl", b'{"a": 1}\n{"a": \n', r"x\.jsonl, line 2 is not JSON"),
        ("x.jsonl", rb'{"a\ud800": 1}', r"x\.jsonl, line 1 is not JSON: 'utf-8' codec can't encode"),
        (
            "x.jsonl",
            b"{}\n" + rb'{"a": ["\uD800"]}',
            r"x\.jsonl, line 2 is not JSON: .* surrogates not allowed",
        ),
        ("x.jsonl", b"[1]\n", r"x\.jsonl must have objects with one value"),
        ("x.jsonl", b"\xff\n", r"x\.jsonl is not in UTF-8"),
        ("x.parquet", b"PAR1", r"x\.parquet \(4 bytes\) is damaged or not a Parquet file"),
    ],
)
def test_a_damaged_file_is_reported(registered, tmp_path, out, name, content, match):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=match) as caught:
        import_table(tmp_path / name, out, space=registered)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a/b", "../x", "a\0b"])
def test_a_name_is_no_path(csv, name):
    with pytest.raises(UsageError, match="the name of a table is a plain name, got"):
        import_table(csv, name=name, space="test-chains", architecture="cell")


def test_a_file_of_unknown_kind_is_refused(registered, tmp_path, out):
    (tmp_path / "x.xlsx").touch()
    with pytest.raises(
        DataError, match=r"x\.xlsx is no table .*: expected a file \.parquet, \.csv, \.tsv, \.json or"
    ):
        import_table(tmp_path / "x.xlsx", out, space=registered)


def test_an_absent_file_is_reported(registered, tmp_path, out):
    with pytest.raises(DataError, match=r"there is no file .*none\.csv to import"):
        import_table(tmp_path / "none.csv", out, space=registered)


def test_a_file_is_not_imported_onto_itself(registered, csv):
    with pytest.raises(
        UsageError, match=r"cannot import .*mine\.csv onto itself; give another file to write"
    ):
        import_table(csv, csv, space=registered, architecture="cell")
    assert csv.read_text() == CSV


def test_a_folder_that_cannot_be_written_is_reported(registered, csv):
    with pytest.raises(FailedError, match=r"cannot write .*x\.parquet"):
        import_table(csv, csv / "x.parquet", space=registered, architecture="cell", metrics=["accuracy"])
