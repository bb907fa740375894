import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fixed import FixedSpace
from sklearn.metrics import r2_score
from torch import nn
from torch.utils.data import TensorDataset

from egraph import spaces
from egraph.architecture import Architecture
from egraph.datasets import ImageData
from egraph.errors import ArchitectureError, EvaluationError, UnknownNameError, UsageError
from egraph.evaluation import Recipe, Training, default_recipe
from egraph.evaluation.training import tensors
from egraph.spaces.base import SearchSpace

CONVNET = spaces.get("convnet")
CHAIN = Architecture(["input", "CONV_3.N", "CONV_2.H", "output"], [(0, 1), (1, 2), (2, 3)])
BRIEF = Recipe(epochs=2, batch_size=16, channels=4)
ONE_EPOCH = Recipe(epochs=1, batch_size=32)


def make_images(count=48, seed=0):
    """Six by six pixels; the class is the brighter half."""
    rng = np.random.default_rng(seed)

    def part(n):
        y = np.arange(n) % 2
        x = rng.random((n, 1, 6, 6), dtype=np.float32) * 0.5
        x[y == 0, :, :3] += 0.5
        x[y == 1, :, 3:] += 0.5
        return x, y

    return ImageData(part(count), part(24), part(24), name="halves")


def evaluate_network(make, recipe=ONE_EPOCH, data=None):
    return Training(FixedSpace(make), data or make_images(), recipe, device="cpu").evaluate(CHAIN)


@pytest.mark.parametrize(("name", "kind"), [("convnet", "signals"), ("dense", "features")])
def test_signals_and_features_are_learned(name, kind):
    """The class is the sign of the second half, whose scale is large."""
    rng = np.random.default_rng(0)

    def part(count):
        y = np.arange(count) % 2
        x = rng.normal(size=(count, 12)) + np.where(np.arange(12) < 6, 0, 2 * y[:, None] - 1)
        return 9 * x, y

    data = ImageData(part(96), part(48), part(48), kind=kind)
    space = spaces.get(name)
    graph = space.parse("CONV_3.N;0>1,1>2" if name == "convnet" else "DENSE.N;0>1,1>2")
    training = Training(space, data, replace(BRIEF, epochs=15), device="cpu")
    result = training.evaluate(graph)
    assert result.score > 0.85
    costs = training.costs
    assert (costs.params(graph), costs.flops(graph)) == (result.params, result.flops)
    assert default_recipe(data).augment == "none"


class TestRegression:
    @pytest.fixture
    def data(self):
        """The target is a sum of features, far from 0 and on a large scale."""
        rng = np.random.default_rng(0)
        xs = [rng.normal(size=(count, 5)) for count in (200, 60, 60)]
        return ImageData(*[(x, 7000 + 300 * (x[:, 0] - 2 * x[:, 1])) for x in xs], target="regression")

    @pytest.fixture
    def training(self, data):
        recipe = Recipe(epochs=25, batch_size=32, channels=32, learning_rate=1e-2)
        return Training(spaces.get("dense"), data, recipe, device="cpu")

    @pytest.fixture
    def graph(self):
        return spaces.get("dense").parse("DENSE.N;0>1,1>2")

    def test_the_score_is_r2_and_the_network_predicts_in_units_of_the_target(self, training, graph, data):
        evaluation, network = training.train(graph)
        assert 0.8 < evaluation.score < 1
        for (x, y), score in ((data.validation, evaluation.score), (data.test, evaluation.test_score)):
            predicted = network(torch.from_numpy(x)).detach().numpy()
            assert predicted.shape == (60, 1)
            assert r2_score(y, predicted[:, 0].astype(float)) == pytest.approx(score, abs=1e-5)
        assert evaluation.params == (5 * 32 + 32) + 2 * 32 + (32 + 1)
        assert training.evaluate(graph).score == evaluation.score

    def test_the_scale_of_the_target_does_not_matter(self, training, graph, data):
        parts = [(x, (y - 7000) / 1e6) for x, y in (data.train, data.validation, data.test)]
        other = Training(
            training.space, ImageData(*parts, target="regression"), training.recipe, device="cpu"
        )
        assert other.evaluate(graph).score == pytest.approx(training.evaluate(graph).score, abs=1e-3)

    def test_it_is_part_of_the_description(self, training):
        assert training.describe()["target"] == "regression"
        assert "target" not in Training(CONVNET, make_images(), BRIEF).describe()

    def test_labels_cannot_be_smoothed(self, data):
        with pytest.raises(UsageError, match="label_smoothing is for classes, but 'custom' is a regression"):
            _ = Training(spaces.get("dense"), data, Recipe(label_smoothing=0.1)).recipe

    def test_mixed_examples_have_mixed_targets(self, training, graph, data):
        mixed = Training(training.space, data, replace(training.recipe, mixup=0.2), device="cpu")
        assert mixed.evaluate(graph).score > 0.6


