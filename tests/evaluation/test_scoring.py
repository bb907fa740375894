import json
import math
import pickle

import numpy as np
import pytest
import torch
from fixed import FixedSpace
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from egraph import searchers, spaces
from egraph.architecture import Architecture
from egraph.datasets import ImageData
from egraph.errors import ArchitectureError, EvaluationError, UnknownNameError, UsageError
from egraph.evaluation import ZeroCost, rank_average
from egraph.evaluation.scoring import _batch, _patches
from egraph.evaluation.zero_cost import naswot, proxies
from egraph.spaces.base import SearchSpace
from egraph.study import Study

CONVNET = spaces.get("convnet")
CHAIN = CONVNET.parse("CONV_3.N,CONV_3.H;0>1,1>2,2>3")
OTHER = CONVNET.parse("CONV_2.N,CONV_3.N;0>1,1>2,2>3,0>2")
POOLS = CONVNET.parse("POOL_2.A;0>1,1>2")
OPTIONS = {"device": "cpu", "channels": 8, "batch_size": 16}
NAMES = list(proxies)


def make_data(classes=3, seed=0):
    rng = np.random.default_rng(seed)

    def part(count):
        return rng.random((count, 2, 6, 6), dtype=np.float32), np.arange(count) % classes

    return ImageData(part(30), part(12), part(12), name="noise")


def perceptron(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), 90), nn.ReLU(), nn.Linear(90, classes))


@pytest.mark.parametrize("name", NAMES)
def test_every_proxy_evaluates(name):
    evaluator = ZeroCost(CONVNET, name, **OPTIONS)
    result = evaluator.evaluate(CHAIN)
    assert math.isfinite(result.score)
    assert math.isnan(result.test_score)
    assert result.seconds > 0
    assert result.source == f"{name} on digits (cpu)"
    network = CONVNET.network(CHAIN, (1, 8, 8), 10, channels=8)
    assert result.params == sum(p.numel() for p in network.parameters())
    assert result.flops == ZeroCost(CONVNET, "flops", **OPTIONS).evaluate(CHAIN).score
    assert result.score == evaluator.evaluate(CHAIN).score == evaluator([CHAIN])[0]


def test_options_of_a_proxy_follow_its_name():
    plain, sized = (ZeroCost(CONVNET, name, **OPTIONS) for name in ("swap", "swap:mu=5000,sigma=1e4"))
    result = plain.evaluate(CHAIN)
    factor = math.exp(-(((result.params - 5000) / 1e4) ** 2))
    assert sized.evaluate(CHAIN).score == pytest.approx(result.score * factor)
    assert sized.describe()["proxies"] == ["swap:mu=5000,sigma=1e4"]
    assert sized.evaluate(CHAIN).source == "swap:mu=5000,sigma=1e4 on digits (cpu)"
    with pytest.raises(UsageError, match=r"'swap:size=3' has no option 'size'; known: mu, sigma"):
        ZeroCost(CONVNET, "swap:size=3", **OPTIONS)


def test_it_is_the_proxy_of_the_network_on_training_images():
    data, built = make_data(), []

    def make(shape, classes):
        assert (shape, classes) == ((2, 6, 6), 3)
        built.append(perceptron(shape, classes))
        return built[-1]

    result = ZeroCost(FixedSpace(make), "naswot", data, device="cpu", batch_size=99).evaluate(CHAIN)
    x, y = (torch.from_numpy(part) for part in data.train)
    assert result.score == pytest.approx(naswot(built[0], x, y))


def test_validation_and_test_images_are_not_looked_at():
    data = make_data()
    other = ImageData(data.train, *[(np.ones((4, 2, 6, 6), np.float32), np.zeros(4, int))] * 2)
    scores = [
        ZeroCost(FixedSpace(perceptron), "grad-norm", each, device="cpu").evaluate(CHAIN).score
        for each in (data, other)
    ]
    assert scores[0] == scores[1]


def test_a_batch_is_drawn_once_without_repetition():
    data = make_data()
    x, y = _batch(data, "cpu", 10, 3)
    assert x.shape == (10, 2, 6, 6)
    rows = [next(r for r, image in enumerate(data.train[0]) if np.array_equal(image, each)) for each in x]
    assert len(set(rows)) == 10
    assert y.tolist() == data.train[1][rows].tolist()
    assert not torch.equal(x, _batch(data, "cpu", 10, 4)[0])


