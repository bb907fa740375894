"""Data sets of PyTorch, and arrays, that a caller's own code makes."""

import random

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from egraph.datasets import ImageData, from_dataset, images
from egraph.errors import DataError, FailedError, UsageError

X, Y = torch.rand(60, 1, 5, 4, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 3


class Examples(Dataset):
    """Examples of a function of their numbers."""

    def __init__(self, make, count=30):
        self.make, self.count = make, count

    def __len__(self):
        return self.count

    def __getitem__(self, number):
        return self.make(number)


class Endless(IterableDataset):
    def __iter__(self):
        yield 1, 2


def sizes(data):
    return [len(y) for _, y in (data.train, data.validation, data.test)]


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (TensorDataset(X, Y), [36, 12, 12]),
        ((X, Y), [36, 12, 12]),
        ((X.numpy(), Y.tolist()), [36, 12, 12]),
        ((TensorDataset(X, Y), TensorDataset(X[:9], Y[:9])), [50, 10, 9]),
        (((X, Y), (X[:6], Y[:6]), (X[:9], Y[:9])), [60, 6, 9]),
        ([TensorDataset(X, Y), (X[:6], Y[:6]), (X[:9], Y[:9])], [60, 6, 9]),
        ({"train": (X, Y), "val": (X[:6], Y[:6]), "test": (X[:9], Y[:9])}, [60, 6, 9]),
        ({"training": (X, Y), "dev": (X[:6], Y[:6])}, [50, 10, 6]),
    ],
)
def test_one_data_set_or_several_parts(data, parts):
    found = from_dataset(data, name="mine")
    assert (found.name, found.input_shape, found.num_classes, sizes(found)) == ("mine", (1, 5, 4), 3, parts)


def test_examples_keep_their_values():
    found = from_dataset((TensorDataset(X, Y), TensorDataset(X[:9], Y[:9])))
    assert np.array_equal(found.test[0], X[:9].numpy())
    assert found.test[1].tolist() == Y[:9].tolist()
    assert found.digest == from_dataset(((X, Y), (X[:9], Y[:9]))).digest


def test_an_image_data_is_returned():
    data = from_dataset((X, Y))
    assert isinstance(data, ImageData)
    assert from_dataset(data) is data


def test_images_of_pillow_and_texts_as_labels():
    def make(number):
        pixels = np.full((5, 6, 3), number, np.uint8)
        return Image.fromarray(pixels), "cat" if number % 2 else "dog"

    data = from_dataset(Examples(make))
    assert (data.input_shape, data.labels) == ((3, 5, 6), ("cat", "dog"))
    assert data.train[0].max() < 30 / 255


def test_channels_are_first_in_tensors_and_found_in_arrays():
    shape = (60, 5, 5, 3)
    assert from_dataset((torch.rand(shape), Y)).input_shape == (5, 5, 3)
    assert from_dataset((torch.rand(shape).numpy(), Y)).input_shape == (3, 5, 5)
    assert from_dataset((torch.rand(shape), Y), layout="last").input_shape == (3, 5, 5)
    assert from_dataset((X[:, 0], Y), kind="signals", layout="first").input_shape == (5, 4)
    assert from_dataset((X[:, 0, 0].bfloat16(), Y)).input_shape == (4,)


def test_random_transformations_are_the_same_each_time_and_leave_the_generators_alone():
    def make(number):
        noise = [random.random(), np.random.rand(), torch.rand(()).item()]  # noqa: NPY002
        return torch.tensor(noise), number % 2

    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    one, two = from_dataset(Examples(make)), from_dataset(Examples(make))
    assert one.digest == two.digest
    assert len(np.unique(one.train[0])) == 3 * len(one.train[0])
    assert before[:2] == (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002
    assert torch.equal(before[2], torch.get_rng_state())


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (Endless(), UsageError, "the all part is 'Endless'"),
        (5, UsageError, "expected a data set of PyTorch with a length, .* the all part is 'int'"),
        ([(X, Y)] * 4, UsageError, "got 4 parts"),
        ({"train": (X, Y)}, UsageError, r"got a mapping of \['train'\]"),
        ({"train": (X, Y), "test": (X, Y), "more": (X, Y)}, UsageError, "got a mapping of"),
        (Examples(lambda n: torch.zeros(3)), DataError, "mine: example 0 of the all part must be a pair"),
        (
            Examples(lambda n: (torch.zeros(3 + n), 0)),
            DataError,
            r"example 1 .* \(4,\) and \(\), those of the",
        ),
        (Examples(lambda n: [][n]), DataError, "example 0 of the all part cannot be read: IndexError: list"),
        (Examples(lambda n: (torch.zeros(3), 0)), DataError, "mine: all examples are of one class, '0'"),
        (Examples(lambda n: (0, 0), 0), DataError, "mine: the all part is empty"),
        (
            Examples(lambda n: (torch.full((3,), torch.nan), n % 2)),
            DataError,
            "input 0 of the all part has NaN",
        ),
        ((X, Y * 5), DataError, "skip 1"),
    ],
)
def test_what_does_not_fit(data, error, message):
    with pytest.raises(error, match=message):
        from_dataset(data, name="mine")


class TestNamed:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path, monkeypatch, request):
        monkeypatch.chdir(tmp_path)
        self.module = f"made_{request.node.name.partition('[')[0]}"
        (tmp_path / f"{self.module}.py").write_text(
            "import torch\n"
            "def make():\n"
            "    return torch.arange(120.).reshape(40, 3) / 120, torch.arange(40) % 2\n"
            "def broken():\n"
            "    raise OSError('disk on fire')\n"
        )

    def test_a_function_is_called(self):
        data = images(f"{self.module}:make")
        assert (data.name, data.input_shape) == (f"{self.module}:make", (3,))

    def test_options_follow(self):
        assert images(f"{self.module}:make:kind=signals").input_shape == (1, 3)
        with pytest.raises(UsageError, match="has no option 'size'; known: kind, layout, target"):
            images(f"{self.module}:make:size=3")

    def test_what_fails_is_told(self):
        with pytest.raises(FailedError, match=r"broken\(\) failed: OSError: disk on fire"):
            images(f"{self.module}:broken")
        with pytest.raises(UsageError, match="has no function 'absent', for --data"):
            images(f"{self.module}:absent")
        with pytest.raises(UsageError, match="no module 'no_such' in the current folder or installed"):
            images("no_such:make")
