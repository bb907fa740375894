import json

import numpy as np
import pytest

from egraph import spaces
from egraph.errors import EvaluationError, UsageError
from egraph.searchers import ParetoEvolution, RandomSearch, run
from egraph.searchers.testing import ToySpace

SPACE = ToySpace(6, 6, 6, 6)
CELLS = spaces.get("concat-cell")


def chains(count, start=0):
    """So many different architectures, none twice where ranges do not meet."""
    return [SPACE.make(np.unravel_index(n, SPACE.choices)) for n in range(start, start + count)]


def living(searcher):
    """The architectures of the population, as texts."""
    return {
        ".".join(op[2:] for op in content["ops"][1:-1]) for content, _ in searcher.state_dict()["members"]
    }


def texts(architectures):
    return {SPACE.format(architecture) for architecture in architectures}


def gates(architectures):
    """Channels of one kind of gate are good, all others cost a quarter."""
    found = [CELLS.channels(architecture) for architecture in architectures]
    return np.array([1.25 * channels["gate_3x3"] - 0.25 * sum(channels.values()) for channels in found])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"population": 0}, "population must be a whole number of at least 1, got 0"),
        (
            {"population": 9, "children": 8},
            "must not be larger than children, got population=9 and",
        ),
        ({"tournament": 0}, "tournament must be a whole number of at least 1, got 0"),
        ({"p_mutation": -0.1}, "p_mutation must be a probability, got -0.1"),
        ({"limits": {"params": 3}}, "there is no cost 'params' to limit; costs: none"),
    ],
)
def test_impossible_options_are_refused(options, text):
    with pytest.raises(UsageError, match=text):
        ParetoEvolution(SPACE, **options)


class TestSelection:
    # The sixth is beaten by the fifth. Sums of ranks: 9 thrice, each the best in one value, then 11 and 7.
    POINTS = ((1, 9, 5), (5, 1, 6), (9, 5, 1), (3, 8, 8), (4, 4, 4), (6, 6, 6))

    def told(self, population, **options):
        own = chains(6)
        points = dict(zip(own, self.POINTS, strict=True))
        costs = {"second": lambda a: points[a][1], "third": lambda a: points[a][2]}
        searcher = ParetoEvolution(SPACE, costs=costs, population=population, children=6, **options)
        searcher.tell(own, [-float(point[0]) for point in self.POINTS])
        return [SPACE.format(own[n]) for n in range(6)], searcher

    def test_best_of_each_value_then_the_least_rank_sum(self):
        names, searcher = self.told(4)
        assert living(searcher) == {names[0], names[1], names[2], names[4]}

    def test_places_left_go_to_those_beaten_by_fewest(self):
        names, searcher = self.told(6)
        assert living(searcher) == set(names)

    def test_front_and_hypervolume_are_those_of_all_that_was_told(self):
        _, searcher = self.told(1)
        assert [c.score for c in searcher.front()] == [-1, -3, -4, -5, -9]
        assert searcher.hypervolume(-5.0, {"second": 5.0, "third": 5.0}) == 1.0  # (4, 4, 4) alone

    def test_what_exceeds_a_limit_comes_last(self):
        names, searcher = self.told(2, limits={"second": 4, "third": 6})
        assert living(searcher) == {names[1], names[4]}

    def test_failed_results_never_live(self):
        searcher = ParetoEvolution(SPACE, population=2, children=4)
        own = chains(4)
        searcher.tell(own, [np.nan, 1.0, np.nan, np.nan])
        assert living(searcher) == texts(own[1:2])
        searcher.tell(chains(4, start=4), [np.nan] * 4)
        assert living(searcher) == texts(own[1:2])  # nobody else is left

    def test_costs_that_cannot_be_measured_count_as_failed(self):
        def refuse(architecture):
            raise EvaluationError("too large")

        searcher = ParetoEvolution(SPACE, costs={"params": refuse}, population=2, children=4)
        searcher.tell(chains(4), [1.0] * 4)
        assert living(searcher) == set()
        assert searcher.ask()


class TestAging:
    def test_a_member_dies_after_a_generation(self):
        searcher = ParetoEvolution(SPACE, population=1, children=2)
        searcher.tell(chains(2), [5.0, 1.0])
        assert living(searcher) == texts(chains(1))
        searcher.tell(chains(2, start=2), [3.0, 2.0])
        assert living(searcher) == texts(chains(1, start=2))
        assert [c.score for c in searcher.front()] == [5.0]

    def test_a_member_that_is_born_again_lives_on(self):
        """Without mutation, and without another to cross with, every child is the member itself."""
        searcher = ParetoEvolution(SPACE, population=1, children=2, p_mutation=0.0)
        searcher.tell(chains(2), [5.0, 1.0])
        assert searcher.ask()[0] not in chains(1)
        searcher.tell(chains(2, start=2), [3.0, 2.0])
        assert living(searcher) == texts(chains(1))
        searcher.tell(chains(2, start=4), [3.0, 2.0])
        assert living(searcher) == texts(chains(1, start=4))  # once born again, once more alive


