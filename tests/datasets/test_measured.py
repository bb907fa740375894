"""Files of rows and columns as people have them."""

import decimal
import gzip
import json
import math
import os

import numpy as np
import pandas
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph import Architecture, datasets
from egraph.datasets import Metric, import_table, load, summarise
from egraph.datasets._measured import asks_direction
from egraph.errors import DataError, EgraphError, UnknownNameError, UsageError
from egraph.operations import Operation, name_by_description

TEXT = "architecture,acc,seed\naba,93.5,0\nb,91,1\na,90.25,2\n"
FRAME = pandas.DataFrame({"architecture": ["aba", "b", "a"], "acc": [93.5, 91.0, 90.25], "seed": [0, 1, 2]})
RECORDS = "".join(json.dumps(record) + "\n" for record in FRAME.to_dict("records"))


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", TEXT),
        ("a.CSV", TEXT.replace("\n", "\r\n")),
        ("a.csv", b"\xef\xbb\xbf" + TEXT.encode()),
        ("a.csv", TEXT.encode("utf-16")),
        ("a.csv", TEXT.replace(",", ", ").replace("acc", "acc ")),
        ("a.csv", TEXT.replace(",", ";")),
        ("a.tsv", TEXT.replace(",", "\t")),
        ("a.csv.gz", gzip.compress(TEXT.encode(), mtime=0)),
        ("a.csv", FRAME.to_csv()),
        ("a.csv", FRAME.set_index(pandas.Index([7, 3, 5])).to_csv()),
        ("a.jsonl", RECORDS),
        ("a.jsonl", b"\xef\xbb\xbf" + RECORDS.encode()),
        ("a.NDJSON", RECORDS.replace("\n", "\r\n\r\n")),
        ("a.jsonl.gz", gzip.compress(RECORDS.encode(), mtime=0)),
        ("a.json", FRAME.to_json(orient="records", indent=2)),
        ("a.jsonl", FRAME.to_json(orient="records")),
        ("a.json", RECORDS),
        ("a.parquet", FRAME.to_parquet()),
        ("a.parquet", FRAME.set_index(pandas.Index([7, 3, 5])).to_parquet()),
    ],
)
def test_all_usual_files_are_the_same_table(registered, tmp_path, name, content):
    path = write(tmp_path / name, content)
    table = load(path, space="test-chains")
    assert (table.name, table.keys) == ("a", ["aba", "b", "a"])
    assert list(table.metrics) == ["acc", "seed"]
    assert table["acc"].tolist() == [93.5, 91, 90.25]
    import_table(path, tmp_path / "out.parquet", space="test-chains")
    assert load(tmp_path / "out.parquet")["acc"].tolist() == [93.5, 91, 90.25]


@pytest.mark.parametrize("value", ["failed", "-", "93.1%", "9,310.0", "1_000", "oom at step 3"])
def test_a_text_among_numbers_is_refused_by_line_and_value(registered, tmp_path, value):
    text = TEXT.replace("91", f'"{value}"')
    path = write(tmp_path / "a.csv", text)
    for options in ({}, {"metrics": ["acc"]}):
        with pytest.raises(UsageError, match=r"a\.csv, line 3: the column 'acc' has ") as caught:
            load(path, space="test-chains", **options)
        assert repr(value) in str(caught.value)
        assert ("--na" in str(caught.value)) == ("," not in value)
    assert load(path, space="test-chains", metrics=["seed"])["seed"].tolist() == [0, 1, 2]
    table = load(path, space="test-chains", na=[value, "other"])
    np.testing.assert_array_equal(table["acc"], [93.5, math.nan, 90.25])
    assert summarise(table, "acc") == (
        "a: 3 rows, 3 distinct networks of the space test-chains; acc, higher is better, not measured in 1"
    )


def test_cells_over_several_lines_and_empty_lines_count_as_an_editor_counts(registered, tmp_path):
    text = 'architecture,note,acc\naba,"two\nlines",1\n\nb,,2\na,x,failed\n'
    with pytest.raises(UsageError, match=r"a\.csv, line 6: the column 'acc' has 'failed'"):
        load(write(tmp_path / "a.csv", text), space="test-chains")
    with pytest.raises(DataError, match=r"a\.csv, line 5: a chain is written with a, b and \., got 'c'"):
        load(
            write(tmp_path / "a.csv", text.replace("b,,2", "c,,2").replace("failed", "3")),
            space="test-chains",
        )
    lines = '{"architecture": "a", "acc": 1}\n\n{"architecture": "b", "acc": "failed"}\n'
    with pytest.raises(UsageError, match=r"a\.jsonl, line 3: the column 'acc' has 'failed'"):
        load(write(tmp_path / "a.jsonl", lines), space="test-chains")
    np.testing.assert_array_equal(
        load(tmp_path / "a.jsonl", space="test-chains", na=["failed"])["acc"], [1, math.nan]
    )
    frame = pandas.DataFrame({"architecture": ["a", "c"], "acc": [1.0, 2.0]})
    with pytest.raises(DataError, match=r"a\.parquet, row 2: a chain is written with"):
        load(write(tmp_path / "a.parquet", frame.to_parquet()), space="test-chains")


