"""The MnasNet-like space of Accel-NASBench: ImageNet networks of seven blocks of mobile layers.

An architecture is written as seven blocks ``kKeElLsS`` with ``-`` between: kernel 3 or 5, expansion 1, 4 or
6, layers 1 to 3 (in the sixth block 1 to 4), squeeze-and-excitation 0 or 1. Channels and strides of the
blocks are those of EfficientNet-B0. The graph is a chain of all layers from the stem to the head. A layer is
an inverted residual, with expansion 1 a separable convolution; squeeze-and-excitation is a vertex behind its
layer, although it scales the channels inside.

References:
    Ahmad et al., "Accel-NASBench: Sustainable Benchmarking for Accelerator-Aware NAS", DAC 2024,
    https://arxiv.org/abs/2404.08005
    Tan et al., "MnasNet: Platform-Aware Neural Architecture Search for Mobile", CVPR 2019,
    https://arxiv.org/abs/1807.11626
    Tan and Le, "EfficientNet", ICML 2019, https://arxiv.org/abs/1905.11946
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from functools import lru_cache

from egraph import operations
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, shorten
from egraph.operations import Operation
from egraph.spaces._checks import check_text
from egraph.spaces._registry import register
from egraph.spaces.base import Builder
from egraph.spaces.choice_space import ChoiceSpace

__all__ = ["MnasNet"]

CHANNELS = (16, 24, 40, 80, 112, 192, 320)
STRIDES = (1, 2, 2, 2, 1, 2, 1)
MOST_LAYERS = (3, 3, 3, 3, 3, 4, 3)
SQUEEZE = "squeeze-excitation"

_BLOCK = re.compile(r"(k[35])(e[146])(l[1-4])(s[01])")
_GENES = [
    {
        "kernel": ("k3", "k5"),
        "expansion": ("e1", "e4", "e6"),
        "layers": tuple(f"l{number}" for number in range(1, most + 1)),
        "squeeze": ("s0", "s1"),
    }
    for most in MOST_LAYERS
]
"""Of each block, the options of each gene."""


def _describe(kernel: int, expansion: int, block: int, stride: int) -> Operation:
    """The layer of a block; its width is relative to channels that double at each halving of the sides."""
    halvings = sum(each == 2 for each in STRIDES[: block + 1])
    channels = CHANNELS[block]
    end = f"{kernel}x{kernel}{f'-e{expansion}' if expansion > 1 else ''}-c{channels}{'-s2' * (stride > 1)}"
    return Operation(
        ("mbconv" if expansion > 1 else "sepconv") + end,
        "inverted-residual" if expansion > 1 else "separable-conv",
        kernel=kernel,
        stride=stride,
        groups=0,
        expansion=expansion,
        width=channels / (CHANNELS[0] * 2**halvings),
    )


_LAYERS = {
    (f"k{kernel}", f"e{expansion}", block, stride): operations.register(
        _describe(kernel, expansion, block, stride)
    ).name
    for block, first in enumerate(STRIDES)
    for stride in sorted({1, first})
    for kernel in (3, 5)
    for expansion in (1, 4, 6)
}
operations.register(Operation(SQUEEZE, "attention"))


def _block_ops(block: int, kernel: str, expansion: str, layers: str, squeeze: str) -> tuple[str, ...]:
    """The operations of one block, in order."""
    ops: list[str] = []
    for layer in range(int(layers[1])):
        ops.append(_LAYERS[kernel, expansion, block, 1 if layer else STRIDES[block]])
        ops += [SQUEEZE] if squeeze == "s1" else []
    return tuple(ops)


_BLOCKS = [
    {_block_ops(block, *genes): genes for genes in itertools.product(*options.values())}
    for block, options in enumerate(_GENES)
]
"""Of each block, its genes by its operations."""

_OPS = [{genes: ops for ops, genes in block.items()} for block in _BLOCKS]

_BLOCK_OF = {name: block for (_, _, block, _), name in _LAYERS.items()}


class MnasNet(ChoiceSpace):
    """104 billion networks; no two notations are the same network."""

    name = "mnasnet"
    operations = (*_LAYERS.values(), SQUEEZE)
    positions = {  # noqa: RUF012
        f"{gene} {number}": names
        for number, options in enumerate(_GENES, start=1)
        for gene, names in options.items()
    }

    def build(self, options: tuple[str, ...]) -> Architecture:
        """The chain of all layers."""
        return _chain(options)

    def read(self, architecture: Architecture) -> tuple[str, ...]:
        """The kernel, expansion, number of layers and squeeze-and-excitation of each block.

        Raises:
            ArchitectureError: The operations are not those of seven blocks, in order.
        """
        ops, genes, start = architecture.ops[1:-1], list[str](), 0
        for block, known in enumerate(_BLOCKS):
            stop = start
            while stop < len(ops) and _BLOCK_OF.get(ops[stop], block) == block:
                stop += 1
            stop = len(ops) if block == 6 else stop
            if (found := known.get(ops[start:stop])) is None:
                raise ArchitectureError(
                    f"block {block + 1} of a {self.name} architecture is 1 to {MOST_LAYERS[block]} equal "
                    f"layers of {CHANNELS[block]} channels, the first of stride {STRIDES[block]}, all "
                    f"or none followed by {SQUEEZE}; got {shorten(list(ops[start:stop]))}"
                )
            genes += found
            start = stop
        return tuple(genes)

    def parse(self, text: str) -> Architecture:
        """Reads seven blocks, such as ``k3e1l1s0-k5e6l2s1-k3e4l3s0-k5e6l1s1-k3e6l2s1-k5e6l3s1-k3e6l1s1``.

        Raises:
            ArchitectureError: The text is not of this form.
        """
        blocks = [_BLOCK.fullmatch(block) for block in check_text(text, self.name).strip().split("-")]
        genes = [match.groups() for match in blocks if match]
        if not len(blocks) == len(genes) == 7 or not all(map(dict.__contains__, _OPS, genes)):
            raise ArchitectureError(
                f"not an architecture of {self.name}: {text[:80]!r}; expected seven blocks with '-' between, "
                "each kernel 3 or 5, expansion 1, 4 or 6, layers 1 to 3 (sixth block: 4) and squeeze 0 or 1, "
                "such as 'k3e6l2s1'"
            )
        return _chain(tuple(gene for block in genes for gene in block))

    def format(self, architecture: Architecture) -> str:
        """Writes the seven blocks."""
        return _write(self._options(architecture))

    @property
    def builder(self) -> Builder:
        """The benchmark's network of an architecture: see `egraph.networks.build_mnasnet`."""
        from egraph.networks import build_mnasnet

        return Builder(build_mnasnet, {"channels": 32, "seed": 0})

    def __len__(self) -> int:
        return 36**6 * 48

    def __iter__(self) -> Iterator[Architecture]:
        """All architectures, the genes of the last block varying fastest."""
        return map(_chain, itertools.product(*self.positions.values()))

    def _key(self, architecture: Architecture) -> str:
        return _write(self.read(architecture))


def _write(genes: tuple[str, ...]) -> str:
    return "-".join("".join(genes[start : start + 4]) for start in range(0, 28, 4))


@lru_cache(maxsize=10_000)
def _chain(genes: tuple[str, ...]) -> Architecture:
    ops = [op for block, known in enumerate(_OPS) for op in known[genes[4 * block : 4 * block + 4]]]
    return Architecture(("input", *ops, "output"), tuple((i, i + 1) for i in range(len(ops) + 1)))


register(MnasNet())
