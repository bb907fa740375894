"""One of several workers that train a supernet: started by ``torchrun`` with its cell as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from egraph.bench.studies.darts import Cell, train
from egraph.files import atomic_path
from egraph.supernets import joined


def main() -> None:
    """Trains, and writes the epochs to a file."""
    cell, root, out = json.loads(sys.argv[1])
    with joined("weights") as workers:
        found = train(Cell(**cell), root, workers)
        if workers.number == 0:
            with atomic_path(Path(out)) as path:
                path.write_text(json.dumps([epoch.to_dict() for epoch in found.epochs]))


if __name__ == "__main__":
    main()
