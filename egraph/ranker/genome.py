"""Rankers described by genomes of the space ``graphsage``, and genomes as files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from egraph import operations
from egraph.architecture import Architecture
from egraph.canonical import live_vertices
from egraph.checks import check_whole
from egraph.errors import ArchitectureError, ModelError
from egraph.files import write_text
from egraph.ranker.network import Layer
from egraph.ranker.ranker import Ranker
from egraph.spaces.graphsage import AGGREGATORS, HYPERPARAMETERS

__all__ = ["FILTERS", "Genome", "from_genome", "shipped_genomes"]

FILTERS = 300
"""Standard number of filters in the source."""

_MOST_FILTERS = 2**20

# Values of the source, for genes that a genome lacks.
_SOURCE = {
    "bidirectional": False,
    "residual": False,
    "norm": False,
    "head": "pairwise",
    "learning_rate": 1e-3,
    "analytic": False,
}


@dataclass(frozen=True, slots=True)
class Genome:
    """A genome with everything that its ranker is built from.

    Attributes:
        architecture: Architecture of the space ``graphsage`` or ``graphsage-wide``.
        filters: Width of a layer of standard width.
        provenance: Origin of the genome, as JSON-ready values.
    """

    architecture: Architecture
    filters: int = FILTERS
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the genome as JSON, atomically."""
        content = {
            "genome": self.architecture.to_dict(),
            "filters": self.filters,
            "provenance": dict(self.provenance),
        }
        write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, name_or_path: str | os.PathLike[str]) -> Genome:
        """Reads a genome that `save` wrote, the JSON of an architecture, or one of `shipped_genomes`.

        Raises:
            ModelError: The file does not exist, or it holds no genome.
        """
        name = os.fspath(name_or_path)
        known = shipped_genomes()
        if name in known:
            text = resources.files("egraph.ranker").joinpath("genomes", f"{name}.json").read_text("utf-8")
        elif os.path.isfile(name):
            text = Path(name).read_text(encoding="utf-8", errors="replace")
        else:
            raise ModelError(f"no genome at {name}: there is no such file; shipped are {', '.join(known)}")
        try:
            content = json.loads(text)
            if isinstance(content, dict) and "ops" in content:
                content = {"genome": content}
            genome = cls(
                Architecture.from_dict(content["genome"]),
                content.get("filters", FILTERS),
                content.get("provenance", {}),
            )
            _read(genome.architecture)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ModelError(f"{name} holds no genome of a ranker: {error}") from None
        return genome


def shipped_genomes() -> list[str]:
    """Names of the genomes that are part of the package."""
    folder = resources.files("egraph.ranker").joinpath("genomes")
    return sorted(
        entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json")
    )


def from_genome(
    genome: Genome | Architecture | str | os.PathLike[str],
    *,
    filters: int | None = None,
    seed: int = 0,
    **parameters: Any,
) -> Ranker:
    """The ranker that a genome describes, not yet fitted.

    Each layer gene becomes a GraphSAGE layer; each enabled connection gene is a source of the layer that it
    leads to. Several sources are summed, after a learnt projection of those narrower than the widest. Layers
    on no path from the input to the read-out are left out. A dense layer of ``filters`` neurons follows the
    read-out; the source has none, which admits no head but its own. Hyper-parameters that the genome lacks
    have the values of the source: results flow along the edges only, no residuals, no normalisation, the
    three-class head on pairs, learning rate 0.001, no analytic features. The training (members, tabular,
    epochs) is not encoded in genes and has the default values of `egraph.Ranker`.

    Args:
        genome: Genome, or its file, or the name of a shipped one.
        filters: Width of a layer of standard width; None for that of the genome, or `FILTERS`.
        seed: Seed of the ranker.
        parameters: Parameters of `egraph.Ranker`, which override those of the genome.

    Raises:
        ArchitectureError: The architecture is no genome of a ranker.
        ModelError: The file does not exist, or it holds no genome.
        UsageError: ``filters`` is not positive, or more than a million.
    """
    if isinstance(genome, Architecture):
        genome = Genome(genome)
    elif not isinstance(genome, Genome):
        genome = Genome.load(genome)
    width = genome.filters if filters is None else filters
    check_whole(1, _MOST_FILTERS, filters=width)
    layers, reads, settings = _read(genome.architecture)
    built = tuple(
        Layer(AGGREGATORS[op], max(1, round(width * operations.get(op).width)), sources)
        for op, sources in layers
    )
    chosen = {**_SOURCE, **settings, "layers": built, "reads": reads, "width": int(width), **parameters}
    return Ranker(**chosen, seed=seed)


def _read(
    genome: Architecture,
) -> tuple[list[tuple[str, tuple[int, ...]]], tuple[int, ...], dict[str, Any]]:
    """Live layers with their sources, sources of the read-out, and parameters that genes set."""
    ops = genome.ops
    gene_of = {option: gene for gene, options in HYPERPARAMETERS.items() for option in options}
    first = next((vertex for vertex, op in enumerate(ops) if op in gene_of), len(ops) - 1)
    names = [gene_of.get(op, op) for op in ops[first:-1]]
    if names[:1] != ["READOUT"] or len(set(names)) < len(names) or not set(names) <= set(HYPERPARAMETERS):
        raise ArchitectureError(
            "a ranker's genome ends with one READOUT gene and at most one of each of "
            f"{', '.join(list(HYPERPARAMETERS)[1:])}, got operations {list(ops)}"
        )
    if unknown := [op for op in ops[1:first] if op not in AGGREGATORS]:
        raise ArchitectureError(
            f"unknown layer {unknown[0]!r} in a ranker's genome; known: {', '.join(AGGREGATORS)}"
        )
    edges = [edge for edge in genome.edges if max(edge) <= first]
    chain = [(vertex, vertex + 1) for vertex in range(first, len(ops) - 1)]
    if [edge for edge in genome.edges if max(edge) > first] != chain or any(i >= j for i, j in edges):
        raise ArchitectureError("the hyper-parameters of a ranker's genome must be a chain to its output")
    live = live_vertices(first + 1, edges)
    position = {vertex: number for number, vertex in enumerate(live)}
    sources = {v: tuple(sorted(position[i] for i, j in edges if j == v and i in position)) for v in live}
    if not sources[first]:
        raise ArchitectureError("no path of enabled edges leads from the input to the read-out")
    settings: dict[str, Any] = {}
    for op in ops[first:-1]:
        settings |= HYPERPARAMETERS[gene_of[op]][op]
    return [(ops[v], sources[v]) for v in live[1:-1]], sources[first], settings
