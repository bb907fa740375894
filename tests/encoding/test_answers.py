"""Tests for columns from the answers of a builder."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egraph.architecture import Architecture
from egraph.encoding import Vocabulary, encode
from egraph.encoding.answers import AskedQuestions


def asked(**answers) -> Architecture:
    return Architecture(["input", "nor_conv_3x3", "output"], [(0, 1), (1, 2)], answers=answers)


def test_numbers_are_positions_whatever_their_scale():
    questions = AskedQuestions.of([asked(rate=rate) for rate in (0.1, 1e-4, 1e-3, 1e-3)])
    assert questions.questions == (("rate", (1e-4, 1e-3, 0.1)),)
    columns = questions.encode([asked(rate=rate) for rate in (1e-4, 1e-3, 0.1, 0.0505, 0, 7)])
    assert columns[:, 0] == pytest.approx([0, 1, 2, 1.5, 0, 2])
    assert questions.names == ["rate"]


def test_other_answers_are_told_apart():
    options = ["relu", None, True, (0, 1), 1]
    questions = AskedQuestions.of([asked(act=option) for option in options])
    columns = questions.encode([asked(act=option) for option in options])
    assert columns.sum(axis=1).tolist() == [1] * 5
    assert len(np.unique(columns, axis=0)) == 5  # 1 is not True
    assert questions.encode([asked(act="gelu")]).tolist() == [[0] * 5]
    assert set(questions.groups) == {"answers to act"}


def test_who_was_not_asked_is_in_the_middle():
    questions = AskedQuestions.of([asked(act="a", depth=1), asked(act="b", depth=4)])
    assert questions.encode([asked(other=1)]).tolist() == [[0.5, 0.5, 0.5]]
    assert questions.encode([asked(act="a", depth="deep")]).tolist() == [[1, 0, 0.5]]


def test_only_what_all_were_asked_and_answered_differently_is_read():
    questions = AskedQuestions.of([asked(a=1, b=2, c=1), asked(a=1, b=3), asked(a=1, b=3, c=2)])
    assert [name for name, _ in questions.questions] == ["b"]
    plain = Architecture(["input", "output"], [(0, 1)])
    assert AskedQuestions.of([asked(a=1), asked(a=2), plain]) == AskedQuestions.of([]) == AskedQuestions()


def test_answers_of_too_many_kinds_and_too_many_questions_are_left_out():
    many = [asked(name=f"{n}", **{f"q{i:03}": (n + i) % 2 for i in range(99)}) for n in range(20)]
    questions = AskedQuestions.of(many)
    assert len(questions.questions) == 64
    assert "name" not in dict(questions.questions)
    assert AskedQuestions.of([asked(n=10**400), asked(n=1)]).encode([asked(n=1)]).tolist() == [[1, 0]]


scalars = st.none() | st.booleans() | st.text(max_size=3) | st.integers(-9, 9) | st.floats(-2, 2)


@given(st.lists(scalars | st.lists(scalars, max_size=2), min_size=2, max_size=8))
def test_questions_survive_json(answers):
    networks = [asked(q=answer) for answer in answers]
    questions = AskedQuestions.of(networks)
    again = AskedQuestions.from_json(json.loads(json.dumps(questions.to_json())))
    assert again == questions
    assert again.encode(networks).tolist() == questions.encode(networks).tolist()
    assert len(questions.names) == len(questions.groups) == questions.encode(networks).shape[1]


@pytest.mark.parametrize("content", [[["a", [1]]], [[1, [1, 2]]], [["a", [2, 1]]], [["a", ["b", "b"]]]])
def test_what_is_no_question_is_refused(content):
    with pytest.raises(ValueError, match="no question and its answers"):
        AskedQuestions.from_json(content)


def test_a_vocabulary_holds_the_questions():
    networks = [asked(rate=0.1, act="a"), asked(rate=0.2, act="b")]
    vocabulary = Vocabulary.of(networks)
    assert vocabulary.feature_names[-3:] == ["act is a", "act is b", "rate"]
    assert len(vocabulary.feature_groups) == len(vocabulary.feature_names)
    assert encode(networks, vocabulary).features[:, -3:].tolist() == [[1, 0, 0], [0, 1, 1]]
    again = Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json())))
    assert again.feature_names == vocabulary.feature_names
    assert "asked" not in Vocabulary.of([Architecture(["input", "output"], [(0, 1)])]).to_json()