def test_data_sets_of_pytorch_are_taken_as_they_are():
    data = make_images()
    parts = tuple(
        (torch.from_numpy(x), torch.from_numpy(y)) for x, y in (data.train, data.validation, data.test)
    )
    sets = tuple(TensorDataset(*part) for part in parts)
    assert Training(CONVNET, sets, BRIEF).images.digest == Training(CONVNET, parts, BRIEF).images.digest
    assert Training(CONVNET, sets, BRIEF).images.digest == data.digest


def test_evaluation_reports_scores_cost_and_size():
    result = Training(CONVNET, make_images(), replace(BRIEF, epochs=15), device="cpu").evaluate(CHAIN)
    # conv 3x3 1->4 + norm, conv 2x2 4->2 + norm, head of 2 x 3 x 3 = 18 features: 18->4->2->2
    assert result.params == (9 * 4 + 4 + 8) + (4 * 4 * 2 + 2 + 4) + (18 * 4 + 4) + (4 * 2 + 2) + (2 * 2 + 2)
    assert result.flops == 16 * 9 * 4 + 9 * 16 * 2 + 18 * 4 + 4 * 2 + 2 * 2
    assert result.source == "trained on halves (cpu)"
    assert result.seconds > 0
    assert result.score * 24 == pytest.approx(round(result.score * 24))


