"""Search spaces defined by a grammar: chains of blocks, each derived from rules."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph import operations
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, DataError, shorten
from egraph.spaces._checks import check_text, check_value, read_options
from egraph.spaces._layer_words import WIDTH, BlockWords, describe, read_block
from egraph.spaces._productions import Derivation, Section, read_productions
from egraph.spaces._registry import register
from egraph.spaces.base import Builder, SearchSpace

if TYPE_CHECKING:
    import torch

__all__ = ["Grammar"]

_P_ADD, _P_COPY, _P_REMOVE = 0.25, 0.15, 0.25

Blocks = list[list[str]]  # the texts of each section


class Grammar(SearchSpace):
    """The two-level genomes of DENSER over a context-free grammar in a file.

    **Outer level**: a chain of blocks, section by section, each section with as many blocks as the first rule
    of the grammar allows. **Inner level**: the derivation of each block, integer parameters included. The
    text of a block, such as ``layer:conv filters:64 kernel:3 act:relu``, is its operation in the
    architecture, so all derivations are listed when the grammar is read. ``layer``, ``kernel``, ``stride``,
    ``filters`` and ``units`` describe it to rankers; ``layer:dense`` is of kind linear.

    **Mutation** adds a new block (0.25), copies one to another position of its section (0.15), removes one
    (0.25), or changes one choice in the derivation of a block, also if a section has no room or no block to
    spare. The remaining choices are kept, in the order of each symbol, and missing ones are drawn anew.
    **Crossover** takes each section from either parent, or, with equal probability, cuts all sections of both
    at a point.

    Differences from the source: the rates are the same, but a mutation makes one change only; a copy is
    independent of its original; settings of the training, such as a learning rate, are genes only if the
    grammar has a section for them.

    **The network** is the chain of its blocks and a dense layer with a neuron for each class;
    `egraph.spaces._layer_words.LAYERS` has the layers that can be built and their words. Convolutions are
    zero-padded and keep the size, a pool has the stride of its kernel by default, and sides are rounded up.
    Maps are flattened before the first dense layer. A block ``learning:sgd``, ``adam`` or ``adamw`` is not a
    layer: its words ``lr``, ``momentum``, ``nesterov`` and ``decay`` set the training. A grammar with other
    words describes networks without building them.

    Args:
        path: Path of the grammar; its format: `egraph.spaces._productions.read_productions`.
        name: Name in the registry; by default ``grammar-`` and the name of the file.

    Raises:
        DataError: The file is not a grammar, has too many derivations, or derives a block from two sections.

    References:
        Assunção et al., "DENSER: Deep Evolutionary Network Structured Representation", Genetic Programming
        and Evolvable Machines 2019, https://arxiv.org/abs/1801.01563
    """

    def __init__(self, path: str | Path, *, name: str | None = None) -> None:
        self.name = name or f"grammar-{Path(path).stem}"
        self._productions = read_productions(path)
        self.sections: tuple[Section, ...] = self._productions.sections
        # All blocks of each section by their text.
        self._blocks: list[dict[str, Derivation]] = []
        self._section: dict[str, int] = {}
        for index, section in enumerate(self.sections):
            known: dict[str, Derivation] = {}
            for derivation in self._productions.derive(section.symbol):
                known.setdefault(derivation.text, derivation)
            self._blocks.append(known)
            for text in known:
                if text in self._section:
                    raise DataError(f"{path} derives {text!r} from two sections; make them differ by a word")
                self._section[text] = index
        self.operations = tuple(operations.register(describe(text)).name for text in self._section)

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Each section of random length, each block a random derivation."""
        return _chain(
            [
                [self._draw(index, rng) for _ in range(rng.integers(section.low, section.high + 1))]
                for index, section in enumerate(self.sections)
            ]
        )

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """A valid architecture one mutation away; the same one if two rules derive the same block."""
        blocks, draw = self._split(architecture), rng.random()
        if draw < _P_ADD + _P_COPY and (free := self._with_room(blocks)):
            index = free[rng.integers(len(free))]
            here = blocks[index]
            is_copy = draw >= _P_ADD and here
            new = here[rng.integers(len(here))] if is_copy else self._draw(index, rng)
            here.insert(int(rng.integers(len(here) + 1)), new)
            return _chain(blocks)
        if _P_ADD + _P_COPY <= draw < _P_ADD + _P_COPY + _P_REMOVE and (spare := self._with_spare(blocks)):
            here = blocks[spare[rng.integers(len(spare))]]
            del here[rng.integers(len(here))]
            return _chain(blocks)
        indices = [(index, i) for index, here in enumerate(blocks) for i in range(len(here))]
        if not indices:  # no block to change, so there is room
            return self.mutate(architecture, rng)
        index, i = indices[rng.integers(len(indices))]
        blocks[index][i] = self._perturb(index, blocks[index][i], rng)
        return _chain(blocks)

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """A valid architecture with sections, or beginnings and ends of sections, of two parents."""
        pairs = list(zip(self._split(a), self._split(b), strict=True))
        if rng.random() < 0.5:
            return _chain([pair[rng.integers(2)] for pair in pairs])
        cuts = [int(rng.integers(min(len(x), len(y)) + 1)) for x, y in pairs]
        return _chain([x[:cut] + y[cut:] for cut, (x, y) in zip(cuts, pairs, strict=True)])

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """All others one mutation away: changes of blocks, removals, then additions."""
        blocks = self._split(architecture)
        found = {architecture: None}

        def put(index: int, here: list[str]) -> None:
            found.setdefault(_chain([*blocks[:index], here, *blocks[index + 1 :]]))

        for index, here in enumerate(blocks):
            for i, text in enumerate(here):
                for other in self._changes(index, text):
                    put(index, [*here[:i], other, *here[i + 1 :]])
        for index in self._with_spare(blocks):
            for i in range(len(blocks[index])):
                put(index, blocks[index][:i] + blocks[index][i + 1 :])
        for index in self._with_room(blocks):
            for i in range(len(blocks[index]) + 1):
                for text in self._blocks[index]:
                    put(index, [*blocks[index][:i], text, *blocks[index][i:]])
        return list(found)[1:]

    def parse(self, text: str) -> Architecture:
        """Reads the texts of the blocks with ``|`` between.

        Raises:
            ArchitectureError: The text does not describe an architecture of this space.
        """
        texts = [" ".join(part.split()) for part in check_text(text, self.name).split("|")]
        if unknown := [each for each in texts if each not in self._section]:
            raise ArchitectureError(
                f"expected blocks such as {self.operations[0]!r} with '|' between, got {text[:80]!r}: "
                f"there is no {unknown[0][:40]!r}"
            )
        architecture = _chain([texts])
        self.validate(architecture)
        return architecture

    def format(self, architecture: Architecture) -> str:
        """Writes what `parse` reads."""
        self.validate(architecture)
        return " | ".join(architecture.ops[1:-1])

    def validate(self, architecture: Architecture) -> None:
        """Checks that an architecture belongs to this space.

        Raises:
            ArchitectureError: It is not a chain, a block is unknown, or a section is too short or too long.
        """
        check_value(architecture, self.name, self._section)
        if architecture.edges != tuple((v, v + 1) for v in range(architecture.num_vertices - 1)):
            raise ArchitectureError(
                f"{self.name} has only chains, got the edges {shorten(list(architecture.edges))}"
            )
        order = [self._section[text] for text in architecture.ops[1:-1]]
        if order != sorted(order):
            wanted = ", ".join(section.symbol for section in self.sections)
            raise ArchitectureError(f"the blocks of {self.name} come in the order {wanted}")
        for index, (symbol, low, high) in enumerate(self.sections):
            if not low <= order.count(index) <= high:
                raise ArchitectureError(
                    f"{self.name} has {low} to {high} blocks of {symbol}, got {order.count(index)}"
                )

    def key(self, architecture: Architecture) -> str:
        """The notation: blocks that are written differently are different.

        Raises:
            ArchitectureError: The architecture does not belong to this space.
        """
        return self.format(architecture)

    @property
    def builder(self) -> Builder:
        """A chain of blocks: see `egraph.networks.build_blocks`.

        A block with 64 filters or units has ``channels`` of them, and the others are in proportion. Raises
        ArchitectureError for a convolution or pool after a dense layer, and UsageError if any block of the
        grammar, in this architecture or not, cannot be built.
        """
        return Builder(self._build, {"channels": WIDTH, "seed": 0})

    def _build(
        self, architecture: Architecture, input_shape: tuple[int, ...], num_classes: int, **options: int
    ) -> torch.nn.Module:
        from egraph.networks import build_blocks

        blocks = {text: self._words[text].parts() for text in architecture.ops[1:-1]}
        return build_blocks(architecture, blocks, input_shape, num_classes, **options)

    def settings(self, architecture: Architecture) -> dict[str, Any]:
        """The settings of ``learning`` blocks; a later block overrides an earlier one.

        Raises:
            ArchitectureError: The architecture does not belong to this space.
            UsageError: A block of the grammar cannot be built.
        """
        self.validate(architecture)
        chosen: dict[str, Any] = {}
        for text in architecture.ops[1:-1]:
            chosen |= self._words[text].settings
        return chosen

    @property
    def choices(self) -> tuple[int, ...]:
        """No block or one of its blocks, for each position that a section can have."""
        pairs = zip(self.sections, self._blocks, strict=True)
        return tuple(1 + len(known) for section, known in pairs for _ in range(section.high))

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """The numbers of the blocks of each section, from 1; then 0 for the positions that are left over."""
        options: list[int] = []
        parts = zip(self.sections, self._blocks, self._split(architecture), strict=True)
        for section, known, here in parts:
            number = {text: option for option, text in enumerate(known, 1)}
            options += [number[text] for text in here] + [0] * (section.high - len(here))
        return tuple(options)

    def decode(self, options: Sequence[int]) -> Architecture:
        """The blocks of these numbers; positions with 0 are skipped.

        Raises:
            ArchitectureError: A section has too few blocks.
        """
        read = iter(read_options(options, self.choices, self.name))
        blocks = []
        for section, known in zip(self.sections, map(list, self._blocks), strict=True):
            here = [next(read) for _ in range(section.high)]
            blocks.append([known[option - 1] for option in here if option])
        architecture = _chain(blocks)
        self.validate(architecture)
        return architecture

    @cached_property
    def _words(self) -> dict[str, BlockWords]:
        """All blocks, read at once, so that the first network reports a block that cannot be built."""
        return {text: read_block(text) for text in self.operations}

    def _split(self, architecture: Architecture) -> Blocks:
        self.validate(architecture)
        blocks: Blocks = [[] for _ in self.sections]
        for text in architecture.ops[1:-1]:
            blocks[self._section[text]].append(text)
        return blocks

    def _draw(self, index: int, rng: np.random.Generator) -> str:
        """A random block of a section; each choice is uniform over its options."""
        return self._productions.derive(self.sections[index].symbol, rng=rng)[0].text

    def _perturb(self, index: int, text: str, rng: np.random.Generator) -> str:
        """A block with one choice of its derivation changed."""
        genes = self._blocks[index][text].genes
        free = [(slot, i) for slot, chosen in genes.items() for i in range(len(chosen))]
        free = [(slot, i) for slot, i in free if self._productions.options(slot) > 1]
        if not free:
            return text
        slot, i = free[rng.integers(len(free))]
        size = self._productions.options(slot)
        option = int((genes[slot][i] + rng.integers(1, size)) % size)
        changed = {**genes, slot: (*genes[slot][:i], option, *genes[slot][i + 1 :])}
        return self._productions.derive(self.sections[index].symbol, changed, rng)[0].text

    def _changes(self, index: int, text: str) -> list[str]:
        """All blocks that one changed choice can derive."""
        symbol, genes = self.sections[index].symbol, self._blocks[index][text].genes
        return [
            derivation.text
            for slot, chosen in genes.items()
            for i in range(len(chosen))
            for option in range(self._productions.options(slot))
            if option != chosen[i]
            for derivation in self._productions.derive(
                symbol, {**genes, slot: (*chosen[:i], option, *chosen[i + 1 :])}
            )
        ]

    def _with_room(self, blocks: Blocks) -> list[int]:
        return [p for p, section in enumerate(self.sections) if len(blocks[p]) < section.high]

    def _with_spare(self, blocks: Blocks) -> list[int]:
        return [p for p, section in enumerate(self.sections) if len(blocks[p]) > section.low]


def _chain(blocks: Blocks) -> Architecture:
    ops = [text for here in blocks for text in here]
    return Architecture(["input", *ops, "output"], [(v, v + 1) for v in range(len(ops) + 1)])


register(Grammar(Path(__file__).with_name("grammars") / "convnet.bnf"))
