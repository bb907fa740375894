"""The recipe for new parts of the ranker in CONTRIBUTING.md: it works, and each of its steps is needed."""

import ast
import re
import warnings
from pathlib import Path

import pytest

import egraph
from egraph.errors import FailedError, OutOfDistributionWarning, UnknownNameError, UsageError

PAGE = Path(__file__).parent.parent / "CONTRIBUTING.md"
HEADING = "## Add a message-passing layer, a read-out or a loss\n"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
STEPS = {
    "AGGREGATORS": (UnknownNameError, "unknown aggregator 'gated'; known: lstm, mean, pool, sum"),
    "READOUTS": (UnknownNameError, "unknown read-out 'min'; known: max, mean, output, "),
    "HEADS": (UnknownNameError, "unknown head 'logistic'; known: pairwise, regression, utility"),
    "ONNX_AGGREGATORS": (
        UsageError,
        r"'gated' has no ONNX writer .*export\.ONNX_AGGREGATORS\.register\('gated'",
    ),
    "ONNX_READOUTS": (UsageError, r"'min' has no ONNX writer .*export\.ONNX_READOUTS\.register\('min'"),
    "graphsage.register_aggregator": (UsageError, r"layers must be some of .*, got .*SAGE_GATED\.H"),
    "READOUT": (UsageError, "the options of gene 'READOUT' must be some of .*, got .*READOUT_MIN"),
    "HEAD": (UsageError, "the options of gene 'HEAD' must be some of .*, got .*HEAD_LOGISTIC"),
}


def _read_recipe() -> ast.Module:
    _, rest = PAGE.read_text(encoding="utf-8").split(HEADING)
    section = rest.split("\n## ")[0]
    return ast.parse("\n".join(BLOCK.findall(section)))


def _step(statement: ast.stmt) -> str | None:
    """The step that a statement is, if it registers something: its table or, of genes, its gene."""
    if not isinstance(statement, ast.Expr) or "register" not in ast.unparse(statement.value):
        return None
    call = statement.value
    assert isinstance(call, ast.Call)
    name = ast.unparse(call.func).removesuffix(".register")
    return name if name != "graphsage.register_option" else ast.literal_eval(call.args[0])


def _follow(recipe: ast.Module, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", OutOfDistributionWarning)
        exec(compile(recipe, str(PAGE), "exec"), {"__name__": "recipe"})


@pytest.mark.usefixtures("own_tables")
def test_the_recipe_works(tmp_path, monkeypatch):
    _follow(_read_recipe(), tmp_path, monkeypatch)
    assert "gated" in egraph.ranker.AGGREGATORS


@pytest.mark.usefixtures("own_tables")
@pytest.mark.parametrize("step", STEPS)
def test_a_missing_step_is_named(step, tmp_path, monkeypatch):
    recipe = _read_recipe()
    recipe.body = [statement for statement in recipe.body if _step(statement) != step]
    error, text = STEPS[step]
    with pytest.raises(error, match=text):
        _follow(recipe, tmp_path, monkeypatch)
    assert not (tmp_path / "gated.onnx").exists()


def test_all_steps_are_tried():
    assert [step for statement in _read_recipe().body if (step := _step(statement))] == list(STEPS)


@pytest.mark.usefixtures("own_tables")
def test_a_file_that_differs_from_the_ranker_is_refused(tmp_path, monkeypatch):
    """The last step compares: a writer that writes something else does not pass it."""
    recipe = _read_recipe()
    wrong = "def write_smallest(x, vertices): return op.reduce_max(x, op.const(np.array([1])), keepdims=0)"
    for place, statement in enumerate(recipe.body):
        if isinstance(statement, ast.FunctionDef) and statement.name == "write_smallest":
            recipe.body[place] = ast.parse(wrong).body[0]
    with pytest.raises(FailedError, match="the ONNX file and the ranker disagree"):
        _follow(recipe, tmp_path, monkeypatch)
