"""The words of a grammar that describe the layers of a network and its training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from egraph.errors import UsageError
from egraph.operations import KINDS, Operation

if TYPE_CHECKING:
    from egraph.networks.parts import Part

__all__ = ["LAYERS", "WIDTH", "BlockWords", "describe", "read_block"]

WIDTH = 64
"""Filters or units of an operation of width 1."""


class Layer(NamedTuple):
    """The words of a layer: required and optional ones."""

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()


_AFTER = ("act", "batch-norm", "dropout")

LAYERS: Mapping[str, Layer] = {
    "conv": Layer(("filters", "kernel"), ("stride", *_AFTER)),
    "dense": Layer(("units",), _AFTER),
    "max-pool": Layer(("kernel",), ("stride",)),
    "avg-pool": Layer(("kernel",), ("stride",)),
    "batch-norm": Layer(()),
    "dropout": Layer(("percent",)),
}
"""The layers that can be built, by the word after ``layer:``."""

_LEARNING = Layer((), ("lr", "momentum", "nesterov", "decay"))
_OPTIMIZERS = ("sgd", "adam", "adamw")
_KINDS = (*(f"layer:{name}" for name in LAYERS), *(f"learning:{name}" for name in _OPTIMIZERS))
_ACTIVATIONS = ("linear", "relu", "elu", "sigmoid", "tanh")


class BlockWords(NamedTuple):
    """A block that was read.

    Attributes:
        layer: One of `LAYERS`; empty for a block that sets the training.
        values: Values of its words.
        settings: Fields of a recipe that it sets.
    """

    layer: str
    values: Mapping[str, Any]
    settings: Mapping[str, Any]

    def parts(self) -> list[Part]:
        """The layers of the block in order: the layer itself, batch normalisation, activation, dropout."""
        from egraph.networks import parts

        said = self.values
        made: list[Part] = []
        match self.layer:
            case "conv":
                made.append(parts.conv(said["filters"], said["kernel"], said.get("stride", 1)))
            case "dense":
                made.append(parts.dense(said["units"]))
            case "max-pool":
                made.append(parts.max_pool(said["kernel"], said.get("stride")))
            case "avg-pool":
                made.append(parts.avg_pool(said["kernel"], said.get("stride")))
        if self.layer == "batch-norm" or said.get("batch-norm"):
            made.append(parts.batch_norm())
        if (name := said.get("act", "linear")) != "linear":
            made.append(parts.activation(name))
        if percent := said.get("dropout", said.get("percent")):
            made.append(parts.dropout(percent / 100))
        return made


def read_block(text: str) -> BlockWords:
    """Reads a block such as ``layer:conv filters:64 kernel:3 act:relu`` or ``learning:sgd lr:0.01``.

    Raises:
        UsageError: The layer cannot be built, a word is unknown, missing or repeated, or a value is out of
            range; the error text names the block.
    """

    def refuse(why: str) -> UsageError:
        return UsageError(f"no network has the block {text!r}: {why}")

    pairs = [word.partition(":")[::2] for word in text.split()]
    words = dict(pairs)
    if len(words) < len(pairs):
        raise refuse("a word is repeated")
    kinds = [f"{name}:{words[name]}" for name in ("layer", "learning") if name in words]
    if len(kinds) != 1 or kinds[0] not in _KINDS:
        raise refuse(f"it must have one of the words {', '.join(_KINDS)}")
    layer, optimizer = words.pop("layer", ""), words.pop("learning", "")
    grammar = LAYERS[layer] if layer else _LEARNING
    allowed = (*grammar.needed, *grammar.optional)
    for name in words:
        if name not in allowed:
            raise refuse(f"unknown word {name!r}; {layer or optimizer} takes {', '.join(allowed) or 'none'}")
    for name in grammar.needed:
        if name not in words:
            raise refuse(f"{layer} needs the word {name!r}")
    values = {}
    for name, value in words.items():
        read, wanted = _READ[name]
        if (found := read(value)) is None:
            raise refuse(f"{name} must be {wanted}, got {value!r}")
        values[name] = found
    if layer:
        return BlockWords(layer, values, {})
    fields = {"lr": "learning_rate", "decay": "weight_decay"}
    settings = {fields.get(name, name): value for name, value in values.items()}
    return BlockWords("", {}, {"optimizer": optimizer, **settings})


def describe(text: str) -> Operation:
    """The description of a block for rankers, whether its layer can be built or not."""
    words = dict(word.split(":", 1) for word in text.split() if ":" in word)
    layer = {"dense": "linear"}.get(words.get("layer", ""), words.get("layer", ""))

    def number(name: str, default: int) -> int:
        value = words.get(name, "")
        return int(value) if value.isdecimal() and int(value) > 0 else default

    width = number("filters", number("units", WIDTH)) / WIDTH
    kind = layer if layer in KINDS and layer not in ("input", "output", "zero", "identity") else "other"
    kernel = number("kernel", 0)
    stride = number("stride", max(kernel, 1) if kind in ("max-pool", "avg-pool") else 1)
    return Operation(text, kind, kernel=kernel, stride=stride, width=width)


def _number(least: float, most: float, kind: type[int] | type[float]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            return None
        return value if least <= value <= most else None

    return read


_COUNT = (_number(1, 10**6, int), "a whole number of at least 1")
_PERCENT = (_number(0, 99, int), "a whole number from 0 to 99")
_SWITCH = ({"true": True, "false": False}.get, "true or false")
_READ: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "filters": _COUNT,
    "units": _COUNT,
    "kernel": _COUNT,
    "stride": _COUNT,
    "percent": _PERCENT,
    "dropout": _PERCENT,
    "batch-norm": _SWITCH,
    "act": (dict(zip(_ACTIVATIONS, _ACTIVATIONS, strict=True)).get, f"one of {', '.join(_ACTIVATIONS)}"),
    "lr": (_number(1e-9, 1e3, float), "a positive number"),
    "momentum": (_number(0, 0.9999, float), "a number of at least 0 and below 1"),
    "nesterov": _SWITCH,
    "decay": (_number(0, 1e3, float), "a number of at least 0"),
}
"""Reader of the values of each word, and a description of the valid ones."""
