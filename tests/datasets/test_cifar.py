"""CIFAR's archives, written here with the structure of the published ones."""

import gzip
import io
import pickle
import struct
import tarfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph.datasets import images, is_training_data
from egraph.datasets._pickles import read_arrays
from egraph.errors import DataError, EgraphError, UsageError

RNG = np.random.default_rng(0)
TEN = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")


def text(value):
    """A text of Python 2: SHORT_BINSTRING, or BINSTRING where it is long."""
    return (
        b"U" + bytes([len(value)]) + value
        if len(value) < 256
        else b"T" + struct.pack("<I", len(value)) + value
    )


def array(values, module=b"numpy.core.multiarray"):
    """An array of bytes as NumPy wrote it under Python 2."""
    rows, columns = values.shape
    return (
        b"c" + module + b"\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
        b"(K\x01" + b"J" + struct.pack("<i", rows) + b"J" + struct.pack("<i", columns) + b"\x86"
        b"cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R"
        b"(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89" + text(values.tobytes()) + b"tb"
    )  # fmt: skip


def numbers(values):
    return b"](" + b"".join(b"K" + bytes([value]) for value in values) + b"e"


def texts(values):
    return b"](" + b"".join(text(value) for value in values) + b"e"


def mapping(**items):
    return b"\x80\x02}(" + b"".join(text(name.encode()) + value for name, value in items.items()) + b"u."


def batch(x, y, labels="labels", **more):
    return mapping(batch_label=text(b"batch"), **{labels: numbers(y)}, data=array(x), **more)


def pixels(count):
    return RNG.integers(0, 256, (count, 3072), dtype=np.uint8)


@pytest.fixture(scope="session")
def ten():
    """The files of a CIFAR-10 of six images each, three classes."""
    files = {name: batch(pixels(6), np.arange(6) % 3) for name in TEN}
    names = texts([b"airplane", b"automobile", b"bird"])
    return files | {"batches.meta": mapping(label_names=names), "readme.html": b"<html>"}


@pytest.fixture(scope="session")
def hundred():
    y = np.arange(10) % 2
    coarse = {"coarse_labels": numbers(y * 0)}
    files = {name: batch(pixels(10), y, "fine_labels", **coarse) for name in ("train", "test")}
    return files | {"meta": mapping(fine_label_names=texts([b"apple", b"beaver"]))}


