"""The chains of NAS-Bench-Macro: eight layers in stages of two, three and three.

A chain is written as eight digits, one a layer: 0 identity, 1 an inverted residual of kernel 3 and
expansion 3, 2 one of kernel 5 and expansion 6. The first layer of a stage halves the resolution and doubles
the channels, so its operations have names of their own, and there 0 is a strided 1x1 convolution.

References:
    Su et al., "Prioritized Architecture Sampling with Monto-Carlo Tree Search", CVPR 2021,
    https://arxiv.org/abs/2103.11922
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from egraph import operations
from egraph.architecture import Architecture
from egraph.canonical import canonical_form, simplify
from egraph.errors import ArchitectureError, shorten
from egraph.operations import Operation
from egraph.spaces._checks import check_text, check_value, read_options
from egraph.spaces._registry import register
from egraph.spaces.base import Builder, SearchSpace

__all__ = ["NASBenchMacro"]

PLAIN = ("identity", "mbconv3x3-e3", "mbconv5x5-e6")
STRIDED = ("conv1x1-s2", "mbconv3x3-e3-s2", "mbconv5x5-e6-s2")
LAYERS = (STRIDED, PLAIN, STRIDED, PLAIN, PLAIN, STRIDED, PLAIN, PLAIN)
EDGES = tuple((layer, layer + 1) for layer in range(9))

for _operation in (
    Operation("identity", "identity"),
    Operation("mbconv3x3-e3", "inverted-residual", kernel=3, groups=0, expansion=3),
    Operation("mbconv5x5-e6", "inverted-residual", kernel=5, groups=0, expansion=6),
    Operation("conv1x1-s2", "conv", kernel=1, stride=2),
    Operation("mbconv3x3-e3-s2", "inverted-residual", kernel=3, stride=2, groups=0, expansion=3),
    Operation("mbconv5x5-e6-s2", "inverted-residual", kernel=5, stride=2, groups=0, expansion=6),
):
    operations.register(_operation)


class NASBenchMacro(SearchSpace):
    """6,561 chains, which are 3,969 networks: where in its stage an identity stands makes no difference."""

    name = "nasbench_macro"
    operations = PLAIN + STRIDED

    def chains(self) -> Iterator[Architecture]:
        """All 6,561 chains, twins included, as the digits count up."""
        for digits in itertools.product((0, 1, 2), repeat=8):
            yield _chain(digits)

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A chain whose eight digits are drawn independently and uniformly."""
        return _chain(tuple(rng.integers(3, size=8).tolist()))

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """The chain with one random digit replaced by another.

        The result is always another chain; it may be a twin of the given one, with the same key.
        """
        digits = list(self._digits(architecture))
        layer, step = divmod(int(rng.integers(16)), 2)
        digits[layer] = (digits[layer] + step + 1) % 3
        return _chain(tuple(digits))

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """A chain that takes each digit from one of its parents, with equal chances."""
        mask = rng.integers(2, size=8).tolist()
        return _chain(
            tuple(y if m else x for x, y, m in zip(self._digits(a), self._digits(b), mask, strict=True))
        )

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """The chains that differ in one digit, without twins of the given chain or of each other."""
        digits = self._digits(architecture)
        seen = {_key(architecture)}
        found = []
        for layer in range(8):
            for digit in range(3):
                neighbor = _chain((*digits[:layer], digit, *digits[layer + 1 :]))
                if (key := _key(neighbor)) not in seen:
                    seen.add(key)
                    found.append(neighbor)
        return found

    def parse(self, text: str) -> Architecture:
        """Reads eight digits 0, 1 or 2.

        Raises:
            ArchitectureError: the text is something else.
        """
        if len(digits := check_text(text, self.name).strip()) != 8 or not set(digits) <= set("012"):
            raise ArchitectureError(
                f"not a NAS-Bench-Macro chain: {text[:80]!r}; expected 8 digits 0, 1 or 2"
            )
        return _chain(tuple(int(digit) for digit in digits))

    def format(self, architecture: Architecture) -> str:
        """Writes the eight digits."""
        return "".join(str(digit) for digit in self._digits(architecture))

    def validate(self, architecture: Architecture) -> None:
        """Checks that the graph is a chain whose layers carry operations of their place.

        Raises:
            ArchitectureError: it is not.
        """
        check_value(architecture, self.name, self.operations)
        if architecture.num_vertices != 10 or architecture.edges != EDGES:
            raise ArchitectureError(
                f"a {self.name} architecture is a chain of 10 vertices, 0 -> 1 -> ... -> 9, "
                f"got {architecture.num_vertices} vertices with edges {shorten(list(architecture.edges))}"
            )
        for layer, (op, choices) in enumerate(zip(architecture.ops[1:-1], LAYERS, strict=True), start=1):
            if op not in choices:
                raise ArchitectureError(
                    f"layer {layer} of a {self.name} chain is one of {', '.join(choices)}, got {op!r}"
                )

    def key(self, architecture: Architecture) -> str:
        """The chain without its identities, as a canonical text."""
        self.validate(architecture)
        return _key(architecture)

    @property
    def choices(self) -> tuple[int, ...]:
        """Three options at each of the eight layers."""
        return (3,) * 8

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """The eight digits."""
        return self._digits(architecture)

    def decode(self, options: Sequence[int]) -> Architecture:
        """The chain of these digits."""
        return _chain(read_options(options, self.choices, self.name))

    @property
    def builder(self) -> Builder:
        """The benchmark's network of an architecture: see `egraph.networks.build_nasbench_macro`."""
        from egraph.networks import build_nasbench_macro

        return Builder(build_nasbench_macro, {"channels": 32, "seed": 0})

    def __len__(self) -> int:
        return 3969

    def __iter__(self) -> Iterator[Architecture]:
        """One chain a key: in each stage the identities stand last, behind the stage's first layer."""
        for digits in itertools.product((0, 1, 2), repeat=8):
            if all(digits[i] or not digits[i + 1] for i in (3, 6)):
                yield _chain(digits)

    def _digits(self, architecture: Architecture) -> tuple[int, ...]:
        self.validate(architecture)
        return tuple(choices.index(op) for choices, op in zip(LAYERS, architecture.ops[1:-1], strict=True))


# Both caches hold the whole space at most.
@lru_cache(maxsize=3**8)
def _chain(digits: tuple[int, ...]) -> Architecture:
    ops = (choices[digit] for choices, digit in zip(LAYERS, digits, strict=True))
    return Architecture(("input", *ops, "output"), EDGES)


@lru_cache(maxsize=3**8)
def _key(architecture: Architecture) -> str:
    return canonical_form(simplify(architecture))


register(NASBenchMacro())
