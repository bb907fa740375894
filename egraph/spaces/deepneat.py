"""The search space of DeepNEAT: free graphs of convolutional blocks, with genes for their training."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph.architecture import Architecture
from egraph.errors import UsageError
from egraph.spaces._block_genes import BLOCKS, HYPERPARAMETERS, PARAMETERS, PLAIN, WIDTH, Block
from egraph.spaces._chain import ChainedSpace, join_chain
from egraph.spaces._genes import Gene, genes, insert_vertex, replace_op, toggle, toggleable
from egraph.spaces._registry import register
from egraph.spaces.base import Builder

if TYPE_CHECKING:
    import torch

    from egraph.networks.parts import Part

__all__ = ["BLOCKS", "HYPERPARAMETERS", "Block", "DeepNeatSpace"]


_REDRAW = 0.1
"""Probability that a perturbed number is drawn anew; otherwise it goes one step up or down."""


class DeepNeatSpace(ChainedSpace):
    """Genomes of convolutional networks: block genes, connection genes, global hyper-parameter genes.

    **As an architecture.** The interior vertices are first the blocks, joined by enabled and disabled
    connection genes, then one vertex for each global gene, in a chain that ends in the output. The blocks
    that lead to the first of them are the input of the network's head; `settings` gives the meaning of the
    chain.

    **Mutation** inserts a block into a connection with ``p_add``, which disables the connection; adds a
    connection with ``p_connect``; and otherwise perturbs a gene: a parameter of a block, the state of a
    connection, or a global hyper-parameter, with equal probability. A new block has random filters and
    kernel, no dropout, no scaled weights and no pool. A perturbed number goes one step up or down, or
    sometimes to any value. **First individuals** are a single random block with random global genes after 0
    to ``walk`` mutations; the source starts without blocks, so that its first networks are all alike.

    The ranges are those of the source. Numbers are drawn from a few values of each range, since architectures
    are made of named operations; a weight scale of 0 is left out, since it stops all learning. Connections
    whose change would cut the output off are not changed; the source discards such networks.

    **The network.** A block is a convolution that keeps the size, ReLU, dropout, and a max pool of two by two
    pixels, which rounds sides up and leaves a single pixel unchanged. Several inputs are brought to the
    smallest of them by max pooling and concatenated. The mean over all pixels of the output goes to one dense
    layer. The gene ``VARIANCE`` adds a first layer that divides each image by its standard deviation, in
    training and evaluation; the other global genes set the training: see `settings`. The source names neither
    activation nor head, nor the weights that are scaled; here they are ReLU, the mean, and the weights of He
    et al.

    Args:
        name: Name in the registry.
        max_vertices: Largest number of blocks, dead ones included, plus input and output.
        max_edges: Largest number of connection genes, enabled and disabled.
        walk: Largest number of mutations from a single block to a sample.
        p_add: Probability that a mutation adds a block.
        p_connect: Probability that a mutation adds a connection.

    Raises:
        UsageError: The bounds allow no block, ``walk`` is negative, or the probabilities exceed one.

    References:
        Miikkulainen et al., "Evolving Deep Neural Networks", 2017, https://arxiv.org/abs/1703.00548
        G. Kyriakides, "Parallel and Distributed Methods for Autonomous Design of Artificial Neural Networks",
        PhD thesis, University of Macedonia, 2022, table 2.1, sections 4.2.1 and 5.2.1.
    """

    layers = tuple(BLOCKS)
    hyperparameters = {gene: tuple(options) for gene, options in HYPERPARAMETERS.items()}  # noqa: RUF012
    operations = (*layers, *(op for options in HYPERPARAMETERS.values() for op in options))

    def __init__(
        self,
        name: str = "deepneat",
        *,
        max_vertices: int = 10,
        max_edges: int = 24,
        walk: int = 8,
        p_add: float = 0.25,
        p_connect: float = 0.1,
    ) -> None:
        if max_vertices < 3 or max_edges < 3:
            raise UsageError(
                f"one block needs 3 vertices and 3 edges, got max_vertices={max_vertices} and "
                f"max_edges={max_edges}"
            )
        if walk < 0:
            raise UsageError(f"walk must be at least 0 mutations, got {walk}")
        if min(p_add, p_connect) < 0 or p_add + p_connect > 1:
            raise UsageError(
                f"p_add and p_connect must be probabilities that sum to at most 1, got {p_add}, {p_connect}"
            )
        self.name = name
        self.max_vertices, self.max_edges = max_vertices, max_edges
        self.walk, self.p_add, self.p_connect = walk, p_add, p_connect

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A random block with random global genes after up to ``walk`` mutations."""
        hyper = [options[rng.integers(len(options))] for options in self.hyperparameters.values()]
        block = self.layers[rng.integers(len(self.layers))]
        body = insert_vertex(Architecture(("input", "output"), [(0, 1)]), (0, 1), block)
        architecture = join_chain(body, hyper)
        for _ in range(rng.integers(self.walk + 1)):
            architecture = self.mutate(architecture, rng)
        return architecture

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """A valid architecture one mutation away."""
        body, hyper = self.split(architecture)
        draw = rng.random()
        if draw < self.p_add and self._has_room(body):
            candidates = genes(body)
            gene = candidates[rng.integers(len(candidates))]
            return join_chain(insert_vertex(body, gene, PLAIN[rng.integers(len(PLAIN))]), hyper)
        if self.p_add <= draw < self.p_add + self.p_connect and (absent := self._absent(body)):
            return join_chain(_connect(body, absent[rng.integers(len(absent))]), hyper)
        kind, blocks, states = rng.integers(3), body.num_vertices - 2, toggleable(body)
        if kind == 0 and blocks:
            vertex = int(rng.integers(1, blocks + 1))
            changed = _perturb_block(body.ops[vertex], rng)
            return join_chain(replace_op(body, vertex, changed), hyper)
        if kind == 1 and states:
            return join_chain(toggle(body, states[rng.integers(len(states))]), hyper)
        position = int(rng.integers(len(hyper)))
        options = list(self.hyperparameters.values())[position]
        option = options[_perturb(options.index(hyper[position]), len(options), rng)]
        return join_chain(body, (*hyper[:position], option, *hyper[position + 1 :]))

    def settings(self, architecture: Architecture) -> dict[str, Any]:
        """The training that the global genes set: stochastic gradient descent and augmentation.

        The source names no weight decay, so there is none. Epochs, batch size and the schedule of the
        learning rate, whose peak is a gene, come from the recipe.

        Raises:
            ArchitectureError: The architecture does not belong to this space.
        """
        chosen = self._chosen(architecture)
        del chosen["unit_variance"]
        sgd = {name: chosen.pop(name) for name in ("learning_rate", "momentum", "nesterov")}
        return {"optimizer": "sgd", "weight_decay": 0.0, **sgd, "augment": chosen}

    @property
    def builder(self) -> Builder:
        """A network that also takes images of other sizes: see `egraph.networks.build_blocks`.

        A block of 64 filters has ``channels`` of them, and the others are in proportion.
        """
        return Builder(self._build, {"channels": WIDTH, "seed": 0})

    def _build(
        self, architecture: Architecture, input_shape: tuple[int, ...], num_classes: int, **options: int
    ) -> torch.nn.Module:
        from egraph.networks import build_blocks, parts

        body, _ = self.split(architecture)
        blocks: dict[str, list[Part]] = {name: BLOCKS[name].parts() for name in body.ops[1:-1]}
        if self._chosen(architecture)["unit_variance"]:
            blocks["input"] = [parts.unit_variance()]
        blocks["output"] = [parts.mean()]
        return build_blocks(body, blocks, input_shape, num_classes, **options)

    def _chosen(self, architecture: Architecture) -> dict[str, Any]:
        """The values that each global gene sets, by their names here."""
        _, hyper = self.split(architecture)
        chosen: dict[str, Any] = {}
        for option, options in zip(hyper, HYPERPARAMETERS.values(), strict=True):
            chosen |= options[option]
        return chosen

    def _new_layers(self) -> Sequence[str]:
        return PLAIN

    def _other_layers(self, layer: str) -> Sequence[str]:
        block = BLOCKS[layer]
        return [
            block._replace(**{field: value}).name
            for field, values in PARAMETERS.items()
            for value in values
            if value != getattr(block, field)
        ]

    def _connected(self, body: Architecture) -> list[Architecture]:
        return [_connect(body, gene) for gene in self._absent(body)]

    def _absent(self, body: Architecture) -> list[Gene]:
        """The connections that could be added."""
        present = set(genes(body))
        if len(present) >= self.max_edges:
            return []
        return [pair for pair in itertools.combinations(range(body.num_vertices), 2) if pair not in present]


def _connect(body: Architecture, gene: Gene) -> Architecture:
    return Architecture(body.ops, (*body.edges, gene), body.disabled)


def _perturb_block(name: str, rng: np.random.Generator) -> str:
    block = BLOCKS[name]
    field, values = list(PARAMETERS.items())[rng.integers(len(PARAMETERS))]
    position = _perturb(values.index(getattr(block, field)), len(values), rng)
    return block._replace(**{field: values[position]}).name


def _perturb(position: int, size: int, rng: np.random.Generator) -> int:
    """Another of ``size`` ordered positions: a neighbour, or with probability `_REDRAW` any."""
    if rng.random() < _REDRAW:
        return int((position + rng.integers(1, size)) % size)
    near = [other for other in (position - 1, position + 1) if 0 <= other < size]
    return near[rng.integers(len(near))]


register(DeepNeatSpace())
