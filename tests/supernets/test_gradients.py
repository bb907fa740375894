"""The gradient of each method against slow computations of the same, in double precision."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import special
from stripes import OneEdge, draw_stripes
from torch.func import functional_call
from torch.nn.functional import cross_entropy

import egraph
from egraph.supernets import Run, Settings, methods, search_recipe
from egraph.supernets.methods.darts import mixed_product
from egraph.supernets.mixing import Sample, weigh

CELLS = egraph.spaces.get("nasbench201").relaxation()
STEP = 1e-7


def double_run(name="darts", relaxation=CELLS, steps=2, settings=None, **options):
    """A run after a few steps, in double precision, and a batch of each half."""
    inputs, targets = draw_stripes(64)
    recipe = search_recipe(epochs=4, batch_size=16, learning_rate=0.1, channels=4, weight_decay=0.01)
    if relaxation is CELLS:
        recipe = replace(recipe, cells=1)
    settings = replace(settings or Settings(), weights=recipe, rate=0.1)
    run = Run(relaxation, methods[name](**options), (inputs, targets), 2, settings)
    for _ in range(steps):
        run.train_logits(next(run.training), next(run.validation))
        run.train_weights(next(run.training))
    run.supernet.double()
    for group in (run.supernet.logits, run.supernet.edge_logits):
        for key, each in group.items():
            group[key] = each.detach().double().requires_grad_()
    run.trained = run.method.trained(run.supernet)
    for state in run.step._optimizer.state.values():
        state["momentum_buffer"] = state["momentum_buffer"].double()
    batches = next(run.training), next(run.validation)
    return run, *((images.double(), classes) for images, classes in batches)


def directions(run, count=3):
    """Random directions in the space of all logits."""
    size = sum(each.numel() for each in run.trained)
    return np.random.default_rng(0).normal(size=(count, size))


def slopes_by_differences(run, loss):
    """Central differences of a function of the logits along the directions."""
    found = []
    starts = [each.detach().clone() for each in run.trained]
    for direction in directions(run):
        values = []
        for sign in (1, -1):
            shift = sign * STEP * torch.as_tensor(direction)
            parts = shift.split([each.numel() for each in run.trained])
            for tensor, start, part in zip(run.trained, starts, parts, strict=True):
                tensor.data.copy_(start + part.view_as(start))
            values.append(loss())
        found.append((values[0] - values[1]) / (2 * STEP))
    for tensor, start in zip(run.trained, starts, strict=True):
        tensor.data.copy_(start)
    return np.array(found)


def check_slopes(run, gradient, loss):
    slow = slopes_by_differences(run, loss)
    assert np.abs(slow).max() > 1e-5
    np.testing.assert_allclose(directions(run) @ flat(gradient), slow, atol=1e-4 * np.abs(slow).max())


def flat(gradient):
    return torch.cat([each.flatten() for each in gradient]).numpy()


SMOOTH = [
    ("darts", {}),
    ("i-darts", {}),
    ("p-darts", {"warmup": 0.0}),
    ("pc-darts", {"warmup": 0.0}),
    ("snas", {}),
]


@pytest.mark.parametrize(("name", "options"), SMOOTH, ids=[f"{name}{options}" for name, options in SMOOTH])
def test_the_gradient_is_that_of_the_validation_loss(name, options):
    run, training, validation = double_run(name, **options)
    state = run.generator.get_state()
    with torch.random.fork_rng():  # the dropout of P-DARTS
        torch.default_generator.manual_seed(0)
        found = run.method.gradient(run, training, validation)

        def loss():
            run.generator.set_state(state)
            torch.default_generator.manual_seed(0)
            with torch.no_grad():
                return run.validate(validation)[0].item()

        check_slopes(run, found.of, loss)


def test_on_one_level_the_gradient_is_that_of_the_loss_of_the_weights():
    run, training, _ = double_run("darts-one-level")
    slow = []

    def loss():
        with torch.no_grad():
            slow.append(run.validate(training)[0].item())
        return slow[-1]

    slopes = slopes_by_differences(run, loss)
    value, _ = run.train_both(training)
    assert value.item() == pytest.approx(np.mean(slow[:2]), rel=1e-6)
    found = directions(run) @ flat([each.grad for each in run.trained])
    np.testing.assert_allclose(found, slopes, atol=1e-4 * np.abs(slopes).max())


@pytest.mark.parametrize("regulariser", ["kl", "distance"])
def test_the_gradient_of_drnas_is_that_of_the_draw_and_of_the_regulariser(regulariser):
    run, training, validation = double_run("drnas", regulariser=regulariser, strength=0.5)
    state = run.generator.get_state()
    found = run.method.gradient(run, training, validation)
    run.generator.set_state(state)
    quantiles = {}
    for name, logits in run.supernet.logits.items():
        concentrations = concentrate(logits)
        gammas = torch._standard_gamma(torch.as_tensor(concentrations), generator=run.generator).numpy()
        quantiles[name] = special.gammainc(concentrations, gammas)

    def loss():
        weights, terms = {}, []
        for name, logits in run.supernet.logits.items():
            c = concentrate(logits)
            gammas = special.gammaincinv(c, quantiles[name])
            weights[name] = torch.as_tensor(gammas / gammas.sum())
            if regulariser == "kl":
                constant = special.gammaln(c.sum()) - special.gammaln(c).sum() - special.gammaln(len(c))
                terms.append(constant + ((c - 1) * (special.digamma(c) - special.digamma(c.sum()))).sum())
            else:
                terms.append(np.sqrt(((c - 1) ** 2).sum()))
        run.supernet.use(Sample(weights))
        with torch.no_grad():
            return run.loss(validation)[0].item() + 0.5 * sum(terms)

    check_slopes(run, found.of, loss)


def concentrate(logits):
    values = logits.detach().numpy()
    return np.where(values > 0, values + 1, np.exp(values))


def test_implicit_gradients_are_those_of_a_whole_hessian():
    run, training, validation = double_run("idarts", OneEdge().relaxation(), terms=3, factor=0.1)
    found = flat(run.method.gradient(run, training, validation).of)
    parameters = {name: each for name, each in run.supernet.named_parameters() if each.requires_grad}
    sizes = [each.numel() for each in parameters.values()]

    def training_loss(weights):
        pieces = zip(parameters.items(), weights.split(sizes), strict=True)
        given = {name: piece.view_as(old) for (name, old), piece in pieces}
        return cross_entropy(functional_call(run.supernet, given, training[0]), training[1])

    def gradient(batch):
        run.supernet.use(run.draw())
        loss = cross_entropy(run.supernet(batch[0]), batch[1])
        return torch.autograd.grad(loss, [*parameters.values(), *run.trained])

    run.supernet.use(run.draw())
    start = torch.cat([each.detach().flatten() for each in parameters.values()])
    hessian = torch.autograd.functional.hessian(training_loss, start).numpy() + 0.01 * np.eye(len(start))
    *of_weights, direct = gradient(validation)
    rest = np.eye(len(start)) - 0.1 * hessian
    series = 0.1 * sum(np.linalg.matrix_power(rest, power) for power in range(4))
    mixed = []
    (logits,) = run.trained
    for number in range(len(logits)):
        sides = []
        for step in (STEP, -2 * STEP):
            logits.data[number] += step
            sides.append(flat(gradient(training)[:-1]))
        logits.data[number] += STEP
        mixed.append((sides[0] - sides[1]) / (2 * STEP))
    exact = direct.numpy() - np.array(mixed) @ series @ flat(of_weights)
    np.testing.assert_allclose(found, exact, atol=1e-4 * np.abs(exact).max())
    assert np.abs(exact - direct.numpy()).max() > 0.01 * np.abs(exact).max()


@pytest.mark.parametrize("sampling", ["gumbel", "multinomial"])
def test_the_gradient_of_gdas_is_that_of_the_softmax_at_the_drawn_operation(sampling):
    run, training, validation = double_run("gdas", sampling=sampling)
    state = run.generator.get_state()
    found = run.method.gradient(run, training, validation)
    run.generator.set_state(state)
    live = {name: numbers[0] for name, numbers in run.draw().live.items()}
    noise = {name: torch.zeros(5) for name in live}
    if sampling == "gumbel":
        run.generator.set_state(state)
        noise = {name: -torch.empty(5).exponential_(generator=run.generator).log() for name in live}

    def soft():
        logits = {name: (each.detach() + noise[name]) / 10 for name, each in run.supernet.logits.items()}
        return {name: torch.softmax(each, 0) for name, each in logits.items()}

    fixed = soft()

    def loss():
        weights = {name: 1 + each - fixed[name] for name, each in soft().items()}
        run.supernet.use(Sample(weights, {name: (number,) for name, number in live.items()}))
        with torch.no_grad():
            return run.loss(validation)[0].item()

    check_slopes(run, found.of, loss)


def exact_unrolled_gradient(run, training, validation):
    """The gradient through the next step of the weights, by double backward."""
    recipe, rate = run.step.recipe, run.step.rate
    parameters = {name: each for name, each in run.supernet.named_parameters() if each.requires_grad}
    run.supernet.use(run.draw())
    loss = cross_entropy(run.supernet(training[0]), training[1])
    gradient = torch.autograd.grad(loss, list(parameters.values()), create_graph=True)
    moved = {}
    for (name, weight), each in zip(parameters.items(), gradient, strict=True):
        buffer = run.step._optimizer.state[weight]["momentum_buffer"]
        decayed = each + recipe.weight_decay * weight
        step = recipe.momentum * buffer + decayed
        moved[name] = weight - rate * (decayed + recipe.momentum * step if recipe.nesterov else step)
    loss = cross_entropy(functional_call(run.supernet, moved, validation[0]), validation[1])
    return flat(torch.autograd.grad(loss, run.trained))


@pytest.mark.parametrize("nesterov", [False, True])
def test_the_second_order_is_the_gradient_through_the_next_step_of_the_weights(nesterov):
    run, training, validation = double_run("darts", OneEdge().relaxation(), order=2, step=STEP)
    run.step.recipe = replace(run.step.recipe, nesterov=nesterov)
    weights = [each.detach().clone() for each in run.supernet.parameters()]
    found = flat(run.method.gradient(run, training, validation).of)
    assert all(torch.equal(a, b) for a, b in zip(weights, run.supernet.parameters(), strict=True))
    exact = exact_unrolled_gradient(run, training, validation)
    first = flat(run.differentiate(run.validate(validation)[0], run.trained))
    np.testing.assert_allclose(found, exact, atol=1e-4 * np.abs(exact).max())
    assert np.abs(first - exact).max() > 0.01 * np.abs(exact).max()


def test_the_central_difference_is_the_product_by_double_backward():
    run, training, _ = double_run("darts")
    weights = [each for each in run.supernet.parameters() if each.requires_grad]
    generator = torch.Generator().manual_seed(0)
    vector = [torch.randn(each.shape, generator=generator, dtype=torch.float64) for each in weights]
    loss, _ = run.validate(training)
    gradient = torch.autograd.grad(loss, weights, create_graph=True)
    total = sum((a * b).sum() for a, b in zip(gradient, vector, strict=True))
    exact = flat(torch.autograd.grad(total, run.trained))
    found = flat(mixed_product(run, training, weights, vector, STEP))
    np.testing.assert_allclose(found, exact, atol=1e-4 * np.abs(exact).max())


def test_in_half_precision_the_gradient_of_a_weight_is_summed_in_full():
    generator = torch.Generator().manual_seed(0)
    maps, gradient = (torch.randn(4096, generator=generator).bfloat16() for _ in range(2))
    weight = torch.ones((), requires_grad=True)
    weigh(weight, maps).backward(gradient)
    exact = (gradient.double() * maps.double()).sum().item()
    assert weight.grad.dtype == torch.float32
    assert abs(weight.grad.item() - exact) < 1e-3
    plain = torch.ones((), requires_grad=True)
    (plain * maps).backward(gradient)
    assert abs(plain.grad.item() - exact) > abs(weight.grad.item() - exact)
