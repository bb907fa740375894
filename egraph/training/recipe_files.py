"""Recipes in files."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from egraph.errors import UnknownNameError, UsageError
from egraph.training.recipe import Recipe

__all__ = ["read_recipe"]


def read_recipe(path: str | os.PathLike[str], base: Recipe) -> Recipe:
    """Reads a recipe from a TOML file with fields of `Recipe`; those of `base` fill the gaps.

    Changes of images are a name, ``augment = "shift"``, or a table ``[augment]`` with fields of
    `Augmentation`. Another optimizer than that of ``base`` brings its own rates, as in `Recipe.changed`.

    Args:
        path: The file.
        base: Recipe with the values of all other fields.

    Raises:
        UnknownNameError: The file has a field that recipes lack.
        UsageError: The file cannot be read, is no TOML, or a value is out of its range.
    """
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the recipe {path}: {error.strerror}; give a TOML file") from None
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, too many digits, too deep
        raise UsageError(
            f"the recipe {path} is no TOML: {error}; write a field a line, as in epochs = 20"
        ) from None
    try:
        return base.changed(**values)
    except UnknownNameError as error:
        raise UnknownNameError(error.kind, error.name, error.choices, str(path)) from None
    except UsageError as error:
        raise UsageError(f"in {path}: {error}") from None
