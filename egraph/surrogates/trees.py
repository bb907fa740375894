"""Extremely randomised trees, grown by scikit-learn and stored as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor

__all__ = ["Trees"]

Floats = NDArray[np.float64]

_TREES = 32
_LEAST_LEAF = 2
_FEATURES_TRIED = 0.4


@dataclass(frozen=True, eq=False)
class Trees:
    """A forest as arrays over the nodes of all trees, which a file can hold.

    The children of a leaf are the leaf itself, so that every graph takes as many steps as the deepest tree
    has levels.

    Attributes:
        feature: Feature that a node tests, ``(nodes,)``.
        threshold: Greatest value of the feature that goes left, ``(nodes,)``.
        children: Left and right child, ``(nodes, 2)``.
        value: Mean target of the training examples in a node, ``(nodes,)``.
        roots: Root of each tree, ``(trees,)``.
        depth: Depth of the deepest tree.

    References:
        Geurts, Ernst, Wehenkel: Extremely randomized trees, Machine Learning 63, 2006
    """

    feature: NDArray[np.int32]
    threshold: Floats
    children: NDArray[np.int32]
    value: NDArray[np.float32]
    roots: NDArray[np.int32]
    depth: int

    def check(self, features: int) -> None:
        """Checks that the arrays are trees over a number of features.

        Raises:
            ValueError: They are not.
        """
        nodes = len(self.feature)
        fits = (
            len(self.threshold) == len(self.value) == nodes
            and self.children.shape == (nodes, 2)
            and _within(self.feature, features)
            and _within(self.children, nodes)
            and _within(self.roots, nodes)
            and 0 <= self.depth <= nodes
        )
        if not fits:
            raise ValueError("the trees point outside of their nodes or features")

    @classmethod
    def fit(cls, inputs: Floats, targets: Floats, seed: int) -> Trees:
        """Grows trees on ``(graphs, features)`` for targets ``(graphs,)``."""
        forest = ExtraTreesRegressor(
            _TREES,
            min_samples_leaf=_LEAST_LEAF,
            max_features=_FEATURES_TRIED,
            # A seed may be of any size, and scikit-learn accepts 32 bits.
            random_state=np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seed))),
        ).fit(inputs, targets)
        return cls.of(forest)

    @classmethod
    def of(cls, forest: ExtraTreesRegressor) -> Trees:
        """Takes the arrays of a fitted forest."""
        trees = [estimator.tree_ for estimator in forest.estimators_]
        roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])]).astype(np.int32)
        children = []
        for root, tree in zip(roots, trees, strict=True):
            pair = np.stack([tree.children_left, tree.children_right], axis=1)
            itself = np.arange(tree.node_count)[:, None]
            children.append(root + np.where(pair < 0, itself, pair))
        return cls(
            np.maximum(np.concatenate([tree.feature for tree in trees]), 0).astype(np.int32),
            np.concatenate([tree.threshold for tree in trees]).astype(np.float64),
            np.concatenate(children).astype(np.int32),
            np.concatenate([tree.value[:, 0, 0] for tree in trees]).astype(np.float32),
            roots,
            max(tree.max_depth for tree in trees),
        )

    @property
    def single_threshold(self) -> NDArray[np.float32]:
        """Thresholds that split features in single precision as `threshold` does, ``(nodes,)``.

        scikit-learn grows its trees on features in single precision, so a threshold that is rounded down
        splits them in the same way.
        """
        single = self.threshold.astype(np.float32)
        lower = np.nextafter(single, np.float32(-np.inf))
        return np.where(single > self.threshold, lower, single)

    def predict(self, inputs: Floats) -> Floats:
        """The mean over the trees, ``(graphs,)``."""
        threshold = self.single_threshold
        flat = np.ascontiguousarray(inputs.T, dtype=np.float32).ravel()
        # NumPy indexes by this type without copies.
        feature, ways = self.feature.astype(np.intp) * len(inputs), self.children.ravel().astype(np.intp)
        column = np.arange(len(inputs))
        node = np.repeat(self.roots.astype(np.intp)[:, None], len(inputs), axis=1)  # (trees, graphs)
        for _ in range(self.depth):
            right = flat.take(feature.take(node) + column) > threshold.take(node)
            node = ways.take(2 * node + right)
        return self.value.take(node).mean(axis=0, dtype=np.float64)


def _within(indices: NDArray[np.int32], end: int) -> bool:
    return indices.size > 0 and indices.min() >= 0 and indices.max() < end
