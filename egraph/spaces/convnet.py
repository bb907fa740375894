"""The global search spaces of free graphs: of twelve convolutions and pools, and of dense layers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from egraph import operations
from egraph.architecture import Architecture
from egraph.canonical import Simplified, canonical_form, simplify
from egraph.errors import ArchitectureError, UsageError
from egraph.operations import Operation
from egraph.spaces._checks import check_text, read_options
from egraph.spaces._genes import (
    check_genome,
    format_genes,
    genes,
    insert_vertex,
    parse_genes,
    recombine,
    replace_op,
    toggle,
    toggleable,
)
from egraph.spaces._positions import decode_graph, encode_graph, graph_choices
from egraph.spaces._registry import register
from egraph.spaces.base import Builder, SearchSpace

__all__ = ["DENSE", "LAYERS", "SMALL", "ConvNetSpace"]

SMALL = ("CONV_1.H", "CONV_3.N", "POOL_2.M")
"""The three layer genes of the space `convnet8`: 16 filters of 1 x 1, 32 filters of 3 x 3, and a max pool."""

_CONVOLUTIONS = [
    Operation(f"CONV_{kernel}.{letter}", "conv", kernel=kernel, width=width, padded=False)
    for letter, width in (("H", 0.5), ("N", 1.0))
    for kernel in (2, 3, 5)
]
# Not shareable for `simplify`, since a size match can put weights before the pool: see `key`.
_POOLS = [
    Operation(f"POOL_{kernel}.{letter}", kind, kernel=kernel, stride=kernel, padded=False)
    for letter, kind in (("A", "avg-pool"), ("M", "max-pool"))
    for kernel in (2, 3, 5)
]

operations.register(Operation("CONV_1.H", "conv", kernel=1, width=0.5, padded=False))
LAYERS = tuple(operations.register(operation).name for operation in (*_CONVOLUTIONS, *_POOLS))
"""The twelve layer genes: convolutions with half (H) or all (N) channels, average (A) and max (M) pools."""

DENSE = tuple(
    operations.register(Operation(f"DENSE.{letter}", "linear", width=width)).name
    for letter, width in (("Q", 0.25), ("H", 0.5), ("N", 1.0), ("D", 2.0))
)
"""The layer genes for features: dense layers of a quarter, half, all or double the units."""


class ConvNetSpace(SearchSpace):
    """Graphs of convolutions and pools, or of dense layers, of any shape, evolved by node insertion.

    The space ``convnet`` is for images and for signals: the shape of the input decides whether layers are
    two-dimensional or one-dimensional. The space ``dense`` has dense layers instead and is for features. The
    space ``convnet8`` has the layers of `SMALL` with the widths of the source, and at most eight vertices; it
    is that of the self-made data in section 7.3.4.

    An interior vertex carries one of the layer genes, in ``convnet`` the twelve of `LAYERS`. The connection
    genes are the edges: enabled ones in `Architecture.edges`, disabled ones in `Architecture.disabled`. Every
    graph whose genes point from lower to higher numbers and whose enabled genes join input and output belongs
    to the space, up to the bounds.

    **First individuals** have ``initial_layers`` layers. Starting from the single gene input -> output, that
    many nodes with random layers are inserted, each into a gene drawn from all that exist, enabled or
    disabled. This gives chains and branched graphs (14 shapes of four layers) without dead layers. A *sample*
    is a first individual after up to ``walk`` mutations, as in the random search of the source: it can have
    any depth, and a first population shows the ranker more than one.

    **Mutation** leaves the genome unchanged with ``p_identity``, inserts a node with ``p_add``, and otherwise
    changes a gene: with equal probability a layer gene, to another layer, or the state of a
    connection gene. Insertion draws a connection gene, puts a random layer between its ends, and disables
    the gene without removing it; enabled again, it is a skip connection. Layers whose genes are all disabled
    stay in the genome.

    Choices where the source is open: (a) It names a probability 0.7 "of adding a new connection", though it
    also says that mutation never creates connections. Here 0.7 is the probability of changing a gene, shared
    equally between layer and connection genes. (b) "Applied to an inactive connection gene" is read as the
    change of state; insertion into a disabled gene is possible, too, gives a parallel branch, and leaves the
    gene disabled. (c) It does not say how the first four layers are wired; here they are inserted like later
    ones. (d) It allows networks without a path from input to output and scores them zero; here only genes
    whose change leaves a path are drawn. (e) It sets no bound on growth; here a full genome changes a gene
    instead of growing.

    **Crossover**: see `egraph.spaces._genes.recombine`. Insertion alone gives only series-parallel graphs,
    since each new node is between two connected ones. Crossover can unite the genes of both parents and
    reaches every graph of the space.

    Args:
        name: Name in the registry.
        layers: Layer genes: names of operations that are convolutions and pools, or all dense layers.
        channels: Number of channels or units of a full (N) layer; a half (H) layer has half of them.
        fixed: Whether ``channels`` is part of the space; otherwise networks of any width can be built.
        max_vertices: Largest number of vertices, input, output and dead ones included.
        max_edges: Largest number of connection genes, enabled and disabled.
        initial_layers: Number of layers of a first individual.
        walk: Largest number of mutations from a first individual to a sample; uniform from 0.
        p_identity: Probability that a mutation changes nothing.
        p_add: Probability that a mutation inserts a node.

    Raises:
        UsageError: A first individual exceeds the bounds, or the probabilities sum to more than one.

    References:
        G. Kyriakides, "Parallel and Distributed Methods for Autonomous Design of Artificial Neural Networks",
        PhD thesis, University of Macedonia, 2022, sections 6.3.1, 6.3.2, 6.4.1 and 7.3.4.
        G. Kyriakides and K. Margaritis, "Regularized Evolution for Macro Neural Architecture Search", 2020.
    """

    def __init__(
        self,
        name: str = "convnet",
        *,
        layers: Sequence[str] = LAYERS,
        channels: int = 64,
        fixed: bool = False,
        max_vertices: int = 14,
        max_edges: int = 40,
        initial_layers: int = 4,
        walk: int = 6,
        p_identity: float = 0.05,
        p_add: float = 0.25,
    ) -> None:
        if initial_layers < 1 or max_vertices < initial_layers + 2 or max_edges < 2 * initial_layers + 1:
            raise UsageError(
                f"{initial_layers} initial layers need at least 1 layer, {initial_layers + 2} vertices and "
                f"{2 * initial_layers + 1} edges, got max_vertices={max_vertices} and max_edges={max_edges}"
            )
        if min(p_identity, p_add) < 0 or p_identity + p_add > 1:
            raise UsageError(
                f"p_identity and p_add must be probabilities that sum to at most 1, got {p_identity}, {p_add}"
            )
        self.name = name
        self.operations = tuple(layers)
        self.channels, self.fixed = channels, fixed
        self.max_vertices = max_vertices
        self.max_edges = max_edges
        if walk < 0:
            raise UsageError(f"walk must be at least 0 mutations, got {walk}")
        self.initial_layers = initial_layers
        self.walk = walk
        self.p_identity = p_identity
        self.p_add = p_add

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A random first individual after up to ``walk`` mutations."""
        architecture = Architecture(("input", "output"), [(0, 1)])
        for _ in range(self.initial_layers):
            architecture = _grow(architecture, self.operations, rng)
        for _ in range(rng.integers(self.walk + 1)):
            architecture = self.mutate(architecture, rng)
        return architecture

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """A valid architecture one mutation away; with probability ``p_identity`` the same one."""
        self.validate(architecture)
        draw = rng.random()
        if draw < self.p_identity:
            return architecture
        if draw < self.p_identity + self.p_add and self._has_room(architecture):
            return _grow(architecture, self.operations, rng)
        layers, states = architecture.num_vertices - 2, toggleable(architecture)
        change_layer = rng.random() < 0.5
        if layers and (change_layer or not states):
            vertex = int(rng.integers(1, layers + 1))
            others = [op for op in self.operations if op != architecture.ops[vertex]]
            return replace_op(architecture, vertex, others[rng.integers(len(others))])
        if states:
            return toggle(architecture, states[rng.integers(len(states))])
        return _grow(architecture, self.operations, rng)

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """A valid architecture with the genes of two parents; two equal parents give themselves."""
        self.validate(a)
        self.validate(b)
        return recombine(a, b, rng, max_vertices=self.max_vertices, max_edges=self.max_edges)

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """All other networks one mutation away: layer changes, then changes of state, then insertions."""
        found = {self.key(architecture): architecture}
        candidates = [
            replace_op(architecture, vertex, op)
            for vertex in range(1, architecture.num_vertices - 1)
            for op in self.operations
        ]
        candidates += [toggle(architecture, gene) for gene in toggleable(architecture)]
        if self._has_room(architecture):
            candidates += [
                insert_vertex(architecture, gene, op)
                for gene in genes(architecture)
                for op in self.operations
            ]
        for candidate in candidates:
            found.setdefault(self.key(candidate), candidate)
        return list(found.values())[1:]

    def parse(self, text: str) -> Architecture:
        """Reads layers and connection genes, such as ``CONV_3.N,POOL_2.M;0>1,1>2,2>3,!0>2``.

        Vertex 0 is the input, the layers follow in order, the next number is the output; ``!`` marks a
        disabled gene.

        Raises:
            ArchitectureError: The text does not describe an architecture of this space.
        """
        layers, semicolon, connections = check_text(text, self.name).partition(";")
        if not semicolon:
            raise ArchitectureError(f"expected 'LAYER,LAYER;0>1,1>2,...' with one ';', got {text[:80]!r}")
        ops = [op.strip() for op in layers.split(",")] if layers.strip() else []
        enabled, disabled = parse_genes(connections)
        architecture = Architecture(("input", *ops, "output"), enabled, disabled)
        self.validate(architecture)
        return architecture

    def format(self, architecture: Architecture) -> str:
        """Writes what `parse` reads: enabled genes first, then disabled ones."""
        self.validate(architecture)
        return f"{','.join(architecture.ops[1:-1])};{format_genes(architecture)}"

    def validate(self, architecture: Architecture) -> None:
        """Checks that an architecture belongs to this space.

        Raises:
            ArchitectureError: Too many vertices or edges, an unknown operation, an edge that points
                backward or is both enabled and disabled, or no path from input to output.
        """
        check_genome(
            architecture, self.name, self.operations, max_vertices=self.max_vertices, max_edges=self.max_edges
        )

    def key(self, architecture: Architecture) -> str:
        """A string that architectures share if, and only if, they are one network at every image size.

        Disabled genes and dead layers do not count. Two equal pools on the same inputs count as one pool that
        is used twice, unless their inputs differ in width: then the size match of each pool has trained
        convolutions of its own. Algebraic identities, such as that of the average of a sum and the sum of
        averages, are not considered.

        Raises:
            ArchitectureError: The architecture does not belong to this space.
        """
        self.validate(architecture)
        return canonical_form(_share_pools(simplify(architecture)))

    @property
    def choices(self) -> tuple[int, ...]:
        """Absence or presence of each of the possible edges, then the layer of each inner vertex."""
        return graph_choices(self.max_vertices, len(self.operations))

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """The network without disabled genes and dead layers, on the first vertices and the last."""
        self.validate(architecture)
        return encode_graph(architecture, self.operations, self.max_vertices)

    def decode(self, options: Sequence[int]) -> Architecture:
        """The network without dead layers.

        Raises:
            ArchitectureError: No path leads from input to output, or there are too many edges.
        """
        read = read_options(options, self.choices, self.name)
        architecture = decode_graph(read, self.operations, self.max_vertices)
        self.validate(architecture)
        return architecture

    @property
    def builder(self) -> Builder:
        """The network of an architecture: see `egraph.networks.build_convnet`."""
        from egraph.networks import build_convnet, count_convnet

        kinds = {operations.get(layer).kind for layer in self.operations}
        inputs = ("features",) if kinds == {"linear"} else ("images", "signals")
        options = {"dropout": 0.1, "seed": 0}
        if self.fixed:
            build = partial(build_convnet, channels=self.channels)
            return Builder(build, options, inputs, partial(count_convnet, channels=self.channels))
        return Builder(build_convnet, {"channels": self.channels, **options}, inputs, count_convnet)

    def _has_room(self, architecture: Architecture) -> bool:
        connections = len(architecture.edges) + len(architecture.disabled)
        return architecture.num_vertices < self.max_vertices and connections + 2 <= self.max_edges


