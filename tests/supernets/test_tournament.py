"""Tournaments in which one cell can learn, and the other cannot."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from stripes import draw_stripes

from egraph.datasets import ImageData
from egraph.errors import ArchitectureError, EvaluationError, UsageError
from egraph.evaluation import Evaluation
from egraph.evaluation.building import NetworkEvaluator
from egraph.searchers import ParetoEvolution
from egraph.spaces import Limited, get
from egraph.study import Study
from egraph.supernets import Tournament
from egraph.supernets.batches import halve
from egraph.supernets.tournament import RECIPE
from egraph.training import accuracy

CELLS = get("concat-cell")
# Two layers with a ReLU between them tell stripes apart. A pool of the one channel has no weights at all.
LEARNER, POOL = (
    CELLS.parse("16|0|0|0|0|0|0|0 0|0|0|0|0|0|0|0 0|0|0|16|0|0|0|0"),
    CELLS.parse("0|0|0|0|1|0|0|0"),
)
PAIRS = [[LEARNER, POOL], [POOL, LEARNER]]


def stripes(test_seed=2, *, count=256):
    parts = [tuple(map(np.asarray, draw_stripes(size, 8, seed)))
             for size, seed in ((count, 0), (32, test_seed), (32, test_seed + 1))]  # fmt: skip
    return ImageData(*parts, name="stripes")


DATA = stripes()


def tournament(data=DATA, **options):
    return Tournament(data, device="cpu", **{"examples": 320, "logit_examples": 64, **options})


def weights(network):
    return {name: one.detach() for name, one in network.named_parameters() if name != "logits"}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("seed", range(4))
def test_the_cell_that_can_learn_survives(seed):
    choose = tournament(seed=seed, examples=1280, logit_examples=128)
    assert choose([PAIRS[seed % 2]], np.random.default_rng(seed)) == [seed % 2]


def test_classes_of_a_tenth_are_learned():
    """With the L1 loss of the source a constant 0 is the best guess for each class below a half."""
    rng = np.random.default_rng(0)
    classes = rng.integers(10, size=600)
    images = rng.normal(0, 0.3, (600, 1, 8, 8))
    images[np.arange(600), 0, classes // 4, 2 * (classes % 4)] += 4
    filters = np.stack([np.roll(np.eye(8), number, axis=1) for number in range(10)])
    images = images + 0.5 * filters[classes][:, None]
    part = (images.astype(np.float32), classes)
    data = ImageData(part, part, part)
    network = tournament(data, examples=4800).train([[LEARNER, CELLS.parse("0|16|0|0|0|0|0|0")]])
    assert accuracy(network, (torch.from_numpy(part[0]), torch.from_numpy(part[1]))) > 0.3


def test_logits_do_not_move_in_phase_1():
    """Adam moves a logit by the rate in a step, at most; 40 steps of phase 1 come before 2 of phase 2."""
    logits = tournament(examples=1280, logit_examples=64, logit_rate=0.01).train(PAIRS).logits.detach()
    assert 0 < logits.abs().max() <= 0.02 * 1.01


def test_steps_on_logits_leave_the_weights_alone():
    still = replace(RECIPE, learning_rate=1e-30, weight_decay=0.0)
    networks = [tournament(recipe=still, logit_rate=rate).train(PAIRS) for rate in (1e-30, 0.5)]
    before, after = map(weights, networks)
    assert all(torch.allclose(before[name], after[name], rtol=0, atol=1e-20) for name in before)
    assert networks[1].logits.abs().max() > 0.4
    assert networks[0].logits.abs().max() < 1e-20


def changed(rows):
    """The data with the opposite classes in some rows of the training part."""
    x, y = DATA.train
    y = y.copy()
    y[rows] = 1 - y[rows]
    return ImageData((x, y), DATA.validation, DATA.test, name="stripes")


def test_weights_learn_from_one_half_and_logits_from_the_other():
    choose = tournament(logit_rate=1e-30)
    word = np.random.SeedSequence([choose.seed, 0]).generate_state(4)[1]
    first, second = halve(len(DATA.train[0]), int(word))
    before = weights(choose.train(PAIRS))
    assert same(before, weights(tournament(changed(second), logit_rate=1e-30).train(PAIRS)))
    assert not same(before, weights(tournament(changed(first), logit_rate=1e-30).train(PAIRS)))
    still = replace(RECIPE, learning_rate=1e-30, weight_decay=0.0)
    logits = [
        tournament(data, recipe=still).train(PAIRS).logits.detach()
        for data in (DATA, changed(first), changed(second))
    ]
    assert torch.equal(logits[0], logits[1])
    assert not torch.equal(logits[0], logits[2])


def test_validation_and_test_part_are_never_read():
    x, y = DATA.test
    other = ImageData(DATA.train, (-x, 1 - y), (0 * x, y), name="stripes")
    one, two = (tournament(data).train(PAIRS) for data in (DATA, other))
    assert same(dict(one.named_parameters()), dict(two.named_parameters()))


def test_the_same_generator_gives_the_same_network_whatever_was_drawn_globally():
    one = tournament().train(PAIRS, seed=3)
    state = torch.get_rng_state()
    torch.manual_seed(99)
    two, other = tournament().train(PAIRS, seed=3), tournament().train(PAIRS, seed=4)
    torch.set_rng_state(state)
    assert same(dict(one.named_parameters()), dict(two.named_parameters()))
    assert not torch.equal(one.logits, other.logits)


@pytest.mark.parametrize(("layers", "starts"), [(1, [0, 1, 2]), (2, [0, 2]), (9, [0])])
def test_one_number_of_the_generator_decides_all_networks(layers, starts):
    groups = [*PAIRS, [LEARNER, POOL, POOL]]
    choose, rng, twin = (
        tournament(layers=layers, examples=64),
        np.random.default_rng(5),
        np.random.default_rng(5),
    )
    drawn, expected = int(twin.integers(2**63)), []
    for start in starts:
        seed = int(np.random.SeedSequence([drawn, start]).generate_state(1)[0])
        expected += choose.train(groups[start : start + layers], seed=seed).winners()
    assert choose(groups, rng) == expected
    assert rng.bit_generator.state == twin.bit_generator.state


def test_a_tournament_of_one_needs_no_network():
    unread = Tournament("no such data", device="cpu", layers=2)
    assert unread([[POOL], [LEARNER], [POOL]], np.random.default_rng(0)) == [0, 0, 0]


def test_a_machine_without_gpu_will_do(monkeypatch):
    """The source asks for CUDA outright."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    choose = Tournament(DATA, examples=64, logit_examples=64)
    assert choose.device == "cpu"
    assert choose.train(PAIRS).logits.device.type == "cpu"


