"""What varies in networks of series: hidden sizes of recurrent layers and heads of attention."""

import pytest
import torch
from torch import nn

from egraph.errors import Unbuildable
from egraph.spaces import around

from . import given_nets


class Recurrent(nn.Module):
    """A recurrent layer between two dense ones."""

    def __init__(self, layer, **options):
        super().__init__()
        self.embed = nn.Linear(1, 4)
        self.recurrent = layer(4, 6, batch_first=True, **options)
        outputs = options.get("proj_size") or 6 * (1 + options.get("bidirectional", False))
        self.head = nn.Linear(outputs, 3)

    def forward(self, x):
        return self.head(self.recurrent(self.embed(x.transpose(1, 2)))[0][:, -1])


KINDS = {
    "lstm": (nn.LSTM, {}),
    "gru": (nn.GRU, {"num_layers": 2, "bidirectional": True}),
    "rnn": (nn.RNN, {"bias": False}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_hidden_sizes_vary(kind):
    """Wider ones begin with the function of the given network."""
    layer, options = KINDS[kind]
    torch.manual_seed(0)
    module = Recurrent(layer, **options).eval()
    space = around(module, (1, 3))
    found = {one.name: one.options for one in space.build.plan.varied}
    assert found == {"width.embed": (4, 2, 3, 6, 8), "width.recurrent": (6, 4, 8, 12)}
    x = torch.randn(5, 1, 3)
    for width, hidden in ((8, 12), (3, 4)) if kind == "rnn" else ((8, 12),):
        answers = {"width.embed": width, "width.recurrent": hidden}
        architecture = space.from_answers(dict(space.given.answers) | answers)
        net = space.network(architecture, (1, 3), 3)
        assert (net.recurrent.input_size, net.recurrent.hidden_size) == (width, hidden)
        net.load_state_dict(space.inherited(architecture).weights)
        net.train()(x).sum().backward()
        assert all(each.grad is not None for each in net.parameters())
        assert torch.allclose(net.eval()(x), module(x), atol=1e-6) == (hidden == 12)


@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_a_recurrent_layer_with_projections_stays_as_it_is():
    net = nn.Sequential(Recurrent(nn.LSTM, proj_size=2), nn.ReLU(), nn.Linear(3, 3))
    space = around(net, (1, 3))
    assert [one.name for one in space.build.plan.varied] == ["depth.2", "activation"]


@pytest.fixture(scope="module", name="encoder")
def _encoder():
    return around(given_nets.Encoder(), (1, 40))


def test_heads_of_attention_vary(encoder):
    space = encoder
    found = {one.name: one.options for one in space.build.plan.varied if one.kind == "heads"}
    assert found == {"heads.layers.0.self_attn": (2, 1, 4), "heads.layers.1.self_attn": (2, 1, 4)}
    given = dict(space.given.answers)
    architecture = space.from_answers(given | {"heads.layers.1.self_attn": 4, "depth.layers": 3})
    assert space.key(architecture) != space.key(space.from_answers(given | {"depth.layers": 3}))
    net = space.network(architecture, (1, 40), 10)
    assert [layer.self_attn.num_heads for layer in net.layers] == [2, 4, 4]
    assert [layer.self_attn.head_dim for layer in net.layers] == [4, 2, 2]
    x = torch.randn(3, 1, 40)
    torch.testing.assert_close(net.eval()(x), net.requires_grad_(False)(x))  # the fast path, too
    assert space.inherited(architecture).shares["layers.1.self_attn.in_proj_weight"] == "all"


def test_channels_that_heads_cannot_share_are_refused(encoder):
    answers = {"heads.layers.1.self_attn": 4, "width.embed": 6}
    with pytest.raises(Unbuildable, match="4 heads would share 6 channels"):
        encoder.from_answers(dict(encoder.given.answers) | answers)
