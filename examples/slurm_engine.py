"""Trainings as jobs of Slurm, by submitit: `make` is the engine of a study.

    pip install submitit
    python examples/slurm_engine.py
    SLURM_PARTITION=gpu egraph search --executor slurm_engine:make --workers 16          (in this folder)

With ``SLURM_PARTITION`` in the environment each training is a job of that partition, else a process of this
machine. The nodes need egraph, of the same version, and share the folder ``runs/jobs``.
"""

import os
import shutil
import tempfile
from collections.abc import Callable

import egraph
from egraph.evaluation import TableLookup
from egraph.executors import Pool


def make(function: Callable[[str], str], workers: int) -> Pool[str, str]:
    """An executor whose jobs are those of Slurm."""
    import submitit

    partition = os.environ.get("SLURM_PARTITION")
    if partition:
        executor = submitit.AutoExecutor(folder="runs/jobs", cluster="slurm")
        executor.update_parameters(slurm_partition=partition, gpus_per_node=1, timeout_min=600)
        return Pool(executor.submit, function, workers, seconds=5.0)
    folder = tempfile.mkdtemp()
    executor = submitit.AutoExecutor(folder=folder, cluster="local")
    return Pool(executor.submit, function, workers, close=lambda: shutil.rmtree(folder))


def main() -> None:
    table = egraph.datasets.load("mnist1d_convnet")
    with egraph.Study(
        table.search_space(), TableLookup(table, "score"), ranker=False, seed=0, workers=2, executor=make
    ) as study:
        study.run(trials=4)
        print(f"{len(study.trials)} trials, best score {study.best.score:.3f}")


if __name__ == "__main__":
    main()
