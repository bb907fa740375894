"""A genetic algorithm in the unit cube; many searches run at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["minimise"]

POPULATION = 10
CROSSOVER = 0.9
MUTATION = 0.02
ETA = 1.0
"""Distribution index of polynomial mutation: small ones make large steps."""


def minimise(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    dimensions: int,
    rng: np.random.Generator,
    *,
    searches: int,
    generations: Sequence[int],
) -> list[NDArray[np.float64]]:
    """Searches minima of a function with the settings of the thesis's genetic algorithm.

    Ten individuals begin at random places. In each generation, tournaments of two choose ten parents; each
    takes a run of coordinates from another parent, which goes on with probability 0.9 (exponential
    crossover); each coordinate mutates with probability 0.02 (polynomial mutation). The best ten of parents
    and children remain.

    Args:
        function: Function of places, ``(searches, individuals, dimensions)``, that gives values, ``(searches,
            individuals)``.
        dimensions: Number of dimensions.
        rng: Source of all random numbers.
        searches: Number of independent searches.
        generations: Numbers of generations to report, in order.

    Returns:
        For each number of generations, the best place of each search, ``(searches, dimensions)``.

    References:
        F. Biscani and D. Izzo, "A parallel global multiobjective framework for optimization: pagmo", JOSS
        2020, https://doi.org/10.21105/joss.02338, whose "sga" has these operators and defaults.
    """
    places = rng.random((searches, POPULATION, dimensions))
    values = function(places)
    every = np.arange(searches)[:, np.newaxis]
    found = []
    for generation in range(1, generations[-1] + 1):
        children = _mutate(_cross(_select(places, values, rng), rng), rng)
        pool = np.concatenate([places, children], axis=1)
        pool_values = np.concatenate([values, function(children)], axis=1)
        best = np.argsort(pool_values, axis=1, kind="stable")[:, :POPULATION]
        places, values = pool[every, best], pool_values[every, best]
        if generation in generations:
            found.append(places[:, 0])
    return found


def _select(
    places: NDArray[np.float64], values: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """The winners of tournaments of two different individuals."""
    searches, count = values.shape
    every = np.arange(searches)[:, np.newaxis]
    first = rng.integers(count, size=(searches, count))
    second = (first + rng.integers(1, count, size=(searches, count))) % count
    return places[every, np.where(values[every, first] <= values[every, second], first, second)]


def _cross(parents: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Each parent with a run of coordinates, from a random one on, of another parent."""
    searches, count, dimensions = parents.shape
    shift = rng.integers(1, count, size=(searches, count))
    others = parents[np.arange(searches)[:, np.newaxis], (np.arange(count) + shift) % count]
    # The run has one coordinate more for each success in a row.
    length = np.minimum(rng.geometric(1 - CROSSOVER, size=(searches, count, 1)), dimensions)
    start = rng.integers(dimensions, size=(searches, count, 1))
    taken = (np.arange(dimensions) - start) % dimensions < length
    return np.where(taken, others, parents)


def _mutate(places: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Polynomial mutation of some coordinates; places stay in the cube."""
    chosen = rng.random(places.shape) < MUTATION
    draw = rng.random(places.shape)
    step = np.where(draw < 0.5, (2 * draw) ** (1 / (ETA + 1)) - 1, 1 - (2 - 2 * draw) ** (1 / (ETA + 1)))
    return np.where(chosen, np.clip(places + step, 0, 1), places)
