"""The training of a supernet."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from stripes import BEST, OneEdge, draw_stripes

from egraph import spaces
from egraph.errors import UsageError
from egraph.supernets import Run, Settings, methods, search, search_recipe
from egraph.supernets.options import SupernetOptions
from egraph.training import Recipe

RELAXATION = OneEdge().relaxation()
QUICK = Settings(search_recipe(epochs=6, batch_size=32, learning_rate=0.1, channels=8), rate=0.1, decay=0.0)
DATA = draw_stripes()
SHORT = {"rsps": {"paths": 8}}
"""Options of methods that would take longer."""


def make(name):
    return methods[name](**SHORT.get(name, {}))


@pytest.mark.parametrize("name", ["nasbench201", "darts", "concat-cell"])
def test_the_defaults_suit_every_space(name):
    """The quick settings give a network that takes a step."""
    relaxation = spaces.get(name).relaxation()
    settings = SupernetOptions("gdas", {"epochs": 1, "batch_size": 16}).settings(relaxation, Recipe())
    search(relaxation, methods["gdas"](), DATA, 2, settings)


def run_of(method="darts", settings=QUICK, **options):
    return Run(RELAXATION, methods[method](**options), DATA, 2, settings)


@pytest.mark.parametrize("name", list(methods))
def test_every_method_finds_the_operation_that_is_known_to_be_best(name):
    settings = replace(QUICK, weights=replace(QUICK.weights, epochs=12), rate=0.3 if name == "drnas" else 0.1)
    found = search(RELAXATION, make(name), DATA, 2, settings)
    assert RELAXATION.chosen(found.last.architecture) == {"0->1": BEST}


def test_weights_and_logits_are_trained_on_different_halves():
    run = run_of()
    ones, others = (
        {each.item() for each in batches._inputs.sum((1, 2, 3))} for batches in (run.training, run.validation)
    )
    assert len(ones) == len(others) == len(DATA[0]) // 2
    assert not ones & others


def test_each_step_takes_the_next_batch_of_the_logits():
    run = run_of()
    batches = [next(run.validation)[0] for _ in range(len(run.validation))]
    assert len(torch.cat(batches).flatten(1).unique(dim=0)) == len(DATA[0]) // 2


def test_a_step_on_the_logits_leaves_the_weights_and_the_other_way_round():
    run = run_of()
    weights = [each.clone() for each in run.supernet.parameters()]
    logits = run.supernet.logits["0->1"].clone()
    run.train_logits(next(run.training), next(run.validation))
    assert all(torch.equal(a, b) for a, b in zip(weights, run.supernet.parameters(), strict=True))
    changed = run.supernet.logits["0->1"].clone()
    assert not torch.equal(logits, changed)
    run.train_weights(next(run.training))
    assert torch.equal(changed, run.supernet.logits["0->1"])
    assert not all(torch.equal(a, b) for a, b in zip(weights, run.supernet.parameters(), strict=True))


@pytest.mark.parametrize("name", list(methods))
def test_a_search_that_is_interrupted_goes_on_bit_for_bit(name, tmp_path):
    short = replace(QUICK, weights=replace(QUICK.weights, epochs=3))
    whole = search(RELAXATION, make(name), DATA, 2, short)

    def interrupt(epoch):
        if epoch.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(
            RELAXATION,
            make(name),
            DATA,
            2,
            short,
            folder=tmp_path,
            progress=interrupt,
        )
    numbers = []
    found = search(
        RELAXATION,
        make(name),
        DATA,
        2,
        short,
        folder=tmp_path,
        progress=lambda e: numbers.append(e.number),
    )
    assert numbers == [3]
    for a, b in zip(whole.epochs, found.epochs, strict=True):
        assert replace(a, seconds=0, probabilities={}) == replace(b, seconds=0, probabilities={})
        np.testing.assert_array_equal(a.probabilities["0->1"], b.probabilities["0->1"])


def test_the_state_of_another_search_is_refused(tmp_path):
    short = replace(QUICK, weights=replace(QUICK.weights, epochs=1))
    search(RELAXATION, methods["darts"](), DATA, 2, short, folder=tmp_path)
    with pytest.raises(UsageError, match="is of another supernet"):
        search(RELAXATION, methods["gdas"](), DATA, 2, short, folder=tmp_path)
    (tmp_path / "supernet.pt").write_bytes(b"nothing")
    with pytest.raises(UsageError, match="is no state of a supernet"):
        search(RELAXATION, methods["darts"](), DATA, 2, short, folder=tmp_path)


def test_the_best_epoch_gives_the_architecture_and_not_the_last():
    found = search(RELAXATION, methods["darts"](), DATA, 2, QUICK)
    best = max(epoch.validation for epoch in found.epochs)
    assert found.best.validation == best
    assert found.architecture == found.best.architecture


def test_bad_input_is_refused_in_one_line():
    with pytest.raises(UsageError, match="a batch of 512 needs as many examples, but there are 128"):
        run_of(settings=replace(QUICK, weights=search_recipe(batch_size=512)))
    with pytest.raises(UsageError, match="all of one class"):
        Run(RELAXATION, methods["darts"](), (DATA[0], torch.zeros_like(DATA[1])), 2, QUICK)
    with pytest.raises(UsageError, match="no choice of cells"):
        run_of(settings=replace(QUICK, weights=search_recipe(cells=3)))
    with pytest.raises(UsageError, match="3 parts need operations whose channels"):
        run_of(settings=replace(QUICK, parts=3))
