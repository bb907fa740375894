"""Data: tables of measured architectures, and images, signals or features to train networks on.

A `Table` contains architectures of one search space and their metrics. A `Metric` describes its unit, split,
number of epochs and number of runs, and whether higher is better. Tables are split by key, so that no network
is on both sides:

    table = egraph.datasets.load("nasbench201")
    train, test = table.distinct().split(156, seed=0)
    train.architectures, train["cifar10_test_200"]

`load` takes a name that `known` lists, or a path. Files are searched for in the folder ``root``, in that of
the variable ``EGRAPH_DATA``, and in the user's cache. The journal of a study is a table too: the path
``runs/x.db`` gives its successful trials; so is a CSV, JSON-lines or Parquet file with a column of
architectures and columns of numbers, of which `import_table` makes a table for good. `summarise` tells in one
line what was read.

`trace_models` makes a table of real models, such as those of timm, from their graphs and published figures.

To add a benchmark: write a module that lists its `Source` (the file, its columns, their metrics, and a
function from a row to an architecture), and add it to the modules that ``_catalogue.py`` registers.

`estimate_noise` tells from networks that were trained several times how well scores can be predicted at
most. By convention, the single trainings of a metric ``acc`` are the columns ``acc_0``, ``acc_1`` and so on
(`find_runs`).

`images` loads the images, signals or features of a classification task: "digits" is part of scikit-learn,
"mnist1d" is generated, others are searched for like tables.
"""

from __future__ import annotations

from egraph.datasets._catalogue import Known, is_measured_file, known, load
from egraph.datasets._image_data import ImageData
from egraph.datasets._images import NAMES, images, is_generated, is_training_data
from egraph.datasets._import import import_table
from egraph.datasets._metric import Metric
from egraph.datasets._noise import Interval, Noise, estimate_noise
from egraph.datasets._python_data import from_dataset
from egraph.datasets._runs import find_runs, mean_of_runs
from egraph.datasets._signals import generate_mnist1d
from egraph.datasets._source import Source
from egraph.datasets._summary import summarise
from egraph.datasets._table import Table
from egraph.datasets._tracing import Traced, trace_models

__all__ = [
    "NAMES",
    "ImageData",
    "Interval",
    "Known",
    "Metric",
    "Noise",
    "Source",
    "Table",
    "Traced",
    "estimate_noise",
    "find_runs",
    "from_dataset",
    "generate_mnist1d",
    "images",
    "import_table",
    "is_generated",
    "is_measured_file",
    "is_training_data",
    "known",
    "load",
    "mean_of_runs",
    "summarise",
    "trace_models",
]

if __name__ != "egraph.datasets":
    raise ImportError("import egraph.datasets; the repository root shadows `datasets`")
