"""Method, settings and drawing of a supernet searcher in one set of options."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from egraph.errors import UsageError, shorten
from egraph.spaces.relaxation import Relaxation
from egraph.supernets.methods import Method, methods
from egraph.supernets.settings import Settings, search_recipe
from egraph.training import Recipe

__all__ = ["SupernetOptions"]

QUICK: Mapping[str, Any] = {"epochs": 15, "learning_rate": 0.1, "channels": 8, "cells": 1}
"""Fields of the recipe for a search of minutes on a CPU; more cells where a network needs them."""

QUICK_RATE = 0.03
"""Learning rate of the logits with so few epochs; the published one hardly moves them."""

_DRAWN = ("sharpen", "elite", "generation", "empties", "distinct")
_PRESETS = ("quick", "published")


@dataclass(frozen=True)
class SupernetOptions:
    """Options by the names that people type, and what they are options of.

    Attributes:
        method: Name of the method.
        given: Options that differ from the defaults.

    Raises:
        UnknownNameError: No method has that name.
        UsageError: There is no such option, or a value is out of range.
    """

    method: str
    given: Mapping[str, Any]

    def __post_init__(self) -> None:
        own = list(_own_options(methods[self.method]))
        known = [*own, *_SETTINGS, *_RECIPE, *_DRAWN, "preset"]
        if unknown := [name for name in self.given if name not in known]:
            raise UsageError(f"{str(self)!r} has no option {unknown[0]!r}; known: {', '.join(known)}")
        if (preset := self.given.get("preset", "quick")) not in _PRESETS:
            raise UsageError(f"preset must be one of {', '.join(_PRESETS)}; got {shorten(preset)}")
        self.make()
        self._fill({}, {})

    def make(self) -> Method:
        """A new method with its options."""
        return methods[self.method](**self._pick(_own_options(methods[self.method])))

    @property
    def own(self) -> dict[str, Any]:
        """All options of the method, defaults included."""
        return {**_own_options(methods[self.method]), **self._pick(_own_options(methods[self.method]))}

    @property
    def drawn(self) -> dict[str, Any]:
        """Options of the searcher that draws. Operations that give nothing are left out unless asked for.

        Their probability says little: a network learns most from the other operations (Liu et al.).
        """
        return {"empties": False, **self._pick(_DRAWN)}

    def settings(self, relaxation: Relaxation, recipe: Recipe) -> Settings:
        """The settings of the training.

        Args:
            relaxation: Tells what sizes the supernet offers.
            recipe: Recipe of the networks, whose changes of the images are taken.

        Raises:
            UsageError: They do not suit one another.
        """
        sizes = ("channels", "cells")
        for name in sizes:
            if name in self.given and name not in relaxation.options:
                raise UsageError(f"the supernet of this space has no choice of {name}; leave it out")
        if self.given.get("preset") == "published":
            return self._fill({"augment": recipe.augment}, {})
        quick = {**QUICK, "cells": max(QUICK["cells"], relaxation.fewest_cells)}
        quick = {
            name: value for name, value in quick.items() if name not in sizes or name in relaxation.options
        }
        return self._fill({**quick, "augment": recipe.augment}, {"rate": QUICK_RATE})

    def _fill(self, recipe: Mapping[str, Any], settings: Mapping[str, Any]) -> Settings:
        own = _own_options(methods[self.method])  # those of the method hide others of the same name
        fields_of = (tuple(name for name in each if name not in own) for each in (_RECIPE, _SETTINGS))
        weights, others = map(self._pick, fields_of)
        return Settings(search_recipe(**{**recipe, **weights}), **{**settings, **others})

    def _pick(self, names: Mapping[str, Any] | tuple[str, ...]) -> dict[str, Any]:
        return {name: value for name, value in self.given.items() if name in names}

    def __str__(self) -> str:
        options = ",".join(
            f"{name}={str(value).lower() if isinstance(value, bool) else value}"
            for name, value in self.given.items()
        )
        return f"{self.method}:{options}" if options else self.method


def _own_options(method: type[Method]) -> dict[str, Any]:
    """Names and defaults of the options of a method: its keyword-only arguments."""
    parameters = inspect.signature(method).parameters.values()
    return {each.name: each.default for each in parameters if each.kind is each.KEYWORD_ONLY}


_RECIPE = tuple(field.name for field in fields(Recipe))
_SETTINGS = tuple(field.name for field in fields(Settings) if field.name not in ("weights", "betas"))
