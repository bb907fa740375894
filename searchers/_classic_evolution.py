"""Classic evolution: tournaments in a population of the best results."""

from __future__ import annotations

from egraph.searchers._regularized_evolution import RegularizedEvolution

__all__ = ["ClassicEvolution"]


class ClassicEvolution(RegularizedEvolution):
    """Regularized evolution without aging: when the population is full, the worst member leaves.

    Everything else, options included, is as in `RegularizedEvolution`. A result worse than every member is
    dropped; one as good as the worst replaces it. The best members stay forever, which under noisy scores
    includes lucky ones. Aging prevents that.

    References:
        Goldberg and Deb, "A Comparative Analysis of Selection Schemes Used in Genetic Algorithms", FOGA 1991,
        https://doi.org/10.1016/B978-0-08-050684-5.50008-2
        Real et al., "Regularized Evolution for Image Classifier Architecture Search", AAAI 2019,
        https://arxiv.org/abs/1802.01548 (there as non-aging evolution)
    """

    name = "classic-evolution"

    def _place(self, score: float) -> int | None:
        if len(self._members) < self.population:
            return len(self._members)
        worst = int(self._scores.argmin())
        return worst if score >= self._scores[worst] else None
