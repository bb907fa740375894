import pytest
import torch

from egraph.errors import EvaluationError, UsageError
from egraph.training import failures_explained


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory."), MemoryError(), RuntimeError("can't allocate memory")],
    ids=["gpu", "python", "cpu"],
)
def test_memory_that_runs_out_comes_with_advice(error):
    with (
        pytest.raises(EvaluationError, match=r"^out of memory; use less$"),
        failures_explained("no", "use less"),
    ):
        raise error


def test_an_error_of_pytorch_becomes_one_line():
    with pytest.raises(EvaluationError, match=r"^it failed: first$"), failures_explained("it failed", ""):
        raise RuntimeError("first\nsecond")


def test_errors_of_egraph_pass_unchanged():
    with pytest.raises(UsageError, match=r"^as it is$"), failures_explained("it failed", ""):
        raise UsageError("as it is")
