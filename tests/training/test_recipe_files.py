import pytest

from egraph.errors import UnknownNameError, UsageError
from egraph.training import Augmentation, Recipe, read_recipe


@pytest.fixture
def read(tmp_path):
    def run(text, base=Recipe(epochs=7)):  # noqa: B008
        path = tmp_path / "mine.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_recipe(path, base)

    return run


def test_fields_of_the_file_replace_those_of_the_base(read):
    got = read('optimizer = "sgd"\nlearning_rate = 0.1\nwarmup = 0.1\n[augment]\ncutout = 0.25\nflip = true')
    assert got == Recipe(
        epochs=7,
        optimizer="sgd",
        learning_rate=0.1,
        weight_decay=0,
        warmup=0.1,
        augment=Augmentation(cutout=0.25, flip=True),
    )


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("epoch = 3", UnknownNameError, r"'epoch' in .*mine\.toml; known: .*Did you mean 'epochs'\?"),
        ("[augment]\ncutuot = 1", UnknownNameError, r"'cutuot' in .*mine\.toml; .*Did you mean 'cutout'\?"),
        (
            'epochs = "3"',
            UsageError,
            r"in .*mine\.toml: epochs must be a whole number of at least 1; got '3'",
        ),
        ("epochs 3", UsageError, r"mine\.toml is no TOML: .*; write a field a line, as in epochs = 20"),
        (b"\xff", UsageError, r"mine\.toml is no TOML: .*; write a field a line"),
        ("epochs = " + "[" * 2000, UsageError, r"mine\.toml is no TOML: .*recursion"),
        ("epochs = " + "9" * 5000, UsageError, r"mine\.toml is no TOML: .*4300 digits"),
        (
            "momentum = " + "9" * 400,
            UsageError,
            "momentum must be a number of at least 0 and below 1; got 999",
        ),
        ("learning_rate = nan", UsageError, "learning_rate must be a positive number; got nan"),
    ],
)
def test_what_does_not_fit_is_told_with_the_file(read, text, kind, message):
    with pytest.raises(kind, match=message):
        read(text)


def test_a_file_that_is_absent_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read the recipe .*absent\.toml: No such file"):
        read_recipe(tmp_path / "absent.toml", Recipe())
