"""Inputs for the doors of egraph: the functions that read files, texts and requests from elsewhere.

`trying` has the door and what counts as a fault, `edits` damages valid inputs. The other modules contain the
doors: each makes valid inputs, writes them to files, and calls what users call. `DOORS` lists them. To add
one: a function from a folder of its own to a `Door`, and its line here.
"""

from __future__ import annotations

from fuzzing import models, networks, requests, sets, tables, texts

DOORS = {
    "csv": tables.open_csv,
    "json lines": tables.open_json_lines,
    "parquet": tables.open_parquet,
    "notations": texts.open_notations,
    "recipes": texts.open_recipes,
    "grammars": texts.open_grammars,
    "npz": sets.open_npz,
    "idx": sets.open_idx,
    "pickles": sets.open_pickles,
    "pictures": sets.open_pictures,
    "records": sets.open_records,
    "journals": models.open_journals,
    "rankers": models.open_rankers,
    "onnx": models.open_onnx,
    "networks": networks.open_networks,
    "genomes": models.open_genomes,
    "results": texts.open_results,
    "http": requests.open_http,
    "commands": requests.open_commands,
}
"""The doors by name."""

__all__ = ["DOORS"]