def test_a_training_gives_its_network_and_tells_of_its_epochs():
    data, told = make_images(), []
    training = Training(CONVNET, data, BRIEF, device="cpu")
    result, network = training.train(CHAIN, seed=3, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
    assert not network.training
    x, y = (torch.from_numpy(each) for each in data.test)
    assert (network(x).argmax(1) == y).double().mean().item() == pytest.approx(result.test_score)
    assert replace(result, seconds=0.0) == replace(training.evaluate(CHAIN, seed=3), seconds=0.0)


def test_it_learns_what_can_be_learnt():
    wide = Recipe(epochs=20, batch_size=16, channels=16)
    result = Training(CONVNET, make_images(200), wide, device="cpu").evaluate(CHAIN)
    assert min(result.score, result.test_score) > 0.9


def test_the_same_seed_gives_the_same_scores_and_another_seed_other_weights():
    x, _ = (data := make_images()).validation
    outputs = []

    def make(input_shape, num_classes):
        network = nn.Sequential(nn.Flatten(), nn.Linear(36, num_classes), nn.Dropout(0.5))
        outputs.append(network)
        return network

    training = Training(FixedSpace(make), data, Recipe(epochs=2, augment="shift"), device="cpu")
    scores = [training.evaluate(CHAIN, seed=seed) for seed in (1, 1, 2)]
    first, again, other = (network(torch.from_numpy(x)) for network in outputs)
    assert scores[0].score == scores[1].score
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_first_weights_of_a_space_with_a_seed_follow_the_seed():
    training = Training(CONVNET, make_images(), replace(BRIEF, learning_rate=1e-12), device="cpu")
    built = [training._build(CHAIN, seed, 4).state_dict()["layers.0.0.weight"] for seed in (0, 0, 1)]
    assert torch.equal(built[0], built[1])
    assert not torch.equal(built[0], built[2])


def test_what_the_genes_set_takes_the_place_of_the_recipe():
    """A rate of next to nothing, which the architecture sets, leaves the first weights as they were."""
    kept = []

    class Frozen(FixedSpace):
        def settings(self, architecture):
            return {"optimizer": "sgd", "learning_rate": 1e-30}

    def make(input_shape, num_classes):
        kept.append(nn.Sequential(nn.Flatten(), nn.Linear(36, num_classes)))
        return kept[-1]

    for space in (Frozen(make), FixedSpace(make)):
        for recipe in (ONE_EPOCH, replace(ONE_EPOCH, epochs=3)):
            Training(space, make_images(), recipe, device="cpu").evaluate(CHAIN)
    short, long, *others = (network[1].weight for network in kept)
    assert torch.equal(short, long)
    assert not torch.equal(*others)


def test_test_images_influence_nothing():
    """Other test images: the same validation score to the bit, and the same weights."""
    data, kept = make_images(), []
    rng = np.random.default_rng(9)
    other = ImageData(
        data.train, data.validation, (rng.random((8, 1, 6, 6), dtype=np.float32), np.arange(8) % 2)
    )

    def make(input_shape, num_classes):
        kept.append(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(64, 2)))
        return kept[-1]

    results = [evaluate_network(make, Recipe(epochs=3), each) for each in (data, other)]
    assert results[0].score == results[1].score
    for a, b in zip(kept[0].state_dict().values(), kept[1].state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_validation_images_do_not_train():
    data, kept = make_images(), []
    other = ImageData(data.train, data.test, data.test)

    def make(input_shape, num_classes):
        kept.append(nn.Sequential(nn.Flatten(), nn.Linear(36, 2)))
        return kept[-1]

    for each in (data, other):
        evaluate_network(make, Recipe(epochs=3), each)
    assert torch.equal(kept[0][1].weight, kept[1][1].weight)


def test_global_generators_are_untouched():
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    Training(CONVNET, make_images(), BRIEF, device="cpu").evaluate(CHAIN, seed=8)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


def test_the_number_of_threads_is_put_back():
    seen = []

    def make(input_shape, num_classes):
        seen.append(torch.get_num_threads())
        return nn.Sequential(nn.Flatten(), nn.Linear(36, num_classes))

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        evaluate_network(make)
        assert (seen, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(before)


class TestFailures:
    def test_a_shape_that_does_not_fit(self):
        with pytest.raises(
            EvaluationError, match=r"cannot be trained: .*shapes cannot be multiplied \(32x36 and 35x2\)"
        ):
            evaluate_network(lambda shape, classes: nn.Sequential(nn.Flatten(), nn.Linear(35, classes)))

    def test_an_image_smaller_than_the_kernel(self):
        with pytest.raises(EvaluationError, match=r"cannot be trained: .*[Kk]ernel size"):
            evaluate_network(lambda shape, classes: nn.Sequential(nn.Conv2d(1, 2, 9), nn.Flatten()))

    def test_a_loss_that_is_nan(self):
        class Broken(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = nn.Linear(36, 2)

            def forward(self, x):
                return self.inner(x.flatten(1)) * float("nan")

        with pytest.raises(EvaluationError, match="the loss became nan in epoch 1 of 1"):
            evaluate_network(lambda shape, classes: Broken())

    @pytest.mark.parametrize(
        "error",
        [
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMore."),
            MemoryError(),
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 9 bytes."),
        ],
        ids=["gpu", "python", "cpu"],
    )
    def test_memory_runs_out(self, error):
        def make(input_shape, num_classes):
            raise error

        with pytest.raises(
            EvaluationError, match=r"^out of memory; train narrower networks or in smaller batches$"
        ):
            evaluate_network(make)

    def test_the_time_is_over(self):
        """At a fidelity too, and where checkpoints are kept."""
        whole = Training(CONVNET, make_images(), replace(BRIEF, epochs=10**6), device="cpu")
        for training in (whole, whole.at("0.5").evaluator, whole.keeping(Path("absent"))):
            with pytest.raises(
                EvaluationError, match=r"^not finished after 0\.2 s, \d+ of \d+ steps are done;"
            ):
                training.within(0.2).evaluate(CHAIN)

    def test_what_all_trainings_share_is_loaded_before(self):
        data = make_images(seed=5)
        training = Training(CONVNET, data, BRIEF, device="cpu").within(60)
        before = tensors.cache_info().misses
        training.prepare()
        loaded = tensors.cache_info().misses
        assert loaded == before + 1
        training.evaluate(CHAIN)
        assert tensors.cache_info().misses == loaded

    def test_memory_really_runs_out(self):
        def make(input_shape, num_classes):
            return nn.Linear(10**9, 10**9)

        with pytest.raises(EvaluationError, match=r"^out of memory"):
            evaluate_network(make)

    def test_a_network_that_is_too_large(self):
        data = ImageData(*[(np.zeros((4, 1, 90, 90), np.float32), np.arange(4) % 2)] * 3)
        training = Training(CONVNET, data, Recipe(channels=64), device="cpu")
        with pytest.raises(EvaluationError, match=r"the network would have [\d,]+ parameters"):
            training.evaluate(CHAIN)

    def test_reasons_are_one_line(self):
        def make(input_shape, num_classes):
            raise RuntimeError("first\nsecond")

        with pytest.raises(EvaluationError, match=r"^the network cannot be trained: first$"):
            evaluate_network(make)

    def test_a_foreign_architecture_is_wrong_use(self):
        foreign = Architecture(["input", "gcn", "output"], [(0, 1), (1, 2)])
        with pytest.raises(ArchitectureError, match="gcn"):
            Training(CONVNET, make_images(), BRIEF, device="cpu").evaluate(foreign)


class TestConstruction:
    def test_a_space_without_networks_is_refused(self):
        class Bare(FixedSpace):
            network = SearchSpace.network

        with pytest.raises(UsageError, match="the space 'fixed' builds no networks; use one that does"):
            Training(Bare(None), "digits", device="cpu")

    def test_a_width_for_a_space_of_one_width_is_refused(self):
        with pytest.raises(UsageError, match="space 'fixed' have one width; leave channels out"):
            Training(FixedSpace(None), "digits", Recipe(channels=8), device="cpu")

    def test_the_default_recipe_asks_no_width_of_such_a_space(self):
        assert Training(FixedSpace(None), make_images(), device="cpu").recipe == replace(
            default_recipe(make_images()), channels=None
        )

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
    @pytest.mark.parametrize("device", ["cuda", "cuda:1"])
    def test_a_gpu_that_is_not_there_is_refused(self, device):
        with pytest.raises(
            UsageError, match=rf"device '{device}' was asked for, but PyTorch sees no CUDA GPU"
        ):
            Training(CONVNET, device=device)

    @pytest.mark.parametrize("device", ["tpu", "cuda:x", "cpu:0", ""])
    def test_a_device_that_does_not_exist_is_refused(self, device):
        with pytest.raises(UsageError, match=f"auto, cpu, cuda or cuda:NUMBER; got '{device}'"):
            Training(CONVNET, device=device)

    def test_auto_takes_what_there_is(self):
        assert Training(CONVNET).device == ("cuda" if torch.cuda.is_available() else "cpu")

    @pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there are not two GPUs")
    def test_each_worker_trains_on_a_gpu_of_its_own(self, monkeypatch):
        for worker in range(2):
            monkeypatch.setenv("EGRAPH_WORKER", str(worker))
            assert Training(CONVNET, make_images(), BRIEF).evaluate(CHAIN).source.endswith(f"(cuda:{worker})")

    def test_a_space_may_be_named(self):
        assert Training("convnet", make_images()).space is CONVNET
        with pytest.raises(UnknownNameError, match=r"unknown search space 'convent'.*mean 'convnet'"):
            Training("convent")

    def test_threads_below_one_are_refused(self):
        with pytest.raises(UsageError, match="threads must be a whole number of at least 1, got 0"):
            Training(CONVNET, threads=0)

    def test_nothing_is_loaded_before_it_is_needed(self):
        assert (
            repr(Training(CONVNET, "no such data", device="cpu"))
            == "<training of convnet on no such data (cpu)>"
        )


def test_a_pickle_of_named_data_carries_no_images():
    training = Training(CONVNET, "digits", device="cpu")
    assert training.recipe.epochs
    again = pickle.loads(packed := pickle.dumps(training))
    assert len(packed) < 2_000
    assert again.describe() == training.describe()
    assert again.images is training.images


def test_a_pickle_of_given_images_evaluates_alike():
    training = Training(CONVNET, make_images(), BRIEF, device="cpu")
    again = pickle.loads(pickle.dumps(training))
    assert again.evaluate(CHAIN).score == training.evaluate(CHAIN).score
    assert again.describe() == training.describe()


def test_descriptions_tell_trainings_apart_and_are_json():
    training = Training(CONVNET, make_images(), BRIEF, device="cpu")
    same = Training(CONVNET, make_images(), BRIEF, device="cpu", threads=2)
    assert json.loads(json.dumps(training.describe())) == same.describe()
    others = [
        Training(CONVNET, make_images(), replace(BRIEF, epochs=3), device="cpu"),
        Training(CONVNET, make_images(seed=1), BRIEF, device="cpu"),
    ]
    assert all(other.describe() != training.describe() for other in others)


def test_called_with_many_it_is_a_fitness():
    training = Training(CONVNET, make_images(), BRIEF, device="cpu")
    scores = training([CHAIN, CHAIN])
    assert scores.shape == (2,)
    assert scores[0] == scores[1] == training.evaluate(CHAIN).score


def test_digits_by_the_default_recipe():
    """The default of the command line does learn: four convolutions read most digits."""
    chain = Architecture(
        ["input", "CONV_3.N", "CONV_3.N", "CONV_2.N", "output"], [(0, 1), (1, 2), (2, 3), (3, 4)]
    )
    result = Training(CONVNET, device="cpu").evaluate(chain)
    assert min(result.score, result.test_score) > 0.9


def test_cells_of_the_recipe_are_those_of_the_network():
    space = spaces.get("nasbench201")
    architecture = space.sample(np.random.default_rng(0))
    training = Training(space, make_images(), replace(BRIEF, epochs=1, cells=2), device="cpu")
    network = space.network(architecture, (1, 6, 6), 2, channels=4, cells=2)
    expected = sum(weights.numel() for weights in network.parameters())
    assert training.evaluate(architecture).params == expected
    assert training.costs.params(architecture) == expected


def test_cells_where_the_space_has_none_are_refused():
    with pytest.raises(UsageError, match="the networks of space 'convnet' are no stacks of cells; leave cel"):
        Training(CONVNET, make_images(), replace(BRIEF, cells=2))
