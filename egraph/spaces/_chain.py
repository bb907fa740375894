"""Genomes with settings: layers joined by connection genes, then a chain of hyper-parameter genes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, shorten
from egraph.spaces._checks import check_text, list_names, read_options
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
from egraph.spaces.base import SearchSpace

__all__ = ["ChainedSpace", "join_chain"]


class ChainedSpace(SearchSpace):
    """Base class of spaces of such genomes; subclasses define sampling and mutation.

    The interior vertices are first the layers, connected as in ``convnet`` by enabled and disabled connection
    genes, then one vertex for each hyper-parameter gene, in a chain that ends in the output.

    Attributes:
        layers: Names of the layers.
        hyperparameters: Genes of the chain in order, each with its options.
        max_vertices: Largest number of layers, dead ones included, plus input and output.
        max_edges: Largest number of connection genes, enabled and disabled.
    """

    layers: tuple[str, ...]
    hyperparameters: Mapping[str, tuple[str, ...]]
    max_vertices: int
    max_edges: int

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """A valid architecture with the genes of two parents: see `egraph.spaces._genes.recombine`."""
        (body_a, hyper_a), (body_b, hyper_b) = self.split(a), self.split(b)
        body = recombine(body_a, body_b, rng, max_vertices=self.max_vertices, max_edges=self.max_edges)
        return join_chain(body, [pair[rng.integers(2)] for pair in zip(hyper_a, hyper_b, strict=True)])

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """All other networks one mutation away: layers, connections, hyper-parameters, then insertions."""
        body, hyper = self.split(architecture)
        bodies = [
            replace_op(body, vertex, op)
            for vertex in range(1, body.num_vertices - 1)
            for op in self._other_layers(body.ops[vertex])
        ]
        bodies += [toggle(body, gene) for gene in toggleable(body)]
        bodies += self._connected(body)
        candidates = [join_chain(other, hyper) for other in bodies]
        for position, options in enumerate(self.hyperparameters.values()):
            candidates += [
                join_chain(body, (*hyper[:position], op, *hyper[position + 1 :])) for op in options
            ]
        if self._has_room(body):
            candidates += [
                join_chain(insert_vertex(body, gene, op), hyper)
                for gene in genes(body)
                for op in self._new_layers()
            ]
        found = {self.key(architecture): architecture}
        for candidate in candidates:
            found.setdefault(self.key(candidate), candidate)
        return list(found.values())[1:]

    def parse(self, text: str) -> Architecture:
        """Reads layers, connection genes and hyper-parameters: ``SAGE_LSTM.H;0>1,1>2,!0>2;READOUT_MAX``.

        Vertex 0 is the input, the layers follow in order, the next number is the first hyper-parameter; ``!``
        marks a disabled gene.

        Raises:
            ArchitectureError: The text does not describe an architecture of this space.
        """
        parts = check_text(text, self.name).split(";")
        if len(parts) != 3:
            raise ArchitectureError(
                f"expected 'LAYER,...;0>1,1>2,...;OPTION,...' with two ';', got {text[:80]!r}"
            )
        layers, connections, settings = parts
        ops = [op.strip() for op in layers.split(",")] if layers.strip() else []
        body = Architecture(("input", *ops, "output"), *parse_genes(connections))
        architecture = join_chain(body, [op.strip() for op in settings.split(",")])
        self.validate(architecture)
        return architecture

    def format(self, architecture: Architecture) -> str:
        """Writes what `parse` reads."""
        body, hyper = self.split(architecture)
        return f"{','.join(body.ops[1:-1])};{format_genes(body)};{','.join(hyper)}"

    def validate(self, architecture: Architecture) -> None:
        """Checks that an architecture belongs to this space.

        Raises:
            ArchitectureError: An operation is unknown, the hyper-parameters are not the expected chain, or
                the layers are not connected as in ``convnet``.
        """
        for vertex, op in enumerate(architecture.ops[1:-1], 1):
            if op not in self.operations:
                raise ArchitectureError(
                    f"{self.name} has no operation {shorten(op)} (vertex {vertex}); "
                    f"known: {list_names(self.operations)}"
                )
        count, last = len(self.hyperparameters), architecture.num_vertices - 1
        hyper = architecture.ops[last - count : last] if last > count else ()
        for position, (gene, options) in enumerate(self.hyperparameters.items()):
            if not hyper or hyper[position] not in options:
                raise ArchitectureError(
                    f"{self.name} has its gene {gene} ({', '.join(options)}) at position "
                    f"{position + 1} of the {count} before the output, "
                    f"got operations {shorten(list(architecture.ops))}"
                )
        first = last - count
        chain = [(vertex, vertex + 1) for vertex in range(first, last)]
        behind = [(i, j) for i, j in architecture.edges + architecture.disabled if max(i, j) > first]
        if behind != chain or set(architecture.disabled) & set(chain):
            raise ArchitectureError(
                f"the hyper-parameters of {self.name} are a chain that ends in the output, "
                f"with the edges {chain}; got {shorten(behind)}"
            )
        body, _ = _split_chain(architecture, count)
        check_genome(body, self.name, self.layers, max_vertices=self.max_vertices, max_edges=self.max_edges)

    @property
    def choices(self) -> tuple[int, ...]:
        """As of ``convnet`` with the layers of this space, then the options of each hyper-parameter."""
        body = graph_choices(self.max_vertices, len(self.layers))
        return (*body, *map(len, self.hyperparameters.values()))

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """The genome without disabled genes and dead layers."""
        body, hyper = self.split(architecture)
        pairs = zip(self.hyperparameters.values(), hyper, strict=True)
        options = [known.index(op) for known, op in pairs]
        return (*encode_graph(body, self.layers, self.max_vertices), *options)

    def decode(self, options: Sequence[int]) -> Architecture:
        """The genome without dead layers.

        Raises:
            ArchitectureError: No path leads from input to read-out, or there are too many edges.
        """
        read = read_options(options, self.choices, self.name)
        count = len(self.hyperparameters)
        body = decode_graph(read[:-count], self.layers, self.max_vertices)
        pairs = zip(self.hyperparameters.values(), read[-count:], strict=True)
        architecture = join_chain(body, [known[option] for known, option in pairs])
        self.validate(architecture)
        return architecture

    def split(self, architecture: Architecture) -> tuple[Architecture, tuple[str, ...]]:
        """The layers as a graph of their own, and the hyper-parameters in order.

        Raises:
            ArchitectureError: The architecture does not belong to this space.
        """
        self.validate(architecture)
        return _split_chain(architecture, len(self.hyperparameters))

    def _other_layers(self, layer: str) -> Sequence[str]:
        """Layers that a mutation can replace a layer by."""
        return self.layers

    def _new_layers(self) -> Sequence[str]:
        """Layers that a mutation can insert."""
        return self.layers

    def _connected(self, body: Architecture) -> list[Architecture]:
        """The graphs with one more connection that a mutation can make."""
        return []

    def _has_room(self, body: Architecture) -> bool:
        return body.num_vertices < self.max_vertices and len(genes(body)) + 2 <= self.max_edges


def join_chain(body: Architecture, hyper: Sequence[str]) -> Architecture:
    """Inserts the hyper-parameters between the layers and the output."""
    first = body.num_vertices - 1
    chain = [(vertex, vertex + 1) for vertex in range(first, first + len(hyper))]
    return Architecture((*body.ops[:-1], *hyper, "output"), [*body.edges, *chain], body.disabled)


def _split_chain(architecture: Architecture, count: int) -> tuple[Architecture, tuple[str, ...]]:
    first = architecture.num_vertices - 1 - count
    edges = [edge for edge in architecture.edges if edge[1] <= first]
    body = Architecture((*architecture.ops[:first], "output"), edges, architecture.disabled)
    return body, architecture.ops[first:-1]
