"""The relaxation of a builder: a mixed layer for each module that it chooses."""

from __future__ import annotations

import heapq
import math
import numbers
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Answer, Architecture
from egraph.errors import ArchitectureError, SpaceExhaustedError, Unbuildable, UsageError
from egraph.spaces._building import check_outputs, failure
from egraph.spaces._mixing import Mixer, Recorder
from egraph.spaces.choosing import Choose, Question, any_option
from egraph.spaces.relaxation import (
    Derivation,
    Probabilities,
    Relaxation,
    admit,
    draw_one,
    limit_skips,
)

if TYPE_CHECKING:
    import torch

    from egraph.networks import Mix
    from egraph.spaces.builder import BuilderSpace

__all__ = ["BuilderRelaxation"]

_TRIES = 1000
"""Combinations in a row that the builder may refuse."""

Weights = Mapping[str, NDArray[np.float64]]


class BuilderRelaxation(Relaxation):
    """The modules that a builder chooses, as probabilities.

    Each name of a `Choose.module` is a position, those inside of options included; a name that is asked for
    in several places is one position with a layer in each place. An option that the builder refuses
    (`Unbuildable`) where all options are built is left out.

    **All other questions have one answer in the supernet**: that in ``fixed``, else the largest number, the
    first of the longest sets of inputs, or the first option; for a setting of the training the first one.
    Largest numbers keep most layers. A choice of a module in ``fixed`` is not mixed.

    `derive` gives these answers, too. `draw` answers them at random where ``fixed`` does not, and with equal
    odds the modules that the supernet lacks. Combinations that the builder refuses are left out: `derive`
    goes on with the next most probable one, `draw` draws again.

    Whether an option is a skip connection or empty is told by its module: `torch.nn.Identity`, or
    `egraph.networks.operations.Zero`.

    Args:
        space: Space of the builder.
        fixed: Answers in the supernet by the name of the question.

    Raises:
        UsageError: There are no choices of modules, the builder refuses the answers, or ``fixed`` has an
            answer that is no option or to no question.
        ArchitectureError: The builder fails, or options of a choice give results of different shapes.
    """

    def __init__(self, space: BuilderSpace, fixed: Mapping[str, Any]) -> None:
        self.space, self.options = space, MappingProxyType[str, Any]({})
        self.fixed: dict[str, Answer] = {
            name: tuple(each) if isinstance(each, list) else each for name, each in fixed.items()
        }
        recorder = Recorder(self._answer, self.fixed)
        module = self._call(recorder)
        self.positions = dict(recorder.positions)
        if unused := [name for name in self.fixed if name not in recorder.asked]:
            raise UsageError(
                f"the builder {space.name} does not ask for {unused[0]!r} in its supernet; it asks for "
                f"{', '.join(recorder.asked)}"
            )
        if not self.positions:
            raise UsageError(
                f"the builder {space.name} asks for no choose.module(...) outside of fixed answers, so a "
                "supernet has nothing to mix"
            )
        self._outputs = self._try_out(module, recorder)

    def network(
        self, mix: Mix, input_shape: tuple[int, ...], num_classes: int, *, seed: int = 0, **options: Any
    ) -> torch.nn.Module:
        """The network of the builder with a mixed layer for each choice of a module."""
        if options:
            raise UsageError(f"the supernet of a builder has no option {next(iter(options))!r}; leave it out")
        self.space.check_input(input_shape)
        check_outputs(self.space.name, self._outputs, num_classes)
        return self._call(Mixer(self._answer, self.fixed, mix), seed)

    def derive(self, probabilities: Probabilities, rules: Derivation | None = None) -> Architecture:
        """The fixed answers, and the most probable modules with which the builder makes a network.

        Raises:
            SpaceExhaustedError: The builder refuses many of the most probable combinations.
        """
        return self._make(self._most_probable, probabilities, rules)

    def draw(
        self, probabilities: Probabilities, rng: np.random.Generator, rules: Derivation | None = None
    ) -> Architecture:
        """Random answers, and modules by their probabilities.

        Raises:
            SpaceExhaustedError: The builder refuses many draws in a row.
        """
        return self._make(lambda weights: self._drawn(weights, rng), probabilities, rules)

    def chosen(self, architecture: Architecture) -> dict[str, int]:
        """The numbers of the modules that it was built from, those that the supernet has."""
        self.space.validate(architecture)
        return {
            name: self.positions[name].options.index(str(answer))
            for name, answer in architecture.answers
            if name in self.positions and answer in self.positions[name].options
        }

    def _make(
        self,
        find: Callable[[Weights], Architecture],
        probabilities: Probabilities,
        rules: Derivation | None,
    ) -> Architecture:
        rules = rules or Derivation()
        found: list[Architecture] = []

        def pick(weights: Weights) -> dict[str, int]:
            found.append(find(weights))
            return self.chosen(found[-1])

        limit_skips(
            self.positions, admit(self.positions, probabilities, rules.empties), pick, rules.most_skips
        )
        return found[-1]

    def _most_probable(self, weights: Weights) -> Architecture:
        """The first of the most probable combinations, in falling order, that the builder does not refuse."""
        losses = {name: -np.log(np.maximum(each, 1e-300)) for name, each in weights.items()}
        orders = {
            name: [n for n in np.argsort(-each, kind="stable").tolist() if each[n] >= 0]
            for name, each in weights.items()
        }

        def cost_of(ranks: tuple[int, ...]) -> float:
            pairs = zip(orders.items(), ranks, strict=True)
            return math.fsum(float(losses[name][order[rank]]) for (name, order), rank in pairs)

        first = (0,) * len(orders)
        waiting, seen = [(cost_of(first), first)], {first}
        for _ in range(_TRIES):
            if not waiting:
                break
            _, ranks = heapq.heappop(waiting)
            chosen = {name: orders[name][rank] for name, rank in zip(orders, ranks, strict=True)}
            found = self.space.answer(lambda asked, chosen=chosen: self._answer(asked, chosen))  # type: ignore[misc]
            if found is not None:
                return found
            for place, order in enumerate(orders.values()):
                other = (*ranks[:place], ranks[place] + 1, *ranks[place + 1 :])
                if other[place] < len(order) and other not in seen:
                    seen.add(other)
                    heapq.heappush(waiting, (cost_of(other), other))
        raise self._exhausted("of the most probable combinations of modules")

    def _drawn(self, weights: Weights, rng: np.random.Generator) -> Architecture:
        def answer(question: Question) -> Answer:
            if question.name in weights:
                number = draw_one(weights[question.name], rng)
                return self._answer(question, {question.name: number})
            return self._answer(question) if question.name in self.fixed else any_option(question, rng)

        for _ in range(_TRIES):
            if (found := self.space.answer(answer)) is not None:
                return found
        raise self._exhausted("draws by the probabilities")

    def _exhausted(self, what: str) -> SpaceExhaustedError:
        return SpaceExhaustedError(
            f"the builder {self.space.name} refused {_TRIES:,} {what}; give other answers by fixed"
        )

    def _answer(self, question: Question, chosen: Mapping[str, int] | None = None) -> Answer:
        """The answer of the supernet; at a position that of the chosen option."""
        name = question.name
        if chosen is not None and name in chosen:
            return self.positions[name].options[chosen[name]]
        if name not in self.fixed:
            return _largest(question)
        if (position := question.position(self.fixed[name])) < 0:
            raise UsageError(question.explain(self.fixed[name]))
        return question.options[position]

    def _call(self, choose: Choose, seed: int = 0) -> torch.nn.Module:
        try:
            return self.space.call(choose, seed)[0]
        except Unbuildable as error:
            raise UsageError(
                f"the builder {self.space.name} refuses the answers of its supernet: {error}; give others by "
                "relaxation(fixed={...})"
            ) from error

    def _try_out(self, module: torch.nn.Module, recorder: Recorder) -> tuple[int, ...]:
        """The shape of the outputs of two examples, with all options computed."""
        import torch

        try:
            with torch.no_grad():
                outputs = module.eval()(torch.zeros(2, *self.space.input_shape))
        except ArchitectureError:
            raise
        except Exception as error:
            raise failure(self.space.name, error, recorder.asked) from error
        return tuple(outputs.shape) if isinstance(outputs, torch.Tensor) else ()


def _largest(question: Question) -> Answer:
    """The largest number, the first of the longest sets of inputs, or the first option."""
    options = question.options
    if question.is_setting:
        return options[0]
    if all(isinstance(each, numbers.Real) and not isinstance(each, bool) for each in options):
        return max(options)  # type: ignore[type-var]
    if all(isinstance(each, tuple) for each in options):
        return max(options, key=len)  # type: ignore[arg-type]
    return options[0]
