"""Tournaments that a network decides, named by a text: they need the data of the evaluator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from egraph.errors import UnknownNameError, UsageError
from egraph.evaluation import OwnTraining
from egraph.evaluation.base import Evaluator
from egraph.evaluation.building import NetworkEvaluator
from egraph.searchers import MakeSearcher, SearcherSpec
from egraph.spaces import SearchSpace
from egraph.specs import parse

if TYPE_CHECKING:
    from egraph.datasets import ImageData
    from egraph.supernets import Tournament

__all__ = ["check_choice", "with_tournaments"]

SUPERNET = "supernet"
"""The name of the tournament that a network decides."""

_OWN = ("examples", "logit_examples", "logit_rate", "layers", "seed")


def check_choice(spec: SearcherSpec) -> None:
    """Checks the text of the option ``choose``, where a searcher has one.

    Raises:
        UnknownNameError: No choice has this name, or none of its options has one of the names.
        UsageError: The text has another form, or a value is out of range.
    """
    if isinstance(text := spec.options.get("choose"), str):
        _read(text)


def with_tournaments(make: MakeSearcher, space: SearchSpace, evaluator: Evaluator) -> MakeSearcher:
    """A searcher whose option ``choose=supernet`` is the tournament on the data of the evaluator.

    Other searchers are returned as they are.

    Raises:
        UsageError: The evaluator has no images, or the space has no cells for such a network.
    """
    if not isinstance(make, SearcherSpec) or not isinstance(text := make.options.get("choose"), str):
        return make
    from egraph.supernets import Tournament

    options = _read(text)
    device: dict[str, Any] = {}
    if isinstance(evaluator, NetworkEvaluator | OwnTraining):
        device = {"device": evaluator.device, "threads": evaluator.threads}
    tournament: Tournament = Tournament(_find_data(evaluator, text), space=space, **options, **device)
    return make.replace(choose=tournament)


def _read(text: str) -> dict[str, Any]:
    """The arguments of `Tournament` in ``supernet`` or ``supernet:OPTION=VALUE+OPTION=VALUE``."""
    from egraph.supernets.tournament import RECIPE

    name, options = parse(text.replace("+", ","))
    if name != SUPERNET:
        raise UnknownNameError("choice of tournaments", name, [SUPERNET])
    own = {option: options.pop(option) for option in _OWN if option in options}
    return {"recipe": RECIPE.changed(**options), **own} if options else own


def _find_data(evaluator: Evaluator, text: str) -> ImageData:
    data: ImageData | None = None
    if isinstance(evaluator, NetworkEvaluator):
        data = evaluator.images
    elif isinstance(evaluator, OwnTraining):
        data = evaluator.data
    if data is None:
        raise UsageError(
            f"choose={text} trains cells on images, and this evaluator has none; leave it out, so that the "
            "best score wins, or give data to train on"
        )
    return data
