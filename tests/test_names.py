"""No file has a name that is too long or holds a NUL character: it is absent, at every door."""

import pytest
from click.testing import CliRunner

import egraph
from egraph import datasets, spaces
from egraph.cli.main import main
from egraph.errors import EgraphError
from egraph.export import OnnxRanker
from egraph.study import open_journal
from egraph.training import Recipe, read_recipe

LONG = "x" * 3000
READERS = {
    "load": datasets.load,
    "import": lambda name: datasets.import_table(name, "out.parquet", space="nasbench201"),
    "images": datasets.images,
    "ranker": egraph.load,
    "onnx": OnnxRanker,
    "recipe": lambda name: read_recipe(name, Recipe()),
    "grammar": spaces.Grammar,
    "journal": open_journal,
    "storage": lambda name: egraph.Study("nasbench201", len, storage=name),
}


@pytest.mark.parametrize("end", ["", ".csv", ".parquet", ".npz", ".db", ".pth"])
@pytest.mark.parametrize("name", [LONG, "a\0b"], ids=["long", "NUL"])
@pytest.mark.parametrize("reader", READERS)
def test_a_name_that_no_file_has_is_refused(reader, name, end, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EgraphError, match=r"x{90}|a.*b"):
        READERS[reader](name + end)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ["draw", LONG], ["rank", LONG], ["data", "show", LONG], ["evaluate", LONG], ["report", LONG],
        ["export", LONG, "out.onnx"], ["train", "--data", LONG, "--out", "out.egraph"],
        ["search", "--data", LONG],
        ["train", "--data", f"{LONG}.csv", "--out", "out.egraph"], ["search", "--data", f"{LONG}.npz"],
        ["train", "--data", "absent", "--root", LONG, "--out", "out.egraph"],
        ["search", "--data", "cifar10", "--root", LONG],
        ["search", "--data", "kmnist", "--root", LONG],
        ["search", "--recipe", LONG], ["search", "--known", LONG], ["search", "--space", LONG],
        ["data", "import", LONG, "--space", "nasbench201"],
        ["draw", '{"ops":["input","output"],"edges":[]}', "--out", f"{LONG}.svg"],
    ],
    ids=lambda words: " ".join(words).replace(LONG, "LONG")[:40],
)  # fmt: skip
def test_commands_refuse_it_in_one_line(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(main, words)
    assert answer.exit_code in (1, 2)
    assert "unexpected" not in answer.output
    assert answer.output.strip().splitlines()[-1].startswith("egraph: ")


@pytest.mark.parametrize("journal", [".", "..", "/", ""])
def test_a_report_of_no_file_is_refused(journal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(main, ["report", journal])
    assert answer.exit_code == 1
    assert answer.output.startswith("egraph: ")
    assert "unexpected" not in answer.output
