"""What a supernet learnt, on its own page and in the report of a search."""

import re
import sys
from pathlib import Path

import pytest

import egraph
from egraph import report

sys.path.insert(0, str(Path(__file__).parent))

from pages import check

CELLS = [
    "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|none~1|skip_connect~2|",
    "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|none~1|skip_connect~2|",
    "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|none~0|none~1|skip_connect~2|",
]


@pytest.fixture
def result():
    """Three epochs, the first two of which derive the same cell."""
    space = egraph.spaces.get("nasbench201")
    epochs = [
        {
            "number": number,
            "validation": 0.5 + 0.1 * (number % 3),
            "entropy": 1.5 - 0.1 * number,
            "skips": 2,
            "probabilities": {"0->1": [0.1, 0.2 * number, 0.9 - 0.2 * number], "0<2": [0.5, 0.25, 0.25]},
            "architecture": space.parse(cell).to_dict(),
        }
        for number, cell in enumerate(CELLS, 1)
    ]
    options = {"0->1": ["none", "conv", "pool"], "0<2": ["none", "conv", "pool"]}
    return {"epochs": epochs, "best": 2, "options": options, "seconds": 12.5}


def test_a_page_of_one_supernet(result, tmp_path):
    scores = {"test score": 0.81, "score": 0.83, "notation": CELLS[0]}
    whole = {
        **result,
        "space": "nasbench201",
        "data": "digits",
        "seed": 3,
        "method": {"searcher": "gdas"},
        "derived": scores,
        "further": {"ranks=3,4": [scores], "drawn=2": [scores, {**scores, "test score": 0.6}]},
        "random": [{**scores, "test score": 0.7777}],
    }
    page = report.write_supernet(whole, tmp_path / "supernet.html").read_text()
    words = check(page)
    for part in (
        "gdas on nasbench201",
        "digits for 12 s, seed 3",
        "0.8100",
        "ranks=3,4 0.8100 0.8300",
        "drawn=2 2 0.6000 0.8300",
        "random 1 0.7777 0.8300",
        CELLS[0],
    ):
        assert part in words
    assert re.findall(r"epochs? \d[^<]*(?=</summary>)", page) == ["epochs 1 to 2, best: 2", "epoch 3"]
    assert page.count("<details") == 2
    assert page.count(" open>") == 1


def test_a_search_tells_what_its_supernets_learnt(write_journal, tmp_path, result):
    with write_journal(tmp_path / "x.db") as journal:
        record = {"about": "", "done": 3, "total": 3, "seconds": 12.5, "result": result}
        waiting = {**record, "done": 1, "result": None}
        journal.keep("preparations", {"gdas": record, "darts:order=2": record, "snas": waiting})
        page = report.render(journal)
    words = check(page)
    assert "The supernet of gdas Epoch by epoch" in words
    assert "The supernet of darts:order=2 Epoch by epoch" in words
    assert "The supernet of snas Epoch by epoch" not in words, "its training is not done"
    assert not re.search(r"#0[1-5]0[1-5]0[1-5]", page), "charts take their colours from the page"
