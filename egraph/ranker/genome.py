"""From a genome of the space ``graphsage`` to the ranker that it describes, and genomes as files."""

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
from egraph.errors import ArchitectureError, ModelError, UsageError
from egraph.files import write_text
from egraph.ranker.network import Layer
from egraph.ranker.ranker import Ranker
from egraph.spaces.graphsage import AGGREGATORS, HYPERPARAMETERS

__all__ = ["FILTERS", "Genome", "from_genome", "shipped_genomes"]

FILTERS = 300
"""What the source calls the standard number of filters."""

# For genes that a genome lacks: the ranker of the source.
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
    """A genome with all that it takes to build its ranker again.

    Attributes:
        architecture: of the space ``graphsage`` or ``graphsage-wide``.
        filters: width of a layer of standard width.
        provenance: where it comes from, as JSON-ready values.
    """

    architecture: Architecture
    filters: int = FILTERS
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the genome as JSON, whole or not at all."""
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
            ModelError: there is no such file, or it holds no genome.
        """
        name = os.fspath(name_or_path)
        known = shipped_genomes()
        if name in known:
            text = resources.files("egraph.ranker").joinpath("genomes", f"{name}.json").read_text("utf-8")
        elif Path(name).is_file():
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
        except (ValueError, KeyError, TypeError, AttributeError, ArchitectureError) as error:
            raise ModelError(f"{name} holds no genome of a ranker: {error}") from None
        return genome


def shipped_genomes() -> list[str]:
    """Names of the genomes that come with egraph."""
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
    """The ranker that a genome describes, not fitted yet.

    Each layer gene becomes a GraphSAGE layer, each enabled connection gene what it reads: several results
    are summed, those narrower than the widest after a learnt projection. Layers that do not lead from the
    input to the read-out are left out. What is read out passes a dense layer of ``filters`` neurons before it
    comes to the head; the source has none, which lets only its own head follow. Hyper-parameters that the
    genome lacks are those of the source: results flow along the edges only, no residuals, no normalisation,
    the three-class head on pairs, learning rate 0.001, no analytic features. How the ranker is trained
    (members, tabular, epochs) is not a matter of genes, and by default that of `egraph.Ranker`.

    Args:
        genome: with its file or shipped name in place of it, if one likes.
        filters: width of a layer of standard width; None takes the genome's, or `FILTERS`.
        seed: of the ranker.
        parameters: of `egraph.Ranker`, over those of the genome.

    Raises:
        ArchitectureError: the architecture is no genome of a ranker.
        ModelError: there is no such file, or it holds no genome.
        UsageError: ``filters`` is not positive.
    """
    if isinstance(genome, Architecture):
        genome = Genome(genome)
    elif not isinstance(genome, Genome):
        genome = Genome.load(genome)
    width = genome.filters if filters is None else filters
    if not isinstance(width, int) or isinstance(width, bool) or width < 1:
        raise UsageError(f"filters must be a whole number of at least 1, got {width!r}")
    layers, reads, settings = _read(genome.architecture)
    built = tuple(
        Layer(AGGREGATORS[op], max(1, round(width * operations.get(op).width)), sources)
        for op, sources in layers
    )
    chosen = {**_SOURCE, **settings, "layers": built, "reads": reads, "width": width, **parameters}
    return Ranker(**chosen, seed=seed)


def _read(
    genome: Architecture,
) -> tuple[list[tuple[str, tuple[int, ...]]], tuple[int, ...], dict[str, Any]]:
    """The live layers, each with what it reads, what is read out, and the parameters that genes set."""
    ops = genome.ops
    gene_of = {option: gene for gene, options in HYPERPARAMETERS.items() for option in options}
    first = next((vertex for vertex, op in enumerate(ops) if op in gene_of), len(ops) - 1)
    names = [gene_of.get(op, op) for op in ops[first:-1]]
    if names[:1] != ["READOUT"] or len(set(names)) < len(names) or not set(names) <= set(HYPERPARAMETERS):
        raise ArchitectureError(
            "a ranker's genome ends with one READOUT gene and at most one of each of "
            f"{', '.join(list(HYPERPARAMETERS)[1:])}, got operations {list(ops)}"
        )
    if foreign := [op for op in ops[1:first] if op not in AGGREGATORS]:
        raise ArchitectureError(
            f"unknown layer {foreign[0]!r} in a ranker's genome; known: {', '.join(AGGREGATORS)}"
        )
    edges = [edge for edge in genome.edges if max(edge) <= first]
    chain = [(vertex, vertex + 1) for vertex in range(first, len(ops) - 1)]
    if [edge for edge in genome.edges if max(edge) > first] != chain or any(i >= j for i, j in edges):
        raise ArchitectureError("the hyper-parameters of a ranker's genome must be a chain to its output")
    live = live_vertices(first + 1, edges)
    place = {vertex: number for number, vertex in enumerate(live)}
    sources = {v: tuple(sorted(place[i] for i, j in edges if j == v and i in place)) for v in live}
    if not sources[first]:
        raise ArchitectureError("no path of enabled edges leads from the input to the read-out")
    settings: dict[str, Any] = {}
    for op in ops[first:-1]:
        settings |= HYPERPARAMETERS[gene_of[op]][op]
    return [(ops[v], sources[v]) for v in live[1:-1]], sources[first], settings
