"""Several workers without rounds that wait: nobody waits for a straggler, and the journal tells the order."""

import random
import signal
import time
from dataclasses import replace

import copied
import pytest
from played import MODES, SMALLER, SPACE, Played, history, main, study

from egraph.errors import JournalError, UsageError
from egraph.evaluation import Evaluation
from egraph.study import open_journal
from egraph.study._events import ignore
from egraph.study._loop import add_pause
from egraph.study._trial import BASELINE

pytestmark = pytest.mark.usefixtures("copied_workers")

TRIALS = 30


class Uneven(Played):
    """Takes up to 60 ms, which depends on the network."""

    def evaluate(self, architecture, *, seed=0):
        time.sleep(0.06 * random.Random(SPACE.key(architecture)).random())
        return super().evaluate(architecture, seed=seed)


class Straggling(Played):
    """The first evaluation lasts until fifteen others have ended, or fails after half a minute."""

    def __init__(self, notes):
        super().__init__()
        self.notes = notes

    def evaluate(self, architecture, *, seed=0):
        try:
            with (self.notes / "first").open("x") as note:
                note.write(SPACE.key(architecture))
                first = True
        except FileExistsError:
            first = False
        until = time.monotonic() + 30
        while first and len(list(self.notes.iterdir())) < 16:
            if time.monotonic() > until:
                return Evaluation(float("nan"))
            time.sleep(0.01)
        result = super().evaluate(architecture, seed=seed)
        (self.notes / SPACE.key(architecture)).touch()
        return result


def run(mode):
    one = study(workers=2, evaluate=Uneven(), **MODES[mode])
    one.run(trials=SMALLER.get(mode, TRIALS), baseline=True)
    return one


def check_replay(journal, mode, **options):
    """Each round proposes again what it proposed, out of the results that it knew."""
    trials, state, learned_from, pause = journal.read_trials(), None, 0, 0.0
    limit = SMALLER.get(mode, TRIALS)
    with study(**MODES[mode], **options) as fresh:
        for row in journal.rounds.to_dict("records"):
            own = [trial for trial in trials if trial.round == row["round"]]
            before = [
                one
                if one.known_in is not None and one.known_in <= row["round"]
                else replace(one, state="running", evaluation=Evaluation(float("nan")), known_in=None)
                for one in trials[: own[0].number]
            ]
            proposed = fresh._runner.proposer.propose(
                before, limit, True, state, ignore, None,
                learned_from=learned_from, alarm=bool(row["exploring"]), pause=pause,
            )  # fmt: skip
            again = [(SPACE.key(p.architecture), p.origin, p.fidelity) for p in proposed.plan.proposals]
            assert again == [(trial.key, trial.origin, trial.fidelity) for trial in own]
            state = proposed.plan.searcher_state or state
            learned_from = proposed.plan.learned_from
            assert learned_from == row["learned_from"]
            pause = add_pause(row["fit_seconds"], row["search_seconds"])


def check_whole(journal, mode):
    """Nothing is lost, doubled or left running."""
    trials = journal.read_trials()
    assert {trial.state for trial in trials} == {"complete"}
    own = [(trial.key, trial.fidelity) for trial in trials if trial.origin != BASELINE]
    assert len(set(own)) == len(own)
    assert sum(trial.fidelity for trial in trials if trial.origin != BASELINE) == pytest.approx(
        SMALLER.get(mode, TRIALS), abs=1
    )
    assert journal.rounds["finished"].notna().all()


def test_a_straggler_is_overtaken(tmp_path):
    with study(workers=2, evaluate=Straggling(tmp_path)) as one:
        one.run(trials=20)
        assert set(one.trials["state"]) == {"complete"}
        straggler = one.trials.set_index("key").loc[(tmp_path / "first").read_text()]
        before = one.trials[one.trials["finished"] < straggler["finished"]]
        assert before["round"].max() > straggler["round"], "results of later rounds came first"


@pytest.mark.parametrize("mode", ["ranker", "several direct", "costs", "fidelities", "brackets"])
def test_the_journal_tells_what_each_round_knew(mode):
    with run(mode) as one:
        check_whole(one.journal, mode)
        check_replay(one.journal, mode)
        known = one.trials.groupby("round")["known_in"].nunique()
        assert known.max() > 1, "some round was proposed while trials of the one before were running"


@pytest.mark.parametrize("mode", ["ranker", "costs", "fidelities"])
def test_rounds_of_their_own_size_are_told_too(mode):
    options = {"workers": 3, "batch": None}
    with study(evaluate=Uneven(), **MODES[mode], **options) as one:
        one.run(trials=SMALLER.get(mode, TRIALS), baseline=True)
        check_whole(one.journal, mode)
        check_replay(one.journal, mode, **options)
        assert one.rounds["trials"].nunique() > 1


@pytest.mark.parametrize("mode", ["ranker", "fidelities"])
def test_killed_and_run_again_nothing_is_lost_or_doubled(tmp_path, mode):
    chance, path = random.Random(mode), tmp_path / "x.db"
    done = {}
    for count in (11, None):
        process = copied.start(main, path, 2, mode, True)
        if count is None:
            process.join(120)
            assert process.exitcode == 0
            break
        while len(read_done(path)) < count and process.is_alive():
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        kept = read_done(path)
        assert done.items() <= kept.items()
        done = kept
    with open_journal(path) as journal:
        assert done.items() <= read_done(path).items()
        check_whole(journal, mode)
        check_replay(journal, mode)


def read_done(path):
    """Scores and times of the trials that are done, by number."""
    try:
        with open_journal(path) as journal:
            return {one.number: (one.score, one.finished) for one in journal.read_trials(states=["complete"])}
    except JournalError:  # not begun
        return {}


def test_with_one_worker_there_is_nothing_to_wait_for():
    histories = []
    for synchronous in (False, True):
        with study(synchronous=synchronous) as one:
            one.run(trials=20)
            histories.append(history(one))
    assert histories[0] == histories[1]


def test_without_a_ranker_each_free_worker_asks_for_one():
    with study(workers=2, ranker=False, batch=None) as one:
        one.run(trials=4)
        assert one.rounds["trials"].tolist() == [1] * 4
    with study(workers=2, ranker=False, batch=None, synchronous=True) as one:
        one.run(trials=4)
        assert one.rounds["trials"].tolist() == [2, 2]


def test_it_is_a_flag():
    with pytest.raises(UsageError, match="synchronous"):
        study(synchronous="no")
