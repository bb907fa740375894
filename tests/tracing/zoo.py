"""Fifteen published networks, few blocks and channels each, as one would write them; none knows of egraph.

`ZOO` names them; each entry makes a network for an image of 3x32x32, or the size that `SIDES` says.
"""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


def conv_bn(inputs, outputs, kernel, stride=1, groups=1, act=nn.ReLU):
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)]
    layers += [nn.BatchNorm2d(outputs)] + ([act()] if act else [])
    return nn.Sequential(*layers)


class Classifier(nn.Sequential):
    def __init__(self, channels, classes=10):
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


class Bottleneck(nn.Module):
    """Of ResNet, ResNeXt and RegNet: 1x1, 3x3 in groups, 1x1; a projection where shapes change."""

    def __init__(self, inputs, inner, outputs, stride=1, groups=1):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, inner, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3, self.bn3 = nn.Conv2d(inner, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = conv_bn(inputs, outputs, 1, stride, act=None)

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += identity
        return self.relu(out)


def resnet():
    """He et al. 2016: stem and maximum pool, then stages of 2, 3 and 2 bottlenecks."""
    layers = [conv_bn(3, 16, 7, 2), nn.MaxPool2d(3, 2, 1)]
    inputs = 16
    for inner, blocks, stride in ((8, 2, 1), (16, 3, 2), (32, 2, 2)):
        for block in range(blocks):
            layers.append(Bottleneck(inputs, inner, 4 * inner, stride if block == 0 else 1))
            inputs = 4 * inner
    return nn.Sequential(*layers, Classifier(inputs))


def resnext():
    """Xie et al. 2017: bottlenecks with 4 groups."""
    blocks = [Bottleneck(16, 16, 32, 1, 4), Bottleneck(32, 16, 32, 1, 4), Bottleneck(32, 32, 64, 2, 4)]
    return nn.Sequential(conv_bn(3, 16, 3), *blocks, Classifier(64))


def regnet():
    """Radosavovic et al. 2020, of kind X: blocks without bottleneck, groups of 8 channels."""
    layers, inputs = [conv_bn(3, 16, 3, 2)], 16
    for width, depth in ((16, 1), (32, 2), (48, 4)):
        for block in range(depth):
            layers.append(Bottleneck(inputs, width, width, 2 if block == 0 else 1, width // 8))
            inputs = width
    return nn.Sequential(*layers, Classifier(inputs))


class WideBlock(nn.Module):
    """Norm and activation before each convolution, dropout between them."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if inputs != outputs else None

    def forward(self, x):
        out = F.relu(self.bn1(x))
        shortcut = x if self.shortcut is None else self.shortcut(out)
        out = self.conv1(out)
        out = F.dropout(F.relu(self.bn2(out)), 0.3, self.training)
        return shortcut + self.conv2(out)


def wide_resnet():
    """Zagoruyko and Komodakis 2016: WRN-16 (two blocks a stage) with widening factor 2."""
    layers, inputs = [nn.Conv2d(3, 16, 3, 1, 1, bias=False)], 16
    for outputs, stride in ((32, 1), (64, 2), (128, 2)):
        layers += [WideBlock(inputs, outputs, stride), WideBlock(outputs, outputs, 1)]
        inputs = outputs
    return nn.Sequential(*layers, nn.BatchNorm2d(inputs), nn.ReLU(), Classifier(inputs))


def vgg():
    """Simonyan and Zisserman 2015, configuration A: 8 convolutions, 5 pools, 3 dense layers."""
    layers, inputs = [], 3
    for word in (8, "M", 16, "M", 32, 32, "M", 64, 64, "M", 64, 64, "M"):
        if word == "M":
            layers.append(nn.MaxPool2d(2, 2))
        else:
            layers += [nn.Conv2d(inputs, word, 3, padding=1), nn.ReLU(inplace=True)]
            inputs = word
    dense = [nn.Linear(64, 32), nn.ReLU(True), nn.Dropout(), nn.Linear(32, 32), nn.ReLU(True), nn.Dropout()]
    return nn.Sequential(*layers, nn.Flatten(), *dense, nn.Linear(32, 10))


class DenseLayer(nn.Module):
    def __init__(self, inputs, growth):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, 4 * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, features):
        bottleneck = self.conv1(F.relu(self.norm1(torch.cat(features, 1))))
        return self.conv2(F.relu(self.norm2(bottleneck)))


class DenseBlock(nn.ModuleList):
    def __init__(self, inputs, growth, layers):
        super().__init__(DenseLayer(inputs + i * growth, growth) for i in range(layers))

    def forward(self, x):
        features = [x]
        for layer in self:
            features.append(layer(features))
        return torch.cat(features, 1)


def densenet():
    """Huang et al. 2017: blocks of 3 and 4 layers with growth 8, a transition that halves between them."""
    transition = [nn.BatchNorm2d(40), nn.ReLU(), nn.Conv2d(40, 20, 1, bias=False), nn.AvgPool2d(2, 2)]
    blocks = [DenseBlock(16, 8, 3), *transition, DenseBlock(20, 8, 4)]
    return nn.Sequential(conv_bn(3, 16, 3), *blocks, nn.BatchNorm2d(52), nn.ReLU(), Classifier(52))


class SqueezeExcitation(nn.Module):
    def __init__(self, channels, squeezed):
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)

    def forward(self, x):
        scale = F.silu(self.reduce(F.adaptive_avg_pool2d(x, 1)))
        return torch.sigmoid(self.expand(scale)) * x


class InvertedResidual(nn.Module):
    """Of MobileNetV2, and with squeeze-and-excitation of EfficientNet."""

    def __init__(self, inputs, outputs, stride, expansion, kernel=3, act=nn.ReLU6, squeeze=False):
        super().__init__()
        inner = inputs * expansion
        layers = [conv_bn(inputs, inner, 1, act=act)] if expansion != 1 else []
        layers.append(conv_bn(inner, inner, kernel, stride, inner, act))
        if squeeze:
            layers.append(SqueezeExcitation(inner, max(1, inputs // 4)))
        self.layers = nn.Sequential(*layers, conv_bn(inner, outputs, 1, act=None))
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.layers(x) if self.has_shortcut else self.layers(x)


def mobilenet_v2():
    """Sandler et al. 2018: inverted residuals of expansion 6 but for the first."""
    layers, inputs = [conv_bn(3, 8, 3, 2, act=nn.ReLU6)], 8
    for expansion, outputs, blocks, stride in ((1, 4, 1, 1), (6, 6, 2, 2), (6, 8, 3, 2)):
        for block in range(blocks):
            layers.append(InvertedResidual(inputs, outputs, stride if block == 0 else 1, expansion))
            inputs = outputs
    layers += [conv_bn(inputs, 32, 1, act=nn.ReLU6), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2)]
    return nn.Sequential(*layers, nn.Linear(32, 10))


def efficientnet():
    """Tan and Le 2019: inverted residuals with squeeze-and-excitation, kernels 3 and 5."""
    layers, inputs = [conv_bn(3, 8, 3, 2, act=nn.SiLU)], 8
    stages = ((1, 3, 1, 4, 1), (6, 3, 2, 6, 2), (6, 5, 2, 8, 2), (6, 3, 2, 16, 3))
    for expansion, kernel, stride, outputs, blocks in stages:
        for block in range(blocks):
            step = stride if block == 0 else 1
            layers.append(InvertedResidual(inputs, outputs, step, expansion, kernel, nn.SiLU, squeeze=True))
            inputs = outputs
    layers += [conv_bn(inputs, 64, 1, act=nn.SiLU), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2)]
    return nn.Sequential(*layers, nn.Linear(64, 10))


class LayerNorm2d(nn.Module):
    """Over the channels, which come first; written by hand as in the authors' code."""

    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        mean = x.mean(1, keepdim=True)
        variance = (x - mean).pow(2).mean(1, keepdim=True)
        x = (x - mean) / torch.sqrt(variance + 1e-6)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class ConvNeXtBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.pwconv1, self.pwconv2 = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(1e-6 * torch.ones(channels))

    def forward(self, x):
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + y.permute(0, 3, 1, 2)


def convnext():
    """Liu et al. 2022: stages of 2 and 3 blocks."""
    layers = [nn.Conv2d(3, 8, 4, 4), LayerNorm2d(8), ConvNeXtBlock(8), ConvNeXtBlock(8)]
    layers += [LayerNorm2d(8), nn.Conv2d(8, 16, 2, 2), *(ConvNeXtBlock(16) for _ in range(3))]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(16), nn.Linear(16, 10))


class ShuffleUnit(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.stride, half = stride, outputs // 2
        start = inputs if stride > 1 else inputs // 2
        depthwise = conv_bn(half, half, 3, stride, half, act=None)
        self.main = nn.Sequential(conv_bn(start, half, 1), depthwise, conv_bn(half, half, 1))
        if stride > 1:
            self.side = nn.Sequential(
                conv_bn(inputs, inputs, 3, 2, inputs, act=None), conv_bn(inputs, half, 1)
            )

    def forward(self, x):
        if self.stride == 1:
            left, right = x.chunk(2, dim=1)
            x = torch.cat((left, self.main(right)), dim=1)
        else:
            x = torch.cat((self.side(x), self.main(x)), dim=1)
        batch, channels, height, width = x.shape
        return x.view(batch, 2, channels // 2, height, width).transpose(1, 2).flatten(1, 2)


def shufflenet_v2():
    """Ma et al. 2018: one unit that halves and two that do not, twice."""
    layers = [conv_bn(3, 12, 3, 2), nn.MaxPool2d(3, 2, 1)]
    for inputs, outputs in ((12, 24), (24, 48)):
        layers += [ShuffleUnit(inputs, outputs, 2), *(ShuffleUnit(outputs, outputs, 1) for _ in range(2))]
    return nn.Sequential(*layers, conv_bn(48, 64, 1), Classifier(64))


class InceptionA(nn.Module):
    """The 35x35 block of Inception v3."""

    def __init__(self, inputs, pooled):
        super().__init__()
        self.branch1 = conv_bn(inputs, 16, 1)
        self.branch5 = nn.Sequential(conv_bn(inputs, 12, 1), conv_bn(12, 16, 5))
        self.branch3 = nn.Sequential(conv_bn(inputs, 16, 1), conv_bn(16, 24, 3), conv_bn(24, 24, 3))
        self.pool = conv_bn(inputs, pooled, 1)

    def forward(self, x):
        pooled = self.pool(F.avg_pool2d(x, kernel_size=3, stride=1, padding=1))
        return torch.cat([self.branch1(x), self.branch5(x), self.branch3(x), pooled], 1)


class InceptionC(nn.Module):
    """The 17x17 block, with 1x7 and 7x1 convolutions."""

    def __init__(self, inputs):
        super().__init__()
        self.branch1 = conv_bn(inputs, 24, 1)
        factors = [nn.Conv2d(16, 16, (1, 7), padding=(0, 3)), nn.Conv2d(16, 24, (7, 1), padding=(3, 0))]
        self.branch7 = nn.Sequential(conv_bn(inputs, 16, 1), *factors)

    def forward(self, x):
        return torch.cat([self.branch1(x), self.branch7(x)], 1)


class InceptionB(nn.Module):
    """Halves the sides in three branches, one of them a pool."""

    def __init__(self, inputs):
        super().__init__()
        self.branch3 = nn.Conv2d(inputs, 24, 3, stride=2)
        self.branch9 = nn.Sequential(
            conv_bn(inputs, 16, 1), conv_bn(16, 24, 3), nn.Conv2d(24, 24, 3, stride=2)
        )

    def forward(self, x):
        return torch.cat([self.branch3(x), self.branch9(x), F.max_pool2d(x, 3, 2)], 1)


def inception():
    """Szegedy et al. 2016: stem without padding, two blocks A, one B, two C."""
    stem = [nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.ReLU()]
    blocks = [InceptionA(16, 8), InceptionA(64, 8), InceptionB(64), InceptionC(112), InceptionC(48)]
    return nn.Sequential(*stem, *blocks, Classifier(48))


class Attention(nn.Module):
    """Self-attention written as two products around a softmax."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        batch, tokens, width = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        scores = (q @ k.transpose(-2, -1)) * (width // self.heads) ** -0.5
        mixed = self.drop(scores.softmax(dim=-1)) @ v
        return self.proj(mixed.transpose(1, 2).reshape(batch, tokens, width))


class FusedAttention(Attention):
    """The same by `scaled_dot_product_attention`."""

    def forward(self, x):
        batch, tokens, _ = x.shape
        q, k, v = self.qkv(x).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.proj(mixed.transpose(1, 2).flatten(2))


class EncoderBlock(nn.Module):
    def __init__(self, width, heads, attention):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = attention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    """Dosovitskiy et al. 2021: patches of 8, a class token, three blocks."""

    def __init__(self, attention=Attention):
        super().__init__()
        self.patch = nn.Conv2d(3, 32, 8, 8)
        self.token, self.position = nn.Parameter(torch.zeros(1, 1, 32)), nn.Parameter(torch.zeros(1, 17, 32))
        self.blocks = nn.ModuleList(EncoderBlock(32, 4, attention) for _ in range(3))
        self.norm, self.head = nn.LayerNorm(32), nn.Linear(32, 10)

    def forward(self, images):
        x = self.patch(images).flatten(2).transpose(1, 2)
        x = torch.cat((self.token.expand(len(x), -1, -1), x), dim=1) + self.position
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class MixerBlock(nn.Module):
    def __init__(self, tokens, width):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.tokens = nn.Sequential(nn.Linear(tokens, 2 * tokens), nn.GELU(), nn.Linear(2 * tokens, tokens))
        self.channels = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


class Mixer(nn.Module):
    """Tolstikhin et al. 2021: patches of 8, two blocks, the mean over the tokens."""

    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 24, 8, 8)
        self.blocks = nn.Sequential(MixerBlock(16, 24), MixerBlock(16, 24))
        self.norm, self.head = nn.LayerNorm(24), nn.Linear(24, 10)

    def forward(self, images):
        x = self.patch(images).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.blocks(x)).mean(dim=1))


def double_conv(inputs, outputs):
    return nn.Sequential(conv_bn(inputs, outputs, 3), conv_bn(outputs, outputs, 3))


class UNet(nn.Module):
    """Ronneberger et al. 2015: two levels down and up, concatenated across."""

    def __init__(self):
        super().__init__()
        self.down1, self.down2, self.bottom = double_conv(3, 8), double_conv(8, 16), double_conv(16, 32)
        self.raise2, self.up2 = nn.ConvTranspose2d(32, 16, 2, 2), double_conv(32, 16)
        self.raise1, self.up1 = nn.ConvTranspose2d(16, 8, 2, 2), double_conv(16, 8)
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        one = self.down1(x)
        two = self.down2(F.max_pool2d(one, 2))
        x = self.raise2(self.bottom(F.max_pool2d(two, 2)))
        x = self.raise1(self.up2(torch.cat([two, x], dim=1)))
        return self.head(self.up1(torch.cat([one, x], dim=1)))


class Fire(nn.Module):
    def __init__(self, inputs, squeezed, expanded):
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.expand1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1(x)), F.relu(self.expand3(x))], 1)


def squeezenet():
    """Iandola et al. 2016, version 1.1: fire modules in pairs, a convolution as classifier."""
    layers = [nn.Conv2d(3, 16, 3, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)]
    layers += [Fire(16, 4, 16), Fire(32, 4, 16), nn.MaxPool2d(3, 2, ceil_mode=True), Fire(32, 8, 32)]
    return nn.Sequential(*layers, nn.Dropout(), nn.Conv2d(64, 10, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))


ZOO = {
    "resnet": resnet,
    "vgg": vgg,
    "densenet": densenet,
    "mobilenet_v2": mobilenet_v2,
    "efficientnet": efficientnet,
    "convnext": convnext,
    "shufflenet_v2": shufflenet_v2,
    "inception": inception,
    "vit": VisionTransformer,
    "mixer": Mixer,
    "unet": UNet,
    "regnet": regnet,
    "squeezenet": squeezenet,
    "wide_resnet": wide_resnet,
    "resnext": resnext,
}