@pytest.mark.parametrize("value", ["", "nan", "NaN", "NA", "null", "None"])
def test_empty_cells_are_not_measured_and_counted(registered, tmp_path, value):
    table = load(write(tmp_path / "a.csv", TEXT.replace("91", value)), space="test-chains")
    np.testing.assert_array_equal(table["acc"], [93.5, math.nan, 90.25])
    assert "acc, higher is better, not measured in 1; seed, higher is better" in summarise(table)


def test_a_cell_of_several_lines_is_quoted_in_one(registered, tmp_path):
    text = 'architecture,acc\na,1\nb,"x\ny"\n'
    with pytest.raises(
        UsageError, match=r"line 3: the column 'acc' has 'x\\ny' where .*; write a number, or, if"
    ):
        load(write(tmp_path / "a.csv", text), space="test-chains")


def test_columns_of_figures_written_otherwise_do_not_vanish(registered, tmp_path):
    text = "architecture,acc,seed\na,93.1%,0\nb,92 %,1\n"
    with pytest.raises(UsageError, match=r"line 2: the column 'acc' has '93\.1%' where numbers"):
        load(write(tmp_path / "a.csv", text), space="test-chains")
    with pytest.raises(UsageError, match=r"line 2: the column 'acc' has '93,1' where numbers"):
        load(write(tmp_path / "a.csv", "architecture;acc\na;93,1\nb;92,5\n"), space="test-chains")


def test_columns_of_texts_lists_dates_and_truth_values_are_kept(registered, tmp_path):
    content = pyarrow.table(
        {
            "architecture": ["a", "b"],
            "acc": [decimal.Decimal("93.10"), decimal.Decimal("92.25")],
            "curve": [[1.0, 2.0], None],
            "when": pandas.date_range("2020-01-01", periods=2),
            "good": [True, None],
            "unmeasured": pyarrow.nulls(2),
        }
    )
    pyarrow.parquet.write_table(content, tmp_path / "a.parquet")
    import_table(tmp_path / "a.parquet", tmp_path / "b.parquet", space="test-chains")
    table = load(tmp_path / "b.parquet")
    assert (list(table.metrics), table["acc"].tolist()) == (["acc"], [93.1, 92.25])
    assert table.columns["curve"].tolist() == ["[1.0, 2.0]", None]
    assert table.columns["when"].tolist() == ["2020-01-01 00:00:00", "2020-01-02 00:00:00"]
    assert table.columns["good"].tolist() == [True, None]


@pytest.mark.parametrize("number", [10**20, -(10**20), 10**400])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_numbers_of_any_size_are_read(registered, tmp_path, number, kind):
    rows = f"architecture,acc,n\na,1,{number}\nb,2,1\n"
    records = f'{{"architecture": "a", "acc": 1, "n": {number}}}\n{{"architecture": "b", "acc": 2, "n": 1}}\n'
    path = write(tmp_path / f"a.{kind}", rows if kind == "csv" else records)
    import_table(path, tmp_path / "b.parquet", space="test-chains", metrics=["acc"])
    assert load(tmp_path / "b.parquet")["acc"].tolist() == [1, 2]
    expected = float(number) if abs(number) < 10**300 else math.inf
    assert load(tmp_path / "b.parquet").numbers("n").tolist() == [expected, 1]


def test_a_name_that_sounds_like_a_cost_asks_for_its_direction(registered, tmp_path):
    path = write(tmp_path / "a.csv", "architecture,val_loss,Latency\na,1,2\nb,3,4\n")
    with pytest.raises(
        UsageError, match=r"is lower better for val_loss, Latency\? say so with --lower-is-better "
    ):
        load(path, space="test-chains")
    table = load(path, space="test-chains", lower_is_better=["val_loss"], higher_is_better=["Latency"])
    assert [about.higher_is_better for about in table.metrics.values()] == [False, True]
    assert "val_loss, lower is better; Latency, higher is better" in summarise(table)
    with pytest.raises(UsageError, match="is lower better for val_loss"):
        load(path, space="test-chains", metrics=["val_loss"])
    described = {"val_loss": Metric(higher_is_better=False)}
    assert load(path, space="test-chains", metrics=described).scores("val_loss").tolist() == [-1, -3]
    with pytest.raises(UsageError, match="'val_loss' is given both as lower and as higher is better"):
        load(path, space="test-chains", lower_is_better=["val_loss"], higher_is_better=["val_loss"])
    with pytest.raises(UnknownNameError, match="Did you mean 'val_loss'"):
        load(path, space="test-chains", higher_is_better=["val_los"])


