"""Switches that combine with any method: partial channels, early stop, noise, a penalty of costs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from stripes import OneEdge, draw_stripes
from torch import nn

import egraph
from egraph.errors import UsageError
from egraph.spaces.relaxation import Position
from egraph.supernets import Mixed, Run, Sample, Settings, methods, search_recipe
from egraph.supernets.mixing import Mixture
from egraph.supernets.perturbing import perturbed
from egraph.supernets.resources import Resources
from egraph.supernets.stopping import eigenvalue_grew, largest_eigenvalue, look

RELAXATION = OneEdge().relaxation()
RECIPE = search_recipe(epochs=3, batch_size=32, learning_rate=0.1, channels=8)
DATA = draw_stripes(128)


def make(name, **settings):
    options = {"rsps": {"paths": 4}}.get(name, {})
    return Run(RELAXATION, methods[name](**options), DATA, 2, Settings(RECIPE, rate=0.1, **settings))


@pytest.mark.parametrize("name", list(methods))
def test_all_switches_combine_with_any_method(name):
    stop = "eigenvalue" if methods[name].learns else "skips"
    run = make(name, parts=2, perturb=0.1, penalty=0.1, stop=stop)
    while not run.is_over:
        epoch = run.train_epoch()
        assert np.isfinite([epoch.training_loss, epoch.validation_loss]).all()
        assert (epoch.eigenvalue is not None) == methods[name].learns
    assert {each.parts for each in run.supernet.modules() if isinstance(each, Mixed)} == {2}


def mix_identity(parts, sample):
    mixture = Mixture()
    mixture.sample = sample
    position = Position.of("p", ("skip_connect", "none"))
    return Mixed(position, lambda *_: nn.Identity(), 4, mixture, parts)


def test_one_part_of_the_channels_is_mixed_and_all_are_shuffled():
    images = torch.arange(4.0).view(1, 4, 1, 1).expand(1, 4, 2, 2) + 1
    layer = mix_identity(2, Sample({"p": torch.tensor([0.5, 0.5])}))
    assert layer(images)[0, :, 0, 0].tolist() == [0.5, 3, 1, 4]  # halves of 1 and 2, then 3 and 4
    layer = mix_identity(2, Sample({"p": torch.tensor([0.5, 0.5])}, edges={"p": torch.tensor(10.0)}))
    assert layer(images)[0, :, 0, 0].tolist() == [5, 30, 10, 40]


def test_zeros_are_computed_only_where_nothing_else_is():
    images = torch.ones(1, 4, 2, 2)
    layer = mix_identity(1, Sample({"p": torch.tensor([0.5, 0.5])}))
    assert layer(images).unique().tolist() == [0.5]  # the second one, here no zeros, would add as much
    layer = mix_identity(1, Sample({"p": torch.tensor([0.0, 0.25])}, {"p": (1,)}))
    assert layer(images).unique().tolist() == [0.25]


def test_noise_on_the_weights_grows_to_its_width():
    sample = Sample({"p": torch.zeros(4000)})
    generator = torch.Generator().manual_seed(0)
    for progress, width in ((0.0, 0.03), (1.0, 0.3)):
        noise = perturbed(sample, 0.3, progress, generator).weights["p"]
        assert 0.95 * width < noise.abs().max() <= width
        assert abs(noise.mean()) < 0.1 * width
    assert perturbed(sample, 0.0, 1.0, generator) is sample


def test_noise_is_for_the_steps_of_the_weights_alone():
    run = make("darts", perturb=0.3)
    run.train_logits(next(run.training), next(run.validation))
    before = torch.softmax(run.supernet.logits["0->1"], 0)
    run.train_weights(next(run.training))
    assert (run.supernet.mixture.sample.weights["0->1"] - before).abs().max() > 1e-3
    run.validate(next(run.validation))
    assert torch.equal(run.supernet.mixture.sample.weights["0->1"], before)


def test_a_search_stops_at_the_number_of_skip_connections():
    run = make("darts", stop="skips", skips=1, patience=2)
    with torch.no_grad():
        run.supernet.logits["0->1"][1] = 9.0
    assert run.train_epoch().skips == 1
    assert not run.is_over
    run.train_epoch()
    assert run.stopped == "skip connections in a cell: 1"
    assert run.is_over
    assert run.until == 1


def test_a_search_stops_where_the_eigenvalue_grows_by_a_third():
    assert not eigenvalue_grew([1] * 9)
    assert not eigenvalue_grew([1] * 5 + [1.33] * 5)
    assert eigenvalue_grew([1] * 5 + [1.34] * 5)
    assert not eigenvalue_grew([2] * 5 + [1] * 5 + [1.3] * 5)
    run = make("darts", stop="eigenvalue", patience=2)
    epoch = run.train_epoch()
    values = [1.0] * 5 + [2.0] * 6
    run.history = [replace(epoch, number=n + 1, eigenvalue=value) for n, value in enumerate(values)]
    reason, until = look(run)
    assert "eigenvalue" in reason
    assert until == 6
    run.history = run.history[:9]
    assert look(run) == ("", None)


@pytest.mark.parametrize("relaxation", [RELAXATION, egraph.spaces.get("nasbench201").relaxation()])
def test_the_largest_eigenvalue_is_that_of_the_hessian_by_differences(relaxation):
    recipe = replace(RECIPE, batch_size=8, channels=4, cells=None if relaxation is RELAXATION else 1)
    images, classes = DATA[0].double(), DATA[1]
    run = Run(relaxation, methods["darts"](), (images, classes), 2, Settings(recipe))
    run.supernet.double()
    for name, each in run.supernet.logits.items():
        run.supernet.logits[name] = each.detach().double().requires_grad_()
    run.trained = run.method.trained(run.supernet)
    state = run.validation.state_dict()
    found = largest_eigenvalue(run)
    run.validation.load_state_dict(state)
    batch = next(run.validation)
    rows = []
    for tensor in run.trained:
        for number in range(len(tensor)):
            sides = []
            for step in (1e-6, -2e-6):
                tensor.data[number] += step
                loss, _ = run.validate(batch)
                sides.append(torch.cat(torch.autograd.grad(loss, run.trained)).numpy())
            tensor.data[number] += 1e-6
            rows.append((sides[0] - sides[1]) / 2e-6)
    exact = np.linalg.eigvalsh((np.array(rows) + np.array(rows).T) / 2)[-1]
    assert found == pytest.approx(exact, rel=1e-2)


def test_costs_are_counted_for_each_option():
    run = make("darts")
    # Two convolutions of 8 channels, of 1 and 9 weights for each pair, on 36 pixels.
    for kind in ("parameters", "multiply-adds"):
        costs = Resources(run.supernet, kind, (1, 6, 6)).costs["0->1"]
        np.testing.assert_allclose(costs, [0, 0, 1 / 9, 1])


def test_the_penalty_of_costs_makes_cheap_operations_win():
    run = make("darts", penalty=20.0)
    while not run.is_over:
        run.train_epoch()
    assert run.probabilities()["0->1"][3] == run.probabilities()["0->1"].min()


def test_bad_switches_are_refused():
    with pytest.raises(UsageError, match="stop must be one of none, skips, eigenvalue; got 'soon'"):
        Settings(stop="soon")
    with pytest.raises(UsageError, match="resource must be one of parameters, multiply-adds"):
        Settings(resource="watts")
    with pytest.raises(UsageError, match="rsps trains no logits"):
        make("rsps", stop="eigenvalue")
