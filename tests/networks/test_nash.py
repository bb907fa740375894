"""The networks of NASH and the morphisms between them."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from egraph import Architecture
from egraph.errors import ArchitectureError
from egraph.networks import build_nash, count_params, inherit
from egraph.networks._morphisms import _moments
from egraph.spaces import get

SPACE = get("nash")
SMALLEST = "CONV_3.W1,POOL_2,CONV_3.W1,POOL_2,CONV_3.W1"
SKIPPED = "CONV_3.W1,CONV_5.W2,POOL_2,CONV_3.W1,POOL_2,CONV_3.W4;0>2,5>7"


def network(text, channels=2, input_shape=(2, 7, 6), num_classes=3, **options):
    architecture = SPACE.parse(text) if isinstance(text, str) else text
    return SPACE.network(architecture, input_shape, num_classes, channels=channels, **options)


def trained(text, seed=0, **options):
    """As if it had been trained: no parameter and no statistic is what it was."""
    built = network(text, **options)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in [*built.named_parameters(), *built.named_buffers()]:
            if name.endswith("running_var"):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.2)
            elif tensor.is_floating_point():
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.4)
    return built


def images(count=4, shape=(2, 7, 6)):
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(1))


def distance(a, b, dtype=torch.float32):
    """The largest difference of their outputs, over the largest output."""
    with torch.no_grad():
        outputs = [copy.deepcopy(each).to(dtype).eval()(images().to(dtype)) for each in (a, b)]
    return ((outputs[0] - outputs[1]).abs().max() / outputs[0].abs().max()).item()


def walk(architecture, seed, steps):
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        architecture = SPACE.mutate(architecture, rng)
    return architecture


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(0, 6))
def test_mutants_begin_with_the_function_of_their_parent(seed, steps):
    parent = SPACE.sample(np.random.default_rng(seed))
    old = trained(parent, seed=seed % 2**32)
    new = network(walk(parent, seed, steps), seed=1)
    assert inherit(new, old)
    assert distance(old, new) < 1e-5
    assert distance(old, new, torch.float64) < 1e-6  # what was rounded to float32 when it was inherited


@pytest.mark.parametrize("text", [SMALLEST, SKIPPED])
def test_every_single_morphism_preserves_the_function(text):
    old = trained(text)
    for child in SPACE.neighbors(SPACE.parse(text)):
        new = network(child)
        assert inherit(new, old)
        assert distance(old, new) < 1e-5


def test_in_double_precision_the_function_is_the_same_to_the_last_digits():
    old = trained(SKIPPED).double()
    new = network(walk(SPACE.parse(SKIPPED), 5, 9)).double()
    assert inherit(new, old)
    assert distance(old, new, torch.float64) < 1e-12


def test_what_is_new_is_not_trivial():
    """Every weight of the child has a gradient after a few steps, and the parent is left as it was."""
    old = trained(SMALLEST)
    before = copy.deepcopy(old.state_dict())
    new = network(walk(SPACE.parse(SMALLEST), 3, 8))
    assert inherit(new, old)
    optimizer = torch.optim.SGD(new.parameters(), 0.05)
    for _ in range(2):
        optimizer.zero_grad()
        functional.cross_entropy(new(images(16)), torch.arange(16) % 3).backward()
        optimizer.step()
    weights = [parameter.grad for parameter in new.parameters() if parameter.dim() > 1]
    assert all(gradient.abs().sum() > 0 for gradient in weights)
    assert all(torch.equal(before[name], tensor) for name, tensor in old.state_dict().items())


def test_deeper_inserts_the_identity():
    old, new = trained(SMALLEST), network("CONV_3.W1,CONV_5.W1,POOL_2,CONV_3.W1,POOL_2,CONV_3.W1")
    assert inherit(new, old)
    convolution = new.layers[2][0]
    signal = images(1, (2, 7, 6))
    assert torch.allclose(convolution(signal), signal)


def test_wider_keeps_new_weights_and_lets_nobody_read_them():
    old, new = trained(SMALLEST), network(SMALLEST.replace("W1", "W2", 1))
    fresh = copy.deepcopy(new.state_dict())
    assert inherit(new, old)
    assert torch.equal(new.layers[1][0].weight[2:], fresh["layers.1.0.weight"][2:])
    assert torch.equal(new.layers[1][0].weight[:2], old.layers[1][0].weight)
    assert new.layers[3][0].weight[:, 2:].eq(0).all()
    assert torch.equal(new.layers[3][0].weight[:, :2], old.layers[3][0].weight)


def test_skips_begin_at_zero_wherever_their_channels_stand():
    """The images come first among what the second convolution reads; the class weights behind the pool."""
    text = SMALLEST.replace("CONV_3.W1", "CONV_3.W1,CONV_3.W1", 1)
    old, new = trained(text), network(f"{text};0>2,5>7")
    assert inherit(new, old)
    assert new.layers[2][0].weight[:, :2].eq(0).all()
    assert torch.equal(new.layers[2][0].weight[:, 2:], old.layers[2][0].weight)
    assert new.layers[7][-1].weight[:, :2].eq(0).all()
    assert torch.equal(new.layers[7][-1].weight[:, 2:], old.layers[7][-1].weight)


def test_a_network_inherits_all_of_its_twin():
    old, new = trained(SKIPPED), network(SKIPPED, seed=4)
    assert inherit(new, old)
    new_state = new.state_dict()
    assert all(torch.equal(new_state[name], t) for name, t in old.state_dict().items() if t.dim())


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        (SMALLEST.replace("W1", "W2", 1), SMALLEST),  # narrower
        (SKIPPED, SKIPPED.partition(";")[0]),  # a skip less
        (SKIPPED, SMALLEST),  # a layer less
        (SMALLEST, SMALLEST.replace("CONV_3", "CONV_5", 1)),  # another kernel
        # deeper, but the skip to the output is lacking
        (f"{SMALLEST};4>6", "CONV_3.W1,POOL_2,CONV_3.W1,POOL_2,CONV_3.W1,CONV_3.W1"),
        # too narrow to carry what it shall
        (SMALLEST.replace("W1", "W2"), "CONV_3.W2,CONV_3.W1,POOL_2,CONV_3.W2,POOL_2,CONV_3.W2"),
    ],
)
def test_where_no_morphism_leads_nothing_changes(parent, child):
    old, new = trained(parent), network(child)
    before = copy.deepcopy(new.state_dict())
    assert not inherit(new, old)
    assert all(torch.equal(before[name], tensor) for name, tensor in new.state_dict().items())


def test_other_images_or_classes_are_no_heritage():
    old = trained(SMALLEST)
    assert not inherit(network(SMALLEST, num_classes=4), old)
    assert not inherit(network(SMALLEST, input_shape=(1, 7, 6)), old)
    assert inherit(network(SMALLEST, channels=4), old)


def test_nothing_is_inserted_before_the_first_rectifier():
    """ReLU would cut what an image, or a pool of it, has below zero."""
    pooled = Architecture(["input", "POOL_2", "CONV_5.W1", "output"], [(0, 1), (1, 2), (2, 3)])
    deeper = Architecture(
        ["input", "POOL_2", "CONV_3.W1", "CONV_5.W1", "output"], [(0, 1), (1, 2), (2, 3), (3, 4)]
    )
    old, new = (build_nash(each, (2, 7, 6), 3, 2) for each in (pooled, deeper))
    assert not inherit(new, old)


def test_moments_are_those_of_a_rectified_normal_distribution():
    old = trained(SMALLEST)
    norm = old.layers[1][1]
    draws = torch.randn(400_000, 2, generator=torch.Generator().manual_seed(0))
    rectified = (draws * norm.weight + norm.bias).relu().detach()
    mean, variance = _moments(old, 2)  # a pool; its own effect is left out
    assert torch.allclose(mean, rectified.mean(0), atol=3e-3)
    assert torch.allclose(variance, rectified.var(0), atol=3e-3)


def test_in_training_mode_an_inserted_layer_changes_little():
    old = network(SMALLEST, channels=8, seed=2)
    new = network("CONV_3.W1,CONV_3.W1,POOL_2,CONV_3.W1,POOL_2,CONV_3.W1", channels=8)
    assert inherit(new, old)
    with torch.no_grad():
        rectified = old.layers[1](images(32))
        passed_on = new.layers[2](rectified)
    assert (passed_on - rectified).abs().mean() < 0.1 * rectified.std()


def test_parameters_are_those_counted_by_hand():
    # stem 2 -> 2 and 4 (reads 2 + 2), then 4 -> 2, then 2 -> 8; norms of 2 a channel; head reads 8 + 2
    expected = 9 * 2 * 2 + 25 * (2 + 2) * 4 + 9 * 4 * 2 + 9 * 2 * 8 + 2 * (2 + 4 + 2 + 8) + (8 + 2) * 3 + 3
    assert count_params(network(SKIPPED)) == expected


@pytest.mark.parametrize("input_shape", [(3, 32, 32), (1, 28, 28), (2, 7, 5), (1, 1, 1)])
def test_images_of_any_size_become_logits(input_shape):
    built = network(SKIPPED, input_shape=input_shape, num_classes=7).eval()
    with torch.no_grad():
        assert built(images(2, input_shape)).shape == (2, 7)
    assert isinstance(built.layers[0], nn.Identity)


def test_first_weights_follow_the_seed_and_nothing_global_moves():
    before = torch.get_rng_state()
    first, again, other = (network(SMALLEST, seed=seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["layers.1.0.weight"], other["layers.1.0.weight"])


@pytest.mark.parametrize(
    ("architecture", "text"),
    [
        (Architecture(["input", "CONV_3.W1", "output"], [(0, 1), (0, 2)]), "is a chain in the order"),
        (
            Architecture(["input", "CONV_3.W1", "POOL_2", "output"], [(0, 1), (1, 2), (2, 3), (0, 2)]),
            "skips that do not end at a pool",
        ),
        (Architecture(["input", "CONV_2.N", "output"], [(0, 1), (1, 2)]), "nash network has no layer for"),
    ],
)
def test_what_is_no_chain_with_skips_is_refused(architecture, text):
    with pytest.raises(ArchitectureError, match=text):
        build_nash(architecture, (1, 8, 8), 2)
