"""Speed of searchers: pairs of ask and tell per second, with a free fitness.

    python benchmarks/searchers_speed.py                                        # every searcher
    python benchmarks/searchers_speed.py regularized-evolution --pairs 100000
    python benchmarks/searchers_speed.py --distinct --pairs 4000                # no network twice

The space is NAS-Bench-201. Cells are proposed one at a time, and all have the same score. The columns are
pairs per second of CPU time, in the first hundredth, the rest of the first tenth, and the rest of all pairs.
If the rates fall, the cost of a candidate grows with the history. The last column is the last rate relative
to random search. A searcher that exceeds the time limit is stopped; its remaining columns are empty.

Repeats are allowed by default, because the space has only 5,260 networks. With --distinct a search also looks
up the key of each cell and draws again if it is known, more often as the space fills. The key of a cell is
computed once in the process; the time for all keys is printed first.
"""

from __future__ import annotations

import argparse
import time

from egraph import searchers, spaces
from egraph.errors import SpaceExhaustedError


def measure(searcher: searchers.Searcher, marks: list[int], seconds: float) -> list[float]:
    """Pairs per second between successive marks, as far as time limit and space allow."""
    rates: list[float] = []
    done, begin = 0, time.process_time()
    for mark in marks:
        first, start = done, time.process_time()
        while done < mark:
            if time.process_time() - begin > seconds:
                return rates
            try:
                searcher.tell(searcher.ask(), [0.0])
            except SpaceExhaustedError:
                return rates
            done += 1
        rates.append((done - first) / (time.process_time() - start))
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="names of searchers; default: all")
    parser.add_argument(
        "--pairs", type=int, default=20_000, help="number of pairs, at least 100 (default: 20,000)"
    )
    parser.add_argument("--seconds", type=float, default=20, help="time limit of a searcher (default: 20)")
    parser.add_argument("--distinct", action="store_true", help="propose each network once")
    arguments = parser.parse_args()

    space = spaces.get("nasbench201")
    if arguments.distinct:
        start = time.process_time()
        keys = [space.key(cell) for cell in space.cells()]
        print(f"{len(keys):,} cells and their keys: {time.process_time() - start:.2f} s")
    marks = [arguments.pairs // 100, arguments.pairs // 10, arguments.pairs]
    print(
        f"{'pairs per second':24}" + "".join(f"{f'to {mark:,}':>12}" for mark in marks) + f"{'of random':>12}"
    )
    random = float("nan")
    names = arguments.names or searchers.names()
    for name in ["random", *(name for name in names if name != "random")]:
        searcher = searchers.get(name)(space, seed=0, distinct=arguments.distinct)
        rates = measure(searcher, marks, arguments.seconds)
        row = [f"{rate:12,.0f}" for rate in rates] + [" " * 12] * (len(marks) - len(rates))
        if len(rates) == len(marks):
            random = rates[-1] if name == "random" else random
            row.append(f"{rates[-1] / random:12.2f}")
        print(f"{name:24}" + "".join(row), flush=True)


if __name__ == "__main__":
    main()
