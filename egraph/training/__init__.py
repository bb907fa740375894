"""Training of PyTorch modules: a recipe, the loop, and what both need from the machine.

This room works on modules and tensors. It has no search spaces, architectures or evaluators, so that whatever
trains a module can use it: an evaluator, a supernet, a caller's own script.

- `Recipe` says how to train, as a value: epochs, batches, optimizer, schedule, `Augmentation`. `read_recipe`
  reads one from a TOML file.
- `fit` trains a module by a recipe. It draws batches, augments them and hands them to `TrainingStep`, which
  does one step: forward pass, loss, backward pass, update of the weights.
- `Checkpoint` is a file from which a longer training of the same module goes on.
- `accuracy` measures a trained classifier, `r_squared` a trained regression.
- `choose_device` and `place` choose the device, `mixed_precision`, `seeded` and `all_seeded` the precision
  and the random numbers.
- `failures_explained` turns errors of PyTorch into an `egraph.errors.EvaluationError` of one line.

To add an optimizer, write a function in `optimizers` and enter it in ``OPTIMIZERS``; its name also goes into
``recipe.CHOICES``. To add a schedule, write a function in `schedules` and enter it in ``SCHEDULES``. To add a
change of images, add a field to `Augmentation` and apply it in `augmenting`. A new field of
`Recipe` or `Augmentation` also goes into ``recipe._NEW``.

Names that need PyTorch are loaded when first used, so that a recipe can be read without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from egraph._lazy import lazy_names
from egraph.training.augmentation import Augmentation
from egraph.training.devices import choose_device, place
from egraph.training.failures import failures_explained
from egraph.training.recipe import Recipe
from egraph.training.recipe_files import read_recipe

if TYPE_CHECKING:
    from egraph.training.augmenting import augment
    from egraph.training.continuing import Checkpoint
    from egraph.training.fitting import fit
    from egraph.training.measuring import accuracy, r_squared
    from egraph.training.precision import mixed_precision
    from egraph.training.seeding import all_seeded, seeded
    from egraph.training.stepping import TrainingStep

__all__ = [
    "Augmentation",
    "Checkpoint",
    "Recipe",
    "TrainingStep",
    "accuracy",
    "all_seeded",
    "augment",
    "choose_device",
    "failures_explained",
    "fit",
    "mixed_precision",
    "place",
    "r_squared",
    "read_recipe",
    "seeded",
]

_HOMES = {
    "Checkpoint": "egraph.training.continuing",
    "TrainingStep": "egraph.training.stepping",
    "accuracy": "egraph.training.measuring",
    "all_seeded": "egraph.training.seeding",
    "augment": "egraph.training.augmenting",
    "fit": "egraph.training.fitting",
    "mixed_precision": "egraph.training.precision",
    "r_squared": "egraph.training.measuring",
    "seeded": "egraph.training.seeding",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
