"""Choosers for the supernet of a builder: all options of each choice of a module are built."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from egraph.errors import Unbuildable, UsageError
from egraph.spaces.choosing import Answering, Choose, make_option
from egraph.spaces.relaxation import Position

if TYPE_CHECKING:
    from egraph.networks import Mix

__all__ = ["Mixer", "Recorder"]

MOST_NESTED = 8
"""Largest depth of choices of modules inside of options; more are an endless recursion."""


class Recorder(Choose):
    """Builds all options of each choice of a module, and notes the positions.

    Args:
        answering: Gives the answers to the other questions.
        fixed: Names of choices of modules that are such questions.

    Attributes:
        positions: The positions so far, by name.
    """

    def __init__(self, answering: Answering, fixed: Collection[str]) -> None:
        super().__init__(answering)
        self._fixed = fixed
        # Shared with the choosers that `within` gives, and so never replaced.
        self.positions: dict[str, Position] = {}
        self._around: list[str] = []

    def module(self, name: str, /, **options: Any) -> Any:
        """All modules that can be built, side by side."""
        from egraph.networks._alternatives import Alternatives, is_empty, is_skip

        question = self._question(name, list(options))
        if question.name in self._fixed:
            return super().module(name, **options)
        self._ask(question)
        if len(self._around) == MOST_NESTED:
            raise UsageError(
                f"choices of modules are nested more than {MOST_NESTED} deep, at {question.name!r}; a "
                "supernet builds all options, so let the recursion end: raise egraph.Unbuildable"
            )
        self._around.append(question.name)
        built = {label: self._build(option) for label, option in options.items()}
        made = {label: module for label, module in built.items() if module is not None}
        self._around.pop()
        if not made:
            raise Unbuildable(f"none of the options of {question.name!r} can be built")
        known = self.positions.get(question.name)
        if known is not None and known.options != tuple(made):
            raise Unbuildable(f"the choice {question.name!r} has other options in another place")
        self.positions[question.name] = Position(
            question.name,
            tuple(made),
            empties=tuple(map(is_empty, made.values())),
            skips=tuple(map(is_skip, made.values())),
        )
        return Alternatives(question.name, made)

    def _build(self, option: Any) -> Any:
        """The module of an option; None if the builder refuses it."""
        positions, asked, around = dict(self.positions), dict(self._asked), list(self._around)
        try:
            return make_option(option)
        except Unbuildable:
            self.positions.clear()
            self.positions.update(positions)
            self._asked.clear()
            self._asked.update(asked)
            self._around[:] = around
            return None


class Mixer(Choose):
    """Gives a mixed layer for each choice of a module.

    Args:
        answering: Gives the answers to the other questions.
        fixed: Names of choices of modules that are such questions.
        mix: Makes the mixed layers.
    """

    def __init__(self, answering: Answering, fixed: Collection[str], mix: Mix) -> None:
        super().__init__(answering)
        self._fixed, self._mix = fixed, mix

    def module(self, name: str, /, **options: Any) -> Any:
        """The mixed layer."""
        question = self._question(name, list(options))
        if question.name in self._fixed:
            return super().module(name, **options)
        self._ask(question)
        return self._mix(question.name, lambda option, _: make_option(options[option]), 0)
