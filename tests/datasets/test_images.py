import gzip
import os
import pickle
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from egraph.datasets import ImageData, images
from egraph.datasets._idx import IDX_FILES, read_idx
from egraph.datasets._splitting import split
from egraph.errors import DataError, EgraphError, UsageError

TRAIN_X, TRAIN_Y, TEST_X, TEST_Y = IDX_FILES
RNG = np.random.default_rng(0)


def test_noise_is_of_the_size_asked_for_and_always_the_same():
    data = images("noise-5")
    assert data.input_shape == (3, 5, 5)
    assert (data.name, data.num_classes, images("noise").input_shape) == ("noise-5", 10, (3, 32, 32))
    assert data.digest == images("noise-5").digest
    together = np.concatenate([x for x, _ in (data.train, data.validation, data.test)])
    assert len(np.unique(together, axis=0)) == 1000
    assert together.mean() == pytest.approx(0.5, abs=0.01)
    for name in ("noise-0", "noise-x", "noise-"):
        with pytest.raises(UsageError, match=f"unknown image data '{name}'"):
            images(name)


def test_patches_of_photographs_are_natural_and_always_the_same():
    data = images("photographs-16")
    assert data.input_shape == (3, 16, 16)
    assert (data.name, data.num_classes) == ("photographs-16", 10)
    assert images("photographs").input_shape == (3, 32, 32)
    assert data.digest == images("photographs-16").digest
    x = data.train[0]
    assert len(np.unique(x, axis=0)) == len(x) == 980
    # Neighbouring pixels of natural images are alike, those of noise are not.
    assert np.corrcoef(x[..., :-1].ravel(), x[..., 1:].ravel())[0, 1] > 0.9


def test_a_patch_is_the_mean_of_blocks_of_a_photograph():
    """Patches of one pixel: each is the mean of a square of 1, 2, 4 or 8 pixels of its photograph."""
    from sklearn.datasets import load_sample_images

    china, flower = (photograph.astype(float) / 255 for photograph in load_sample_images().images)
    x, y = images("photographs-1").validation
    for pixel, label in zip(x[:, :, 0, 0], y, strict=True):
        photograph = china if label < 5 else flower
        means = (
            np.lib.stride_tricks.sliding_window_view(photograph, (size, size), axis=(0, 1)).mean(axis=(3, 4))
            for size in (1, 2, 4, 8)
        )
        nearest = [np.abs(mean - pixel).max(axis=2) for mean in means]
        assert min(distance.min() for distance in nearest) < 1e-6


def test_patches_larger_than_the_photographs_are_refused():
    with pytest.raises(UsageError, match=r"photographs-428: .* 640 by 427 pixels, .* at most 427"):
        images("photographs-428")


