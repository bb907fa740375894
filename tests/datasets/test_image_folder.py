"""Class folders of images."""

import io
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from egraph.datasets import images
from egraph.errors import DataError, EgraphError, UsageError

RNG = np.random.default_rng(0)


def draw(path, size=(4, 3), mode="L", **options):
    """An image of random pixels; returns them."""
    pixels = RNG.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels).convert(mode)
    image.save(path, **options)
    return np.asarray(image)


def fill(folder, count=10, **options):
    for number in range(count):
        for label in ("cat", "dog"):
            draw(folder / label / f"{number:02}.png", **options)
    return folder


def test_parts_are_the_folders_of_those_names(tmp_path):
    for part, count in (("train", 3), ("val", 2), ("test", 1)):
        fill(tmp_path / "pets" / part, count)
    pixels = draw(tmp_path / "pets" / "test" / "dog" / "00.png")
    data = images(tmp_path / "pets")
    expected = "images of 1 x 3 x 4, 2 classes; 6 to train, 4 to validate, 2 to test; labels cat, dog; from "
    assert data.describe() == f"{expected}{tmp_path}/pets"
    assert (data.name, data.labels, data.test[1].tolist()) == ("pets", ("cat", "dog"), [0, 1])
    assert np.array_equal(np.round(data.test[0][1, 0] * 255).astype(np.uint8), pixels)


def test_classes_alone_are_divided(tmp_path):
    data = images(fill(tmp_path / "pets"))
    assert [len(y) for _, y in (data.train, data.validation, data.test)] == [12, 4, 4]


def test_without_a_test_the_validation_part_is_the_test(tmp_path):
    for part in ("train", "valid"):
        fill(tmp_path / "pets" / part, 6)
    data = images(tmp_path / "pets")
    assert [len(y) for _, y in (data.train, data.validation, data.test)] == [10, 2, 12]


def test_numbers_as_names_are_in_their_order(tmp_path):
    for label in ("0", "2", "10"):
        for number in range(4):
            draw(tmp_path / "digits" / label / f"{number}.png")
    assert images(tmp_path / "digits").labels == ("0", "2", "10")


def test_one_image_in_colour_makes_all_colour(tmp_path):
    folder = fill(tmp_path / "pets")
    draw(folder / "cat" / "00.png", mode="RGB")
    draw(folder / "cat" / "01.png", mode="RGBA")
    draw(folder / "dog" / "02.gif", mode="P")
    data = images(folder)
    assert data.input_shape == (3, 3, 4)
    assert "18 of 21 images were grey, now in colour" in data.notes


def test_the_orientation_of_cameras_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    folder = fill(tmp_path / "pets", size=(3, 4))
    for label in ("cat", "dog"):
        draw(folder / label / "turned.png", size=(4, 3), exif=exif)
    assert images(folder).input_shape == (1, 4, 3)


def test_other_sizes_are_resized_on_demand(tmp_path):
    folder = fill(tmp_path / "pets")
    draw(folder / "dog" / "09.png", size=(9, 5))
    with pytest.raises(DataError, match=r"09\.png has 9 x 5 pixels, .*00\.png 4 x 3; resize .* size=N"):
        images(folder)
    data = images(f"{folder}:size=6")
    assert data.input_shape == (1, 6, 6)
    assert "resized to 6 x 6" in data.notes
    with pytest.raises(UsageError, match="size must be a whole number of at least 1, got 'big'"):
        images(f"{folder}:size=big")


def test_other_files_are_left_alone(tmp_path):
    folder = fill(tmp_path / "pets")
    digest = images(folder).digest
    (folder / "cat" / "Thumbs.db").write_bytes(b"x")
    (folder / "cat" / "._00.png").write_bytes(b"x")
    (folder / ".cache").mkdir()
    (folder / "labels.txt").write_text("cat, dog")
    assert images(folder).digest == digest


class TestDamage:
    def test_an_image_that_is_none(self, tmp_path):
        folder = fill(tmp_path / "pets")
        (folder / "cat" / "00.png").write_text("this is a text")
        with pytest.raises(DataError, match=r"00\.png is not a readable image: cannot identify image file"):
            images(folder)

    def test_an_image_of_more_bits(self, tmp_path):
        folder = fill(tmp_path / "pets")
        Image.fromarray(np.zeros((3, 4), np.uint16)).save(folder / "cat" / "00.png")
        with pytest.raises(DataError, match=r"00\.png has more than 8 bits a channel \(I;16\)"):
            images(folder)

    def test_a_folder_without_images(self, tmp_path):
        folder = fill(tmp_path / "pets")
        (folder / "fox").mkdir()
        with pytest.raises(DataError, match=r"fox has no images; expected files that end in \.png, \.jpg"):
            images(folder)

    def test_parts_beside_classes(self, tmp_path):
        folder = fill(tmp_path / "pets")
        fill(folder / "test", 2)
        with pytest.raises(DataError, match="has test beside cat; expected folders of parts, or of classes"):
            images(folder)

    def test_one_part_alone(self, tmp_path):
        fill(tmp_path / "pets" / "train")
        with pytest.raises(DataError, match="pets has train alone; expected train, and val or test"):
            images(tmp_path / "pets")

    def test_a_part_without_classes(self, tmp_path):
        fill(tmp_path / "pets" / "train")
        (tmp_path / "pets" / "test").mkdir()
        with pytest.raises(DataError, match="test has no folders of images; expected one for each class"):
            images(tmp_path / "pets")

    def test_one_class(self, tmp_path):
        for number in range(9):
            draw(tmp_path / "pets" / "cat" / f"{number}.png")
        with pytest.raises(DataError, match="pets: all examples are of one class, 'cat'"):
            images(tmp_path / "pets")

    def test_a_class_of_the_test_alone(self, tmp_path):
        for part in ("train", "val", "test"):
            fill(tmp_path / "pets" / part, 2)
        draw(tmp_path / "pets" / "test" / "fox" / "1.png")
        with pytest.raises(DataError, match="the test part has the label 'fox', which the train part lacks"):
            images(tmp_path / "pets")

    @settings(max_examples=40, deadline=None)
    @given(data=st.data(), kind=st.sampled_from(["png", "gif", "bmp", "jpeg"]))
    def test_any_gives_no_other_error(self, data, kind, tmp_path_factory):
        folder = fill(tmp_path_factory.mktemp("images") / "pets", 3)
        buffer = io.BytesIO()
        Image.fromarray(np.zeros((3, 4), np.uint8)).save(buffer, kind)
        content = bytearray(buffer.getvalue())
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        (folder / "cat" / f"00.{kind}").write_bytes(content[: data.draw(st.integers(1, len(content)))])
        with suppress(EgraphError):
            images(folder)