def pack(path, folder, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def unpack(folder, files):
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_an_archive_and_its_folder_are_the_same_data(tmp_path, ten):
    data = images(pack(tmp_path / "cifar-10-python.tar.gz", "cifar-10-batches-py", ten))
    assert data.digest == images(unpack(tmp_path / "cifar-10-batches-py", ten)).digest
    assert data.describe().startswith(
        "images of 3 x 32 x 32, 3 classes; 24 to train, 6 to validate, 6 to test; "
    )
    assert (data.name, data.labels) == ("cifar10", ("airplane", "automobile", "bird"))


def test_pixels_and_classes_are_those_of_the_batches(tmp_path, ten):
    x = pixels(6)
    files = ten | {"test_batch": batch(x, [2, 1, 0, 0, 1, 2])}
    data = images(unpack(tmp_path / "cifar-10-batches-py", files))
    assert np.array_equal(np.round(data.test[0] * 255).astype(np.uint8), x.reshape(6, 3, 32, 32))
    assert data.test[1].tolist() == [2, 1, 0, 0, 1, 2]


def test_both_are_found_by_name(tmp_path, monkeypatch, ten, hundred):
    monkeypatch.setenv("EGRAPH_DATA", str(tmp_path))
    pack(tmp_path / "cifar-10-python.tar.gz", "cifar-10-batches-py", ten)
    unpack(tmp_path / "cifar100" / "cifar-100-python", hundred)
    assert images("cifar10").name == "cifar10"
    data = images("cifar100")
    assert (data.name, data.labels, len(data.test[1])) == ("cifar100", ("apple", "beaver"), 10)


@pytest.mark.parametrize(
    "name", ["cifar-10-python.tar", "cifar-10-python.tgz", "CIFAR-10-PYTHON.TAR.GZ", "cifar10 (1).tar.gz"]
)
def test_an_archive_may_have_another_name(tmp_path, ten, name):
    packed = pack(tmp_path / "x.tar.gz", "cifar-10-batches-py", ten).read_bytes()
    path = tmp_path / name
    path.write_bytes(gzip.decompress(packed) if name.endswith(".tar") else packed)
    assert images(path).name == "cifar10"


def test_the_folder_around_an_archive_is_enough(tmp_path, ten, hundred):
    pack(tmp_path / "cifar-10-python.tar.gz", "cifar-10-batches-py", ten)
    assert images(tmp_path).name == "cifar10"
    unpack(tmp_path / "cifar-10-batches-py", ten)
    assert images(tmp_path).name == "cifar10"
    unpack(tmp_path / "cifar-100-python", hundred)
    with pytest.raises(UsageError, match=r"has several data sets: .*cifar-10-batches-py, .*; name one of th"):
        images(tmp_path)
    for name in ("CIFAR10", "CIFAR-10", "cifar_10"):
        assert is_training_data(name, tmp_path)
        assert images(name, tmp_path).name == "cifar10"


def test_absent_says_which_file_and_where(tmp_path):
    with pytest.raises(
        DataError, match=rf"no cifar-10-python\.tar\.gz \(170,498,071 bytes\) .* in {tmp_path}"
    ):
        images("cifar10", root=tmp_path)
    with pytest.raises(DataError, match=r"cifar-10-python\.tar\.gz does not exist"):
        images(tmp_path / "cifar-10-python.tar.gz")


def test_batches_pickled_by_python_3_with_bytes_as_keys_are_read(tmp_path, ten):
    def again(x):
        return pickle.dumps({b"data": x, b"labels": [0, 1, 2, 0, 1, 2], b"filenames": [b"a.png"]}, protocol=2)

    files = {name: again(pixels(6)) if name in TEN else content for name, content in ten.items()}
    assert len(images(unpack(tmp_path / "cifar-10-batches-py", files)).train[1]) == 24


def test_arrays_of_both_orders_are_those_that_were_written():
    for values in (np.arange(6, dtype=">i4").astype("<i4").reshape(2, 3), np.asfortranarray(np.eye(3, 2))):
        for protocol in (2, 4):
            content = read_arrays(io.BytesIO(pickle.dumps({"a": values, 1: "x"}, protocol=protocol)))
            assert np.array_equal(content["a"], values)
            assert content["1"] == "x"


class TestDamage:
    def read(self, tmp_path, files):
        return images(unpack(tmp_path / "cifar-10-batches-py", files))

    def test_an_archive_that_is_cut(self, tmp_path, ten):
        path = pack(tmp_path / "cifar-10-python.tar.gz", "cifar-10-batches-py", ten)
        path.write_bytes(path.read_bytes()[:-3000])
        with pytest.raises(DataError, match=r"python\.tar\.gz is damaged: .*; get it again"):
            images(path)

    def test_a_file_that_lacks(self, tmp_path, ten):
        files = {name: content for name, content in ten.items() if name not in ("data_batch_3", "test_batch")}
        with pytest.raises(
            DataError, match="cifar-10-batches-py lacks data_batch_3, test_batch; get it again"
        ):
            self.read(tmp_path, files)

    @pytest.mark.parametrize("lost", ["data_batch_1", "batches.meta"])
    def test_a_folder_without_the_file_that_it_is_known_by(self, tmp_path, ten, lost):
        files = {name: content for name, content in ten.items() if name != lost}
        with pytest.raises(DataError, match=f"cifar-10-batches-py lacks {lost}; get it again"):
            self.read(tmp_path, files)

    def test_the_version_for_other_languages(self, tmp_path):
        folder = unpack(tmp_path / "cifar-10-batches-bin", {"data_batch_1.bin": bytes(3073)})
        with pytest.raises(
            DataError, match=r"batches-bin has none of CIFAR's files for Python, .* get cifar-10"
        ):
            images(folder)

    def test_a_pickle_that_would_run_code(self, tmp_path, ten):
        files = ten | {"test_batch": b"cos\nsystem\n(S'exit 1'\ntR."}
        with pytest.raises(DataError, match=r"test_batch is damaged: it names os\.system, which is neither"):
            self.read(tmp_path, files)

    def test_an_array_of_objects(self, tmp_path, ten):
        odd = np.array([{}, None], dtype=object)
        with pytest.raises(DataError, match="test_batch is damaged: a number of type 'O8'"):
            self.read(tmp_path, ten | {"test_batch": pickle.dumps({"data": odd}, protocol=2)})

    def test_content_of_another_kind(self, tmp_path, ten):
        with pytest.raises(DataError, match="test_batch is damaged: it is no dictionary, but list"):
            self.read(tmp_path, ten | {"test_batch": pickle.dumps([1], protocol=2)})

    def test_images_of_another_shape(self, tmp_path, ten):
        with pytest.raises(DataError, match=r"test_batch has no data of bytes, \(images, 3072\)"):
            self.read(tmp_path, ten | {"test_batch": batch(pixels(3)[:, :3000], [0, 1, 2])})

    def test_fewer_labels_than_images(self, tmp_path, ten):
        with pytest.raises(
            DataError, match="test_batch has no labels, one whole number for each of 3 images"
        ):
            self.read(tmp_path, ten | {"test_batch": batch(pixels(3), [0, 1])})

    def test_a_label_without_a_name(self, tmp_path, ten):
        with pytest.raises(DataError, match=r"test part are 0 to 7, but batches\.meta names 3 classes"):
            self.read(tmp_path, ten | {"test_batch": batch(pixels(3), [0, 1, 7])})

    def test_a_label_beyond_numbers(self, tmp_path, ten):
        huge = mapping(labels=b"](\x8a\x09" + bytes(8) + b"\x01e", data=array(pixels(1)))
        with pytest.raises(
            DataError, match="test_batch has no labels, one whole number for each of 1 images"
        ):
            self.read(tmp_path, ten | {"test_batch": huge})

    def test_no_names(self, tmp_path, ten):
        with pytest.raises(DataError, match=r"batches\.meta has no names of classes, label_names"):
            self.read(tmp_path, ten | {"batches.meta": mapping(label_names=numbers([1]))})

    @settings(max_examples=50, deadline=None)
    @given(data=st.data())
    def test_any_gives_no_other_error(self, data, ten, tmp_path_factory):
        content = bytearray(batch(pixels(1), [1]))
        ends = st.one_of(st.integers(0, 150), st.integers(len(content) - 60, len(content) - 1))
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(ends)] = data.draw(st.integers(0, 255))
        with suppress(EgraphError):
            self.read(tmp_path_factory.mktemp("cifar"), ten | {"test_batch": bytes(content)})
