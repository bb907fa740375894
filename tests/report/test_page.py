"""The page: whole, self-contained, and honest about what is missing."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from egraph import report
from egraph.architecture import Architecture
from egraph.errors import FailedError, JournalError
from egraph.evaluation import Evaluation
from egraph.evolve import choose
from egraph.report._svg import draw_architecture

sys.path.insert(0, str(Path(__file__).parent.parent / "evolve"))
sys.path.insert(0, str(Path(__file__).parent))

import evolving
from pages import check


@pytest.fixture(scope="module")
def text(tmp_path_factory, write_journal):
    """The page of a finished study."""
    with write_journal(tmp_path_factory.mktemp("page") / "s.db", fail=(8,)) as written:
        return report.render(written)


def test_a_finished_study_is_told_in_full(journal, tmp_path):
    page = report.write(tmp_path / "s.db", tmp_path / "s.html")
    text = page.read_text(encoding="utf-8")
    words = check(text)
    for expected in (
        "Best so far",
        "Predicted and measured",
        "Score and size",
        "The best networks",
        "Costs",
        "Rounds",
    ):
        assert expected in words
    assert words.count("as JSON") == 5
    assert "egraph search --seed 7 <&>" in words
    assert "torch 2.13.0" in words
    assert "the loss became NaN <b>&" in words


def test_the_page_names_no_outside_address(text):
    assert not re.search(r"https?:|//[a-z]|@import|<script|<link|<img", text)


def test_names_from_the_journal_are_escaped(text):
    assert "<b>&" not in text
    assert "&lt;b&gt;&amp;" in text


def test_charts_take_their_colours_from_the_page(text):
    assert "var(--search)" in text
    assert not re.search(r"#0[1-5]0[1-5]0[1-5]\b", text)
    assert "prefers-color-scheme: dark" in text


def test_a_study_that_still_runs_is_reported(tmp_path, write_journal):
    with write_journal(tmp_path / "half.db", 3, broken_off=True):
        report.write(tmp_path / "half.db", tmp_path / "half.html")
    words = check((tmp_path / "half.html").read_text(encoding="utf-8"))
    assert "8 trials were queued or running" in words
    assert "The best networks" in words


def test_a_study_without_one_result_is_reported(tmp_path, write_journal):
    with write_journal(tmp_path / "none.db", 1, broken_off=True) as journal:
        words = check(report.render(journal))
    assert "No trial is complete yet." in words
    assert "Best so far" not in words


def test_a_study_in_which_all_failed_says_so(tmp_path, write_journal):
    with write_journal(tmp_path / "failed.db", 1, fail=range(6)) as journal:
        words = check(report.render(journal))
    assert "No trial is complete yet; 6 failed (see below)." in words


def test_a_study_of_a_table_without_baseline(tmp_path, write_journal):
    with write_journal(tmp_path / "table.db", kind="table", baseline=False) as journal:
        words = check(report.render(journal))
    assert "random search, test" not in words
    assert "%" not in words.split("The best networks")[1].split("Rounds")[0]


def test_an_evolution_of_rankers_is_told_in_words_that_fit_rankers(tmp_path):
    path = tmp_path / "evolution.db"
    with evolving.study(path) as study:
        study.run(trials=8)
        finalists = choose(study, repeats=2)
    report.write(path, tmp_path / "evolution.html")
    text = (tmp_path / "evolution.html").read_text(encoding="utf-8")
    words = check(text)
    assert "A search for rankers in the space graphsage, seed 0." in words
    best = f"{finalists[0].score:.4g}"
    assert f"best ranker, tau on validation {best} mean of 2 trainings from scratch" in words
    assert f"trained again {best}," in words
    assert "The best rankers" in words
    for foreign in ("network", "validation accuracy", "test scores", "Test scores", "Rounds"):
        assert foreign not in words


def test_a_missing_or_foreign_journal_is_refused(tmp_path):
    with pytest.raises(JournalError, match="no journal at"):
        report.write(tmp_path / "absent.db", tmp_path / "x.html")
    (tmp_path / "foreign.db").write_bytes(b"no database at all, but long enough to look like one" * 20)
    with pytest.raises(JournalError, match="not the journal"):
        report.write(tmp_path / "foreign.db", tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists()


def test_a_page_that_cannot_be_written_leaves_nothing(journal, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FailedError, match="cannot write"):
        report.write(tmp_path / "s.db", tmp_path / "file" / "x.html")


def test_the_best_of_each_size_is_told(journal):
    assert "The best of each size" not in report.render(journal)  # there is one size only
    journal.finish(0, "complete", Evaluation(0.99, params=1_234))
    page = report.render(journal)
    assert "The best of each size" in page
    assert "best of its size" in page
    assert "<td>1,234</td>" in page


def test_the_axis_of_accuracies_ends_at_100_percent():
    from types import SimpleNamespace

    from matplotlib.figure import Figure

    from egraph.report._charts import _frame

    for measured, ends in ((True, (0.0, 100.0)), (False, (-5.98, 105.68))):
        axes = Figure().add_subplot()
        axes.plot([0, 1], [0.0, 99.7], label="x")
        _frame(axes, SimpleNamespace(measure="score", is_accuracy=measured), np.array([0.0, 0.0, 99.7]))
        assert axes.get_ylim() == pytest.approx(ends, abs=0.1)


def test_the_picture_has_what_the_network_has():
    """Not a layer whose result nobody reads, and no disabled edge."""
    loose = Architecture(
        ("input", "CONV_3.N", "POOL_2.M", "output"), [(0, 1), (0, 2), (1, 3)], disabled=[(2, 3)]
    )
    picture = draw_architecture(loose, "the best")
    assert "CONV_3.N" in picture
    assert "POOL_2.M" not in picture
