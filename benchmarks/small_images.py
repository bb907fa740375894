"""Writes images with fewer pixels, each the mean of some of the old ones: a task for minutes of a core.

    python benchmarks/small_images.py fashion-mnist 2 build/fashion-14.npz

This makes 14 x 14 pixels out of 28 x 28; the parts of the data stay as they are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from egraph import datasets


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="name or path of images")
    parser.add_argument("factor", type=int, help="old pixels in a new one, along each side")
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    images, parts = datasets.images(given.data), {}
    for name, key in (("train", "train"), ("validation", "val"), ("test", "test")):
        inputs, classes = getattr(images, name)
        small = torch.nn.functional.avg_pool2d(torch.from_numpy(np.asarray(inputs)), given.factor)
        parts |= {f"x_{key}": small.numpy(), f"y_{key}": np.asarray(classes)}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(given.out, **parts)


if __name__ == "__main__":
    main()
