import pytest

from egraph.bench.arena import plot
from egraph.errors import UsageError


@pytest.fixture
def drawn(monkeypatch):
    from matplotlib.figure import Figure

    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))
    return figures


def test_a_picture(arena_row, tmp_path):
    rows = [arena_row(searcher=name, seed=s) for name in ("random", "new") for s in (0, 1)]
    plot(rows, tmp_path / "new" / "x.svg")
    assert "<svg" in (tmp_path / "new" / "x.svg").read_text(encoding="utf-8")


def test_median_and_band_against_queries_and_seconds(arena_row, tmp_path, drawn):
    plot([arena_row(seed=s, steps=[[1, 2.0, 0.5, 10.0 + s]]) for s in (0, 1, 2)], tmp_path / "x.svg")
    queries, seconds = drawn[0].axes
    assert (queries.get_xlabel(), seconds.get_xlabel()) == ("queries", "simulated seconds of training")
    line = queries.lines[0]
    assert line.get_label() == "good"
    assert line.get_xydata().tolist() == [[x, 11.0] for x in range(1, 21)]
    assert (seconds.lines[0].get_xdata()[0], seconds.lines[0].get_xdata()[-1]) == pytest.approx((2, 40))
    assert set(queries.collections[0].get_paths()[0].vertices[:, 1]) == {10.5, 11.5}
    assert queries.lines[1].get_ydata()[0] == 40
    assert queries.lines[1].get_label() == "optimum"


def test_without_costs_there_are_no_seconds(arena_row, tmp_path, drawn):
    untimed = {"seconds": None, "steps": [[1, None, 0.5, 10.0]]}
    plot([arena_row(**untimed)], tmp_path / "x.svg")
    assert len(drawn[0].axes) == 1
    plot([arena_row(**untimed), arena_row(benchmark="other")], tmp_path / "x.svg")
    assert len(drawn[1].axes) == 3


def test_searches_that_train_nothing_are_a_level_line_against_seconds(arena_row, tmp_path, drawn):
    free = {"fitness": "zero-cost", "seconds": 0.0, "steps": [[1, 0.0, 0.5, 30.0]]}
    plot(
        [arena_row(), arena_row(**free, final=30.0), arena_row(**free, final=34.0, seed=1)],
        tmp_path / "x.svg",
    )
    queries, seconds = drawn[0].axes
    assert "good / zero-cost" in [line.get_label() for line in queries.lines]
    level = next(line for line in seconds.lines if line.get_label() == "good / zero-cost")
    assert set(level.get_ydata()) == {32.0}
    plot([arena_row(**free)], tmp_path / "x.svg")
    assert len(drawn[1].axes) == 1, "where nothing is trained there are no seconds"


def test_what_cannot_be_drawn_is_refused(arena_row, tmp_path):
    with pytest.raises(UsageError, match=r"must end in \.svg, \.png or \.pdf, got .*x\.doc"):
        plot([arena_row()], tmp_path / "x.doc")
    with pytest.raises(UsageError, match="there are no results to draw"):
        plot([], tmp_path / "x.svg")
