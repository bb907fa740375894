"""Lines of the user's code."""

import json
import traceback

import pytest
import torch
from torch import fx

from egraph.tracing.locations import location_of_error, location_of_node


def test_an_error_is_placed_at_the_innermost_line_of_the_user():
    def fail():
        torch.zeros(2).view(3)

    with pytest.raises(RuntimeError) as caught:
        fail()
    line = fail.__code__.co_firstlineno + 1
    assert location_of_error(caught.value) == f", at {__file__}, line {line}: `torch.zeros(2).view(3)`"


def test_the_standard_library_is_not_the_user():
    with pytest.raises(ValueError, match="Expecting") as caught:
        json.loads("{")
    assert "`json.loads" in location_of_error(caught.value)


def test_what_was_typed_has_no_source():
    with pytest.raises(ZeroDivisionError) as caught:
        exec(compile("\n\n1 / 0", "<stdin>", "exec"))
    assert location_of_error(caught.value) == ", at <stdin>, line 3"


def test_the_line_of_a_cause_counts_where_the_error_has_none():
    with pytest.raises(KeyError) as caught:
        raise KeyError("first")
    error = ValueError("second")
    error.__cause__ = caught.value
    line = traceback.extract_tb(caught.value.__traceback__)[-1].lineno
    assert location_of_error(error) == f', at {__file__}, line {line}: `raise KeyError("first")`'


def test_a_node_is_placed_by_its_stack_and_may_have_none():
    node = fx.Graph().placeholder("x")
    assert location_of_node(node) == ""
    node.meta["stack_trace"] = (
        f'File "{__file__}", line 1, in forward\n  File "{torch.__file__}", line 9, in f'
    )
    assert location_of_node(node) == f', at {__file__}, line 1: `"""Lines of the user\'s code."""`'
