"""Networks and examples in the forms in which people have them: objects, scripts, exports, other devices."""

import dataclasses
import warnings
from typing import NamedTuple

import pytest
import torch
from torch import nn
from torch.nn.attention.flex_attention import flex_attention

from egraph import from_torch
from egraph.errors import ArchitectureError, TracingWarning, UsageError
from egraph.tracing.examples import results_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch_geometric warns about its own modules
    from torch_geometric.data import Data
    from torch_geometric.nn import GCNConv

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of scripts and quantised layers

ROWS = torch.zeros(2, 4)
GRAPH = torch.zeros(3, 4), torch.zeros(2, 5, dtype=torch.long)


class Layer(nn.Module):
    """A dense layer, and what a subclass makes of its result."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 6)

    def forward(self, x):
        return torch.relu(self.layer(x))


PLAIN = from_torch(Layer(), ROWS)


class Cache:
    """A class that PyTorch does not know, with what it kept, and with itself."""

    def __init__(self, kept):
        self.layers, self.whole = {0: [kept]}, self


class Slotted:
    __slots__ = ("kept",)

    def __init__(self, kept):
        self.kept = kept


@dataclasses.dataclass
class Output:
    logits: torch.Tensor
    cache: Cache | None = None


class CachedDictionary(Layer):
    def forward(self, x):
        return {"cache": Cache(self.layer(x)), "logits": super().forward(x)}


class CachedDataclass(Layer):
    def forward(self, x):
        return Output(super().forward(x), Cache(self.layer(x)))


class OnlyObjects(Layer):
    def forward(self, x):
        return [Cache(Slotted(super().forward(x)))]


class KeywordOnly(Layer):
    def forward(self, *, scale=1.0, x):
        return super().forward(x) * scale


@pytest.mark.parametrize("kind", [CachedDictionary, CachedDataclass, OnlyObjects, KeywordOnly])
def test_results_in_objects_and_keywords_are_read(kind):
    assert from_torch(kind(), ROWS) == PLAIN


def test_objects_beside_tensors_are_no_results():
    a, b = torch.zeros(1), torch.ones(1)
    assert results_of({"a": [a], "cache": Cache(b)}) == [a]
    assert results_of((Cache(b), 3, None, "text")) == [b]
    assert results_of(nn.Linear(2, 2)) == []


class OfBatch(Layer):
    def forward(self, batch):
        return super().forward(batch.x)


class Rows(NamedTuple):
    x: torch.Tensor
    size: int = 2


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: torch.Tensor
    other: torch.Tensor


@pytest.mark.parametrize(
    "batch",
    [Rows(ROWS), Frozen(ROWS, ROWS), Data(x=ROWS), Slotted(ROWS)],
    ids=lambda batch: type(batch).__name__,
)
def test_a_batch_is_one_argument(batch):
    module = OfBatch()
    if isinstance(batch, Slotted):
        module.forward = lambda slotted: Layer.forward(module, slotted.kept)
    assert from_torch(module, batch) == PLAIN


def test_messages_along_edges_are_recorded(draw):
    class Messages(Layer):
        def forward(self, x, edges):
            return x.new_zeros(len(x), 6).index_add(0, edges[1], self.layer(x)[edges[0]])

    assert draw(from_torch(Messages(), GRAPH))[0] == "linear-6(0)"


def test_self_loops_are_removed_as_if_all_edges_stayed():
    """A graph convolution selects the edges that are no loops."""
    with pytest.warns(TracingWarning, match="selections by values are drawn as if they selected everything"):
        looped = from_torch(GCNConv(4, 6), GRAPH)
    plain = from_torch(GCNConv(4, 6, add_self_loops=False), GRAPH)
    assert looped.ops == plain.ops


class Selecting(Layer):
    def forward(self, x):
        y = self.layer(x)
        kept = y[y[:, 0] > 0]
        kept[kept > 1] = kept[kept > 1] * 2
        kept[kept < 0] = 0.0
        places = torch.where(y > 0)[0] + torch.nonzero(y > 0)[:, 1] + (y > 0).nonzero(as_tuple=True)[0]
        return kept, y[places], torch.masked_select(y, y > 0), torch.argwhere(y > 0)


def test_selections_by_values_have_their_largest_size():
    with pytest.warns(TracingWarning, match="^8 selections by values are drawn"):
        architecture = from_torch(Selecting(), ROWS)
    assert architecture == PLAIN


class Unsure(Layer):
    """What holds if everything is selected is no way out of a branch."""

    def forward(self, x):
        y = super().forward(x)
        return y[y > 0].view(1, 12) if y.sum() > 0 else y


class Split(Layer):
    def forward(self, x):
        y = super().forward(x)
        return y[y > 0][:5].view(1, 3)


@pytest.mark.parametrize(
    ("kind", "line"),
    [(Unsure, "return y.y > 0..view.1, 12. if y.sum.. > 0 else y"), (Split, "return y.*5.*")],
)
def test_other_paths_by_values_stay_refused(kind, line):
    with pytest.raises(ArchitectureError, match=f"depends on values in its tensors, at .*`{line}`"):
        from_torch(kind(), ROWS)


class Packed(Layer):
    def __init__(self):
        super().__init__()
        self.recurrent = nn.LSTM(4, 6)

    def forward(self, x):
        packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([2, 1]))
        return nn.utils.rnn.pad_packed_sequence(self.recurrent(packed)[0])[0]


def test_packed_sequences_are_refused_with_the_way_out():
    with pytest.raises(
        ArchitectureError, match=r"packs sequences, .*test_forms.*give the recurrent layer padd"
    ):
        from_torch(Packed(), torch.zeros(2, 2, 4))


class Flexible(Layer):
    def forward(self, x):
        y = self.layer(x)[None, None]
        return flex_attention(y, y, y)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_flexible_attention_is_refused_with_the_way_out():
    with pytest.raises(
        ArchitectureError, match=r"calls flex_attention, .*test_forms.* scaled_dot_product_att"
    ):
        from_torch(Flexible(), ROWS)


@pytest.mark.filterwarnings("ignore:torch.quantize")
def test_quantised_modules_are_refused_with_the_part():
    quantised = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.ReLU(), nn.Linear(4, 4)))
    with pytest.raises(UsageError, match=r"the part '1' is quantised \(Linear\), .*before it was quantised"):
        from_torch(quantised, ROWS)


class Constants(Layer):
    """Makes a tensor where PyTorch makes tensors."""

    def __init__(self):
        super().__init__()
        self.register_buffer("scale", torch.ones(6))

    def forward(self, x):
        return super().forward(x) * self.scale + torch.arange(6)


@pytest.mark.parametrize("example", ["cpu", "meta"])
def test_modules_without_memory_take_an_ordinary_example(example):
    with torch.device("meta"):
        module = Constants()
    module.scale = torch.ones(6)  # as libraries do that compute their buffers
    buffer = module.scale
    assert from_torch(module, ROWS.to(example)) == PLAIN
    assert module.scale is buffer
    assert from_torch(Layer(), ROWS.to(example)) == PLAIN


def _script():
    return torch.jit.script(Layer())


@pytest.mark.parametrize(
    "make",
    [
        _script,
        lambda: torch.jit.trace(Layer(), ROWS),
        lambda: torch.fx.symbolic_trace(Layer()),
        lambda: torch.export.export(Layer(), (ROWS,)),
        lambda: torch.export.export(Layer(), (ROWS,)).module(),
        lambda: nn.Sequential(nn.Identity(), _script()),
    ],
    ids=["script", "trace", "fx", "export", "exported module", "scripted part"],
)
def test_every_form_of_a_network_is_read_alike(make):
    assert from_torch(make(), ROWS) == PLAIN


def test_an_exported_program_has_its_own_example():
    rows = torch.export.Dim("rows")
    assert from_torch(torch.export.export(Layer(), (ROWS,), dynamic_shapes={"x": {0: rows}})) == PLAIN


def test_modes_of_scripted_parts_are_restored():
    network = nn.Sequential(_script(), nn.Linear(6, 4), nn.Sequential(_script())).train()
    network[2][0].eval()
    from_torch(network, ROWS)
    assert [part.training for part in network.modules()] == [True] * 5 + [False, False]
    assert isinstance(network[0], torch.jit.ScriptModule)
