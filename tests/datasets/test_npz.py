"""NumPy archives of any usual names, layout and type."""

import io
import struct
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph.datasets import images
from egraph.datasets._npz import _read_name
from egraph.errors import DataError, EgraphError, UsageError

RNG = np.random.default_rng(0)


def pixels(count=6, shape=(1, 4, 4)):
    return RNG.integers(0, 256, (count, *shape), dtype=np.uint8)


def labels(count=6, classes=2):
    return np.arange(count) % classes


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def parts(shape=(1, 4, 4), *, x=lambda x: x, y=lambda y: y):
    made = {}
    for part in ("train", "val", "test"):
        made[f"x_{part}"], made[f"y_{part}"] = x(pixels(shape=shape)), y(labels())
    return made


class TestNames:
    @pytest.mark.parametrize(
        ("name", "place"),
        [
            ("x_train", ("train", "x")),
            ("trainX", ("train", "x")),
            ("train_images", ("train", "x")),
            ("XTrain", ("train", "x")),
            ("xtrain", ("train", "x")),
            ("val_labels", ("validation", "y")),
            ("y_valid", ("validation", "y")),
            ("testing targets", ("test", "y")),
            ("X", ("all", "x")),
            ("target", ("all", "y")),
            ("target_names", None),
            ("train", None),
            ("kind", None),
            ("x_train_test", None),
        ],
    )
    def test_part_and_role(self, name, place):
        assert _read_name(name) == place

    def test_keras_archive_validates_on_one_training_image_in_six(self, tmp_path):
        x, y = pixels(60, (4, 4)), labels(60, 3)
        data = images(save(tmp_path / "mnist.npz", x_train=x, y_train=y, x_test=x[:9], y_test=y[:9]))
        assert [len(part[1]) for part in (data.train, data.validation, data.test)] == [50, 10, 9]
        assert np.array_equal(data.test[0][:, 0], (x[:9] / np.float32(255)).astype(np.float32))
        assert data.notes == ("1 of 6 training examples validates",)

    def test_a_held_out_part_without_a_test_is_the_test(self, tmp_path):
        x, y = pixels(60, (4, 4)), labels(60, 3)
        data = images(save(tmp_path / "a.npz", train_images=x, train_labels=y, val_images=x, val_labels=y))
        assert len(data.test[1]) == 60
        assert "the validation part is the test" in data.describe()

    @pytest.mark.parametrize(
        ("arrays", "message"),
        [
            ({"a": 1}, r"no inputs; expected x_train.*it has a"),
            ({"X": 1}, "has no labels y for X"),
            ({"x_train": 1, "x_val": 1, "y_train": 1}, "has no labels y_val for x_val"),
            ({"x_train": 1, "y_train": 1}, "has no arrays for a test part"),
            ({"x_test": 1, "y_test": 1}, "has no arrays for a training part"),
            ({"x_train": 1, "y_train": 1, "x": 1, "y": 1}, "has x beside x_train; leave one of them out"),
            ({"images": 1, "data": 1, "y": 1}, "images and data are for the same part"),
        ],
    )
    def test_arrays_that_are_no_pairs(self, tmp_path, arrays, message):
        with pytest.raises(DataError, match=message):
            images(save(tmp_path / "odd.npz", **arrays))

    @pytest.mark.parametrize(
        ("shape", "message"),
        [
            (b"(60000000000, 4)", r"a\.npz is not a readable \.npz file: Unable to allocate"),
            (b"(9" + b"9" * 30 + b",)", r"a\.npz is not a readable \.npz file: .* too large"),
            (b"(60, (4)", r"a\.npz is not a readable \.npz file: .*EOF"),
        ],
    )
    def test_a_header_that_is_wrong(self, tmp_path, shape, message):
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + b", }"
        array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(100)
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
            file.writestr("x.npy", array)
            file.writestr("y.npy", array)
        with pytest.raises(DataError, match=message):
            images(tmp_path / "a.npz")

    def test_a_header_of_python_2_is_read(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
            for name, values in (("X", np.arange(60.0).reshape(30, 2)), ("y", np.arange(30) % 3)):
                array = io.BytesIO()
                np.save(array, values)
                file.writestr(
                    f"{name}.npy", array.getvalue().replace(b"30, ", b"30L,").replace(b"30,), ", b"30L,),")
                )
        assert len(images(tmp_path / "a.npz").train[1]) == 18

    def test_one_array_is_refused(self, tmp_path):
        with (tmp_path / "one.npz").open("wb") as file:
            np.save(file, pixels())
        with pytest.raises(DataError, match=r"is one array, not an \.npz file of several"):
            images(tmp_path / "one.npz")


class TestDivision:
    def test_depends_on_the_examples_and_not_on_their_order(self, tmp_path):
        x, y, order = pixels(100), labels(100, 4), RNG.permutation(100)
        one = images(save(tmp_path / "a.npz", X=x, y=y))
        two = images(save(tmp_path / "b.npz", X=x[order], y=y[order]))
        assert one.digest == two.digest
        assert [len(part[1]) for part in (one.train, one.validation, one.test)] == [60, 20, 20]
        assert one.notes == ("divided 60%, 20%, 20% by content",)
        for _, classes in (one.train, one.validation, one.test):
            assert set(np.bincount(classes)) <= set(range(len(classes) // 4 - 2, len(classes) // 4 + 3))

    def test_equal_inputs_are_in_one_part(self, tmp_path):
        x = np.repeat(pixels(30), 4, axis=0)
        data = images(save(tmp_path / "a.npz", X=x, y=np.repeat(labels(30), 4)))
        assert len(data.train[1]) + len(data.validation[1]) + len(data.test[1]) == 120
        sides = [{row.tobytes() for row in part} for part, _ in (data.train, data.validation, data.test)]
        assert len(sides[0] | sides[1] | sides[2]) == sum(map(len, sides))

    def test_too_few_examples(self, tmp_path):
        with pytest.raises(
            DataError,
            match="with 2 examples to divide, 2 of them different, the test part is empty; give more",
        ):
            images(save(tmp_path / "a.npz", X=pixels(2), y=labels(2)))


class TestLayout:
    @pytest.mark.parametrize(
        ("shape", "input_shape"),
        [
            ((32, 32, 3), (3, 32, 32)),
            ((28, 28, 1), (1, 28, 28)),
            ((3, 32, 32), (3, 32, 32)),
            ((32, 48, 3), (3, 32, 48)),
            ((2, 10, 12), (2, 10, 12)),
            ((60, 32, 32), (60, 32, 32)),
            ((7, 5), (1, 7, 5)),
        ],
    )
    def test_is_found(self, tmp_path, shape, input_shape):
        data = images(save(tmp_path / "a.npz", **parts(shape)))
        assert data.input_shape == input_shape
        assert ("channels were last" in data.notes) == (shape[-1] == input_shape[0])

    def test_channels_are_moved_whole(self, tmp_path):
        arrays = parts((5, 5, 3))
        data = images(save(tmp_path / "a.npz", **arrays))
        expected = arrays["x_val"].transpose(0, 3, 1, 2) / np.float32(255)
        assert np.array_equal(data.validation[0], expected.astype(np.float32))

    def test_is_asked_for_where_it_is_not_clear(self, tmp_path):
        path = save(tmp_path / "a.npz", **parts((4, 4, 4)))
        with pytest.raises(DataError, match=r"inputs of 4 x 4 x 4 .* layout=first or layout=last"):
            images(path)
        last = images(f"{path}:layout=last")
        assert np.array_equal(last.test[0], images(f"{path}:layout=first").test[0].transpose(0, 3, 1, 2))
        with pytest.raises(DataError, match="layout must be one of first, last; got 'middle'"):
            images(f"{path}:layout=middle")

    def test_signals_have_fewer_channels_than_points(self, tmp_path):
        path = save(tmp_path / "a.npz", **parts((40, 3)), kind="signals")
        assert images(path).input_shape == (3, 40)
        assert images(f"{path}:layout=first").input_shape == (40, 3)


class TestTypes:
    @pytest.mark.parametrize("kind", [np.int64, np.float64, np.float32, np.uint16])
    def test_whole_pixels_of_any_type_are_bytes(self, tmp_path, kind):
        arrays = parts()
        expected = images(save(tmp_path / "a.npz", **arrays))
        data = images(save(tmp_path / "b.npz", **{k: v.astype(kind) for k, v in arrays.items()}))
        assert data.digest == expected.digest
        assert "divided by 255" in data.notes

    def test_standardised_images_stay_as_they_are(self, tmp_path):
        data = images(save(tmp_path / "a.npz", **parts(x=lambda x: x / 64 - 2.0)))
        assert data.train[0].min() < 0
        assert any(note.startswith("pixels from -2 to 1.9") for note in data.notes)

    def test_nan_is_refused(self, tmp_path):
        with pytest.raises(DataError, match=r"a\.npz: input 0 of the train part has NaN or infinity; 6 have"):
            images(save(tmp_path / "a.npz", **parts(x=lambda x: x * np.nan)))

    def test_inputs_that_are_no_numbers(self, tmp_path):
        with pytest.raises(DataError, match="the train inputs must be numbers, one row or image an example"):
            images(save(tmp_path / "a.npz", **parts(x=lambda x: x.astype(str))))

    def test_parts_of_other_sizes(self, tmp_path):
        arrays = parts() | {"y_val": labels(5)}
        with pytest.raises(DataError, match="the validation part has 6 inputs but 5 targets"):
            images(save(tmp_path / "a.npz", **arrays))
        arrays = parts() | {"x_test": pixels(6, (1, 4, 5))}
        with pytest.raises(DataError, match=r"test inputs have shape \(1, 4, 5\), those to train on"):
            images(save(tmp_path / "a.npz", **arrays))
        arrays = parts() | {"x_val": pixels(0), "y_val": labels(0)}
        with pytest.raises(DataError, match=r"the all part is empty: \(30, 8, 0\)"):
            images(save(tmp_path / "flat.npz", X=np.zeros((30, 8, 0)), y=np.arange(30) % 3))
        with pytest.raises(DataError, match="the validation part is empty"):
            images(save(tmp_path / "a.npz", **arrays))

    def test_a_class_of_too_few_examples(self, tmp_path):
        y = np.array(["common"] * 30 + [f"rare {number}" for number in range(6)])
        with pytest.raises(DataError, match=r"class \d has 1 of 36 examples, too few to divide; give more"):
            images(save(tmp_path / "a.npz", X=pixels(36), y=y))


class TestRegression:
    def test_fractions_are_numbers_to_predict(self, tmp_path):
        data = images(save(tmp_path / "a.npz", X=pixels(50), y=RNG.normal(size=50)))
        assert data.is_regression
        assert [len(y) for _, y in (data.train, data.validation, data.test)] == [30, 10, 10]

    def test_whole_numbers_on_demand(self, tmp_path):
        path = save(tmp_path / "a.npz", X=pixels(50), y=np.arange(50) // 2 * 3)
        assert (
            images(f"{path}:target=regression")
            .describe()
            .startswith("images of 1 x 4 x 4, regression of a target from 0 to 72; 30 to train")
        )
        with pytest.raises(
            DataError, match="skip 1: with the option target=classes each of the 25 is a class"
        ):
            images(path)


class TestOptions:
    def test_unknown_ones_are_named(self, tmp_path):
        path = save(tmp_path / "a.npz", **parts())
        with pytest.raises(UsageError, match=r"has no option 'size'; known: kind, layout, target"):
            images(f"{path}:size=3")
        with pytest.raises(UsageError, match="expected NAME or NAME:OPTION=VALUE"):
            images(f"{path}:signals")

    def test_a_file_is_found_in_the_folders_of_data(self, tmp_path, monkeypatch):
        save(tmp_path / "a.npz", **parts())
        monkeypatch.setenv("EGRAPH_DATA", str(tmp_path))
        monkeypatch.chdir(tmp_path.parent)
        assert images("a.npz:layout=first").source == str(tmp_path / "a.npz")

    def test_a_colon_in_a_name_is_part_of_it(self, tmp_path):
        assert images(save(tmp_path / "a:b=c.npz", **parts())).name == "a:b=c"


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_file_gives_no_other_error(data, tmp_path_factory):
    buffer = io.BytesIO()
    np.savez(buffer, **parts())
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    with suppress(EgraphError):
        images(path)