@pytest.mark.parametrize(
    ("name", "asks"),
    [("valLoss", True), ("top1-err", True), ("error_rate", True), ("edgegpu_latency", True), ("MSE", True),
     ("perplexity", True), ("acc", False), ("terror", False), ("score_0", False), ("F1", False)],
)  # fmt: skip
def test_names_that_ask(name, asks):
    assert asks_direction(name) == asks


def test_the_fields_of_a_notation_may_be_columns(tmp_path):
    matrix, ops = [[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", "conv3x3-bn-relu", "output"]
    frame = pandas.DataFrame({"module_adjacency": [matrix], "module_operations": [ops], "acc": [0.9]})
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.csv", index=False)
    for name in ("a.jsonl", "a.parquet", "a.csv"):
        table = load(tmp_path / name, space="nasbench101")
        assert table.to_frame().to_dict("records") == [
            {"architecture": "010/001/000 conv3x3-bn-relu", "acc": 0.9}
        ]


def test_fields_of_an_architecture_that_only_some_have_may_be_columns(tmp_path):
    wide = name_by_description(Operation("wide conv", "conv", kernel=7))
    plain = Architecture(["input", "nor_conv_3x3", "output"], [(0, 1), (1, 2)])
    described = Architecture(["input", wide.name, "output"], [(0, 1), (1, 2)], (), {"rate": 0.1}).to_dict()
    described["operations"] = [wide.to_dict()]
    rows = [plain.to_dict() | {"acc": 1}, described | {"acc": 2}]
    path = write(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    table = load(path, space="traced")
    assert list(table.columns) == ["acc"]
    assert table.architectures[0] == plain
    assert table.architectures[1].to_dict() == described


def test_a_direction_against_that_of_a_table_is_refused(tmp_path, registered, chains):
    table = datasets.Table(chains, ["a", "b"], {"acc": np.arange(2.0)}, {"acc": Metric()}, name="mine")
    table.save(tmp_path / "t.parquet")
    assert load(tmp_path / "t.parquet", higher_is_better=["acc"], lower_is_better=["other"])["acc"].size == 2
    with pytest.raises(
        UsageError, match=r"t\.parquet says that higher is better for 'acc'; leave --lower-is-b"
    ):
        load(tmp_path / "t.parquet", lower_is_better=["acc"])


def test_foreign_notations_in_a_column(tmp_path):
    frame = pandas.DataFrame({"arch": ["(4, 1, 0, 2, 3, 1)"], "acc": [0.9]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    assert load(tmp_path / "a.csv", space="nasbench201", architecture="arch").texts() == [
        "|avg_pool_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|none~2|"
    ]


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("IMG.NPZ", r"IMG\.NPZ is no table of measured architectures; if it is data to train networks on"),
        ("x.txt", r"x\.txt is no table of measured architectures: expected a file \.parquet, \.csv"),
        ("x.parquet", r"x\.parquet \(2 bytes\) is damaged or not a Parquet file"),
        ("x.csv", "say which search space the rows of .* belong to"),
    ],
)
def test_other_files_are_called_what_they_are(tmp_path, name, match):
    with pytest.raises((DataError, UsageError), match=match):
        datasets.load(write(tmp_path / name, "PK"))


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.csv", "architecture,acc, acc\nab,1,2\n", r"a\.csv has two columns 'acc'; rename one"),
        ("a.csv", "architecture,architecture,acc\nab,ab,1\n", r"has two columns 'architecture'"),
        (
            "a.jsonl",
            '{"architecture": "ab", "acc": 1, "acc": 2}\n',
            r"line 1 is not JSON: the field 'acc'",
        ),
        ("a.json", '[{"architecture": "ab", "acc": 1}, 3]', r"a\.json must have objects with one value"),
        ("a.json", '[{"architecture": "ab"', r"a\.json is not JSON: Expecting"),
        ("a.csv", "architecture,acc,note\nab,1,\xfc\n".encode("latin-1"), r"a\.csv is not in UTF-8; save it"),
        ("a.jsonl", '{"architecture": "\xfc"}\n'.encode("latin-1"), r"a\.jsonl is not in UTF-8; save it"),
        ("a.csv", FRAME.to_parquet(), r"a\.csv is a Parquet file; give it a name that ends in \.parquet"),
        ("a.csv", "", r"a\.csv is empty"),
        (
            "a.csv",
            "arch,acc\nab,1\n",
            r"column 'architecture' in .*a\.csv, which --architecture names",
        ),
    ],
)
def test_files_that_could_mean_two_things_or_none_are_refused(registered, tmp_path, name, content, match):
    path = write(tmp_path / name, content)
    with pytest.raises((DataError, UnknownNameError), match=match):
        load(path, space="test-chains")


def test_one_name_is_a_list_of_one(registered, tmp_path):
    path = write(tmp_path / "a.csv", TEXT.replace("93.5", "failed"))
    table = load(path, space="test-chains", metrics="acc", lower_is_better="acc", na="failed")
    assert list(table.metrics) == ["acc"]
    assert np.isnan(table["acc"][0])
    assert not table.metrics["acc"].higher_is_better
    for wrong in (3, [3], np.array(2)):
        with pytest.raises(UsageError, match=r"expected a list of texts, such as \['acc'\], got "):
            load(path, space="test-chains", metrics=wrong)
    with pytest.raises(UsageError, match=r"a metric is named by a text, got \['acc'\]; take one at a time"):
        table[["acc"]]
    with pytest.raises(UsageError, match=r"seed must be a whole number of at least 0, got -1"):
        table.split(1, seed=-1)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(DataError, match=r"there is no table file .*a\.csv"):
        load(tmp_path / "a.csv", space="nasbench201")


def test_a_tilde_is_the_home_wherever_a_file_is_named(registered, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.csv", TEXT)
    import_table("~/a.csv", "~/out/t.parquet", space="test-chains")
    assert len(load("~/out/t.parquet")) == len(load("~/a.csv", space="test-chains")) == 3
    assert not (tmp_path / "~").exists()


def test_a_table_of_another_space_is_refused(registered, tmp_path):
    datasets.Table(registered, ["a"], {"m": [1.0]}, {"m": Metric()}).save(tmp_path / "t.parquet")
    assert len(load(tmp_path / "t.parquet", space="test-chains")) == 1
    with pytest.raises(UsageError, match="is a table of the space 'test-chains', not of 'darts'"):
        load(tmp_path / "t.parquet", space="darts")


def test_a_table_with_many_metrics_names_some(chains):
    columns = {f"m{number}": [1.0] for number in range(15)}
    table = datasets.Table(chains, ["a"], columns, dict.fromkeys(columns, Metric("percent")))
    assert summarise(table).endswith("m11, percent, higher is better; and 3 more metrics")


CELLS = st.sampled_from(
    ["a", "b", "ab", "1", "2.5", "-", "failed", "", "nan", "93%", "1e400", '"', '"x\ny"', ",", ";", "\t", " ",
     "{}", "[1]", "null", "9" * 25, "0x1", "True", "\r", "\0", "é", "𝟙", "inf"]
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(st.lists(CELLS, max_size=4).map(",".join), max_size=6),
    ending=st.sampled_from(["csv", "tsv", "csv.gz", "jsonl"]),
    na=st.lists(CELLS, max_size=2),
)
def test_any_file_is_a_table_or_refused_in_one_line(chains, tmp_path_factory, rows, ending, na):
    folder = tmp_path_factory.mktemp("fuzz")
    content = "\n".join(["architecture,acc,other", *rows]).encode()
    path = write(folder / f"a.{ending}", gzip.compress(content) if ending.endswith("gz") else content)
    _read_or_refuse(path, folder / "out.parquet", chains, na)


JSON_CELLS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["a", "ab", "failed", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=80, deadline=None)
@given(
    records=st.lists(
        st.fixed_dictionaries(
            {"architecture": st.sampled_from(["a", "ab"]) | JSON_CELLS, "acc": st.integers() | JSON_CELLS},
            optional={"x": JSON_CELLS},
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_json_lines_are_a_table_or_refused_in_one_line(chains, tmp_path_factory, records):
    folder = tmp_path_factory.mktemp("fuzz")
    path = write(folder / "a.jsonl", "\n".join(map(json.dumps, records)))
    _read_or_refuse(path, folder / "out.parquet", chains, [])


def _read_or_refuse(path, out, space, na):
    told = ""
    try:
        table = load(path, space=space, na=na)
        table.save(out)
        told = summarise(table)
    except EgraphError as error:
        told = str(error)
    assert told
    assert "\n" not in told
