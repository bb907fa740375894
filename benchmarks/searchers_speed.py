"""How many asks and tells a second a searcher makes: what it costs itself, with a fitness that costs nothing.

    python benchmarks/searchers_speed.py                                        # every searcher
    python benchmarks/searchers_speed.py regularized-evolution --pairs 100000
    python benchmarks/searchers_speed.py --distinct --pairs 4000                # no network is asked twice

Cells of NAS-Bench-201, one at a time, all with the same score. A pair is one ask and one tell; the columns
are pairs a second of processor time, in the first hundredth, the rest of the first tenth, and the rest of
all pairs. Where they fall, a candidate costs the more, the more was told. The last column is the last rate as
a part of that of random search. A searcher that takes too long is stopped, which leaves columns empty.

Repeats are allowed, for the space has only 5,260 networks. With --distinct a search also looks up the keys of
the cells that it meets, and draws again where one is known: the more often, the fuller the space is. Cells
that no search of the process has met cost more, the first time; before the rates stands what all of them do.
"""

from __future__ import annotations

import argparse
import time

from egraph import searchers, spaces
from egraph.errors import SpaceExhaustedError


def measure(searcher: searchers.Searcher, marks: list[int], seconds: float) -> list[float]:
    """Pairs a second up to each of the marks from the one before, as far as time and the space suffice."""
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
    parser.add_argument("names", nargs="*", help="of searchers; default: all")
    parser.add_argument("--pairs", type=int, default=20_000, help="at least 100 (default: 20,000)")
    parser.add_argument("--seconds", type=float, default=20, help="for one searcher (default: 20)")
    parser.add_argument("--distinct", action="store_true")
    arguments = parser.parse_args()

    space = spaces.get("nasbench201")
    if arguments.distinct:
        start = time.process_time()
        keys = [space.key(cell) for cell in space.cells()]
        print(f"{len(keys):,} cells and their keys: {time.process_time() - start:.2f} s")
    marks = [arguments.pairs // 100, arguments.pairs // 10, arguments.pairs]
    print(
        f"{'pairs a second':24}" + "".join(f"{f'to {mark:,}':>12}" for mark in marks) + f"{'of random':>12}"
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