def test_patches_are_cut_from_one_channel_of_images_of_that_class():
    x, y = data_train = make_data().train
    x[:] = 0.01
    x += y[:, None, None, None] / 10 + np.arange(2)[:, None, None] / 2 + np.arange(36).reshape(6, 6) / 1000
    data = ImageData(data_train, data_train, data_train)
    patches, labels = _patches(data, "cpu", 0)
    assert patches.shape == (3000, 1, 3, 3)
    steps = torch.tensor([[0, 1, 2], [6, 7, 8], [12, 13, 14]]) / 1000
    torch.testing.assert_close(patches - patches[:, :, :1, :1], steps.expand(3000, 1, 3, 3))
    corner = patches[:, 0, 0, 0]
    channel = (corner > 0.5).float()
    torch.testing.assert_close((10 * (corner - channel / 2)).floor().long(), labels)
    assert 0.4 < channel.mean() < 0.6


@pytest.mark.parametrize("target", ["classes", "regression"])
@pytest.mark.parametrize(
    ("name", "shape", "kind"), [("convnet", (2, 12), "signals"), ("dense", (9,), "features")]
)
def test_every_proxy_scores_networks_for_signals_and_features(name, shape, kind, target):
    rng = np.random.default_rng(0)
    space = spaces.get(name)
    parts = [(rng.normal(size=(30, *shape)), np.arange(30) % 3) for _ in range(3)]
    data = ImageData(*parts, kind=kind, target=target)
    graph = "CONV_3.N,CONV_3.H;0>1,1>2,2>3" if name == "convnet" else "DENSE.N,DENSE.H;0>1,1>2,2>3"
    for proxy in NAMES:
        if not (kind == "features" and proxies[proxy].patches):
            scores = ZeroCost(space, proxy, data, **OPTIONS | {"channels": 32})
            assert math.isfinite(scores.evaluate(space.parse(graph)).score), proxy


def test_data_of_another_kind_than_the_space_is_refused():
    scores = ZeroCost(spaces.get("dense"), "params", make_data(), **OPTIONS)
    with pytest.raises(UsageError, match=r"'dense' read features, not images .*; take the space 'convnet'"):
        scores.describe()


def test_patches_of_signals_are_runs_of_points_and_features_have_none():
    x = np.arange(30.0)[:, None, None] + np.arange(6) / 10 + np.zeros((30, 2, 6))
    part = x, np.arange(30) % 3
    patches, labels = _patches(ImageData(part, part, part, kind="signals"), "cpu", 0)
    assert patches.shape == (3000, 1, 3)
    torch.testing.assert_close(patches - patches[:, :, :1], torch.tensor([0, 0.1, 0.2]).expand(3000, 1, 3))
    assert torch.equal(patches[:, 0, 0].floor().long() % 3, labels)
    features = ImageData(*[(x[:, 0], part[1])] * 3)
    with pytest.raises(UsageError, match="features have no patches; take a proxy that reads whole inputs"):
        _patches(features, "cpu", 0)


def test_patches_are_scored_by_the_narrowest_network(monkeypatch):
    widths = []
    network = CONVNET.network

    def spy(architecture, input_shape, num_classes, channels=64, seed=0):
        widths.append((input_shape, channels))
        return network(architecture, input_shape, num_classes, channels=channels, seed=seed)

    monkeypatch.setattr(CONVNET, "network", spy)
    ZeroCost(CONVNET, "linear-regions", **OPTIONS).evaluate(CHAIN)
    assert widths == [((1, 8, 8), 8), ((1, 3, 3), 1), ((1, 3, 3), 2)]


def test_patches_go_through_the_usual_network_where_there_is_one_width():
    data = make_data()
    shapes = []

    def make(shape, classes):
        shapes.append(shape)
        return perceptron(shape, classes)

    result = ZeroCost(FixedSpace(make), "linear-regions", data, device="cpu").evaluate(CHAIN)
    assert shapes == [(2, 6, 6), (1, 3, 3)]
    assert 1 <= result.score <= 3000


def test_a_space_that_builds_nothing_narrow_is_an_error():
    class Wide(FixedSpace):
        def network(self, architecture, input_shape=(3, 32, 32), num_classes=10, channels=64):
            if channels < 64:
                raise UsageError(f"channels must be at least 64, got {channels}")
            return perceptron(input_shape, num_classes)

    with pytest.raises(UsageError, match="channels must be at least 64, got 8"):
        ZeroCost(Wide(None), "linear-regions", make_data(), device="cpu").evaluate(CHAIN)


@pytest.mark.parametrize("name", ["naswot", "grad-norm", "ntk"])
def test_seeds_decide_weights_and_images(name):
    def score(own, seed):
        return ZeroCost(CONVNET, name, seed=own, **OPTIONS).evaluate(CHAIN, seed=seed).score

    assert score(0, 0) == score(0, 0)
    assert len({score(0, 0), score(0, 1), score(1, 0), score(1, 1)}) == 4