class TestTournaments:
    def searcher(self, choose, **options):
        return ParetoEvolution(
            SPACE, seed=3, population=2, children=5, tournament=2, choose=choose, **options
        )

    def test_every_third_generation_has_one_call_with_all_tournaments(self):
        calls = []

        def choose(tournaments, rng):
            calls.append(tournaments)
            assert isinstance(rng, np.random.Generator)
            return [1] * len(tournaments)

        searcher = self.searcher(choose)
        for generation in range(1, 7):
            own = chains(5, start=5 * generation)
            searcher.tell(own, [1.0, 4.0, 3.0, 5.0, 2.0])
            assert len(calls) == generation // 3
            if generation % 3 == 0:
                # Twice as many as the population holds are taken by score: all but the first.
                groups = calls[-1]
                assert [len(group) for group in groups] == [2, 2]
                assert texts(a for group in groups for a in group) == texts(own[1:])
                assert living(searcher) == texts(group[1] for group in groups)
            else:
                assert living(searcher) == texts([own[1], own[3]])

    def test_fewer_members_make_fewer_tournaments(self):
        sizes = []

        def choose(tournaments, rng):
            sizes.extend(map(len, tournaments))
            return np.zeros(len(tournaments), dtype=int)

        searcher = self.searcher(choose)
        for generation in range(3):
            searcher.tell(chains(5, start=5 * generation), [1.0, 4.0, 3.0, np.nan, np.nan])
        assert sizes == [2, 1]
        assert len(living(searcher)) == 2

    def test_by_default_the_best_score_wins(self):
        scores = {}

        def best(tournaments, rng):
            return [int(np.argmax([scores[a] for a in group])) for group in tournaments]

        searchers = self.searcher(None), self.searcher(best)
        for generation in range(3):
            own = chains(5, start=5 * generation)
            scores |= dict(zip(own, [1.0, 4.0, 3.0, 5.0, 2.0], strict=True))
            for searcher in searchers:
                searcher.tell(own, [1.0, 4.0, 3.0, 5.0, 2.0])
        assert living(searchers[0]) == living(searchers[1])

    @pytest.mark.parametrize("winners", [[0], [0, 2], [0, -1]])
    def test_winners_that_are_none_are_refused(self, winners):
        searcher = self.searcher(lambda tournaments, rng: winners)
        for generation in range(2):
            searcher.tell(chains(5, start=5 * generation), range(5))
        match = r"one winner in each of 2 tournaments among \[2, 2\] architectures, got \[0"
        with pytest.raises(UsageError, match=match):
            searcher.tell(chains(5, start=10), range(5))

    def test_a_state_knows_by_whom_tournaments_were_decided(self):
        state = self.searcher(None).state_dict()
        with pytest.raises(UsageError, match="the state is of options"):
            self.searcher(lambda tournaments, rng: [0, 0]).load_state_dict(state)


class TestSearch:
    @staticmethod
    def size(architecture):
        return float(architecture.num_vertices)

    def test_state_of_cells_goes_on_identically(self):
        options = {"costs": {"size": self.size}, "population": 3, "children": 6}
        searcher = ParetoEvolution(CELLS, seed=0, **options)
        run(searcher, gates, 45, batch=4)
        outstanding = searcher.ask(3)
        again = ParetoEvolution(CELLS, seed=1, **options)
        again.load_state_dict(json.loads(json.dumps(searcher.state_dict(), allow_nan=False)))
        for one in (searcher, again):
            one.tell(outstanding, gates(outstanding))
        assert run(again, gates, 20).history == run(searcher, gates, 20).history
        assert again.front() == searcher.front()
        assert again.state_dict() == searcher.state_dict()

    def test_it_learns_which_operation_pays(self):
        searcher = ParetoEvolution(CELLS, seed=0)
        run(searcher, gates, 400)
        learned = searcher.state_dict()["variation"]
        paid = {name: learned["survived"][name] / learned["used"][name] for name in learned["used"]}
        assert max(paid, key=paid.__getitem__) == "gate_3x3"
        assert learned["exploration"] < 0.2
        assert learned["rates"] != {"crossover": 0.3, "minimum": 0.2}

    def test_it_beats_random_search(self):
        found = [run(ParetoEvolution(SPACE, seed=s), SPACE.value, 120).best_score for s in range(6)]
        drawn = [run(RandomSearch(SPACE, seed=s), SPACE.value, 120).best_score for s in range(6)]
        assert np.mean(found) > np.mean(drawn) + 1

    def test_it_beats_random_search_among_cells(self):
        found = [run(ParetoEvolution(CELLS, seed=s), gates, 150).best_score for s in range(3)]
        drawn = [run(RandomSearch(CELLS, seed=s), gates, 150).best_score for s in range(3)]
        assert np.mean(found) > np.mean(drawn) + 5

    def test_its_front_dominates_more_than_that_of_random_search(self):
        """What brings most costs most: of two costs each grows with other places."""

        def weigh(weights):
            return lambda architecture: float(np.dot(SPACE.numbers(architecture), weights))

        costs = {"early": weigh((8, 4, 2, 1)), "late": weigh((0, 1, 1, 2))}

        def volume(seed, searched):
            searcher = ParetoEvolution(SPACE, seed=seed, costs=costs)
            if searched:
                run(searcher, SPACE.value, 150)
            else:
                history = run(RandomSearch(SPACE, seed=seed), SPACE.value, 150).history
                searcher.tell([s.architecture for s in history], [s.score for s in history])
            return searcher.hypervolume(0.0, {"early": 75.0, "late": 20.0})

        assert np.mean([volume(s, True) for s in range(3)]) > np.mean([volume(s, False) for s in range(3)])
