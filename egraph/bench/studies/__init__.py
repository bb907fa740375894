"""Studies of cheap evaluation: how well a cheap measurement of networks keeps the order of a full one.

Questions of G. Kyriakides' thesis, each with a plan of cells, a function that measures one and writes
one line of a file, tables with the thesis's numbers beside the own ones, and a picture:

- `epochs`: Kendall's tau between accuracies after different numbers of epochs, from the columns of a table;
  plain, and rounded to whole per cents (chapter 5).
- `noise`: what a search finds that sees a function with noise, for given tau between both functions
  (chapters 4 and 5).
- `darts`: what differentiable methods, or several workers, derive: in a table, as graph edit distances, and
  trained by several recipes (chapter 8).
- `retention`: tau between networks trained briefly by one optimizer and long by another (chapters 4 and 5).

`measure` measures the cells of any of them. If interrupted, the same call resumes.

References:
    G. Kyriakides, "Parallel and Distributed Methods for Autonomous Design of Artificial Neural Networks", PhD
    thesis, University of Macedonia, 2022, chapters 4, 5 and 8.
"""

from __future__ import annotations

from egraph.bench.studies import darts, epochs, noise, retention
from egraph.bench.studies._tau import Tau, bootstrap_tau

__all__ = ["Tau", "bootstrap_tau", "darts", "epochs", "noise", "retention"]