def test_weights_that_a_space_draws_from_the_global_generator_follow_the_seed():
    evaluator = ZeroCost(FixedSpace(perceptron), "synflow", make_data(), device="cpu")
    torch.manual_seed(1)
    first = evaluator.evaluate(CHAIN).score
    torch.manual_seed(2)
    assert evaluator.evaluate(CHAIN).score == first
    assert evaluator.evaluate(CHAIN, seed=1).score != first


@pytest.mark.parametrize("name", NAMES)
def test_global_generators_are_untouched(name):
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    ZeroCost(CONVNET, name, **OPTIONS).evaluate(CHAIN, seed=8)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


@given(seed=st.integers(0, 2**32), name=st.sampled_from(NAMES))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_sampled_networks_have_a_finite_score_or_a_reason(seed, name):
    """Half of the samples of this space end in a head of a few neurons, which tells no 16 images apart."""
    architecture = CONVNET.sample(np.random.default_rng(seed))
    try:
        score = ZeroCost(CONVNET, name, **OPTIONS).evaluate(architecture).score
    except EvaluationError as error:
        assert any(word in str(error) for word in ("singular", "same in every pixel", "is 0"))  # noqa: PT017
    else:
        assert math.isfinite(score)


@given(seed=st.integers(0, 2**32), name=st.sampled_from(NAMES))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_sampled_networks_of_convolutions_have_a_finite_score(seed, name):
    rng = np.random.default_rng(seed)
    layers = ["CONV_2.N", "CONV_3.N", "CONV_2.H", "CONV_3.H"]
    ops = ["input", *rng.choice(layers, size=2), "output"]
    skips = [(0, 2)] if rng.random() < 0.5 else []
    architecture = Architecture(ops, [(0, 1), (1, 2), (2, 3), *skips])
    evaluator = ZeroCost(CONVNET, name, device="cpu", channels=16, batch_size=8)
    assert math.isfinite(evaluator.evaluate(architecture).score)


class TestFitness:
    def test_one_proxy_gives_its_scores_and_nan_for_who_has_none(self):
        evaluator = ZeroCost(CONVNET, "naswot", **OPTIONS)
        scores = evaluator([CHAIN, POOLS, OTHER])
        assert scores.shape == (3,)
        assert scores[0] == evaluator.evaluate(CHAIN).score
        assert np.isnan(scores).tolist() == [False, True, False]

    def test_several_proxies_give_the_rank_average(self):
        names = ("params", "grad-norm", "synflow")
        pool = [CHAIN, OTHER, POOLS]
        table = np.array(
            [[ZeroCost(CONVNET, name, **OPTIONS).evaluate(a).score for name in names] for a in pool]
        )
        evaluator = ZeroCost(CONVNET, names, **OPTIONS)
        np.testing.assert_array_equal(evaluator(pool), rank_average(table))
        assert [list(evaluator.values(a).values()) for a in pool] == table.tolist()
        assert list(evaluator.values(CHAIN)) == list(names)

    def test_who_fails_one_of_several_gets_nan(self):
        scores = ZeroCost(CONVNET, ["params", "naswot"], **OPTIONS)([CHAIN, POOLS])
        assert scores[0] == 1
        assert np.isnan(scores[1])

    def test_columns_are_the_scores_of_each_proxy(self):
        evaluator = ZeroCost(CONVNET, ["params", "naswot"], **OPTIONS)
        table = evaluator.columns([CHAIN, POOLS, OTHER])
        assert table[[0, 2]].tolist() == [list(evaluator.values(a).values()) for a in (CHAIN, OTHER)]
        assert np.isnan(table[1]).all()
        assert evaluator.columns([]).shape == (0, 2)

    def test_one_architecture_has_no_rank(self):
        with pytest.raises(UsageError, match=r"one architecture has no rank; .* name one of params, naswot"):
            ZeroCost(CONVNET, ["params", "naswot"], **OPTIONS).evaluate(CHAIN)

    def test_no_architectures_give_no_scores(self):
        assert ZeroCost(CONVNET, "params", **OPTIONS)([]).shape == (0,)

    def test_a_searcher_searches_with_it(self):
        searcher = searchers.get("regularized-evolution")(CONVNET, population=4, sample=2, seed=0)
        fitness = ZeroCost(CONVNET, "synflow", **OPTIONS)
        result = searchers.run(searcher, fitness, budget=8, batch=4)
        assert result.best_score == fitness.evaluate(result.best).score

    def test_a_study_runs_with_it(self):
        study = Study(CONVNET, ZeroCost(CONVNET, "gradient-correlation", **OPTIONS), ranker=False)
        study.run(trials=4)
        assert study.trials["state"].tolist() == ["complete"] * 4
        assert study.trials["source"].tolist() == ["gradient-correlation on digits (cpu)"] * 4


