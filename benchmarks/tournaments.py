"""How often a tournament selects the cell that trains better alone.

    python benchmarks/tournaments.py

Random cells of the space ``concat-cell`` are trained alone, one cell in a network, several times each. The
same cells meet in random tournaments of two (`egraph.supernets.Tournament`), each in a network of its own, or
five in one network as in the source.
The table has, for each setting, the share of tournaments that the cell with the better mean accuracy wins,
and the mean accuracy of the winners. It is compared with a draw, with the choice of the cell with more
parameters, and with the choice of the better cell itself.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from egraph import spaces
from egraph.evaluation import Recipe, Training
from egraph.networks import count_params
from egraph.supernets import Tournament

LAYERS, WIDTH = 5, 2


def main() -> None:
    """Prints the table."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--data", default="digits", help="images to train on")
    parser.add_argument("--cells", type=int, default=40, help="number of random cells")
    parser.add_argument("--repeats", type=int, default=3, help="trainings of each cell alone")
    parser.add_argument("--draws", type=int, default=8, help="draws of tournaments, five in each")
    parser.add_argument("--out", type=Path, default=Path("runs/tournaments.json"))
    arguments = parser.parse_args()
    cells, alone, params = measure(arguments.data, arguments.cells, arguments.repeats, arguments.out)
    print(f"{len(cells)} cells on {arguments.data}: accuracy alone {alone.min():.3f} to {alone.max():.3f}")
    print(f"{'choice':<44}{'better cell':>12}{'of clear':>10}{'accuracy':>10}")
    rng = np.random.default_rng(1)
    draws = [
        rng.permutation(len(cells))[: LAYERS * WIDTH].reshape(LAYERS, WIDTH) for _ in range(arguments.draws)
    ]
    show("a draw", draws, [np.zeros(LAYERS, int)] * len(draws), alone)
    show("more parameters", draws, [params[draw].argmax(axis=1) for draw in draws], alone)
    for options in ({"layers": 1}, {"layers": 1, "logit_examples": 200}, {"layers": LAYERS}):
        winners = []
        for seed, draw in enumerate(draws):
            tournament = Tournament(arguments.data, seed=seed, device="cpu", **options)
            groups = [[cells[number] for number in row] for row in draw]
            winners.append(np.array(tournament(groups, np.random.default_rng(seed))))
        told = ", ".join(f"{name}={value}" for name, value in options.items())
        show(f"tournament, {told}", draws, winners, alone)
    show("the better cell", draws, [alone[draw].argmax(axis=1) for draw in draws], alone)


def measure(data: str, count: int, repeats: int, out: Path):
    """Cells, the mean accuracy of each alone, and parameters; kept in a file."""
    space, rng = spaces.get("concat-cell"), np.random.default_rng(0)
    cells = [space.sample(rng) for _ in range(count)]
    known = json.loads(out.read_text()) if out.exists() else {}
    training = Training(space, data, Recipe(epochs=10, batch_size=64, cells=1, channels=16), device="cpu")
    for cell in cells:
        scores = known.setdefault(space.key(cell), [])
        while len(scores) < repeats:
            scores.append(training.evaluate(cell, seed=len(scores)).score)
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(json.dumps(known))
    shape, classes = training.images.input_shape, training.images.num_classes
    params = [count_params(space.network(cell, shape, classes, cells=1)) for cell in cells]
    return cells, np.array([np.mean(known[space.key(cell)][:repeats]) for cell in cells]), np.array(params)


def show(name: str, draws: list, winners: list, alone: np.ndarray) -> None:
    """Prints the line of one choice; clear are tournaments whose cells differ by more than a point."""
    pairs = alone[np.concatenate(draws)]
    won = np.concatenate(winners)
    chosen = pairs[np.arange(len(pairs)), won]
    better = chosen == pairs.max(axis=1)
    clear = np.ptp(pairs, axis=1) > 0.01
    print(f"{name:<44}{better.mean():>12.2f}{better[clear].mean():>10.2f}{chosen.mean():>10.3f}", flush=True)


if __name__ == "__main__":
    main()
