"""`EGraph`: the network and the training by which EGraph was published."""

from __future__ import annotations

from collections.abc import Sequence

from egraph.architecture import Architecture
from egraph.baselines._base import Baseline, Floats
from egraph.checks import check_whole
from egraph.ranker.genome import from_genome

__all__ = ["EGraph"]


class EGraph(Baseline):
    """EGraph as published: one evolved network of GraphSAGE layers that compares pairs.

    The genome chosen in the thesis has two layers with LSTM aggregators, 150 wide, and a max read-out. A
    network on both embeddings of a pair chooses among worse, about equal and better. AdamW has the learning
    rate 1e-3 and the weight decay 1e-2; the rate follows one cycle. A file holds the training data, and the
    network is fitted again when it is loaded.

    Changed: a batch has some architectures, of which all pairs are compared, in place of ``pairs`` random
    pairs, and the epochs are as many as let each pair occur ``epochs`` times. The network learns the normal
    quantiles of the ranks, and a pair is about equal within a fiftieth of their interquartile range, in place
    of an accuracy of 0.003. A dense layer follows the read-out, and its score orders architectures; the
    thesis does not say how it makes an order of its pairs.

    Args:
        genome: Genome of the network, its file, or the name of a shipped one.
        pairs: Number of ordered pairs in a batch: 256 in the evolution of the thesis, 32 in its table 7.4.
        epochs: How often each pair occurs; 2 or 5 in the thesis.
        learning_rate: Learning rate at the peak of its one cycle.
        weight_decay: Weight decay of AdamW.
        seed: Seed of weights and batches.

    References:
        G. Kyriakides, "Parallel and Distributed Methods for Autonomous Design of Artificial Neural Networks",
        PhD thesis, University of Macedonia, 2022, sections 7.3 and 7.4.
    """

    def __init__(
        self,
        *,
        genome: str = "thesis-nasbench101",
        pairs: int = 256,
        epochs: int = 5,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-2,
        seed: int = 0,
    ) -> None:
        self.genome = genome
        self.pairs = pairs
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.seed = seed

    def _learn(self, graphs: Sequence[Architecture], targets: Floats) -> None:
        check_whole(4, pairs=self.pairs)
        check_whole(1, epochs=self.epochs)
        batch = min(round(self.pairs**0.5), len(graphs))
        self.ranker_ = from_genome(
            self.genome,
            seed=self.seed,
            members=1,
            tabular=None,
            folds=0,
            epochs=max(1, round(self.epochs * (len(graphs) - 1) / (batch - 1))),
            batch_size=batch,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            dropout=0.0,
        ).fit(graphs, targets)

    def _latent(self, graphs: Sequence[Architecture]) -> Floats:
        return self.ranker_(graphs)
