import colorsys

import numpy as np
import pytest
import torch

from egraph.errors import UsageError
from egraph.training.augmentation import PRESETS, Augmentation
from egraph.training.augmenting import _to_hsv, _to_rgb, augment


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def draw_images(*shape):
    return torch.rand(shape, generator=seeded(1))


def test_none_changes_nothing():
    x = draw_images(4, 1, 4, 4)
    assert augment(x, PRESETS["none"], seeded()) is x


@pytest.mark.parametrize("how", ["shift", "flip-shift"])
def test_every_image_is_one_of_its_moved_or_mirrored_selves(how):
    x = draw_images(256, 2, 8, 9)
    moved = augment(x, PRESETS[how], seeded())
    found = set()
    for before, after in zip(x.numpy(), moved.numpy(), strict=True):
        for mirrored in (False, True) if how == "flip-shift" else (False,):
            image = before[:, :, ::-1] if mirrored else before
            padded = np.pad(image, ((0, 0), (1, 1), (1, 1)))
            for down in range(3):
                for right in range(3):
                    if np.array_equal(padded[:, down : down + 8, right : right + 9], after):
                        found.add((mirrored, down, right))
                        break
    assert len(found) == (18 if how == "flip-shift" else 9)
    assert moved.shape == x.shape


def test_small_images_stay():
    x = draw_images(8, 1, 4, 4)  # an eighth of four pixels is none
    assert torch.equal(augment(x, PRESETS["shift"], seeded()), x)


def test_crops_are_parts_of_the_image_at_every_place():
    """26 of 32 pixels a side: of eight by seven, seven (6.5 goes to the even six) and six (5.7)."""
    x = draw_images(200, 3, 8, 7)
    cropped = augment(x, Augmentation(crop=26 / 32), seeded())
    assert cropped.shape == (200, 3, 6, 6)
    found = {
        (top, left)
        for before, after in zip(x, cropped, strict=True)
        for top in range(3)
        for left in range(2)
        if torch.equal(before[:, top : top + 6, left : left + 6], after)
    }
    assert found == {(top, left) for top in range(3) for left in range(2)}


def test_zoom_takes_the_nearest_pixel_about_the_middle():
    """A square of four pixels a side, between 2.7 and 6 after zoom, is of two, four or six whole ones."""
    x = torch.zeros(400, 1, 12, 12)
    x[:, :, 4:8, 4:8] = 1
    zoomed = augment(x, Augmentation(zoom=0.5), seeded())
    sides = zoomed.amax((1, 2)).sum(1)
    assert set(sides.tolist()) == {2, 4, 6}
    assert torch.equal(zoomed, zoomed.flip(2))
    assert torch.equal(zoomed, zoomed.flip(3))


def test_a_turned_hue_keeps_saturation_and_value():
    x = draw_images(50, 3, 4, 4)
    before, after = _to_hsv(x), _to_hsv(augment(x, Augmentation(hue=45), seeded()))
    torch.testing.assert_close(after[1:], before[1:], atol=1e-5, rtol=1e-4)
    turned = (after[0] - before[0] + 3) % 6 - 3
    assert turned.abs().max() <= 45 / 60 + 1e-3
    assert turned.amax((1, 2)).max() > 0.5
    assert turned.amin((1, 2)).min() < -0.5
    # one turn an image
    assert (turned.amax((1, 2)) - turned.amin((1, 2))).max() < 1e-2


def test_a_third_of_a_turn_makes_red_green():
    red = torch.tensor([1.0, 0, 0]).reshape(1, 3, 1, 1)
    hue, saturation, value = _to_hsv(red)
    assert _to_rgb(hue + 2, saturation, value).flatten().tolist() == [0, 1, 0]


def test_hue_saturation_and_value_are_those_of_the_standard_library():
    x = draw_images(1, 3, 5, 5)
    x[0, :, 0, 0], x[0, :, 0, 1] = 0, 0.5  # black and grey
    hue, saturation, value = _to_hsv(x)
    for row in range(5):
        for column in range(5):
            expected = colorsys.rgb_to_hsv(*x[0, :, row, column].tolist())
            got = hue[0, row, column] / 6, saturation[0, row, column], value[0, row, column]
            assert [float(number) for number in got] == pytest.approx(expected, abs=1e-5)
    torch.testing.assert_close(_to_rgb(hue, saturation, value), x)


def test_grey_images_change_in_value_alone():
    """Each image as a whole times a factor within 1.5, plus up to a quarter, cut at 0 and 1."""
    x = torch.full((300, 1, 2, 2), 0.5)
    scaled = augment(x, Augmentation(color_scale=0.5, hue=45), seeded())
    assert torch.equal(scaled, scaled[:, :, :1, :1].expand_as(scaled))
    assert 0.5 / 1.5 <= scaled.min() < 0.36
    assert 0.7 < scaled.max() <= 0.75
    moved = augment(x, Augmentation(color_shift=0.25), seeded())
    assert 0.25 <= moved.min() < 0.28
    assert 0.72 < moved.max() <= 0.75
    assert augment(torch.ones(9, 1, 2, 2), Augmentation(color_shift=1), seeded()).max() <= 1


