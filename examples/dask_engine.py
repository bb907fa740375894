"""Trainings on a Dask cluster: `make` is the engine of a study.

    pip install distributed
    python examples/dask_engine.py
    egraph search --executor dask_engine:make          (in this folder)

The address of a cluster comes from the environment variable ``DASK_ADDRESS``. Without one, Dask starts two
worker processes on this machine. The workers need egraph, of the same version.
"""

import os
from collections.abc import Callable

import egraph
from egraph.evaluation import TableLookup
from egraph.executors import Pool


def make(function: Callable[[str], str], workers: int) -> Pool[str, str]:
    """An executor whose jobs are done by Dask."""
    from distributed import Client

    address = os.environ.get("DASK_ADDRESS")
    local = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    client = Client(address) if address else Client(**local)

    def submit(function: Callable[[str], str], text: str) -> object:
        return client.submit(function, text, pure=False)  # the same text again is another evaluation

    return Pool(submit, function, workers, close=client.close)


def main() -> None:
    table = egraph.datasets.load("mnist1d_convnet")
    with egraph.Study(
        table.search_space(), TableLookup(table, "score"), ranker=False, seed=0, workers=2, executor=make
    ) as study:
        study.run(trials=8)
        print(f"{len(study.trials)} trials, best score {study.best.score:.3f}")


if __name__ == "__main__":
    main()
