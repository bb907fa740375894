"""Three search spaces, each written as the PyTorch module that it is about.

python examples/own_networks.py                                     # a short search of the residual networks
egraph search --space examples.own_networks:residual --data fashion-mnist
egraph search --space examples.own_networks:transformer --data mnist1d
egraph search --space examples.own_networks:cells --data digits
"""

import torch
from torch import nn

import egraph


class Block(nn.Module):
    """Adds what some layers make of a map to that map, or to a projection of it."""

    def __init__(self, before: int, after: int, stride: int, body: nn.Module) -> None:
        super().__init__()
        same = before == after and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(before, after, 1, stride)
        self.body = body

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.shortcut(x) + self.body(x)


def residual(choose, input_shape, num_classes):
    """A residual network for small images: stages of blocks, each with a kernel and a width of its own."""
    width = choose("width", 8, 16, 32)
    layers = [nn.Conv2d(input_shape[0], width, 3, padding=1)]
    for stage in range(choose("stages", 1, 2, 3)):
        wider, act = width * choose(f"growth{stage}", 1, 2), choose("activation", nn.ReLU, nn.SiLU)
        for block in range(choose(f"blocks{stage}", 1, 2, 3)):
            kernel, stride = choose(f"kernel{stage}.{block}", 3, 5), 2 if block == 0 else 1
            body = [nn.BatchNorm2d(width), act(), nn.Conv2d(width, wider, kernel, stride, kernel // 2)]
            layers.append(Block(width, wider, stride, nn.Sequential(*body)))
            width = wider
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num_classes))


class Transformer(nn.Module):
    """Reads a signal, ``(channels, length)``, in patches."""

    def __init__(self, choose, input_shape, num_classes):
        super().__init__()
        channels, length = input_shape
        patch, width = choose("patch", 2, 4, 5), choose("width", 16, 32)
        if length % patch:
            raise egraph.Unbuildable(f"patches of {patch} do not fill {length}")
        self.embed = nn.Conv1d(channels, width, patch, stride=patch)
        self.place = nn.Parameter(torch.zeros(length // patch, width))
        heads, inner = choose("heads", 1, 2, 4), width * choose("expansion", 1, 2, 4)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, inner, dropout=0.0, batch_first=True)
            for _ in range(choose("layers", 1, 2, 3))
        )
        self.head = nn.Linear(width, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x).transpose(1, 2) + self.place
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean(dim=1))


def transformer(choose, input_shape, num_classes):
    """A transformer for signals and other sequences."""
    choose.setting("learning_rate", 0.003, 0.01)
    return Transformer(choose, input_shape, num_classes)


class Sum(nn.Module):
    """Adds the results of its parts."""

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return sum(part(x) for part in self.parts)


def cell(choose, width, depth=0):
    """A layer, or two cells one behind the other or side by side."""
    kind = choose("kind", "conv3", "conv1", "pool", *(["behind", "beside"] if depth < 4 else []))
    if kind in ("behind", "beside"):
        parts = [cell(choose.within(name), width, depth + 1) for name in ("a", "b")]
        return nn.Sequential(*parts) if kind == "behind" else Sum(*parts)
    if kind == "pool":
        return nn.MaxPool2d(3, stride=1, padding=1)
    side = int(kind[-1])
    return nn.Sequential(nn.Conv2d(width, width, side, padding=side // 2), nn.BatchNorm2d(width), nn.ReLU())


def cells(choose, input_shape, num_classes):
    """Two cells, which may contain cells."""
    stem = nn.Conv2d(input_shape[0], 16, 3, padding=1)
    parts = [cell(choose.within("first"), 16), nn.MaxPool2d(2), cell(choose.within("second"), 16)]
    return nn.Sequential(stem, *parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, num_classes))


def main() -> None:
    torch.set_num_threads(1)
    space = egraph.spaces.from_builder(residual, input_shape=(1, 8, 8), num_classes=10)
    training = egraph.evaluation.Training(space, "digits", egraph.evaluation.Recipe(epochs=2), device="cpu")
    with egraph.Study(space, training, seed=0, initial=6, batch=3, candidates=50, screen=False) as study:
        study.run(trials=9)
        best = study.best
    print(f"{best.score:.1%} of the validation images, {best.params:,} parameters")
    print(space.format(best.architecture))
    print(space.network(best.architecture, (1, 8, 8), 10))


if __name__ == "__main__":
    main()
