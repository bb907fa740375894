"""Tables of features: CSV and Parquet."""

import gzip
from contextlib import suppress

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph.datasets import images, is_training_data
from egraph.errors import DataError, EgraphError, UnknownNameError, UsageError


def flowers(count=60):
    return pandas.DataFrame(
        {
            "length": np.random.default_rng(count).normal(size=count),
            "petals": np.arange(count),
            "wild": np.arange(count) % 2 == 0,
            "colour": [["red", "blue", "white"][row % 3] for row in range(count)],
            "species": [["rose", "daisy"][row % 2] for row in range(count)],
        }
    )


def write(path, frame=None, **options):
    (flowers() if frame is None else frame).to_csv(path, index=False, **options)
    return path


def values(data):
    """All examples as rows of features and target."""
    parts = (data.train, data.validation, data.test)
    return np.concatenate([np.column_stack(part) for part in parts])


class TestColumns:
    def test_the_last_one_is_the_target_and_texts_become_columns(self, tmp_path):
        data = images(write(tmp_path / "flowers.csv"))
        assert data.describe() == (
            "features of 6, 2 classes; 36 to train, 12 to validate, 12 to test; the target is the column "
            "'species'; 1 of 4 columns are texts, now 3 columns of 0 and 1; labels daisy, rose; "
            f"divided 60%, 20%, 20% by content; from {tmp_path}/flowers.csv"
        )
        rows = values(data)
        rows = rows[np.argsort(rows[:, 1])]
        assert rows[:, 1].tolist() == list(range(60))
        assert rows[:, 2].tolist() == [1, 0] * 30
        assert rows[:3, 3:6].tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]  # blue, red, white
        assert rows[:, 6].tolist() == [1, 0] * 30

    def test_another_one_is_named(self, tmp_path):
        path = write(tmp_path / "flowers.csv")
        data = images(f"{path}:colour")
        assert data.labels == ("blue", "red", "white")
        assert data.digest == images(f"{path}:label=colour").digest
        assert images(f"{path}:length").is_regression
        with pytest.raises(DataError, match="60 examples have 60 different labels, 0 to 59: with the option"):
            images(f"{path}:petals")
        assert images(f"{path}:label=petals,target=regression").is_regression
        with pytest.raises(UnknownNameError, match=r"unknown column 'specie' .*Did you mean 'species'\?"):
            images(f"{path}:specie")
        with pytest.raises(UsageError, match="has no option 'layout'; known: label, target"):
            images(f"{path}:species,layout=first")

    def test_names_that_are_numbers_of_a_kind_are_names(self, tmp_path):
        frame = flowers().rename(columns={"colour": "a b=c"})
        assert images(f"{write(tmp_path / 'a.csv', frame)}:label=a b=c").labels == ("blue", "red", "white")

    def test_row_numbers_of_pandas_are_left_out(self, tmp_path):
        flowers().to_csv(tmp_path / "a.csv")
        data = images(tmp_path / "a.csv")
        assert data.input_shape == (6,)
        assert "the first column, which counts the rows, left out" in data.notes

    def test_a_class_as_a_number(self, tmp_path):
        frame = flowers().assign(species=np.arange(60) % 3 + 1)
        assert images(write(tmp_path / "a.csv", frame)).labels == ("1", "2", "3")


class TestFiles:
    def test_delimiters_compression_and_parquet_give_the_same(self, tmp_path):
        frame = flowers()
        expected = images(write(tmp_path / "a.csv", frame)).digest
        assert images(write(tmp_path / "b.csv", frame, sep=";")).digest == expected
        assert images(write(tmp_path / "b.tsv", frame, sep="\t")).digest == expected
        assert images(write(tmp_path / "b.CSV", frame, encoding="utf-8-sig")).digest == expected
        assert images(write(tmp_path / "c.csv.gz", frame)).digest == expected
        assert images(write(tmp_path / "c.csv.gz", frame)).name == "c"
        frame.to_parquet(tmp_path / "d.parquet")
        assert images(tmp_path / "d.parquet").digest == expected
        frame.astype({"colour": "category"}).to_parquet(tmp_path / "e.parquet")
        assert images(tmp_path / "e.parquet").digest == expected

    def test_a_folder_of_parts(self, tmp_path):
        folder = tmp_path / "flowers"
        folder.mkdir()
        for part, count in (("train", 30), ("val", 6), ("test", 9)):
            write(folder / f"{part}.csv", flowers(count))
        data = images(f"{folder}:species")
        assert [len(y) for _, y in (data.train, data.validation, data.test)] == [30, 6, 9]
        assert data.name == "flowers"
        write(folder / "test.csv", flowers(9).drop(columns="wild"))
        with pytest.raises(DataError, match=r"test\.csv has other columns than .*train\.csv"):
            images(folder)

    def test_a_table_of_architectures_is_none(self, tmp_path, chains):
        from egraph.datasets import Metric, Table

        rows = [chains.parse(text) for text in ("a", "b")]
        Table(chains, rows, {"acc": np.array([1.0, 2.0])}, {"acc": Metric()}).save(tmp_path / "t.parquet")
        flowers().to_parquet(tmp_path / "f.parquet")
        assert not is_training_data(str(tmp_path / "t.parquet"))
        assert is_training_data(f"{tmp_path}/f.parquet:species")
        (tmp_path / "damaged.parquet").write_bytes(b"PAR1")
        assert not is_training_data(str(tmp_path / "damaged.parquet"))
        assert is_training_data("absent.csv")
        assert not is_training_data("absent.parquet")


