"""The search space of rankers: free graphs of GraphSAGE layers, and hyper-parameter genes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from egraph import operations
from egraph.architecture import Architecture
from egraph.canonical import canonical_form, live_vertices, simplify
from egraph.errors import UnknownNameError, UsageError
from egraph.operations import Operation
from egraph.spaces._chain import ChainedSpace, join_chain
from egraph.spaces._genes import genes, insert_vertex, replace_op, toggle, toggleable
from egraph.spaces._registry import register

__all__ = ["AGGREGATORS", "HYPERPARAMETERS", "GraphSageSpace", "register_aggregator", "register_option"]

_WIDTHS = {"H": 0.5, "N": 1.0, "D": 2.0}

AGGREGATORS: dict[str, str] = {}
"""The aggregator of each layer gene; the gene's operation has the width: half (H), full (N) or double (D)."""

HYPERPARAMETERS: dict[str, dict[str, Mapping[str, Any]]] = {
    "READOUT": {
        "READOUT_MAX": {"readout": ("max",)},
        "READOUT_MEAN": {"readout": ("mean",)},
        "READOUT_SORT1": {"readout": ("sort1",)},
        "READOUT_SORT2": {"readout": ("sort2",)},
        "READOUT_SORT3": {"readout": ("sort3",)},
        "READOUT_OUTPUT_SUM_MAX": {"readout": ("output", "sum", "max")},
    },
    "FLOW": {"FLOW_FORWARD": {"bidirectional": False}, "FLOW_BOTH": {"bidirectional": True}},
    "RESIDUAL": {"RESIDUAL_OFF": {"residual": False}, "RESIDUAL_ON": {"residual": True}},
    "NORM": {"NORM_OFF": {"norm": False}, "NORM_ON": {"norm": True}},
    "HEAD": {
        "HEAD_PAIRWISE": {"head": "pairwise"},
        "HEAD_UTILITY": {"head": "utility"},
        "HEAD_REGRESSION": {"head": "regression"},
    },
    "RATE": {
        "RATE_5E-4": {"learning_rate": 5e-4},
        "RATE_1E-3": {"learning_rate": 1e-3},
        "RATE_2E-3": {"learning_rate": 2e-3},
        "RATE_4E-3": {"learning_rate": 4e-3},
    },
    "FEATURES": {"FEATURES_OFF": {"analytic": False}, "FEATURES_ON": {"analytic": True}},
}
"""Hyper-parameter genes with their options, and the parameters of `egraph.Ranker` that an option sets."""


def register_aggregator(name: str) -> tuple[str, ...]:
    """Adds the layer genes of an aggregator of rankers, one for each width, and returns them.

    `GraphSageSpace` takes them as ``layers``; spaces that exist already do not change.

    Args:
        name: Name of the aggregator in `egraph.ranker.AGGREGATORS`.

    Raises:
        UsageError: The aggregator has genes already.
    """
    if name in AGGREGATORS.values():
        raise UsageError(f"the aggregator {name!r} has layer genes already")
    genes_of_widths = {f"SAGE_{name.upper()}.{letter}": width for letter, width in _WIDTHS.items()}
    for gene, width in genes_of_widths.items():
        operations.register(Operation(gene, "graph-conv", width=width))
        AGGREGATORS[gene] = name
    return tuple(genes_of_widths)


def register_option(gene: str, option: str, parameters: Mapping[str, Any]) -> str:
    """Adds an option to a hyper-parameter gene, and returns its name.

    `GraphSageSpace` takes it in ``hyperparameters``; spaces that exist already do not change.

    Args:
        gene: Name of the gene, such as ``"READOUT"`` or ``"HEAD"``.
        option: Name of the option, which no other option of any gene has.
        parameters: Parameters of `egraph.Ranker` that the option sets.

    Raises:
        UnknownNameError: There is no such gene.
        UsageError: A gene has an option of this name already.
    """
    if gene not in HYPERPARAMETERS:
        raise UnknownNameError("gene", gene, HYPERPARAMETERS)
    if any(option in options for options in HYPERPARAMETERS.values()):
        raise UsageError(f"a gene has an option {option!r} already")
    operations.register(Operation(option, "other"))
    HYPERPARAMETERS[gene][option] = parameters
    return option


for _aggregator in ("lstm", "pool", "sum", "mean"):
    register_aggregator(_aggregator)
for _options in HYPERPARAMETERS.values():
    for _option in _options:
        operations.register(Operation(_option, "other"))

_STEPS = 3
"""Largest number of mutations from the start genome to a first individual."""

_READOUTS = tuple(HYPERPARAMETERS["READOUT"])


