"""Lists of models to trace: those of timm and torchvision, and a list of the user's own."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from egraph.errors import UsageError
from egraph.specs import current_folder_first, find_named

__all__ = ["Model", "describe_source", "list_models"]

_NATIVE = 224
_FIRST_WEIGHTS = "IMAGENET1K_V1"


@dataclass(frozen=True)
class Model:
    """A model that can be built without weights.

    Attributes:
        name: Name in the list.
        size: Side of the input in pixels; None for the model's own, or for an input that is given.
        make: Function of the side that returns the module, or the path of an ONNX file, and an example input.
        labels: Further columns that the list itself gives.
    """

    name: str
    size: int | None
    make: Callable[[int | None], tuple[Any, Any]]
    labels: Mapping[str, Any] = field(default_factory=dict)


def list_models(source: str, wanted: Iterable[tuple[str, int | None]] | None = None) -> list[Model]:
    """The models of a source.

    Args:
        source: ``"timm"``; ``"torchvision"``, with the accuracies of the first weights that were published of
            each; or ``package.module:name``: a list, or a function that returns one, of mappings with
            ``model`` (a name), ``build`` (a function that returns the module), ``input`` (the shape of one
            input, or an example), and numbers or texts as labels.
        wanted: Names, each with the side of its input; None for all models.

    Raises:
        UsageError: There is no such source, its package is not installed, or the list is of another form.
        FailedError: The user's module cannot be imported.
    """
    if source in ("timm", "torchvision"):
        try:
            package = importlib.import_module(source)
        except ImportError as error:
            raise UsageError(
                f"--models {source} needs the package {source}, which cannot be imported ({error}); "
                f"install it with pip install {source}"
            ) from None
        make = _make_timm if source == "timm" else _make_torchvision
        if wanted is not None:
            return [Model(name, size, _bind(make, package, name)) for name, size in wanted]
        if source == "timm":
            return [Model(name, None, _bind(make, package, name)) for name in package.list_models()]
        names = package.models.list_models(module=package.models)
        found = [(name, *_read_weights(package, name)) for name in names]
        return [Model(name, size, _bind(make, package, name), labels) for name, size, labels in found]
    if ":" not in source:
        raise UsageError(
            f"models are those of timm, torchvision, or a list package.module:name, got {source!r}"
        )
    with current_folder_first():
        found = find_named(source, "--models")
        rows = found() if callable(found) else found
    models = {model.name: model for model in _read_list(source, rows)}
    if wanted is None:
        return list(models.values())
    return [models[name] for name in dict.fromkeys(name for name, _ in wanted) if name in models]


def describe_source(source: str) -> str:
    """The source, with the version of its package."""
    return f"{source} {metadata.version(source)}" if source in ("timm", "torchvision") else source


def _read_weights(torchvision: Any, name: str) -> tuple[int | None, dict[str, Any]]:
    """The side of the input and the accuracies of the first weights that torchvision published of a model."""
    weights = torchvision.models.get_model_weights(name)
    first = getattr(weights, _FIRST_WEIGHTS, None)  # some have only weights of other data
    if first is None:
        return None, {}
    accuracies = first.meta["_metrics"]["ImageNet-1K"]
    [side] = first.transforms().crop_size
    return side, {"tag": _FIRST_WEIGHTS, "top1": accuracies["acc@1"], "top5": accuracies["acc@5"]}


def _bind(make: Callable[..., Any], package: Any, name: str) -> Callable[[int | None], tuple[Any, Any]]:
    return lambda size: make(package, name, size)


def _make_timm(timm: Any, name: str, size: int | None) -> tuple[Any, Any]:
    import torch

    module = timm.create_model(name, pretrained=False)
    channels, *_, own = module.pretrained_cfg["input_size"]
    side = own if size is None else size
    if side != own:
        with contextlib.suppress(TypeError):  # those without positions take any size, and no such argument
            module = timm.create_model(name, pretrained=False, img_size=side)
    return module, torch.zeros(1, channels, side, side)


def _make_torchvision(torchvision: Any, name: str, size: int | None) -> tuple[Any, Any]:
    import torch

    side = size or (299 if name.startswith("inception") else _NATIVE)
    return torchvision.models.get_model(name, weights=None), torch.zeros(1, 3, side, side)


def _read_list(source: str, rows: Any) -> list[Model]:
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise UsageError(f"{source} must be a list of models, got {type(rows).__name__}")
    models = []
    for position, row in enumerate(rows):
        fits = isinstance(row, Mapping) and isinstance(row.get("model"), str)
        is_file = fits and isinstance(row.get("build"), str | os.PathLike)
        if not fits or not (is_file or (callable(row.get("build")) and "input" in row)):
            raise UsageError(
                f"{source}: expected a mapping with model (a name), build (a function, or an ONNX file) and "
                f"input (a shape), got {str(row)[:80]} at position {position}"
            )
        labels = {key: row[key] for key in row if key not in ("model", "build", "input")}
        models.append(Model(row["model"], None, _bind_own(row["build"], row.get("input")), labels))
    return models


def _bind_own(build: Any, example: Any) -> Callable[[int | None], tuple[Any, Any]]:
    def make(size: int | None) -> tuple[Any, Any]:
        import torch

        is_shape = isinstance(example, list | tuple) and all(isinstance(side, int) for side in example)
        return build() if callable(build) else build, torch.zeros(1, *example) if is_shape else example

    return make
