"""What is recorded of a module, what is refused, and that the module is left as it was."""

import copy
import random
import re
from collections import UserDict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from egraph import from_torch
from egraph.errors import ArchitectureError, UsageError

IMAGE = torch.zeros(1, 3, 8, 8)


class Branch(nn.Module):
    def forward(self, x):
        if x.sum() > 0:
            return F.relu(x)
        return x


class Steps(nn.Module):
    def forward(self, x):
        for _ in range(int(x.max())):
            x = x * 2
        return x


class Loop(nn.Module):
    def forward(self, x):
        while x.abs().max() > 1e-3:
            x = x / 2
        return x


class Cond(nn.Module):
    def forward(self, x):
        return torch.cond(x.sum() > 0, lambda x: x + 1, lambda x: x * 2, (x,))


class Wrong(nn.Module):
    def forward(self, x):
        return x.view(7, -1)


class Constant(nn.Module):
    def forward(self, x):
        return torch.ones(3)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        (Branch, "if x.sum() > 0:"),
        (Steps, "for _ in range(int(x.max())):"),
        (Loop, "while x.abs().max() > 1e-3:"),
        (Cond, "return torch.cond(x.sum() > 0, lambda x: x + 1, lambda x: x * 2, (x,))"),
    ],
)
def test_control_flow_by_values_is_refused_with_its_line(module, line, capfd):
    """Also where it stands in a part of the network."""
    source = Path(__file__).read_text(encoding="utf-8").split("\n")
    number = next(place for place, text in enumerate(source, start=1) if text.strip() == line)
    with pytest.raises(
        ArchitectureError,
        match=re.escape(
            f", in its part '1' ({module.__name__}), at {__file__}, line {number}: `{line}`; an architecture "
            "has one path and fixed sizes"
        )
        + ".*or trace a part that does not, such as part='0'",
    ):
        from_torch(nn.Sequential(nn.Conv2d(3, 3, 1), module()), IMAGE)
    assert capfd.readouterr() == ("", "")


def test_an_input_that_does_not_fit_is_refused_with_the_line():
    with pytest.raises(
        ArchitectureError,
        match=r"cannot record the network on an input of shape \(1, 3, 8, 8\): RuntimeError: shape .*, "
        r"at .*test_capture\.py, line \d+: `return x.view\(7, -1\)`; pass an example_input",
    ):
        from_torch(Wrong(), IMAGE)


def test_an_input_that_a_layer_refuses_has_no_line_of_the_user():
    with pytest.raises(
        ArchitectureError, match=r"expected input\[1, 3, 8, 8\] to have 4 channels.*; pass an"
    ):
        from_torch(nn.Conv2d(4, 4, 3), IMAGE)


def test_a_result_without_the_input_is_refused():
    with pytest.raises(ArchitectureError, match="the result of the network does not depend on its input"):
        from_torch(Constant(), IMAGE)


def test_a_function_is_no_module():
    with pytest.raises(UsageError, match=r"reads a torch.nn.Module, got builtin_function.*; wrap a function"):
        from_torch(torch.relu, IMAGE)


