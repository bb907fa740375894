import pytest
from torch import nn

from egraph.errors import UsageError
from egraph.spaces._layer_words import read_block


def layers(text, shape=(3, 8, 8)):
    return [type(part(shape, 1)) for part in read_block(text).parts()]


def test_a_convolution_with_all_that_can_stand_after_it():
    text = "layer:conv filters:8 kernel:3 stride:2 batch-norm:true act:elu dropout:25"
    convolution, norm, act, dropout = (part((3, 8, 8), 1) for part in read_block(text).parts())
    assert (convolution.out_channels, convolution.kernel_size, convolution.stride) == (8, (3, 3), (2, 2))
    assert isinstance(norm, nn.BatchNorm2d)
    assert isinstance(act, nn.ELU)
    assert dropout.p == 0.25


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("layer:dense units:8 act:tanh", [nn.Sequential, nn.Tanh]),
        ("layer:dense units:8 act:linear batch-norm:false dropout:0", [nn.Sequential]),
        ("layer:max-pool kernel:2", [nn.MaxPool2d]),
        ("layer:avg-pool kernel:3 stride:2", [nn.AvgPool2d]),
        ("layer:batch-norm", [nn.BatchNorm2d]),
        ("layer:dropout percent:30", [nn.Dropout]),
        ("learning:adam lr:0.01", []),
    ],
)
def test_layers_of_a_block(text, types):
    assert layers(text) == types


def test_blocks_of_learning_set_fields_of_a_recipe():
    read = read_block("learning:sgd lr:3e-2 momentum:0.8 nesterov:false decay:0")
    assert read.settings == {
        "optimizer": "sgd", "learning_rate": 0.03, "momentum": 0.8, "nesterov": False, "weight_decay": 0.0,
    }  # fmt: skip
    assert read_block("learning:adamw").settings == {"optimizer": "adamw"}
    assert read_block("layer:conv filters:8 kernel:3").settings == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "layer:lstm units:8",
            "block 'layer:lstm units:8': it must have one of the words layer:conv, layer:",
        ),
        ("relu", "block 'relu': it must have one of the words .*learning:adamw$"),
        ("learning:lion", "block 'learning:lion': it must have one of the words"),
        ("layer:conv learning:sgd filters:8 kernel:3", "must have one of the words"),
        ("layer:conv filters:8", "block 'layer:conv filters:8': conv needs the word 'kernel'"),
        (
            "layer:dense units:8 kernel:3",
            "unknown word 'kernel'; dense takes units, act, batch-norm, dropout",
        ),
        ("layer:batch-norm relu", "unknown word 'relu'; batch-norm takes none"),
        ("learning:sgd rate:1", "unknown word 'rate'; sgd takes lr, momentum, nesterov, decay"),
        ("layer:dense units:8 units:9", "block 'layer:dense units:8 units:9': a word is repeated"),
        ("layer:dense units:0", "units must be a whole number of at least 1, got '0'"),
        ("layer:dense units:2.5", "units must be a whole number of at least 1, got '2.5'"),
        ("layer:dense units:8 act:swish", "act must be one of linear, relu, elu, .*, got 'swish'"),
        ("layer:dense units:8 batch-norm:yes", "batch-norm must be true or false, got 'yes'"),
        ("layer:dropout percent:100", "percent must be a whole number from 0 to 99, got '100'"),
        ("learning:sgd lr:0", "lr must be a positive number, got '0'"),
        ("learning:sgd lr:nan", "lr must be a positive number, got 'nan'"),
        ("learning:sgd momentum:1", "momentum must be a number of at least 0 and below 1, got '1'"),
        ("learning:sgd decay:-1", "decay must be a number of at least 0, got '-1'"),
    ],
)
def test_a_block_that_cannot_be_built_is_named(text, message):
    with pytest.raises(UsageError, match=message):
        read_block(text)
