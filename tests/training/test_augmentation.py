import pytest

from egraph.errors import UsageError
from egraph.training import Augmentation


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"flip": 1}, "flip of an augmentation must be True or False; got 1"),
        ({"shift": -0.1}, "shift of an augmentation must be a number from 0 to 1; got -0.1"),
        ({"crop": 0}, "crop of an augmentation must be a number from 0.1 to 1; got 0"),
        ({"crop": 28}, "crop of an augmentation must be a number from 0.1 to 1; got 28"),
        ({"zoom": float("nan")}, "zoom of an augmentation must be a number from 0 to 9; got nan"),
        ({"hue": 200}, "hue of an augmentation must be a number from 0 to 180; got 200"),
        ({"color_shift": True}, "color_shift of an augmentation must be a number from 0 to 1; got True"),
        ({"color_scale": "much"}, "color_scale of an augmentation must be a number from 0 to 9; got 'much'"),
    ],
)
def test_a_field_out_of_range_is_named(fields, message):
    with pytest.raises(UsageError, match=message):
        Augmentation(**fields)


def test_by_itself_it_changes_nothing():
    how = Augmentation()
    assert (how.shift, how.flip, how.crop, how.zoom) == (0, False, 1, 0)
    assert (how.hue, how.color_shift, how.color_scale) == (0, 0, 0)
