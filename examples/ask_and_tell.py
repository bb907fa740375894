"""Drives a searcher by hand: ask for architectures, score them as you like, tell the scores.

    python examples/ask_and_tell.py

Use this where a loop of your own must stay in charge, such as a queue of jobs on a cluster.
"""

import json
from collections.abc import Sequence

import egraph
from egraph.searchers import RegularizedEvolution


def measure(architectures: Sequence[egraph.Architecture]) -> list[float]:
    """The scores, here computed at once. NaN stands for a failure."""
    return [
        float("nan") if "avg_pool_3x3" in a.ops else sum("conv" in op for op in a.ops) - 0.1 * a.num_vertices
        for a in architectures
    ]


def main() -> None:
    space = egraph.spaces.get("nasbench201")
    searcher = RegularizedEvolution(space, population=20, sample=5, seed=0)
    best, best_score = None, float("-inf")
    for _ in range(15):
        architectures = searcher.ask(8)
        scores = measure(architectures)
        searcher.tell(architectures, scores)
        for architecture, score in zip(architectures, scores, strict=True):
            if score > best_score:  # false for NaN
                best, best_score = architecture, score

    state = json.dumps(searcher.state_dict())  # everything that the searcher remembers
    resumed = RegularizedEvolution(space, population=20, sample=5, seed=0)
    resumed.load_state_dict(json.loads(state))
    assert resumed.ask(8) == searcher.ask(8)

    assert best is not None
    print(f"best of {15 * 8}: {best_score:.1f}  {space.format(best)}")
    print(f"saved and restored from {len(state):,} characters of JSON")


if __name__ == "__main__":
    main()