def _grow(architecture: Architecture, layers: tuple[str, ...], rng: np.random.Generator) -> Architecture:
    candidates = genes(architecture)
    gene = candidates[rng.integers(len(candidates))]
    return insert_vertex(architecture, gene, layers[rng.integers(len(layers))])


def _share_pools(graph: Simplified) -> Simplified:
    """Merges equal pools on equal inputs, unless a size match can put weights before them."""
    names: list[str] = []
    rows: list[dict[int, int]] = []  # inputs of each kept vertex, with multiplicity
    # Width of a pool: whether the image is a source, and the narrowest layer among its sources.
    widths: list[tuple[bool, float]] = []
    meaning: list[int] = []
    shared: dict[tuple[str, tuple[tuple[int, int], ...]], int] = {}
    for vertex, op in enumerate(graph.ops):
        inputs: dict[int, int] = {}
        for source, count in enumerate(graph.counts[:, vertex].tolist()):
            if count:
                inputs[meaning[source]] = inputs.get(meaning[source], 0) + count
        operation = operations.get(op)
        incoming = {widths[kept] for kept in inputs}
        signature = (op, tuple(sorted(inputs.items())))
        is_pool = operation.kind in ("avg-pool", "max-pool")
        if is_pool and signature in shared:
            meaning.append(shared[signature])
            continue
        if is_pool and len(incoming) == 1:
            shared[signature] = len(names)
        if operation.kind in ("conv", "linear"):
            widths.append((False, operation.width))
        elif operation.kind == "input":
            widths.append((True, np.inf))
        else:
            widths.append((any(image for image, _ in incoming), min(share for _, share in incoming)))
        meaning.append(len(names))
        names.append(op)
        rows.append(inputs)
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    for vertex, inputs in enumerate(rows):
        counts[list(inputs), vertex] = list(inputs.values())
    return Simplified(tuple(names), counts)


register(ConvNetSpace())
register(ConvNetSpace("dense", layers=DENSE))
register(ConvNetSpace("convnet8", layers=SMALL, channels=32, fixed=True, max_vertices=8))