def test_cells_beyond_the_limits_of_a_search_can_meet():
    limited = Limited(CELLS, {"vertices": lambda cell: cell.num_vertices}, {"vertices": 4})
    assert LEARNER not in limited
    assert len(tournament(space=limited).train(PAIRS).winners()) == 2


def test_a_regression_is_learned_by_its_squared_error():
    x, y = draw_stripes(64, 8, 0)
    part = (np.asarray(x), np.asarray(y) * 10.0 + 5)
    data = ImageData(part, part, part, target="regression")
    assert tournament(data).train(PAIRS)(x[:4]).shape == (4, 1)


class TestSearcher:
    def searcher(self, **options):
        choose = tournament(examples=64, **options)
        return ParetoEvolution(CELLS, choose=choose, population=2, children=4, seed=1)

    def tell(self, searcher, generations):
        for _ in range(generations):
            cells = searcher.ask(4)
            searcher.tell(cells, [float(cell.num_vertices) for cell in cells])

    def test_its_state_goes_on_as_it_would_have(self):
        searcher, other = self.searcher(), self.searcher()
        self.tell(searcher, 2)
        other.load_state_dict(json.loads(json.dumps(searcher.state_dict())))
        self.tell(searcher, 1)
        self.tell(other, 1)
        assert len(searcher.members) == 2
        assert searcher.state_dict() == other.state_dict()

    def test_a_state_of_another_tournament_is_refused(self):
        state = self.searcher().state_dict()
        assert state["options"]["choose"]["examples"] == 64
        with pytest.raises(UsageError, match=r"the state is of options .*'seed': 0.* has .*'seed': 1"):
            self.searcher(seed=1).load_state_dict(state)


