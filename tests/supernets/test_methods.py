"""What each differentiable method changes."""

import numpy as np
import pytest
import torch
from stripes import OneEdge, draw_stripes

import egraph
from egraph.errors import UsageError
from egraph.supernets import Mixed, Run, Settings, methods, search_recipe
from egraph.supernets.methods._drawing import redrawn

CELLS = egraph.spaces.get("nasbench201").relaxation()
NODES = {"1": ["0->1"], "2": ["0->2", "1->2"], "3": ["0->3", "1->3", "2->3"]}
DATA = draw_stripes(32)


def run_of(name, relaxation=CELLS, epochs=4, settings=None, channels=4, **options):
    cells = 1 if relaxation is CELLS else None
    recipe = search_recipe(epochs=epochs, batch_size=8, channels=channels, cells=cells)
    return Run(relaxation, methods[name](**options), DATA, 2, Settings(recipe, rate=0.1, **(settings or {})))


def mixed_layers(run):
    return [each for each in run.supernet.modules() if isinstance(each, Mixed)]


@pytest.mark.parametrize("name", ["gdas", "rsps"])
def test_one_operation_of_a_position_is_computed_with_weight_1(name):
    run = run_of(name)
    computed = []
    for layer in mixed_layers(run):
        for number, operation in enumerate(layer.operations):
            operation.register_forward_hook(
                lambda *_, at=layer.position.name, number=number: computed.append((at, number))
            )
    run.validate(next(run.validation))
    sample = run.supernet.mixture.sample
    assert set(computed) == {(at, number) for at, (number,) in sample.live.items()}
    assert len(computed) == len(mixed_layers(run)) == 18
    assert all(sample.weights[at][number] == 1 for at, number in computed)


@pytest.mark.parametrize("sampling", ["gumbel", "multinomial"])
def test_gdas_draws_by_the_probabilities(sampling):
    run = run_of("gdas", OneEdge().relaxation(), sampling=sampling, hottest=1.0, coldest=1.0)
    with torch.no_grad():
        run.supernet.logits["0->1"].copy_(torch.tensor([0.1, 0.2, 0.3, 0.4]).log())
        counts = np.bincount([run.draw().live["0->1"][0] for _ in range(2000)], minlength=4)
    np.testing.assert_allclose(counts / 2000, [0.1, 0.2, 0.3, 0.4], atol=0.04)


def test_the_temperature_of_gdas_falls_linearly():
    run = run_of("gdas", OneEdge().relaxation(), sampling="multinomial")
    with torch.no_grad():
        run.supernet.logits["0->1"].copy_(torch.tensor([0.0, 0.0, 0.0, 1.0]))
    for progress, temperature in ((0.0, 10.0), (0.5, 5.05), (1.0, 0.1)):
        sample = run.method.sample(run.supernet, progress, run.generator)
        (slopes,) = torch.autograd.grad(sample.weights["0->1"][3], run.supernet.logits["0->1"])
        soft = np.exp(np.array([0, 0, 0, 1]) / temperature)
        soft /= soft.sum()
        assert slopes[3].item() == pytest.approx(soft[3] * (1 - soft[3]) / temperature, abs=1e-5)


def test_a_draw_with_an_infinite_number_is_drawn_again():
    draws = iter([torch.tensor([1.0, torch.inf]), torch.tensor([torch.nan, 1.0]), torch.tensor([1.0, 2.0])])
    assert redrawn(lambda: next(draws)).tolist() == [1.0, 2.0]


def test_snas_ends_with_weights_of_nearly_one_operation():
    run = run_of("snas")
    largest = [
        np.mean([
            each.max().item()
            for _ in range(20)
            for each in run.method.sample(run.supernet, progress, run.generator).weights.values()
        ])
        for progress in (0.0, 1.0)
    ]  # fmt: skip
    assert largest[0] < 0.7
    assert largest[1] > 0.97


def test_pc_darts_mixes_a_quarter_of_the_channels_and_weighs_edges():
    run = run_of("pc-darts")
    assert {each.parts for each in mixed_layers(run)} == {4}
    assert len(run.trained) == 12
    probabilities = run.probabilities()
    for names in NODES.values():
        assert sum(probabilities[name].sum() for name in names) == pytest.approx(1)
    with torch.no_grad():
        run.supernet.edge_logits["1->3"] += 2
    weights = run.probabilities()
    assert weights["1->3"].sum() > 0.6
    np.testing.assert_allclose(weights["1->3"] / weights["1->3"].sum(), run.supernet.probabilities()["1->3"])


def test_parts_of_the_settings_go_before_those_of_the_method_and_must_fit():
    assert {each.parts for each in mixed_layers(run_of("pc-darts", settings={"parts": 2}))} == {2}
    assert {each.parts for each in mixed_layers(run_of("pc-darts", channels=6))} == {1, 4}
    with pytest.raises(UsageError, match="4 parts need operations whose channels are a multiple of 4"):
        run_of("pc-darts", channels=6, settings={"parts": 4})