class TestRefused:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                {"length": [1.0] * 4 + [np.nan] * 2},
                r"a\.csv, line 6: the column 'length' has no value; 2 are missing in all",
            ),
            ({"length": [1.0, np.inf] * 3}, r"a\.csv, line 3: the column 'length' has inf"),
            (
                {"length": [1.0, 1e60] * 3},
                r"the (train|test|validation) features must be finite numbers; got .* to inf",
            ),
            (
                {"length": ["1", "2", "3", "4", "bad", "6"]},
                r"a\.csv, line 6: the column 'length' has 'bad', where most",
            ),
            ({"species": ["1", "2", "1", "failed", "2", "1"]}, r"line 5: the column 'species' has 'failed'"),
            ({"species": [None] + ["a", "b"] * 2 + ["a"]}, "line 2: the column 'species' has no value"),
            ({"species": ["a"] * 6}, "all examples are of one class, 'a'"),
        ],
    )
    def test_values(self, tmp_path, change, message):
        path = write(tmp_path / "a.csv", flowers(6).assign(**change))
        with pytest.raises(DataError, match=message):
            images(path)

    def test_too_many_texts(self, tmp_path):
        frame = flowers().assign(colour=[f"c{row}" for row in range(60)])
        with pytest.raises(DataError, match=r"'colour' has 60 different texts, such as 'c0'; .*data import"):
            images(write(tmp_path / "a.csv", frame))

    def test_dates(self, tmp_path):
        frame = flowers(6).assign(length=pandas.date_range("2020-01-01", periods=6))
        frame.to_parquet(tmp_path / "a.parquet")
        with pytest.raises(
            DataError, match="the column 'length' holds datetime64; make numbers or texts of it"
        ):
            images(tmp_path / "a.parquet")

    @pytest.mark.parametrize("name", ["length", "species"])
    @pytest.mark.parametrize("value", [[0, 1], {"a": 1}, [[1], [2]]])
    def test_lists(self, tmp_path, name, value):
        flowers(6).assign(**{name: [value] * 6}).to_parquet(tmp_path / "a.parquet")
        with pytest.raises(
            DataError, match=rf"a\.parquet, row 1: the column '{name}' has .*; make numbers or"
        ):
            images(f"{tmp_path}/a.parquet:species")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("1,2,a\n3,4,b\n", "needs a header with a name for each column; it begins with '1'"),
            ("x,y\n1,2,a\n3,4,b\n", "needs a header .* it has 2 names, but 3 values in row 1"),
            ("x,y\n", "has no rows below its header"),
            ("", "is empty, or begins with an empty line"),
            ("y\na\nb\n", "has only the column 'y'; expected features beside the target"),
            ("x,y\n1,2\n1,2,3\n", "is not a CSV file: Error tokenizing data"),
            ("x,y\n\0", "has no"),
            (",\n", "has no rows below its header"),
            ('""\r\n1\r\n', "has only the column 'Unnamed: 0'; expected features beside the target"),
        ],
    )
    def test_files(self, tmp_path, text, message):
        (tmp_path / "a.csv").write_text(text)
        with pytest.raises(DataError, match=message):
            images(tmp_path / "a.csv")

    @pytest.mark.parametrize("name", ["architecture", "matrix"])
    def test_measured_architectures(self, tmp_path, name):
        frame = flowers().rename(columns={"colour": name, "wild": "ops"})
        with pytest.raises(DataError, match=r"a\.csv has measured architectures, no features: make a table"):
            images(write(tmp_path / "a.csv", frame))

    def test_bytes_that_are_no_text(self, tmp_path):
        (tmp_path / "a.csv").write_bytes(b"x,y\n\xff,1\n")
        with pytest.raises(DataError, match=r"a\.csv is not in UTF-8; save it"):
            images(tmp_path / "a.csv")

    def test_absent_and_cut(self, tmp_path):
        with pytest.raises(DataError, match=r"absent\.csv does not exist"):
            images(tmp_path / "absent.csv:species")
        (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"x,y\n1,2\n")[:-9])
        with pytest.raises(DataError, match=r"a\.csv\.gz is not a CSV file: Compressed file ended"):
            images(tmp_path / "a.csv.gz")

    def test_two_columns_of_one_name(self, tmp_path):
        import pyarrow
        import pyarrow.parquet

        column = pyarrow.array([1.0, 2.0])
        pyarrow.parquet.write_table(
            pyarrow.table([column] * 3, names=["x", "x", "y"]), tmp_path / "a.parquet"
        )
        with pytest.raises(DataError, match="has two columns 'x'; rename one of them"):
            images(tmp_path / "a.parquet")

    @settings(max_examples=60, deadline=None)
    @given(data=st.data(), ending=st.sampled_from([".csv", ".csv.gz", ".parquet"]))
    def test_damage_gives_no_other_error(self, data, ending, tmp_path_factory):
        path = tmp_path_factory.mktemp("table") / f"a{ending}"
        if ending == ".parquet":
            flowers(12).to_parquet(path)
        else:
            write(path, flowers(12))
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
        with suppress(EgraphError):
            images(path)
