"""The chains of NAS-Bench-Macro: eight layers in stages of two, three and three.

A chain is written as eight digits, one for each layer: 0 identity, 1 an inverted residual of kernel 3 and
expansion 3, 2 one of kernel 5 and expansion 6. The first layer of a stage halves the resolution and doubles
the channels, so its operations have names of their own, and there 0 is a strided 1x1 convolution.

References:
    Su et al., "Prioritized Architecture Sampling with Monto-Carlo Tree Search", CVPR 2021,
    https://arxiv.org/abs/2103.11922
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache

from egraph import operations
from egraph.architecture import Architecture
from egraph.canonical import canonical_form, simplify
from egraph.errors import ArchitectureError, shorten
from egraph.operations import Operation
from egraph.spaces._checks import check_text, check_value
from egraph.spaces._registry import register
from egraph.spaces.base import Builder
from egraph.spaces.choice_space import ChoiceSpace
from egraph.spaces.relaxation import ChoiceRelaxation, Relaxation

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


class NASBenchMacro(ChoiceSpace):
    """6,561 chains, which are 3,969 networks: the position of an identity in its stage does not matter."""

    name = "nasbench_macro"
    operations = PLAIN + STRIDED
    positions = {f"layer {number}": options for number, options in enumerate(LAYERS, 1)}  # noqa: RUF012

    def chains(self) -> Iterator[Architecture]:
        """All 6,561 chains, equal networks included, in the order of their digits."""
        for ops in itertools.product(*LAYERS):
            yield _chain(ops)

    def build(self, options: tuple[str, ...]) -> Architecture:
        """The chain of these operations."""
        return _chain(options)

    def parse(self, text: str) -> Architecture:
        """Reads eight digits 0, 1 or 2.

        Raises:
            ArchitectureError: The text is not of this form.
        """
        if len(digits := check_text(text, self.name).strip()) != 8 or not set(digits) <= set("012"):
            raise ArchitectureError(
                f"not a NAS-Bench-Macro chain: {text[:80]!r}; expected 8 digits 0, 1 or 2"
            )
        return self.decode([int(digit) for digit in digits])

    def format(self, architecture: Architecture) -> str:
        """Writes the eight digits."""
        return "".join(map(str, self.encode(architecture)))

    def validate(self, architecture: Architecture) -> None:
        """Checks that the graph is a chain whose layers carry operations of their position.

        Raises:
            ArchitectureError: It is not.
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

    @property
    def builder(self) -> Builder:
        """The benchmark's network of an architecture: see `egraph.networks.build_nasbench_macro`."""
        from egraph.networks import build_nasbench_macro

        return Builder(build_nasbench_macro, {"channels": 32, "seed": 0})

    def relaxation(self) -> Relaxation:
        """Probabilities of the operations of the eight layers: see `egraph.networks.mix_nasbench_macro`."""
        from egraph.networks import mix_nasbench_macro

        return ChoiceRelaxation(self, mix_nasbench_macro, {"channels": 32})

    def __len__(self) -> int:
        return 3969

    def __iter__(self) -> Iterator[Architecture]:
        """One chain for each key: the identities are the last layers of each stage."""
        for ops in itertools.product(*LAYERS):
            if all(ops[i] != PLAIN[0] or ops[i + 1] == PLAIN[0] for i in (3, 6)):
                yield _chain(ops)

    def _key(self, architecture: Architecture) -> str:
        return _key(architecture)


# Both caches can hold the whole space.
@lru_cache(maxsize=3**8)
def _chain(ops: tuple[str, ...]) -> Architecture:
    return Architecture(("input", *ops, "output"), EDGES)


@lru_cache(maxsize=3**8)
def _key(architecture: Architecture) -> str:
    return canonical_form(simplify(architecture))


register(NASBenchMacro())
