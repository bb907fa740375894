"""Parts of networks, on what they receive when the whole network runs."""

import pytest
import torch
from torch import nn

from egraph import from_torch
from egraph.errors import ArchitectureError, UnknownNameError, UsageError


class Detector(nn.Module):
    """A body with two arguments, a head whose path depends on values, and layers that never run."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.ModuleDict({"in": nn.Conv2d(3, 8, 3), "mix": Mix()}), Head()
        self.unused = nn.Linear(2, 2)

    def forward(self, images):
        x = torch.stack(images)
        return self.head(self.body["mix"](self.body["in"](x), scale={"by": x.mean()}))


class Mix(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 4, 1)

    def forward(self, x, *, scale):
        return self.conv(x) * scale["by"]


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        return self.last(x) if x.mean() < 1 else x


IMAGES = [torch.zeros(3, 8, 8), torch.zeros(3, 8, 8)]


def test_a_part_is_traced_on_what_it_receives(draw):
    detector = Detector()
    assert draw(from_torch(detector, (IMAGES,), part="body.in")) == ["conv3x3-8(0)", "output(1)"]
    assert draw(from_torch(detector, (IMAGES,), part="body.mix")) == [
        "conv1x1-4(0)",
        "multiply(0,1)",
        "output(2)",
    ]
    assert not detector.body["mix"]._forward_pre_hooks


def test_a_part_behind_a_branch_is_found_by_running_the_network(draw):
    assert draw(from_torch(Detector(), (IMAGES,), part="head.last")) == ["conv1x1-2(0)", "output(1)"]


@pytest.mark.parametrize(
    ("part", "kind", "reason"),
    [
        ("bdy", UnknownNameError, "unknown part 'bdy' in the Detector; known: body, head, unused.*'body'"),
        ("body", UsageError, "part 'body' is a list of modules, which is not called itself; take 'body.in'"),
        ("unused", ArchitectureError, "does not call its part 'unused' on the example; take a part"),
    ],
)
def test_parts_that_are_not_called_are_refused(part, kind, reason):
    with pytest.raises(kind, match=reason):
        from_torch(Detector(), (IMAGES,), part=part)


def test_a_network_that_does_not_reach_the_part_is_refused():
    with pytest.raises(
        ArchitectureError, match=r"cannot run the network up to its part 'head': .*pass an exa"
    ):
        from_torch(Detector(), ([torch.zeros(1, 8, 8)],), part="head")