class Vertices(NetworkEvaluator):
    """An evaluator with images, which are not needed to count vertices."""

    def __init__(self):
        super().__init__(CELLS, DATA, device="cpu", root=None, threads=1, channels=None)

    def evaluate(self, architecture, *, seed=0):
        return Evaluation(float(architecture.num_vertices))

    def describe(self):
        return {"kind": "vertices"}


def study(path=None):
    searcher = (
        "pareto-evolution:population=2,children=3,choose=supernet:examples=64+logit_examples=64+channels=4"
    )
    return Study(CELLS, Vertices(), ranker=False, searcher=searcher, storage=path, seed=2)


def history(one):
    return one.trials[["number", "key", "seed", "score", "state"]].to_dict("records")


def test_a_study_that_is_broken_off_ends_with_the_same_history(tmp_path):
    copies = []

    def copy(event):
        copies.append(tmp_path / str(len(copies)))
        copies[-1].mkdir()
        for file in tmp_path.glob("x.db*"):
            shutil.copy(file, copies[-1])

    with study(tmp_path / "x.db") as one:
        one.run(trials=14, progress=copy)
        expected, cells = history(one), one.survivors
    assert len(cells) == 2
    # The tournament takes place between the ninth trial and the tenth.
    for folder in copies[-25::8]:
        with study(folder / "x.db") as one:
            one.run(trials=14)
            assert history(one) == expected
            assert one.survivors == cells


class TestErrors:
    def test_another_space(self):
        with pytest.raises(
            UsageError, match=r"are those of the space 'concat-cell'; networks of 'nasbench201'"
        ):
            Tournament("digits", space="nasbench201")

    def test_a_cell_of_another_space(self):
        with pytest.raises(ArchitectureError, match="concat-cell"):
            tournament().train([[POOL, get("nasbench_macro").parse("01201201")]])

    def test_too_few_examples(self):
        part = (DATA.train[0][:3], np.array([0, 1, 0]))
        few = tournament(ImageData(part, part, part, name="few"))
        with pytest.raises(UsageError, match="two halves of at least two examples, but 'few' has 3"):
            few.train(PAIRS)

    def test_data_that_are_no_images(self):
        part = (np.eye(8, 5, dtype=np.float32), np.arange(8) % 2)
        with pytest.raises(UsageError, match="read images, not features"):
            tournament(ImageData(part, part, part)).train(PAIRS)

    def test_numbers_out_of_range(self):
        with pytest.raises(UsageError, match="logit_examples must be a whole number of at least 2, got 0"):
            tournament(logit_examples=0)
        with pytest.raises(UsageError, match="seed must be a whole number"):
            tournament(seed=-1)
        with pytest.raises(UsageError, match="threads must be a whole number of at least 1"):
            tournament(threads=0)
        with pytest.raises(UsageError, match="layers must be a whole number of at least 1"):
            tournament(layers=0)
        with pytest.raises(UsageError, match="logit_rate must be"):
            tournament(logit_rate=0)

    def test_a_loss_that_is_not_finite_is_one_line(self):
        wild = replace(RECIPE, optimizer="sgd", learning_rate=1e30, clip_norm=None)
        with pytest.raises(
            EvaluationError, match=r"became (nan|inf) while its weights are trained; lower"
        ) as told:
            tournament(recipe=wild)(PAIRS, np.random.default_rng(0))
        assert "\n" not in str(told.value)

    def test_logits_that_are_not_finite(self):
        wild = tournament(recipe=replace(RECIPE, optimizer="sgd"), logit_rate=1e300)
        with pytest.raises(EvaluationError, match="while its cells are chosen"):
            wild(PAIRS, np.random.default_rng(0))

    def test_a_network_that_is_too_large(self):
        with pytest.raises(
            EvaluationError, match="parameters, at most 50,000,000 are built; use fewer channels"
        ):
            tournament(recipe=replace(RECIPE, channels=100_000)).train(PAIRS)