class GraphSageSpace(ChainedSpace):
    """Genomes of graph neural networks that rank: layer genes, connection genes, hyper-parameter genes.

    **As an architecture.** The interior vertices are first the layers, joined by enabled and disabled
    connection genes as in ``convnet``, then one vertex for each hyper-parameter gene, in a chain to the
    output: ``input, SAGE_LSTM.H, SAGE_POOL.N, READOUT_MAX, output``. The layers joined to the first of these,
    the read-out, are read out. `egraph.ranker.from_genome` makes the ranker.

    **Mutation** inserts a layer with ``p_add``, and, independently, changes a gene with ``p_mutate``: a layer
    to another one, the state of a connection, or a hyper-parameter to another option, each kind with the same
    probability. More than half of the children are equal to their parent; as they are evaluated again, their
    fitness averages over random trainings. **First individuals** have one layer and random hyper-parameters.

    The source specifies no more than this; in particular it does not specify which gene is changed, nor how
    layers of different widths are joined. These, and the bounds on growth, are choices of this
    implementation.

    Args:
        name: Name of the space.
        layers: Layer genes, from `AGGREGATORS`.
        hyperparameters: Options of each hyper-parameter gene of a genome: of the read-out and of any others
            in `HYPERPARAMETERS`. For genes that a genome lacks, `egraph.ranker.from_genome` takes the values
            of the source.
        max_vertices: Largest number of layers, dead ones included, plus input and output.
        max_edges: Largest number of connection genes, enabled and disabled together.
        p_mutate: Probability that a gene changes.
        p_add: Probability that a layer is inserted.
        start: Genome from which first individuals descend by up to three mutations; None for individuals as
            described above.

    Raises:
        ArchitectureError: ``start`` is not of this space.
        UsageError: A gene or option is unknown, the read-out is missing, or a number is out of range.

    References:
        G. Kyriakides, "Parallel and Distributed Methods for Autonomous Design of Artificial Neural Networks",
        PhD thesis, University of Macedonia, 2022, section 7.3.2.
    """

    def __init__(
        self,
        name: str = "graphsage",
        *,
        layers: Sequence[str] = tuple(AGGREGATORS)[:6],
        hyperparameters: Mapping[str, Sequence[str]] = {"READOUT": _READOUTS[:5]},
        max_vertices: int = 10,
        max_edges: int = 24,
        p_mutate: float = 0.25,
        p_add: float = 0.25,
        start: Architecture | None = None,
    ) -> None:
        if "READOUT" not in hyperparameters:
            raise UsageError(f"hyperparameters must have the gene READOUT, got {list(hyperparameters)}")
        for gene, options in hyperparameters.items():
            known = HYPERPARAMETERS.get(gene, {})
            if not options or not set(options) <= set(known):
                raise UsageError(f"the options of gene {gene!r} must be some of {list(known)}, got {options}")
        if not layers or not set(layers) <= set(AGGREGATORS):
            raise UsageError(f"layers must be some of {list(AGGREGATORS)}, got {list(layers)}")
        if max_vertices < 3 or max_edges < 3:
            raise UsageError(
                f"one layer needs 3 vertices and 3 edges, got max_vertices={max_vertices} and "
                f"max_edges={max_edges}"
            )
        if not (0 <= p_mutate <= 1 and 0 <= p_add <= 1):
            raise UsageError(f"p_mutate and p_add must be probabilities, got {p_mutate} and {p_add}")
        self.name = name
        self.layers = tuple(layers)
        self.hyperparameters = {
            gene: tuple(hyperparameters[gene]) for gene in HYPERPARAMETERS if gene in hyperparameters
        }
        self.operations = (*self.layers, *(op for each in self.hyperparameters.values() for op in each))
        self.max_vertices = max_vertices
        self.max_edges = max_edges
        self.p_mutate = p_mutate
        self.p_add = p_add
        self.start = start
        if start is not None:
            self.validate(start)

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A genome with a single layer and random hyper-parameters, or a descendant of `start`."""
        if (genome := self.start) is not None:
            for _ in range(rng.integers(_STEPS + 1)):
                genome = self.mutate(genome, rng)
            return genome
        layer = self.layers[rng.integers(len(self.layers))]
        hyper = [options[rng.integers(len(options))] for options in self.hyperparameters.values()]
        return join_chain(insert_vertex(Architecture(("input", "output"), [(0, 1)]), (0, 1), layer), hyper)

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """A valid architecture at most two mutations away; in most cases the same one."""
        body, hyper = self.split(architecture)
        adds, changes = rng.random(2) < (self.p_add, self.p_mutate)
        if adds and self._has_room(body):
            connections = genes(body)
            gene = connections[rng.integers(len(connections))]
            body = insert_vertex(body, gene, self.layers[rng.integers(len(self.layers))])
        if not changes:
            return join_chain(body, hyper)
        # If a kind of gene has nothing to change, the next kind is tried.
        kinds = (self._change_layer, self._change_state, self._change_hyperparameter)
        first = int(rng.integers(len(kinds)))
        for turn in range(len(kinds)):
            if (changed := kinds[(first + turn) % len(kinds)](body, hyper, rng)) is not None:
                return changed
        return join_chain(body, hyper)

    def key(self, architecture: Architecture) -> str:
        """A string that two architectures share if, and only if, they describe the same ranker.

        Disabled genes and dead layers have no effect, nor have hyper-parameters of layers if there is no
        layer, or residuals if no layer is as wide as its input.

        Raises:
            ArchitectureError: The architecture does not belong to this space.
        """
        body, hyper = self.split(architecture)
        idle = _idle_genes(body)
        settled = [
            options[0] if gene in idle else op
            for op, (gene, options) in zip(hyper, self.hyperparameters.items(), strict=True)
        ]
        return canonical_form(simplify(join_chain(body, settled)))

    def narrow(self, aggregators: Sequence[str]) -> GraphSageSpace:
        """The same space with only the layers of some aggregators, such as ``("mean", "pool")``.

        Raises:
            UsageError: The space has no layer of such an aggregator.
        """
        known = list(dict.fromkeys(AGGREGATORS[op] for op in self.layers))
        if not aggregators or not set(aggregators) <= set(known):
            raise UsageError(
                f"the aggregators of {self.name} are {', '.join(known)}; got {', '.join(aggregators)}"
            )
        name = f"{self.name} ({', '.join(name for name in known if name in aggregators)})"
        return self._changed(name, layers=[op for op in self.layers if AGGREGATORS[op] in aggregators])

    def begin_at(self, genome: Architecture) -> GraphSageSpace:
        """The same space with first individuals at most three mutations away from a genome.

        Raises:
            ArchitectureError: The genome is not of this space.
        """
        return self._changed(f"{self.name} around {self.format(genome)}", start=genome)

    def _changed(self, name: str, **changes: Any) -> GraphSageSpace:
        kept = ("layers", "hyperparameters", "max_vertices", "max_edges", "p_mutate", "p_add", "start")
        return GraphSageSpace(name, **{each: getattr(self, each) for each in kept} | changes)

    def _change_layer(
        self, body: Architecture, hyper: Sequence[str], rng: np.random.Generator
    ) -> Architecture | None:
        layers = body.num_vertices - 2
        if not layers or len(self.layers) < 2:
            return None
        vertex = int(rng.integers(1, layers + 1))
        others = [op for op in self.layers if op != body.ops[vertex]]
        return join_chain(replace_op(body, vertex, others[rng.integers(len(others))]), hyper)

    def _change_state(
        self, body: Architecture, hyper: Sequence[str], rng: np.random.Generator
    ) -> Architecture | None:
        states = toggleable(body)
        return join_chain(toggle(body, states[rng.integers(len(states))]), hyper) if states else None

    def _change_hyperparameter(
        self, body: Architecture, hyper: Sequence[str], rng: np.random.Generator
    ) -> Architecture | None:
        free = [gene for gene, options in enumerate(self.hyperparameters.values()) if len(options) > 1]
        if not free:
            return None
        gene = free[rng.integers(len(free))]
        others = [op for op in list(self.hyperparameters.values())[gene] if op != hyper[gene]]
        return join_chain(body, (*hyper[:gene], others[rng.integers(len(others))], *hyper[gene + 1 :]))


def _idle_genes(body: Architecture) -> set[str]:
    """Hyper-parameters without effect, as there is no layer, or none as wide as its input."""
    live = set(live_vertices(body.num_vertices, body.edges))
    layers = sorted(live)[1:-1]
    if not layers:
        return {"FLOW", "RESIDUAL", "NORM"}
    width = {vertex: operations.get(body.ops[vertex]).width for vertex in layers} | {0: 0.0}
    read = {v: max(width[i] for i, j in body.edges if j == v and i in live) for v in layers}
    return set() if any(read[v] == width[v] for v in layers) else {"RESIDUAL"}


register(GraphSageSpace())
register(
    GraphSageSpace(
        "graphsage-wide",
        layers=tuple(AGGREGATORS),
        hyperparameters={gene: tuple(options) for gene, options in HYPERPARAMETERS.items()},
    )
)
