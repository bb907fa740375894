"""Nine bugs of published programs for differentiable search, a test each."""

import numpy as np
import pytest
import torch
from stripes import OneEdge, draw_stripes

import egraph
from egraph.spaces.relaxation import Derivation
from egraph.supernets import Found, Mixed, Run, Settings, methods, search, search_recipe

RELAXATION = OneEdge().relaxation()
CELLS = egraph.spaces.get("nasbench201").relaxation()
RECIPE = search_recipe(epochs=3, batch_size=16, learning_rate=0.1, channels=8)
DATA = draw_stripes(96)


def make(name="darts", relaxation=RELAXATION, recipe=RECIPE, **settings):
    return Run(relaxation, methods[name](), DATA, 2, Settings(recipe, rate=0.1, **settings))


def test_the_inputs_of_a_node_have_distinct_predecessors():
    relaxation = egraph.spaces.get("darts").relaxation()
    probabilities = {name: np.full(8, 0.05) for name in relaxation.positions}
    for name in probabilities:
        if name.split("/")[1].startswith("0->"):  # its two best operations beat all of other predecessors
            probabilities[name][[3, 4]] = 0.45, 0.4
    for rules in (Derivation(), Derivation(distinct=False)):
        genotype = egraph.spaces.get("darts").to_genotype(relaxation.derive(probabilities, rules))
        for cell in (genotype["normal"], genotype["reduce"]):
            assert all(cell[at][1] != cell[at + 1][1] for at in range(0, 8, 2))


def test_none_is_not_in_the_derived_cell():
    probabilities = {name: np.array([0.9, 0.01, 0.02, 0.03, 0.04]) for name in CELLS.positions}
    assert set(CELLS.derive(probabilities).ops[1:-1]) == {"avg_pool_3x3"}
    assert set(CELLS.derive(probabilities, Derivation(empties=True)).ops[1:-1]) == {"none"}


@pytest.mark.parametrize("name", list(methods))
def test_architecture_steps_see_training_images_alone(name):
    run = make(name)
    seen = []
    run.supernet.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs[0].sum((1, 2, 3)).tolist()))
    run.train_epoch()
    given = DATA[0].sum((1, 2, 3)).tolist()
    assert set(seen) <= set(given)
    halves = [set(each._inputs.sum((1, 2, 3)).tolist()) for each in (run.training, run.validation)]
    assert halves[0] | halves[1] == set(given)
    assert run.method.one_level or not halves[0] & halves[1]


def test_the_iterator_of_validation_batches_goes_on_at_each_step():
    run = make()
    seen = []
    validate = run.validation.__class__.__next__
    first = validate(run.validation)[0]
    run.supernet.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    for _ in range(2):
        run.train_logits(next(run.training), next(run.validation))
    batches = [first, *seen]
    assert len(torch.cat(batches).flatten(1).unique(dim=0)) == len(DATA[0]) // 2


def test_width_and_depth_of_the_search_reach_the_networks():
    recipe = search_recipe(epochs=1, batch_size=16, channels=4, cells=2)
    run = make(relaxation=CELLS, recipe=recipe)
    layers = [each for each in run.supernet.modules() if isinstance(each, Mixed)]
    assert len(layers) == 6 * 2 * 3
    widths = [layer.operations[3][1].in_channels for layer in layers]
    assert widths == [4] * 12 + [8] * 12 + [16] * 12
    architecture = run.train_epoch().architecture
    space = egraph.spaces.get("nasbench201")
    final = space.network(architecture, input_shape=(1, 6, 6), num_classes=2, channels=4, cells=2)
    assert final[0][0].out_channels == 4
    assert len(final) == 1 + 3 * 2 + 2 + 1


def test_the_best_genotype_is_kept_and_not_the_last():
    epochs = [make().train_epoch() for _ in range(3)]
    for number, (epoch, accuracy) in enumerate(zip(epochs, (0.5, 0.9, 0.7), strict=True)):
        object.__setattr__(epoch, "validation", accuracy)
        object.__setattr__(epoch, "architecture", OneEdge().decode([number + 1]))
    found = Found(epochs)
    assert found.best is epochs[1]
    assert found.architecture == OneEdge().decode([2])
    assert Found(epochs, "skips", until=1).best is epochs[0]


def test_the_device_is_that_of_the_data_and_never_written_down():
    run = make()
    run.supernet.place(torch.device("meta"))
    tensors = [*run.supernet.parameters(), *run.supernet.buffers(), *run.supernet.logits.values()]
    tensors += run.supernet.edge_logits.values()
    assert {each.device.type for each in tensors} == {"meta"}
    run.supernet.use(run.draw())
    assert run.supernet(torch.empty(4, 1, 6, 6, device="meta")).device.type == "meta"
    found = search(RELAXATION, methods["darts"](), DATA, 2, Settings(RECIPE))
    assert len(found.epochs) == 3


@pytest.mark.parametrize("name", [name for name in methods if methods[name].learns])
def test_a_resource_penalty_has_a_gradient(name):
    run = make(name, penalty=1.0)
    run.supernet.use(run.draw())
    gradients = run.differentiate(run.penalty() - run.method.penalty(run.supernet), run.trained)
    assert gradients[0].abs().max() > 0
    if name not in ("darts", "darts-one-level", "p-darts", "pc-darts", "i-darts", "idarts"):
        return  # the others draw weights
    p = torch.softmax(run.supernet.logits["0->1"].detach(), 0)
    costs = torch.tensor([0, 0, 1 / 9, 1])
    torch.testing.assert_close(gradients[0], p * (costs - p @ costs))


@pytest.mark.parametrize("name", list(methods))
@torch.no_grad()
def test_one_example_is_a_batch(name):
    run = make(name)
    run.supernet.use(run.draw())
    assert run.supernet(DATA[0][:1]).shape == (1, 2)
    loss, share = run.loss((DATA[0][:1], DATA[1][:1]))
    assert loss.shape == share.shape == ()
