"""What holds of every proxy."""

import math

import pytest
import torch
from torch import nn

from egraph.errors import EvaluationError, UnknownNameError, UsageError
from egraph.evaluation.zero_cost import Proxy, proxies, register

NAMES = list(proxies)


@pytest.mark.parametrize("name", NAMES)
def test_the_score_is_a_finite_number(name, make_network, batch):
    score = proxies[name].score(make_network(), *batch)
    assert isinstance(score, float)
    assert math.isfinite(score)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_the_network_stays_as_it_was(name, training, make_network, batch):
    network = make_network().train(training)
    network.stem.eval()
    network.head[-1].bias.requires_grad_(False)
    modes = [module.training for module in network.modules()]
    before = {key: value.clone() for key, value in network.state_dict().items()}
    proxies[name].score(network, *batch)
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert [not p.requires_grad for p in network.parameters()].count(True) == 1
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


@pytest.mark.parametrize("name", NAMES)
def test_images_and_labels_stay_as_they_were(name, make_network, batch):
    images, labels = batch
    before = images.clone(), labels.clone()
    proxies[name].score(make_network(), images, labels)
    assert torch.equal(images, before[0])
    assert torch.equal(labels, before[1])
    assert not images.requires_grad


@pytest.mark.parametrize("name", NAMES)
def test_the_mode_does_not_matter_and_no_random_number_is_drawn(name, make_network, batch):
    scores = []
    for seed, training in ((1, True), (2, False)):
        torch.manual_seed(seed)
        state = torch.get_rng_state()
        scores.append(proxies[name].score(make_network().train(training), *batch))
        assert torch.equal(torch.get_rng_state(), state)
    assert scores[0] == scores[1]


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_batch_does_not_matter(name, make_network, batch):
    images, labels = batch
    order = torch.tensor([3, 0, 7, 5, 1, 6, 2, 4])
    score = proxies[name].score(make_network(), images, labels)
    assert proxies[name].score(make_network(), images[order], labels[order]) == pytest.approx(score, rel=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_activations_in_place_change_nothing(name, make_network, batch):
    """On a network whose activations do not overwrite what another branch reads."""

    def make(inplace):
        torch.manual_seed(0)
        layers = (nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.ReLU(inplace), nn.Flatten(), nn.Linear(96, 3))
        return nn.Sequential(*layers)

    with torch.random.fork_rng(devices=[]):
        plain, overwriting = make(False), make(True)
    assert proxies[name].score(overwriting, *batch) == proxies[name].score(plain, *batch)


@pytest.mark.parametrize("name", ["naswot", "linear-regions", "ntk", "gradient-correlation", "grad-norm"])
def test_weights_that_are_nan_are_refused(name, make_network, batch):
    network = make_network()
    nn.init.constant_(network.head[-1].weight, math.nan)
    with pytest.raises(EvaluationError, match=r"nan|NaN"):
        proxies[name].score(network, *batch)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("name", NAMES)
def test_a_gpu_gives_the_score_of_the_cpu(name, make_network, batch):
    images, labels = batch
    score = proxies[name].score(make_network(), images, labels)
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        on_gpu = proxies[name].score(make_network().cuda(), images.cuda(), labels.cuda())
    assert on_gpu == pytest.approx(score, rel=1e-3)


def test_an_unknown_proxy_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"unknown zero-cost proxy 'nasw0t'.*Did you mean 'naswot'"):
        proxies["nasw0t"]


def test_a_taken_name_is_refused():
    with pytest.raises(UsageError, match="a zero-cost proxy named 'naswot' is registered already"):
        register("naswot", lambda network, images, labels: 0.0)


def test_whole_images_are_what_a_proxy_gets_unless_it_asks_for_patches():
    assert Proxy(lambda network, images, labels: 0.0).patches is False
    assert [name for name in NAMES if proxies[name].patches] == ["linear-regions"]


def test_every_proxy_stands_in_the_concept_page():
    import egraph.evaluation.zero_cost as page

    assert all(f"| ``{name}`` |" in page.__doc__ for name in NAMES)