class Named(nn.Module):
    """Takes its images by a name, as models of the transformers library do."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)

    def forward(self, pixel_values, scale=1.0):
        return self.layer(pixel_values) * scale


class Packed(nn.Module):
    """Takes one dictionary."""

    def forward(self, batch):
        return torch.relu(batch["image"])


def test_a_dictionary_is_the_arguments_by_name():
    module = Named()
    assert from_torch(module, {"pixel_values": IMAGE}) == from_torch(module, IMAGE)
    assert from_torch(module, UserDict(scale=2.0, pixel_values=IMAGE)) == from_torch(module, (IMAGE, 2.0))


def test_a_dictionary_that_is_an_argument_is_given_in_a_tuple():
    assert from_torch(Packed(), ({"image": IMAGE},)).num_vertices == 2


@pytest.mark.parametrize(
    ("module", "example", "reason"),
    [
        (Named(), {"pixels": IMAGE}, r"pixels: missing a required argument: 'pixel_values'"),
        (Named(), {"pixel_values": IMAGE, 3: IMAGE}, r"pixel_values, 3: keywords must be strings"),
        (Packed(), {"image": IMAGE}, r"image: missing a required argument: 'batch'"),
    ],
)
def test_names_that_a_forward_does_not_take_are_refused(module, example, reason):
    with pytest.raises(
        UsageError,
        match=rf"the forward of \w+ does not take the arguments {reason}.*; a dictionary names the "
        r"arguments, and one that is an argument itself is given in a tuple: \(\{\.\.\.\},\)",
    ):
        from_torch(module, example)


@pytest.mark.parametrize("example", [3, (), "3x8x8", [1, 2], {}])
def test_an_example_without_a_tensor_is_refused(example):
    with pytest.raises(
        UsageError, match=r"must be a tensor, a tuple or dictionary of the arg.* torch.zeros\(1, 3, 32"
    ):
        from_torch(nn.ReLU(), example)


def test_lazy_parameters_are_refused():
    with pytest.raises(UsageError, match="lazy parameters without a shape; run it on the example once"):
        from_torch(nn.LazyLinear(3), IMAGE)


class Noisy(nn.Module):
    """Draws from every global generator, and keeps statistics."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.drop = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)

    def forward(self, x):
        scale = random.random() + np.random.random() + torch.rand(())  # noqa: NPY002
        return self.drop(self.norm(self.conv(x))) * scale


def test_module_and_generators_are_left_as_they_were():
    module = nn.Sequential(Noisy(), nn.Sequential(nn.Conv2d(4, 2, 1), nn.BatchNorm2d(2)))
    module.train()
    module[1].eval()
    before = copy.deepcopy(module.state_dict())
    modes = [part.training for part in module.modules()]
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    grad = torch.is_grad_enabled(), torch.backends.mha.get_fastpath_enabled()

    from_torch(module, torch.ones(2, 3, 8, 8))

    assert [part.training for part in module.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in module.parameters())
    assert random.getstate() == states[0]
    assert all(np.array_equal(a, b) for a, b in zip(np.random.get_state(), states[1], strict=True))  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[2])
    assert (torch.is_grad_enabled(), torch.backends.mha.get_fastpath_enabled()) == grad


class Remembering(nn.Module):
    """Keeps what it saw, in attributes and in a buffer."""

    def __init__(self):
        super().__init__()
        self.calls = 0
        self.register_buffer("mean", torch.ones(3))
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        self.calls += 1
        self.last = x
        self.conv.seen = self.conv(x)
        return self.conv.seen


def test_attributes_that_the_forward_sets_are_not_set():
    module = Remembering()
    from_torch(module, IMAGE)
    assert module.calls == 0
    assert not hasattr(module, "last")
    assert not hasattr(module.conv, "seen")
    assert module(IMAGE).shape == (1, 3, 8, 8)
    assert module.calls == 1


def test_mode_is_restored_after_an_error():
    module = Branch().train()
    with pytest.raises(ArchitectureError):
        from_torch(module, IMAGE)
    assert module.training


class InPlace(nn.Module):
    """Writes both results into one tensor, and goes on with what it wrote into."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 1)

    def forward(self, x):
        y = torch.zeros(len(x), 8, 8, 8)
        y[:, :4] = self.one(x)
        y[:, 4:] = self.two(x)
        with torch.no_grad():
            y.relu_()
        return y


def test_results_written_into_a_tensor_are_joined(draw):
    assert draw(from_torch(InPlace(), IMAGE))[:2] == ["conv3x3-4(0)", "conv1x1-4(0)"]
    assert draw(from_torch(InPlace(), IMAGE))[-1] == "output(4)"


def test_several_inputs_are_one_vertex(draw):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(4, 6), nn.Linear(5, 6)

        def forward(self, x, y, factor):
            return self.one(x) + factor * self.two(y)

    drawn = draw(from_torch(Two(), (torch.zeros(2, 4), torch.zeros(2, 5), 2.0)))
    assert drawn == ["linear-6(0)", "linear-6(0)", "add(1,2)", "output(3)"]