def test_saturation_and_value_change_each_by_itself():
    x = torch.tensor([0.6, 0.4, 0.4]).reshape(1, 3, 1, 1).expand(300, 3, 1, 1)
    _, saturation, value = _to_hsv(augment(x, Augmentation(color_shift=0.2), seeded()))
    assert (saturation - 1 / 3).abs().max() <= 0.2 + 1e-5
    assert (value - 0.6).abs().max() <= 0.2 + 1e-5
    assert abs(np.corrcoef(saturation.flatten(), value.flatten())[0, 1]) < 0.3


def test_hue_means_nothing_to_grey_images():
    x = draw_images(4, 1, 4, 4)
    assert augment(x, Augmentation(hue=45), seeded()) is x


def test_all_that_is_random_comes_from_the_generator():
    x = draw_images(16, 3, 8, 8)
    how = Augmentation(shift=0.2, flip=True, crop=0.8, zoom=0.2, hue=20, color_shift=0.2, color_scale=0.2)
    state = torch.get_rng_state()
    first, again, other = (augment(x, how, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == (16, 3, 6, 6)
    assert 0 <= first.min() <= first.max() <= 1


@pytest.mark.parametrize("how", [{"shift": 0.25}, {"crop": 0.75}, {"zoom": 0.5, "shift": 0.25}])
def test_the_points_of_a_signal_move_together(how):
    """Where the numbers of the points go, the values of all channels go."""
    how = Augmentation(**how)
    x = draw_images(64, 2, 8)
    moved = augment(x, how, seeded())
    positions = augment(torch.arange(1.0, 9).expand(64, 1, 8), how, seeded())  # 0: outside
    expected = torch.nn.functional.pad(x, (1, 0)).gather(2, positions.long().expand(-1, 2, -1))
    assert torch.equal(moved, expected)
    assert len({tuple(row) for row in positions[:, 0].tolist()}) > 2


def test_half_of_the_signals_are_mirrored():
    x = draw_images(200, 2, 5)
    mirrored = (augment(x, Augmentation(flip=True), seeded()) == x.flip(2)).all(dim=(1, 2))
    assert 70 < mirrored.sum() < 130
    same = (augment(x, Augmentation(flip=True), seeded()) == x).all(dim=(1, 2))
    assert torch.equal(mirrored, ~same)


@pytest.mark.parametrize(
    ("shape", "how", "message"),
    [
        ((4, 6), {"shift": 0.1}, r"change images and signals, not features, \(6,\); take augment='none'"),
        ((4, 3, 6), {"color_shift": 0.1}, r"change images, \(channels, height, width\); got \(3, 6\)"),
        ((4, 6), {"hue": 9}, r"change images, \(channels, height, width\); got \(6,\)"),
    ],
)
def test_changes_that_the_data_cannot_have_are_refused(shape, how, message):
    with pytest.raises(UsageError, match=message):
        augment(draw_images(*shape), Augmentation(**how), seeded())


def test_cutout_hides_one_window_that_may_lie_partly_outside():
    x = 1 + draw_images(400, 2, 8, 9)
    hidden = (augment(x, Augmentation(cutout=0.5), seeded()) == 0).numpy()
    assert (hidden[:, 0] == hidden[:, 1]).all()
    shapes = set()
    for one in hidden[:, 0]:
        rows, columns = np.flatnonzero(one.any(1)), np.flatnonzero(one.any(0))
        assert one[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert one.sum() == (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
        shapes.add((len(rows), len(columns)))
    assert max(shapes) == (4, 4)
    assert min(shapes)[0] == 2  # centred on the first or the last row
    assert hidden[:, 0].any(0).all()


def test_erasing_hides_a_rectangle_of_some_images():
    x = 1 + draw_images(2000, 1, 32, 32)
    hidden = (augment(x, Augmentation(erase=0.25), seeded()) == 0).numpy()[:, 0]
    some = hidden[hidden.any((1, 2))]
    assert len(some) / 2000 == pytest.approx(0.25, abs=0.03)
    areas = some.mean((1, 2))
    assert areas.min() > 0.01
    assert areas.max() < 0.35
    assert areas.mean() == pytest.approx((0.02 + 0.33) / 2, abs=0.02)
    for one in some:
        rows, columns = np.flatnonzero(one.any(1)), np.flatnonzero(one.any(0))
        assert one.sum() == (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
        assert 1 / 4.5 < len(rows) / len(columns) < 4.5  # 3.3, rounded to whole pixels


def test_parts_of_signals_are_hidden():
    x = 1 + draw_images(64, 3, 40)
    for how, most in ((Augmentation(cutout=0.25), 10), (Augmentation(erase=1), 13)):
        hidden = (augment(x, how, seeded()) == 0).numpy()
        assert (hidden[:, 0] == hidden[:, 2]).all()
        assert 1 <= hidden[:, 0].sum(1).min() <= hidden[:, 0].sum(1).max() <= most
