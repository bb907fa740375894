"""Latent scores and probabilities of pairs, from networks and tabular models together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri

from egraph.encoding import Encoding
from egraph.ranker.heads import three_way
from egraph.ranker.inference import embed
from egraph.ranker.labels import Labels, spread_within
from egraph.ranker.network import RankerNetwork
from egraph.ranker.scale import Standardiser, fit_three_way
from egraph.ranker.tabular import TabularModels
from egraph.ranker.voice import Voice

__all__ = ["LEAST_DEVIATION", "Scorer"]

Floats = NDArray[np.float64]

LEAST_DEVIATION = 0.05
"""Least raw deviation of a latent score: networks and tabular models may agree by chance."""
_PAIRS_AT_ONCE = 64
_MOST_REFERENCES = 256


@dataclass(frozen=True, eq=False)
class Scorer:
    """The fitted ensemble, without names of operations and units of scores.

    A latent score is about standard normal on the training data. With the heads ``utility`` and
    ``regression`` it is the weighted mean of the members' standardised utilities and the tabular models'
    prediction. With ``pairwise`` it is the normal quantile of P(better) - P(worse), averaged over reference
    architectures; these votes are those of `compare`.

    Attributes:
        network: Trained network.
        standardiser: Standardiser of the analytic features.
        tabular: Fitted tabular models, or None.
        member_mean: Mean of each member's utility on the training data, ``(members,)``; 0 with ``pairwise``.
        member_sd: Standard deviation of the same; 1 with ``pairwise``.
        references: Embeddings of training architectures, ``(members, references, width)``; empty unless the
            head is ``pairwise``.
        reference_latents: Predictions of the tabular models for these, ``(references,)``.
        steepness: Logits per unit of the latent score in the Rao-Kupper model of pairs.
        tie: Threshold of that model.
        voice: How a prior joins the ensemble; None without one.
    """

    network: RankerNetwork
    standardiser: Standardiser
    tabular: TabularModels | None
    member_mean: Floats
    member_sd: Floats
    references: NDArray[np.float32]
    reference_latents: Floats
    steepness: float
    tie: float
    voice: Voice | None = None

    @classmethod
    def fit(
        cls,
        network: RankerNetwork,
        standardiser: Standardiser,
        tabular: TabularModels | None,
        encoding: Encoding,
        labels: Labels,
    ) -> Scorer:
        """Fits scales and probabilities to the training data.

        Args:
            network: Trained network.
            standardiser: Fitted standardiser.
            tabular: Fitted tabular models, or None.
            encoding: Training data.
            labels: Scores of the training data.
        """
        pairwise = network.shape.pairwise
        features = standardiser.transform(encoding.features)
        embedding = embed(network, encoding, features)
        members = network.shape.members
        mean, sd = np.zeros(members), np.ones(members)
        references, reference_latents = np.zeros((members, 0, network.shape.width), np.float32), np.zeros(0)
        if pairwise:
            order = np.argsort(labels.targets, kind="stable")
            chosen = order[np.linspace(0, len(order) - 1, min(len(order), _MOST_REFERENCES)).astype(int)]
            references = embedding[:, chosen].numpy()
            if tabular is not None:
                reference_latents = tabular.predict(features[chosen])
        else:
            raw = network.utilities(embedding).double().numpy()
            mean, sd = raw.mean(axis=1), np.maximum(spread_within(raw, labels.groups), 1e-9)
        # Of all models, only the Gaussian process can predict a training example without having seen it.
        if tabular is not None:
            latent = tabular.leave_one_out()
        elif pairwise:
            latent = labels.targets
        else:
            latent = ((raw - mean[:, None]) / sd[:, None]).mean(axis=0)
        steepness, tie = fit_three_way(latent, labels)
        return cls(
            network,
            standardiser,
            tabular,
            mean,
            sd,
            references,
            reference_latents,
            steepness,
            tie,
        )

    @property
    def shares(self) -> Floats:
        """Shares of the networks together and of each tabular model in the ensemble; they sum to 1."""
        weights = np.array([1.0, *(() if self.tabular is None else self.tabular.weights)])
        return weights / weights.sum()

    def share_out(self, shares: Floats) -> Scorer:
        """The same ensemble with other `shares`."""
        if self.tabular is None:
            return self
        return replace(self, tabular=self.tabular.weigh(shares[1:] / shares[0]))

    def opinions(self, encoding: Encoding) -> Floats:
        """Predictions of the networks together and of each tabular model, ``(parts, graphs)``."""
        features = self.standardiser.transform(encoding.features)
        networks = self._standardised(embed(self.network, encoding, features)).mean(axis=0)[None]
        if self.tabular is None:
            return networks
        return np.concatenate([networks, self.tabular.opinions(features)])

    def latent(self, encoding: Encoding) -> Floats:
        """Latent scores, ``(graphs,)``; higher is better."""
        own = self._join(*self._parts(encoding))
        return own if self.voice is None else self.voice.join(own, *self._heard(encoding))

    def latent_with_deviation(self, encoding: Encoding) -> tuple[Floats, Floats]:
        """Latent scores and their raw deviations, both ``(graphs,)``.

        Raw deviations only order predictions by their uncertainty; `Calibration` scales them.
        """
        members, tabular = self._parts(encoding)
        latent = self._join(members, tabular)
        spread = _quantile(members) if self._pairwise else members
        # The unbiased variance does not depend on the number of members.
        variance = spread.var(axis=0, ddof=min(len(spread) - 1, 1)) + LEAST_DEVIATION**2
        if self.tabular is not None and tabular is not None:
            features = self.standardiser.transform(encoding.features)
            variance = variance + self.tabular.variance(features)
            variance = variance + (spread.mean(axis=0) - tabular) ** 2 / 4
        if self.voice is not None:
            latent, variance = self.voice.join_uncertain(latent, variance, *self._heard(encoding))
        return latent, np.sqrt(variance)

    def compare(self, a: Encoding, b: Encoding) -> Floats:
        """P(a worse), P(about equal), P(a better) of each pair, ``(pairs, 3)``."""
        if not self._pairwise:
            return three_way(self.steepness * (self.latent(a) - self.latent(b)), self.tie)
        features = self.standardiser.transform(a.features), self.standardiser.transform(b.features)
        with torch.inference_mode():
            logits = self.network.pair(
                embed(self.network, a, features[0]), embed(self.network, b, features[1])
            )
        votes = logits.double().softmax(dim=-1).mean(dim=0).numpy()
        if self.tabular is not None:
            ahead = self.tabular.predict(features[0]) - self.tabular.predict(features[1])
            votes = self._blend(votes, three_way(self.steepness * ahead, self.tie))
        if self.voice is None:
            return votes
        heard = self._heard(a), self._heard(b)
        first, second = (self.voice.opinions(*each) for each in heard)
        share = np.maximum(*(self.voice.shares(said) for _, said in heard))[:, None]
        return (1 - share) * votes + share * three_way(self.steepness * (first - second), self.tie)

    @property
    def _pairwise(self) -> bool:
        return self.network.shape.pairwise

    def _parts(self, encoding: Encoding) -> tuple[Floats, Floats | None]:
        """Predictions of each member, ``(members, graphs)``, and of the tabular models, ``(graphs,)``."""
        features = self.standardiser.transform(encoding.features)
        embedding = embed(self.network, encoding, features)
        tabular = None if self.tabular is None else self.tabular.predict(features)
        if not self._pairwise:
            return self._standardised(embedding), tabular
        votes = self._votes(embedding)
        if tabular is None:
            return votes, None
        p = three_way(self.steepness * (tabular[:, None] - self.reference_latents), self.tie)
        return self._blend(votes, (p[..., 2] - p[..., 0]).mean(axis=1)), tabular

    def _heard(self, encoding: Encoding) -> tuple[Floats, Floats]:
        """What the voice of a prior reads: standardised features, and what the prior says."""
        return self.standardiser.transform(encoding.features), encoding.features[:, -1]

    def _standardised(self, embedding: torch.Tensor) -> Floats:
        """Utilities of each member, standardised on the training data, ``(members, graphs)``."""
        raw = self.network.utilities(embedding).double().numpy()
        return (raw - self.member_mean[:, None]) / self.member_sd[:, None]

    def _join(self, members: Floats, tabular: Floats | None) -> Floats:
        mean = members.mean(axis=0)
        if self._pairwise:
            return _quantile(mean)
        return mean if tabular is None else self._blend(mean, tabular)

    def _blend(self, networks: Floats, tabular: Floats) -> Floats:
        weight = 0.0 if self.tabular is None else self.tabular.weight
        return (networks + weight * tabular) / (1 + weight)

    def _votes(self, embedding: torch.Tensor) -> Floats:
        """Mean over the references of P(better) - P(worse), ``(members, graphs)``."""
        references = torch.from_numpy(self.references)[:, None]
        parts = []
        with torch.inference_mode():
            for part in embedding.split(_PAIRS_AT_ONCE, dim=1):
                p = self.network.pair(part[:, :, None], references).double().softmax(dim=-1)
                parts.append((p[..., 2] - p[..., 0]).mean(dim=2).numpy())
        return np.concatenate(parts, axis=1)


def _quantile(votes: Floats) -> Floats:
    """Normal quantile of the share of wins, for wins minus losses in [-1, 1]."""
    return ndtri(0.5 + 0.4999 * votes)
