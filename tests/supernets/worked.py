"""One worker of searches, started by ``torchrun``: worked.py FOLDER."""

import json
import os
import sys
from pathlib import Path

from stripes import OneEdge, draw_stripes

from egraph.errors import EgraphError
from egraph.supernets import Settings, Workers, joined, methods, search, search_recipe


def search_stripes(folder, workers, batch, progress=None):
    """A short search in which gradients or weights are shared."""
    # Workers change their images apart, so only without changes they are like one.
    augment = "none" if workers.share == "gradients" else "shift"
    recipe = search_recipe(epochs=3, batch_size=batch, learning_rate=0.05, channels=4, augment=augment)
    found = search(
        OneEdge().relaxation(),
        methods["darts"](),
        draw_stripes(128),
        2,
        Settings(recipe, rate=0.05),
        folder=folder / workers.share,
        workers=workers,
        progress=progress,
    )
    return [epoch.to_dict() | {"seconds": 0} for epoch in found.epochs]


def work(number: int, port: int, folder: Path, death: int = 0) -> None:
    """One of two workers, without torchrun."""
    names = {"RANK": number, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in names.items()})
    main(folder, death)


def main(folder: Path, death: int = 0) -> None:
    """Shares weights, then gradients; worker 1 dies in the epoch ``death``."""
    with joined("weights", timeout=60) as workers:

        def look(epoch):
            if death == epoch.number and workers.number == 1:
                os._exit(9)

        for share in ("weights", "gradients"):
            sharing = Workers(share, workers.number, workers.count)
            try:
                epochs = search_stripes(folder, sharing, 16, look)
            except EgraphError as error:
                (folder / f"error-{workers.number}.txt").write_text(str(error))
                raise SystemExit(1) from None
            (folder / f"{share}-{workers.number}.json").write_text(json.dumps(epochs))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
