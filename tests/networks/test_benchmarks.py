"""What the networks of all benchmarks must do alike."""

import copy
import json
import pickle

import numpy as np
import pytest
import torch
from torch.nn import functional

from egraph import Architecture
from egraph.errors import ArchitectureError, EvaluationError, UsageError
from egraph.evaluation import Recipe, Training
from egraph.networks import (
    build_darts,
    build_mnasnet,
    build_nasbench101,
    build_nasbench201,
    build_nasbench_macro,
    count_params,
)
from egraph.spaces import get

NARROW = {"nasbench101": 6, "nasbench201": 3, "nasbench_macro": 2, "darts": 2, "mnasnet": 2}
BUILDERS = {
    "nasbench101": build_nasbench101,
    "nasbench201": build_nasbench201,
    "nasbench_macro": build_nasbench_macro,
    "darts": build_darts,
    "mnasnet": build_mnasnet,
}
ONE = {
    "nasbench101": "0100/0010/0001/0000 conv3x3-bn-relu,maxpool3x3",
    "nasbench201": "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|nor_conv_1x1~1|none~2|",
    "nasbench_macro": "10201020",
    "mnasnet": "k3e4l1s1-k5e1l2s1-k3e6l1s0-k3e4l1s0-k5e1l1s0-k3e6l1s1-k3e1l1s0",
    "darts": json.dumps(
        dict.fromkeys(
            ["normal", "reduce"],
            [["sep_conv_3x3", 0], ["dil_conv_3x3", 1]] * 3 + [["skip_connect", 0], ["max_pool_3x3", 1]],
        )
    ),
}

pytestmark = pytest.mark.parametrize("name", BUILDERS)


def narrow(name, architecture=None, input_shape=(3, 8, 8), num_classes=10, **options):
    space = get(name)
    architecture = architecture or space.parse(ONE[name])
    return space.network(architecture, input_shape, num_classes, **{"channels": NARROW[name], **options})


def random_architectures(name, count, seed=0):
    rng = np.random.default_rng(seed)
    return [get(name).sample(rng) for _ in range(count)]


def draw_images(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("input_shape", [(3, 32, 32), (1, 8, 8), (1, 28, 28), (2, 7, 5), (1, 1, 1)])
def test_images_of_any_size_become_logits(name, input_shape):
    images = draw_images(2, *input_shape)
    for architecture in random_architectures(name, 8):
        network = narrow(name, architecture, input_shape, 7).eval()
        with torch.no_grad():
            assert network(images).shape == (2, 7)


def test_gradients_reach_every_parameter(name):
    images, labels = draw_images(16, 3, 8, 8), torch.arange(16) % 10
    for architecture in random_architectures(name, 25, seed=1):
        network = narrow(name, architecture)
        functional.cross_entropy(network(images), labels).backward()
        assert all(parameter.grad is not None for parameter in network.parameters())


def test_gradients_are_not_zero(name):
    """In nets of convolutions; a bias before a ReLU that never fires may have none."""
    network = narrow(name, channels=8)
    functional.cross_entropy(network(draw_images(32, 3, 8, 8)), torch.arange(32) % 10).backward()
    weights = [parameter for parameter in network.parameters() if parameter.dim() > 1]
    assert all(weight.grad.abs().sum() > 0 for weight in weights)


def test_it_can_memorise_a_small_batch(name):
    network = narrow(name, channels=8, num_classes=4)
    images, labels = draw_images(12, 3, 8, 8), torch.arange(12) % 4
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(40):
        optimizer.zero_grad()
        functional.cross_entropy(network(images), labels).backward()
        optimizer.step()
    assert (network(images).argmax(1) == labels).all()


def test_same_seed_same_weights_and_other_seed_other_weights(name):
    first, again, other = (narrow(name, seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[part], again[part]) for part in first)
    stem = next(iter(first))
    assert not torch.equal(first[stem], other[stem])


def test_the_global_generator_is_not_moved(name):
    before = torch.get_rng_state()
    narrow(name)
    assert torch.equal(torch.get_rng_state(), before)


def test_copies_and_pickles(name):
    network, images = narrow(name).eval(), draw_images(2, 3, 8, 8)
    for twin in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert torch.equal(twin(images), network(images))


def test_refuses_an_absurd_size_before_taking_memory(name):
    """A million channels would take terabytes."""
    with pytest.raises(
        EvaluationError, match=r"would have [\d,]{14,} parameters, .* built; use fewer channels than 1000000"
    ):
        narrow(name, channels=1_000_000)


def test_builds_what_has_just_the_allowed_size(name):
    architecture = get(name).parse(ONE[name])
    params = count_params(narrow(name))
    build, given = BUILDERS[name], (architecture, (3, 8, 8), 10, NARROW[name])
    assert build(*given, max_params=params)
    with pytest.raises(EvaluationError, match=f"at most {params - 1:,} are built"):
        build(*given, max_params=params - 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (3, 0, 8)}, r"\(channels, height, width\), each at least 1, got \(3, 0, 8\)"),
        ({"num_classes": 0}, "num_classes must be at least 1, got 0"),
        ({"channels": 0}, "channels must be at least [15].* got 0"),
    ],
)
def test_refuses_arguments_out_of_range(name, arguments, message):
    with pytest.raises(UsageError, match=message):
        narrow(name, **arguments)


def test_refuses_an_architecture_of_another_space(name):
    other = get("convnet").parse("CONV_3.N;0>1,1>2")
    with pytest.raises(ArchitectureError, match=f"unknown operation 'CONV_3.N' of vertex 1; {name} has"):
        narrow(name, other)


def test_builder_refuses_an_operation_without_a_layer(name):
    chain = Architecture(("input", "POOL_2.M", "output"), [(0, 1), (1, 2)])
    with pytest.raises(
        ArchitectureError,
        match=rf"a {name} network has no layer for 'POOL_2.M'( \(max-pool of kernel 2 and stride 2\))?; it ",
    ):
        BUILDERS[name](chain, (3, 8, 8), 10)


def test_a_narrow_one_is_trained_on_digits(name):
    """Grey images of eight pixels a side, halved up to three times."""
    recipe = Recipe(epochs=1, batch_size=256, channels=6)
    result = Training(get(name), "digits", recipe, device="cpu").evaluate(get(name).parse(ONE[name]))
    assert result.params == count_params(narrow(name, input_shape=(1, 8, 8), channels=6))
    assert 0 <= result.score <= 1
