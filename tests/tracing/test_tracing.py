"""What must make no difference to a drawing, and what rankers make of it."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from zoo import FusedAttention, VisionTransformer, mobilenet_v2, squeezenet

import egraph
from egraph import from_torch
from egraph.canonical import simplify

IMAGE = torch.zeros(1, 3, 32, 32)


def test_from_torch_is_a_name_of_the_package():
    assert egraph.from_torch is from_torch


def test_mode_seed_and_batch_make_no_difference(traced):
    module = mobilenet_v2().train()
    assert from_torch(module, torch.rand(2, 3, 32, 32)) == traced("mobilenet_v2")


def test_frozen_weights_gradients_off_and_half_precision_make_no_difference(traced):
    module = squeezenet().requires_grad_(False).bfloat16()
    with torch.no_grad():
        assert from_torch(module, IMAGE.bfloat16()) == traced("squeezenet")


def test_how_attention_is_written_makes_no_difference(traced):
    assert from_torch(VisionTransformer(FusedAttention), IMAGE) == traced("vit")


class Plain(nn.Module):
    """One layer after the other, by functions or by modules, with what changes nothing between them."""

    def __init__(self, how):
        super().__init__()
        self.how, self.one, self.norm = how, nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)
        self.two, self.act = nn.Conv2d(8, 4, 3), nn.ReLU(inplace=True)

    def forward(self, x):
        if self.how == "modules":
            return self.two(self.act(self.norm(self.one(x))))
        x = F.conv2d(x, self.one.weight, self.one.bias)
        x = F.gelu(F.dropout(self.norm(x.contiguous()), 0.1, self.training))
        return self.two(x.permute(0, 2, 3, 1).permute(0, 3, 1, 2) * 2).clamp(-3, 3)


def test_activations_dropout_and_layout_make_no_difference():
    assert from_torch(Plain("modules"), IMAGE) == from_torch(Plain("functions"), IMAGE)


def test_joins_are_edges_to_a_ranker(traced):
    """A convolution behind two residual blocks adds up what came before each of their sums."""
    ops, counts = simplify(traced("regnet", False))
    assert "add" not in ops
    assert counts.max() == 1
    names = [op.split("#")[0] for op in ops]
    pool = names.index("global-avg-pool-48")
    # The shortcut of the stage and the last convolution of each of its four blocks.
    assert [names[i] for i in counts[:, pool].nonzero()[0]] == ["conv1x1-48-s2", *["conv1x1-48"] * 4]


def test_a_drawing_can_be_shown(traced):
    assert "conv3x3-48-g6*3" in traced("regnet").to_svg()


def test_a_ranker_fitted_on_traced_networks_knows_the_layers_of_others_like_them():
    def network(width, blocks):
        layers = [layer for _ in range(blocks) for layer in (nn.Conv2d(width, width, 3, 1, 1), nn.ReLU())]
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, width)]
        return from_torch(nn.Sequential(nn.Conv2d(3, width, 1), *layers, *head), IMAGE)

    measured = [network(4, blocks) for blocks in range(1, 6)]
    ranker = egraph.Ranker(members=1, width=8, epochs=1, folds=0).fit(measured, [1, 2, 3, 4, 5])
    interior = [op.name for op in ranker.vocabulary_.interior]
    assert interior == ["avg-pool kernel:32 stride:32", "conv kernel:1", "conv kernel:3", "linear"]
    wider, same = ranker.familiarity([network(6, 3), network(4, 3)])
    assert wider.inside
    assert abs(same.distance) < 1e-9
    assert wider.distance > 0.1  # of the same layers, with more channels