def idx_bytes(array):
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A set of 60 training and 12 test images, 4 by 3 pixels, three classes; $EGRAPH_DATA is unset."""
    monkeypatch.delenv("EGRAPH_DATA", raising=False)
    folder = tmp_path / "clothes"
    folder.mkdir()
    for file, count in ((TRAIN_X, 60), (TEST_X, 12)):
        pixels = RNG.integers(0, 256, (count, 4, 3), dtype=np.uint8)
        (folder / f"{file}.gz").write_bytes(gzip.compress(idx_bytes(pixels)))
    for file, count in ((TRAIN_Y, 60), (TEST_Y, 12)):
        (folder / file).write_bytes(idx_bytes(np.arange(count, dtype=np.uint8) % 3))
    return folder


def part(count=6, classes=2, shape=(1, 4, 4)):
    return RNG.random((count, *shape), dtype=np.float32), np.arange(count) % classes


class TestDigits:
    def test_the_parts_hold_each_image_once(self):
        from sklearn.datasets import load_digits

        data = images("digits")
        assert [len(y) for _, y in (data.train, data.validation, data.test)] == [599, 599, 599]
        together = np.concatenate([x for x, _ in (data.train, data.validation, data.test)]).reshape(1797, 64)
        expected = load_digits().data / 16
        assert np.array_equal(np.unique(together, axis=0), np.unique(expected.astype(np.float32), axis=0))
        assert sorted(together.sum(axis=1)) == pytest.approx(sorted(expected.sum(axis=1)))

    def test_images_keep_their_classes(self):
        from sklearn.datasets import load_digits

        bunch = load_digits()
        label_of = {
            (row / 16).astype(np.float32).tobytes(): y
            for row, y in zip(bunch.data, bunch.target, strict=True)
        }
        x, y = images("digits").validation
        assert [label_of[row.tobytes()] for row in x.reshape(-1, 64)] == y.tolist()

    def test_every_part_has_every_class_equally_often(self):
        data = images("digits")
        for _, y in (data.train, data.validation, data.test):
            assert set(np.bincount(y)) <= set(range(57, 63))

    def test_shapes_types_and_range(self):
        data = images("digits")
        x, y = data.train
        assert (x.dtype, y.dtype) == (np.float32, np.int64)
        assert (x.min(), x.max()) == (0, 1)
        assert (data.input_shape, data.num_classes) == ((1, 8, 8), 10)

    def test_the_split_never_changes(self):
        """Published numbers depend on it: a change here is a new data set and needs a new name."""
        assert images("digits").digest == "72c62294bd91a95b"


class TestSplit:
    @given(
        counts=st.lists(st.integers(1, 40), min_size=1, max_size=6),
        shares=st.lists(st.floats(0.1, 1), min_size=2, max_size=4),
    )
    def test_parts_are_disjoint_complete_and_stratified(self, counts, shares):
        y = np.repeat(np.arange(len(counts)), counts)
        shares = np.array(shares) / sum(shares)
        parts = split(y, shares)
        assert sorted(np.concatenate(parts)) == list(range(len(y)))
        for rows, share in zip(parts, shares, strict=True):
            assert abs(len(rows) - share * len(y)) <= 1
            for label, count in enumerate(counts):
                # a cut through equally spaced positions misses the share by less than two images; the cut
                # itself lies within the classes' offsets
                assert abs(np.sum(y[rows] == label) - share * count) <= 2 + count / len(y) * len(counts)


class TestFolder:
    def test_one_training_image_in_six_validates(self, folder):
        data = images(folder)
        assert [len(y) for _, y in (data.train, data.validation, data.test)] == [50, 10, 12]
        assert (data.name, data.input_shape, data.num_classes) == ("clothes", (1, 4, 3), 3)

    def test_test_images_are_the_files_in_order(self, folder):
        pixels = gzip.decompress((folder / f"{TEST_X}.gz").read_bytes())[16:]
        x, y = images(folder).test
        assert np.array_equal(np.round(x * 255).astype(np.uint8).tobytes(), pixels)
        assert y.tolist() == [0, 1, 2] * 4

    def test_training_and_validation_images_are_those_of_the_files(self, folder):
        data = images(folder)
        found = np.concatenate([data.train[0], data.validation[0]]).reshape(60, 12)
        pixels = gzip.decompress((folder / f"{TRAIN_X}.gz").read_bytes())[16:]
        expected = np.frombuffer(pixels, np.uint8).reshape(60, 12)
        assert np.array_equal(np.unique(np.round(found * 255), axis=0), np.unique(expected, axis=0))

    def test_a_missing_file_is_named(self, folder):
        (folder / TEST_Y).unlink()
        with pytest.raises(DataError, match=r"clothes lacks t10k-labels-idx1-ubyte \(or .*\.gz\)"):
            images(folder)

    def test_as_many_images_as_labels(self, folder):
        (folder / TEST_Y).write_bytes(idx_bytes(np.zeros(11, np.uint8)))
        with pytest.raises(DataError, match="12 t10k images but 11 t10k labels"):
            images(folder)

    def test_a_test_class_that_is_never_trained_on_is_refused(self, folder):
        (folder / TEST_Y).write_bytes(idx_bytes(np.full(12, 7, np.uint8)))
        with pytest.raises(
            DataError, match="clothes: the test part has the label 7, which the train part lacks"
        ):
            images(folder)


@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_damaged_idx_files_give_no_other_error(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("idx")
    for file in IDX_FILES:
        array = np.zeros((6, 2, 2), np.uint8) if "images" in file else np.arange(6, dtype=np.uint8) % 2
        (folder / file).write_bytes(gzip.compress(idx_bytes(array), mtime=0))
    path = folder / data.draw(st.sampled_from(list(IDX_FILES)))
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = bytearray(gzip.decompress(content))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with suppress(EgraphError):
        images(folder)


class TestNames:
    def put(self, folder, name, **files):
        """Writes four files, each named by a pattern of part and content."""
        folder.mkdir(exist_ok=True)
        pixels, labels = np.arange(96, dtype=np.uint8).reshape(8, 4, 3), np.arange(8, dtype=np.uint8) % 2
        for part, count in (("train", 8), ("test", 2)):
            for what, array, axes in (("images", pixels, 3), ("labels", labels + files.get("first", 0), 1)):
                named = name.format(
                    part=part, t10k="train" if part == "train" else "t10k", what=what, axes=axes
                )
                content = idx_bytes(array[:count])
                (folder / named).write_bytes(gzip.compress(content) if named.endswith("gz") else content)
        return folder

    @pytest.mark.parametrize(
        "name",
        [
            "{t10k}-{what}-idx{axes}-ubyte.gz",
            "{t10k}-{what}.idx{axes}-ubyte",
            "{t10k}-{what}.idx{axes}.ubyte",
            "{part}_{what}_idx{axes}_ubyte",
            "{part}ing_{what:.5}.idx.gz",
            "kmnist-{part}-{what}-idx{axes}-ubyte.gz",
        ],
    )
    def test_any_usual_one_is_read(self, tmp_path, name):
        data = images(self.put(tmp_path / "set", name))
        assert data.describe().startswith(
            "images of 1 x 4 x 3, 2 classes; 7 to train, 1 to validate, 2 to test"
        )
        assert data.name == ("kmnist" if name.startswith("kmnist") else "set")

    def test_emnist_is_turned_upright_and_its_labels_counted_from_1(self, tmp_path, monkeypatch):
        folder = self.put(tmp_path / "emnist", "emnist-letters-{part}-{what}-idx{axes}-ubyte.gz", first=1)
        self.put(folder, "emnist-digits-{part}-{what}-idx{axes}-ubyte.gz")
        monkeypatch.setenv("EGRAPH_DATA", str(tmp_path))
        data = images("emnist:letters")
        assert (data.name, data.input_shape, data.labels) == ("emnist-letters", (1, 3, 4), ("1", "2"))
        assert np.round(data.test[0][0, 0] * 255).tolist() == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]
        assert data.notes[0].startswith("EMNIST's rows and columns exchanged")
        assert data.notes[1] == "labels 1 to 2 are the classes 0 to 1"
        file = folder / "emnist-digits-test-labels-idx1-ubyte.gz"
        assert (
            images(file).digest == images(f"{folder}:split=digits").digest == images("emnist:digits").digest
        )
        with pytest.raises(DataError, match=r"emnist-digits, emnist-letters; .* as .*:split=letters"):
            images("emnist")
        with pytest.raises(DataError, match=r"has no files of 'bymerge'; it has 'emnist-digits', "):
            images("emnist:bymerge")

    def test_the_folders_of_torchvision_are_known(self, tmp_path):
        (tmp_path / "MNIST").mkdir()
        self.put(tmp_path / "MNIST" / "raw", "{t10k}-{what}-idx{axes}-ubyte")
        given = ["mnist", "MNIST", tmp_path / "MNIST" / "raw", tmp_path / "MNIST"]
        read = [images(name, root=tmp_path) for name in given]
        assert {data.name for data in read} == {"mnist"}
        assert len({data.digest for data in read}) == 1

    def test_an_absent_set_says_where_it_was_looked_for(self, tmp_path):
        with pytest.raises(DataError, match=rf"kmnist is not here: no folder kmnist .* in {tmp_path}"):
            images("kmnist", root=tmp_path)

    def test_a_folder_of_nothing_lists_what_is_read(self, tmp_path):
        with pytest.raises(UsageError, match=r"nothing to train on in .*known: digits, .* an \.npz file"):
            images(tmp_path)


class TestFashionMnist:
    @pytest.fixture(autouse=True)
    def no_other_place(self, monkeypatch, tmp_path):
        monkeypatch.setattr("egraph.datasets._folders.cache_folder", lambda: tmp_path / "cache")

    def test_found_in_root(self, folder):
        folder.rename(folder.with_name("fashion-mnist"))
        assert images("fashion-mnist", root=folder.parent).name == "fashion-mnist"

    def test_found_where_root_is_the_folder_itself(self, folder):
        assert images("fashion-mnist", root=folder).name == "fashion-mnist"

    def test_found_in_the_environment(self, folder, monkeypatch):
        monkeypatch.setenv("EGRAPH_DATA", str(folder))
        assert len(images("fashion-mnist").test[1]) == 12

    @pytest.mark.skipif(
        Path("/usr/share/dataset-fashion-mnist").exists(), reason="Debian's package is installed here"
    )
    def test_absent_says_what_where_and_how(self, folder, tmp_path):
        empty = tmp_path / "empty"
        expected = (
            rf"no train-images-idx3-ubyte\.gz \(26,421,856 bytes\).* in {empty}.*cache.*/usr/share.*"
            r"apt install dataset-fashion-mnist.*\$EGRAPH_DATA"
        )
        with pytest.raises(DataError, match=expected):
            images("fashion-mnist", root=empty)

    def test_half_of_it_names_the_missing_file(self, folder):
        (folder / f"{TRAIN_X}.gz").unlink()
        with pytest.raises(DataError, match=r"lacks train-images-idx3-ubyte\.gz \(26,421,856 bytes\)"):
            images("fashion-mnist", root=folder)

    def test_fewer_examples_are_stratified_and_of_the_same_parts(self, folder):
        whole = images("fashion-mnist", root=folder)
        small = images("fashion-mnist:train=12,validation=6", root=folder)
        assert np.bincount(small.train[1]).tolist() == [4] * 3
        assert np.bincount(small.validation[1]).tolist() == [2] * 3
        assert len(small.test[1]) == len(whole.test[1])
        assert {x.tobytes() for x in small.train[0]} <= {x.tobytes() for x in whole.train[0]}
        assert small.name == "fashion-mnist:train=12,validation=6"
        assert small.digest == images("fashion-mnist:train=12,validation=6", root=folder).digest

    @pytest.mark.parametrize("size", ["2", "51", "2.5"])
    def test_a_size_out_of_range_is_refused(self, folder, size):
        with pytest.raises(UsageError, match=rf"train of .* a whole number from 3 to 50, got {size}"):
            images(f"fashion-mnist:train={size}", root=folder)

    @pytest.mark.skipif(
        not (Path(os.environ.get("EGRAPH_DATA", "")) / "fashion-mnist").is_dir(),
        reason="$EGRAPH_DATA has no fashion-mnist",
    )
    def test_the_published_files(self):
        data = images("fashion-mnist", root=os.environ["EGRAPH_DATA"])
        assert data.digest == "f9607a6bdc0fe813"
        assert np.bincount(data.validation[1]).tolist() == [1000] * 10


class TestIdx:
    @given(
        array=hnp.arrays(
            np.uint8, st.one_of(st.tuples(st.integers(1, 9)), st.tuples(*[st.integers(1, 5)] * 3))
        ),
        compressed=st.booleans(),
    )
    def test_round_trip(self, array, compressed, tmp_path_factory):
        path = tmp_path_factory.mktemp("idx") / "file"
        content = idx_bytes(array)
        path.write_bytes(gzip.compress(content) if compressed else content)
        assert np.array_equal(read_idx(path, array.ndim), array)

    @given(data=st.data())
    def test_cut_anywhere_is_refused(self, data, tmp_path_factory):
        content = idx_bytes(np.ones((3, 2, 2), np.uint8))
        if data.draw(st.booleans()):
            content = gzip.compress(content)
        path = tmp_path_factory.mktemp("idx") / "file"
        path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
        with pytest.raises(DataError, match=r"is damaged|begin with|announces"):
            read_idx(path, 3)

    def test_truncated_names_both_sizes(self, tmp_path):
        path = tmp_path / "images"
        path.write_bytes(idx_bytes(np.ones((3, 2, 2), np.uint8))[:-5])
        with pytest.raises(
            DataError, match=r"images announces 3 x 2 x 2 values, 28 bytes in all, but has 23"
        ):
            read_idx(path, 3)

    def test_too_long_is_refused(self, tmp_path):
        path = tmp_path / "labels"
        path.write_bytes(idx_bytes(np.ones(3, np.uint8)) + b"\0")
        with pytest.raises(DataError, match="11 bytes in all, but has 12"):
            read_idx(path, 1)

    def test_foreign_files_show_how_they_begin(self, tmp_path):
        path = tmp_path / "images"
        path.write_bytes(b"<html>not found</html>")
        with pytest.raises(
            DataError, match=r"must begin with 00 00 08 03 .* begins with 3c 68 74 6d and has 22"
        ):
            read_idx(path, 3)

    def test_labels_in_the_place_of_images_are_refused(self, tmp_path):
        path = tmp_path / "images"
        path.write_bytes(idx_bytes(np.ones(30, np.uint8)))
        with pytest.raises(DataError, match="not an IDX file of 3 dimensions"):
            read_idx(path, 3)

    def test_an_empty_file_is_refused(self, tmp_path):
        path = tmp_path / "images"
        path.touch()
        with pytest.raises(DataError, match="begins with nothing and has 0"):
            read_idx(path, 3)

    def test_no_values_are_refused(self, tmp_path):
        path = tmp_path / "images"
        path.write_bytes(idx_bytes(np.ones((0, 2, 2), np.uint8)))
        with pytest.raises(DataError, match="contains no values"):
            read_idx(path, 3)

    def test_truncated_gzip_names_its_bytes(self, tmp_path):
        path = tmp_path / "images.gz"
        path.write_bytes(gzip.compress(idx_bytes(np.ones((3, 2, 2), np.uint8)))[:-9])
        with pytest.raises(DataError, match=rf"images\.gz \({path.stat().st_size} bytes\) is damaged"):
            read_idx(path, 3)

    def test_an_unreadable_file_says_why(self, tmp_path):
        with pytest.raises(DataError, match=r"cannot read .*: Is a directory"):
            read_idx(tmp_path, 3)


class TestOwnArrays:
    def test_bytes_are_scaled_and_grey_images_get_a_channel(self):
        x, y = np.full((4, 2, 2), 51, np.uint8), np.array([0, 1, 0, 1], np.int32)
        data = ImageData((x, y), (x, y), (x, y))
        assert data.input_shape == (1, 2, 2)
        assert data.train[0] == pytest.approx(np.full((4, 1, 2, 2), 0.2))
        assert data.train[1].dtype == np.int64

    def test_npz_round_trip(self, tmp_path):
        data = ImageData(part(), part(4), part(2))
        path = tmp_path / "mine.npz"
        names = ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test")
        np.savez(path, **dict(zip(names, (*data.train, *data.validation, *data.test), strict=True)))
        again = images(path)
        assert (again.digest, again.name) == (data.digest, "mine")

    def test_npz_that_lacks_an_array(self, tmp_path):
        path = tmp_path / "mine.npz"
        np.savez(path, x_train=part()[0])
        with pytest.raises(
            DataError, match=r"y_train.*expected x_train, y_train, x_val, y_val, x_test, y_test"
        ):
            images(path)

    def test_npz_with_wrong_values(self, tmp_path):
        path = tmp_path / "mine.npz"
        x, y = part()
        np.savez(path, x_train=x * 9, y_train=y, x_val=x, y_val=y, x_test=x, y_test=y)
        with pytest.raises(DataError, match=r"mine\.npz: the train images must lie in \[0, 1\]"):
            images(path)

    def test_npz_truncated(self, tmp_path):
        path = tmp_path / "mine.npz"
        np.savez(path, x_train=part()[0])
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(DataError, match=r"not a readable \.npz file"):
            images(path)

    def test_npz_absent(self, tmp_path):
        with pytest.raises(DataError, match=r"mine\.npz does not exist"):
            images(tmp_path / "mine.npz")

    def test_pickled_objects_are_never_loaded(self, tmp_path):
        path = tmp_path / "mine.npz"
        odd = np.array([{"an": "object"}], dtype=object)
        np.savez(path, X=odd, y=odd)
        with pytest.raises(DataError, match=r"not a readable \.npz file.*store texts with \.astype\(str\)"):
            images(path)

    def test_digest_tells_data_apart(self):
        first, second, third = part(), part(4), part(2)
        data = ImageData(first, second, third)
        assert data.digest == ImageData(first, second, third, name="other").digest
        assert data.digest != ImageData(first, third, second).digest
        assert pickle.loads(pickle.dumps(data)).digest == data.digest

    def test_repr_tells_sizes(self):
        assert repr(ImageData(part(), part(4), part(2))) == (
            "<images custom: 6 train, 4 validation, 2 test; (1, 4, 4), 2 classes>"
        )

    @pytest.mark.parametrize(
        ("train", "message"),
        [
            (None, "the train part must be a pair of inputs and targets"),
            (
                (np.zeros((6, 1, 1, 1, 4)), np.zeros(6, int)),
                r"must be numbers, \(images, channels.*got float64 \(6, 1, 1, 1, 4\)",
            ),
            ((np.zeros((0, 4, 4)), np.zeros(0, int)), r"train images must be numbers.*\(0, 1, 4, 4\)"),
            (
                (np.zeros((6, 4, 4)), np.zeros(5, int)),
                r"classes must be integers, \(6,\) for 6 images; got int64 \(5,\)",
            ),
            ((np.zeros((6, 4, 4)), np.zeros(6)), "classes must be integers.*got float64"),
            (
                (np.full((6, 4, 4), np.nan), np.arange(6)),
                r"lie in \[0, 1\] or be bytes, or standardised; got nan",
            ),
            (
                (np.full((6, 4, 4), -1.0), np.arange(6)),
                r"lie in \[0, 1\] or be bytes, or standardised; got -1 to -1",
            ),
            ((np.zeros((6, 4, 4)), np.arange(6) - 1), "count from 0; got -1"),
            ((np.zeros((6, 4, 4)), np.zeros(6, int)), "of one class"),
            ((np.zeros((6, 4, 4)), np.arange(6) * 500), "training classes skip 1 of 0 to 2500; number those"),
            (
                part(shape=(1, 5, 4)),
                r"validation images have shape \(1, 4, 4\), those to train on \(1, 5, 4\)",
            ),
        ],
    )
    def test_wrong_arrays(self, train, message):
        with pytest.raises(UsageError, match=message):
            ImageData(train, part(), part())


class TestRegression:
    def part(self, count=6, low=0.0):
        x, _ = part(count)
        return x, low + np.linspace(0, 1, count)

    def make(self, *parts):
        return ImageData(*parts, target="regression")

    def test_targets_stay_numbers_and_networks_have_one_output(self):
        data = self.make(self.part(5, 2.0), self.part(), self.part())
        assert (data.num_classes, data.train[1].dtype) == (1, np.float64)
        assert data.scale == (pytest.approx(2.5), pytest.approx(np.std([0, 0.25, 0.5, 0.75, 1])))
        assert data.describe() == (
            "images of 1 x 4 x 4, regression of a target from 0 to 3; 5 to train, 6 to validate, 6 to test"
        )
        assert repr(data).endswith("(1, 4, 4), regression>")
        assert {name: data.summary()[name] for name in ("target", "lowest", "highest")} == {
            "target": "regression", "lowest": 0.0, "highest": 3.0,
        }  # fmt: skip
        assert data.digest != self.make(self.part(5, 2.5), self.part(), self.part()).digest

    def test_whole_numbers_will_do(self):
        x, _ = part()
        data = self.make(*[(x, np.array([3, 1, 4, 1, 5, 9]))] * 3)
        assert data.test[1].tolist() == [3.0, 1.0, 4.0, 1.0, 5.0, 9.0]

    @pytest.mark.parametrize(
        ("targets", "message"),
        [
            (np.full(6, 2.5), r"all targets of the test part are 2\.5; R2 needs some that differ"),
            (np.array([1, 2, np.inf, 3, 4, 5]), "the test targets must be finite numbers"),
            (
                np.array(list("abcdef")),
                r"the test targets must be numbers, \(6,\) for 6 images; got <U1 \(6,\)",
            ),
            (np.zeros((6, 2)), r"must be numbers, .*got float64 \(6, 2\)"),
        ],
    )
    def test_targets_that_do_not_fit(self, targets, message):
        with pytest.raises(UsageError, match=message):
            self.make(self.part(), self.part(), (part()[0], targets))

    def test_the_kind_of_target_is_one_of_two(self):
        with pytest.raises(UsageError, match="target must be one of classes, regression; got 'ranks'"):
            ImageData(part(), part(), part(), target="ranks")


def test_an_unknown_name_lists_what_is_known():
    with pytest.raises(
        UsageError, match=r"unknown image data 'cifar'; known: digits, fashion-mnist, mnist, .*cifar10"
    ):
        images("cifar")
