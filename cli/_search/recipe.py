"""The recipe by which networks are trained."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import click

from egraph.cli._options import count_option
from egraph.cli._search._groups import option
from egraph.errors import UsageError

if TYPE_CHECKING:
    from egraph.training import Recipe

__all__ = ["RecipeOptions", "Training"]


@dataclass(frozen=True)
class RecipeOptions:
    """Options for one recipe; each that is given replaces a field of the default recipe."""

    recipe: str | None = option(
        click.option(
            "--recipe",
            metavar="FILE",
            help="TOML file with fields of egraph.training.Recipe, which replace those of the default recipe "
            "of the data. The options below come after it.",
        )
    )
    epochs: int | None = option(count_option("--epochs", help="Passes over the training examples."))
    optimizer: str | None = option(
        click.option(
            "--optimizer",
            metavar="NAME",
            help="adam, adamw, sgd, adamax, rmsprop, adagrad or adadelta; another than that of the recipe "
            "brings the learning rate and weight decay of PyTorch.",
        )
    )
    lr: float | None = option(
        click.option("--lr", type=float, metavar="X", help="Learning rate at the peak of its schedule.")
    )
    batch_size: int | None = option(count_option("--batch-size", least=2, help="Examples in a step."))
    channels: int | None = option(
        count_option("--channels", help="Width of the networks, in spaces that offer a choice.")
    )
    augment: str | None = option(
        click.option(
            "--augment",
            metavar="NAME|FIELD=X,...",
            help="Random changes of training images: none, shift, flip-shift, or fields of "
            "egraph.training.Augmentation such as shift=0.1,flip=true,cutout=0.25.",
        )
    )

    @property
    def given(self) -> dict[str, Any]:
        """The options that were given, by their names on the command line."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {f"--{name.replace('_', '-')}": value for name, value in values.items() if value is not None}

    def apply(self, base: Recipe) -> Recipe:
        """The recipe with the changes of file and options.

        Raises:
            UnknownNameError: The file or ``--augment`` has a field that there is not.
            UsageError: The file cannot be read, or a value is out of its range.
        """
        from egraph.training import read_recipe

        changes: dict[str, Any] = {
            "epochs": self.epochs,
            "optimizer": self.optimizer,
            "learning_rate": self.lr,
            "batch_size": self.batch_size,
            "channels": self.channels,
            "augment": None if self.augment is None else read_augmentation(self.augment),
        }
        start = base if self.recipe is None else read_recipe(self.recipe, base)
        return start.changed(**{name: value for name, value in changes.items() if value is not None})


@dataclass(frozen=True)
class Training(RecipeOptions):
    """Options for the recipe of a search, and for that of the winner's last training."""

    final_recipe: str | None = option(
        click.option(
            "--final-recipe",
            metavar="FILE",
            help="TOML file with fields that differ from the recipe of the search; the winner is trained "
            "once more by it at the end.",
        )
    )
    final_epochs: int | None = option(
        count_option("--final-epochs", help="Epochs of the winner's last training, after --final-recipe.")
    )

    def apply_final(self, base: Recipe) -> Recipe | None:
        """The recipe of the winner's last training; None where there is none.

        Args:
            base: Recipe of the search.

        Raises:
            UnknownNameError: The file has a field that recipes lack.
            UsageError: The file cannot be read, a value is out of its range, or nothing differs.
        """
        from egraph.training import read_recipe

        if self.final_recipe is None and self.final_epochs is None:
            return None
        final = base if self.final_recipe is None else read_recipe(self.final_recipe, base)
        if self.final_epochs is not None:
            final = final.changed(epochs=self.final_epochs)
        if final == base:
            raise UsageError(
                "the final recipe is that of the search, by which the winner is trained again anyway; change "
                "a field, such as --final-epochs, or leave it out"
            )
        return final


def read_augmentation(text: str) -> str | dict[str, Any]:
    """A name, or fields and their values.

    Raises:
        UsageError: A part is no FIELD=VALUE.
    """
    if "=" not in text:
        return text
    changes: dict[str, Any] = {}
    words = {"true": True, "false": False}
    for part in text.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        try:
            changes[name] = words[value] if value in words else float(value)
        except ValueError:
            raise UsageError(
                f"--augment takes a name or fields such as shift=0.1,flip=true; got {part!r}"
            ) from None
    return changes
