"""An evolution in one call: its stages, its result and its files."""

import evolving
import pytest

from egraph import evolve
from egraph.errors import FailedError
from egraph.ranker import Genome


@pytest.fixture(scope="module")
def found(split):
    """A small evolution, its events and its stages."""
    events, stages = [], []
    with evolving.study() as study:
        result = evolve.run(
            study, [split], 8, filters=4, repeats=1, full=False, command="egraph evolve",
            listen=events.append, progress=lambda *stage: stages.append(stage),
        )  # fmt: skip
        return result, events, stages, study.trials


def test_the_best_genome_is_the_first_finalist_with_its_provenance(found, split):
    result, _, _, trials = found
    assert result.genome.architecture == result.finalists[0].genome
    assert result.genome.filters == 4
    provenance = result.genome.provenance
    assert list(provenance)[:4] == ["command", "space", "seed", "evaluations"]
    assert (provenance["space"], provenance["evaluations"]) == ("graphsage", 8)
    assert provenance["splits"] == [split.describe()]
    assert [row["taus"] for row in provenance["tau on test"]] == [list(m.taus) for m in result.comparison]
    assert result.trials.equals(trials)


def test_events_and_stages_are_reported_in_order(found):
    _, events, stages, _ = found
    assert type(events[0]).__name__ == "RunStarted"
    assert stages[0] == ("choose", 0, 5)
    compared = stages.index(("compare", 0, 0))
    assert {stage for stage, _, _ in stages[:compared]} == {"choose"}
    assert stages[-1] == ("compare", 2, 2)


def test_genome_and_picture_are_written(found, tmp_path):
    result = found[0]
    files = result.save(tmp_path / "x.db")
    assert files == {
        "best genome": str(tmp_path / "x.genome.json"),
        "picture": str(tmp_path / "x.png"),
    }
    assert Genome.load(files["best genome"]).architecture == result.genome.architecture
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_that_cannot_be_made_is_refused(found, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FailedError, match="cannot write"):
        found[0].save(tmp_path / "file" / "x.db")
