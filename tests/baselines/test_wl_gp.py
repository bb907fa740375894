import numpy as np
import pytest

from egraph.baselines.wl_gp import WLGP
from egraph.errors import UsageError
from egraph.ranker.labels import rank_gauss


def test_predictions_are_the_posterior_mean(toy_data, slow_kernel):
    graphs, scores = toy_data
    model = WLGP(rounds=3).fit(graphs[:30], scores[:30])
    targets = rank_gauss(scores[:30])
    kernel = slow_kernel(graphs[:30], graphs[:30], model.rounds_)
    across = slow_kernel(graphs[30:40], graphs[:30], model.rounds_)
    solved = np.linalg.solve(kernel + model.noise_ * np.eye(30), targets - targets.mean())
    expected = model.scale_.to_scores(targets.mean() + across @ solved)
    np.testing.assert_allclose(model.predict(graphs[30:40]), expected, atol=1e-9)


def test_negative_rounds_are_refused(toy_data):
    with pytest.raises(UsageError, match="rounds must be at least 0, got -1"):
        WLGP(rounds=-1).fit(toy_data[0][:5], toy_data[1][:5])