def test_all_positions_of_a_node_share_the_softmax_of_i_darts():
    run = run_of("i-darts")
    weights = {name: each.detach() for name, each in run.draw().weights.items()}
    for values in (run.probabilities(), weights):
        for names in NODES.values():
            assert sum(values[name].sum().item() for name in names) == pytest.approx(1)
    with torch.no_grad():
        run.supernet.logits["0->3"][3] += 3
    assert run.probabilities()["0->3"][3] > 0.5
    assert run.probabilities()["1->3"].sum() < 0.25


def test_p_darts_goes_deeper_with_fewer_operations():
    run = run_of("p-darts", epochs=6, growth=3.0, warmup=0.0)
    sizes = []
    while not run.is_over:
        before = run.probabilities()
        run.train_epoch()
        kept = run.supernet.kept
        sizes.append((len(mixed_layers(run)) // 18, {len(each) for each in kept.values()}))
        for name, values in run.probabilities().items():
            assert (values > 0).tolist() == [number in kept[name] for number in range(5)]
            if len(run.history) in (3, 5):  # the most probable ones are kept
                assert set(kept[name]) == set(np.argsort(-before[name])[: len(kept[name])])
    assert sizes == [(1, {5})] * 2 + [(2, {4})] * 2 + [(3, {2})] * 2
    assert run.rules.most_skips == 2
    assert [epoch.stage for epoch in run.history] == [1, 1, 2, 2, 3, 3]


def test_p_darts_drops_values_of_skip_connections_less_and_less():
    method = methods["p-darts"]()
    run = run_of("p-darts", epochs=3)
    rates = []
    for stage in range(3):
        method.load_state_dict({"stage": stage})
        rates += [method.sample(run.supernet, progress, run.generator).dropout for progress in (0.0, 0.5, 1)]
    np.testing.assert_allclose(rates, [0.1, 0.05, 0, 0.4, 0.2, 0, 0.7, 0.35, 0])


def test_skip_connections_alone_lose_values():
    run = run_of("p-darts", OneEdge().relaxation(), epochs=3, first_dropout=0.5)
    (layer,) = mixed_layers(run)
    images = torch.ones(8, 4, 6, 6)
    with torch.random.fork_rng(), torch.no_grad():
        torch.default_generator.manual_seed(0)
        run.supernet.use(run.draw())
        for number, drops in ((1, True), (3, False)):
            sample = run.supernet.mixture.sample
            run.supernet.use(type(sample)(sample.weights, {"0->1": (number,)}, dropout=sample.dropout))
            assert (layer(images) == 0).float().mean().item() == pytest.approx(0.5 * drops, abs=0.1)


def test_the_second_stage_of_drnas_keeps_the_stronger_half_with_its_logits():
    run = run_of("drnas", epochs=2)
    assert {each.parts for each in mixed_layers(run)} == {4}
    run.train_epoch()
    before = run.probabilities()
    logits = {name: each.detach().clone() for name, each in run.supernet.logits.items()}
    run.method.begin_stage(run)
    assert {each.parts for each in mixed_layers(run)} == {2}
    for name, numbers in run.supernet.kept.items():
        assert set(numbers) == set(np.argsort(-before[name])[:3])
        assert torch.equal(run.supernet.logits[name], logits[name][list(numbers)])


def test_the_most_probable_operation_of_random_sharing_is_that_of_the_best_path():
    run = run_of("rsps", OneEdge().relaxation(), paths=30, batches=2)
    state = run.validation.state_dict()
    run.method.end_epoch(run)
    run.validation.load_state_dict(state)
    batches = [next(run.validation) for _ in range(2)]
    shares = []
    for number in range(4):
        run.supernet.use_one({"0->1": number})
        with torch.no_grad():
            shares.append(np.mean([run.loss(batch)[1].item() for batch in batches]))
    values = run.probabilities()["0->1"]
    assert shares[values.argmax()] == max(shares)
    assert values.sum() == pytest.approx(1)


def test_weights_alone_are_trained_in_the_warm_up():
    run = run_of("pc-darts", warmup=0.5)
    first = run.probabilities()
    run.train_epoch()
    run.train_epoch()
    assert all((run.probabilities()[name] == each).all() for name, each in first.items())
    run.train_epoch()
    assert not any((run.probabilities()[name] == each).all() for name, each in first.items())


def test_idarts_trains_logits_after_some_steps_of_the_weights():
    run = run_of("idarts", epochs=2, every=2)
    run.train_epoch()
    assert run.optimizer.state[run.trained[0]]["step"] == 1  # of two batches


def test_bad_options_are_refused():
    with pytest.raises(UsageError, match="sampling must be one of gumbel, multinomial"):
        methods["gdas"](sampling="dice")
    with pytest.raises(UsageError, match="regulariser must be one of kl, distance"):
        methods["drnas"](regulariser="l3")
    with pytest.raises(UsageError, match="order must be at most 2"):
        methods["darts"](order=3)
    with pytest.raises(UsageError, match="p-darts has 3 stages, so it needs at least as many epochs, got 2"):
        run_of("p-darts", epochs=2)