class TestFailures:
    def evaluate(self, make, name="naswot"):
        return ZeroCost(FixedSpace(make), name, make_data(), device="cpu").evaluate(CHAIN)

    def test_a_proxy_that_fails_says_why(self):
        with pytest.raises(EvaluationError, match="no layer of activations with a sign"):
            self.evaluate(lambda shape, classes: nn.Sequential(nn.Flatten(), nn.Linear(72, classes)))

    def test_a_shape_that_does_not_fit(self):
        with pytest.raises(
            EvaluationError, match=r"the network cannot be scored: .*shapes cannot be multiplied"
        ):
            self.evaluate(
                lambda shape, classes: nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(7, classes))
            )

    def test_memory_runs_out(self):
        def make(shape, classes):
            raise torch.OutOfMemoryError("CUDA out of memory.")

        with pytest.raises(EvaluationError, match=r"^out of memory; take narrower networks or a smaller"):
            self.evaluate(make)

    def test_a_foreign_architecture_is_wrong_use(self):
        foreign = Architecture(["input", "gcn", "output"], [(0, 1), (1, 2)])
        evaluator = ZeroCost(CONVNET, **OPTIONS)
        for use in (evaluator.evaluate, evaluator.values, lambda a: evaluator([a])):
            with pytest.raises(ArchitectureError, match="gcn"):
                use(foreign)


class TestConstruction:
    def test_a_space_without_networks_is_refused(self):
        class Bare(FixedSpace):
            network = SearchSpace.network

        with pytest.raises(UsageError, match="the space 'fixed' builds no networks"):
            ZeroCost(Bare(None))

    def test_an_unknown_proxy_is_refused(self):
        with pytest.raises(UnknownNameError, match=r"unknown zero-cost proxy 'nwot'.*Did you mean 'naswot'"):
            ZeroCost(CONVNET, ["params", "nwot"])

    @pytest.mark.parametrize("names", [[], ["ntk", "ntk"]])
    def test_none_or_one_twice_is_refused(self, names):
        with pytest.raises(UsageError, match="name one zero-cost proxy, or several different ones; got"):
            ZeroCost(CONVNET, names)

    def test_a_width_for_a_space_of_one_width_is_refused(self):
        with pytest.raises(UsageError, match="space 'fixed' have one width; leave channels out"):
            ZeroCost(FixedSpace(None), channels=8)

    @pytest.mark.parametrize(("option", "value"), [("batch_size", 1), ("threads", 0), ("seed", -1)])
    def test_numbers_out_of_range_are_refused(self, option, value):
        with pytest.raises(UsageError, match=rf"{option} must be a whole number of at least \d, got {value}"):
            ZeroCost(CONVNET, **{option: value})

    def test_a_device_that_does_not_exist_is_refused(self):
        with pytest.raises(UsageError, match="auto, cpu, cuda or cuda:NUMBER; got 'tpu'"):
            ZeroCost(CONVNET, device="tpu")

    def test_nothing_is_loaded_before_it_is_needed(self):
        evaluator = ZeroCost(CONVNET, ["ntk", "params"], "no such data", device="cpu")
        assert repr(evaluator) == "<ntk, params of convnet on no such data (cpu)>"
        assert repr(ZeroCost(CONVNET, data=make_data(), device="cpu")) == "<naswot of convnet on noise (cpu)>"


def test_a_pickle_evaluates_alike_and_carries_no_named_images():
    evaluator = ZeroCost(CONVNET, "jacob-cov", **OPTIONS)
    score = evaluator.evaluate(CHAIN).score
    again = pickle.loads(packed := pickle.dumps(evaluator))
    assert len(packed) < 2_000
    assert again.evaluate(CHAIN).score == score
    assert again.describe() == evaluator.describe()


def test_descriptions_tell_evaluators_apart_and_are_json():
    evaluator = ZeroCost(CONVNET, **OPTIONS)
    assert json.loads(json.dumps(evaluator.describe())) == ZeroCost(CONVNET, threads=2, **OPTIONS).describe()
    others = [
        ZeroCost(CONVNET, "ntk", **OPTIONS),
        ZeroCost(CONVNET, data=make_data(), **OPTIONS),
        *(ZeroCost(CONVNET, **{**OPTIONS, name: 9}) for name in ("seed", "batch_size", "channels")),
    ]
    assert all(other.describe() != evaluator.describe() for other in others)


def test_importing_evaluation_does_not_import_torch():
    import subprocess
    import sys

    code = "import sys, egraph.evaluation; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
