"""Builders with choices of modules."""

from torch import nn

from egraph import Unbuildable


def conv(width, kernel):
    return nn.Sequential(
        nn.Conv2d(width, width, kernel, padding=kernel // 2), nn.BatchNorm2d(width), nn.ReLU()
    )


def chain(choose):
    """Up to three layers of some width."""
    width = choose("width", 4, 8)
    layers = [nn.Conv2d(1, width, 3, padding=1)]
    for i in range(choose("depth", 1, 3, 2)):
        layers.append(
            choose.module(
                f"layer{i}", skip=nn.Identity, conv3=lambda: conv(width, 3), conv5=lambda: conv(width, 5)
            )
        )
    activation = choose("activation", nn.ReLU, nn.GELU)
    choose.setting("learning_rate", 0.1, 0.2)
    return nn.Sequential(*layers, activation(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 2))


def block(choose, depth=0):
    """A layer, or two blocks in a row, at most two deep."""
    if depth > 1:
        raise Unbuildable("two deep")
    return choose.module(
        "kind",
        dense=lambda: nn.Linear(6, 6),
        tanh=nn.Tanh,
        two=lambda: nn.Sequential(*(block(choose.within(name), depth + 1) for name in "ab")),
    )


def nested(choose):
    return nn.Sequential(nn.Linear(5, 6), block(choose), nn.Linear(6, 3))


def twice(choose):
    """One choice in two places; two skip connections are refused."""
    names = [choose("outer", "first", "last")]
    layers = []
    for _ in range(2):
        layers.append(choose.module("same", dense=lambda: nn.Linear(5, 5), skip=nn.Identity))
    other = choose.module("other", skip=nn.Identity, dense=lambda: nn.Linear(5, 5))
    if isinstance(layers[0], nn.Identity) and isinstance(other, nn.Identity):
        raise Unbuildable("nothing but skip connections")
    return nn.Sequential(*layers, other, nn.Linear(5, 3 if names else 2))


def widths(choose):
    return nn.Sequential(
        choose.module("hidden", small=lambda: nn.Linear(5, 4), large=lambda: nn.Linear(5, 8)), nn.Flatten()
    )


def endless(choose):
    return choose.module("go", stop=nn.Identity, on=lambda: endless(choose.within("x")))


def plain(choose):
    return nn.Linear(5, choose("width", 2, 3))


def pairs(choose):
    class Two(nn.Module):
        def forward(self, x):
            return x, x

    return choose.module("both", one=nn.Identity, two=Two)


def never(choose):
    return choose.module("part", a=refuse, b=refuse)


def refuse():
    raise Unbuildable("not now")


def changing(choose):
    """The second time an option is refused, as where a recursion ends."""
    calls = iter((lambda: nn.Linear(5, 5), refuse))
    return nn.Sequential(
        *(choose.module("same", skip=nn.Identity, other=lambda: next(calls)()) for _ in range(2))
    )


def few(choose):
    """All but one of a thousand combinations are refused."""
    names = [f"layer{i}" for i in range(10)]
    layers = [choose.module(name, a=nn.ReLU, b=nn.Tanh) for name in names]
    if 0 < sum(isinstance(each, nn.Tanh) for each in layers) < 10:
        raise Unbuildable("mixed activations")
    return nn.Sequential(*layers, nn.Linear(5, 3))
