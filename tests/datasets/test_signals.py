"""Signals and features: the same door as images, and the generated MNIST-1D."""

import random
import subprocess
import sys

import numpy as np
import pytest

from egraph.datasets import ImageData, generate_mnist1d, images
from egraph.errors import DataError, UsageError
from egraph.shapes import describe_axes, kind_of

RNG = np.random.default_rng(0)


def part(*shape, count=6):
    return RNG.normal(size=(count, *shape)), np.arange(count) % 2


def save(path, *shape, **more):
    names = (f"{axis}_{part}" for part in ("train", "val", "test") for axis in "xy")
    arrays = (array for _ in range(3) for array in part(*shape))
    np.savez(path, **dict(zip(names, arrays, strict=True)), **more)
    return path


class TestKinds:
    def test_a_kind_follows_from_the_axes(self):
        assert [kind_of(shape) for shape in ((5,), (1, 40), (3, 8, 8))] == ["features", "signals", "images"]
        assert describe_axes("signals") == "(channels, length)"
        with pytest.raises(UsageError, match=r"no input has the shape \(1, 2, 3, 4\); known: features"):
            kind_of((1, 2, 3, 4))

    def test_signals_keep_their_values(self):
        data = ImageData(part(2, 9), part(2, 9), part(2, 9), kind="signals")
        assert data.input_shape == (2, 9)
        assert data.train[0].min() < 0
        assert repr(data) == "<signals custom: 6 train, 6 validation, 6 test; (2, 9), 2 classes>"

    def test_signals_without_channels_get_one(self):
        assert ImageData(part(9), part(1, 9), part(9), kind="signals").input_shape == (1, 9)

    def test_arrays_of_two_axes_are_features(self):
        data = ImageData(part(5), part(5), part(5))
        assert data.input_shape == (5,)
        assert data.describe() == "features of 5, 2 classes; 6 to train, 6 to validate, 6 to test"

    def test_bytes_of_signals_are_numbers(self):
        x, y = np.full((4, 3), 200, np.uint8), np.arange(4) % 2
        assert ImageData((x, y), (x, y), (x, y), kind="signals").train[0].max() == 200

    @pytest.mark.parametrize(
        ("kind", "x", "message"),
        [
            ("waves", np.zeros((6, 4)), "must be one of features, signals, images; got 'waves'"),
            ("signals", np.full((6, 4), np.inf), "train signals must be finite numbers; got inf to inf"),
            (None, np.full((6, 4), np.nan), "train features must be finite numbers; got nan to nan"),
            ("features", np.zeros((6, 4, 2)), r"must be numbers, \(features, features\); got float64"),
            ("signals", np.zeros((6, 4, 2, 2)), r"must be numbers, \(signals, channels, length\); got float"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, kind, x, message):
        with pytest.raises(UsageError, match=message):
            ImageData((x, np.arange(6) % 2), part(4), part(4), kind=kind)


class TestNpz:
    def test_signals_are_named(self, tmp_path):
        data = images(save(tmp_path / "waves.npz", 1, 9, kind="signals"))
        assert (data.name, data.input_shape) == ("waves", (1, 9))

    def test_features_need_no_name(self, tmp_path):
        assert images(save(tmp_path / "table.npz", 5)).input_shape == (5,)

    def test_an_unknown_kind_is_refused(self, tmp_path):
        with pytest.raises(DataError, match=r"odd\.npz: the kind of data must be one of .* got 'sounds'"):
            images(save(tmp_path / "odd.npz", 9, kind="sounds"))


class TestMnist1d:
    def test_an_option_out_of_range_is_refused(self):
        with pytest.raises(UsageError, match="noise of mnist1d must be a number from 0 to 10; got -1"):
            images("mnist1d:noise=-1")
        with pytest.raises(UsageError, match="shift must be at most 72, got 73"):
            images("mnist1d:shift=73")
        with pytest.raises(UsageError, match="'mnist1d:loud=1' has no option 'loud'; known: noise, jitter"):
            images("mnist1d:loud=1")

    def test_sizes_classes_and_the_state_of_global_generators(self):
        before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
        data = generate_mnist1d(train=80, validation=100, test=45)
        assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002
        assert data.describe() == "signals of 1 x 40, 10 classes; 80 to train, 100 to validate, 45 to test"
        assert np.bincount(data.validation[1]).tolist() == [10] * 10
        assert data.digest == generate_mnist1d(train=80, validation=100, test=45).digest
        signals = np.concatenate([x for x, _ in (data.train, data.validation, data.test)])
        assert len(np.unique(signals, axis=0)) == len(signals)

    def test_options_change_the_signals(self):
        few = "train=40,validation=40,test=40"
        easy, hard = images(f"mnist1d:{few}"), images(f"mnist1d:noise=1,{few}")
        assert easy.digest != hard.digest
        assert hard.name == f"mnist1d:noise=1,{few}"

    def test_training_signals_are_those_of_the_package(self, tmp_path):
        """The package's own call with its own settings, in a process of its own."""
        code = (
            "import numpy as np; from mnist1d.data import make_dataset, get_dataset_args;"
            "made = make_dataset(get_dataset_args());"
            "np.savez('made.npz', x=made['x'], y=made['y'])"
        )
        subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
        data = generate_mnist1d(validation=40, test=40)
        with np.load(tmp_path / "made.npz") as made:
            assert np.array_equal(data.train[0][:, 0], made["x"].astype(np.float32))
            assert np.array_equal(data.train[1], made["y"])
