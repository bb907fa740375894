"""Networks that people have, to vary."""

import torch
from torch import nn


class Residual(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, before, after, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.act = nn.ReLU()
        self.shortcut = nn.Identity()
        if before != after or stride > 1:
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride), nn.BatchNorm2d(after))

    def forward(self, x):
        return self.act(self.shortcut(x) + self.bn2(self.conv2(self.act(self.bn1(self.conv1(x))))))


class ResNet(nn.Module):
    def __init__(self, width=4, classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.layer1 = nn.Sequential(Residual(width, width), Residual(width, width))
        self.layer2 = nn.Sequential(Residual(width, 2 * width, 2))
        self.fc = nn.Linear(2 * width, classes)

    def forward(self, x):
        return self.fc(self.layer2(self.layer1(self.stem(x))).mean((2, 3)))


def vgg():
    layers = [
        nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
    ]
    tail = [nn.MaxPool2d(2), nn.Conv2d(4, 8, 3, padding=1), nn.GELU(), nn.Flatten()]
    return nn.Sequential(*layers, *tail, nn.Linear(8 * 16, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 10))


class Inverted(nn.Module):
    """A convolution of each channel between two of one pixel."""

    def __init__(self, width, inner):
        super().__init__()
        act = nn.ReLU6(inplace=True)
        self.body = nn.Sequential(
            nn.Conv2d(width, inner, 1), nn.BatchNorm2d(inner), act,
            nn.Conv2d(inner, inner, 3, padding=1, groups=inner), nn.BatchNorm2d(inner), act,
            nn.Conv2d(inner, width, 1), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x):
        return x + self.body(x)


class Dense(nn.Module):
    """Concatenated results, a grouped convolution and a gate."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(4, 4, 3, padding=1)
        self.second = nn.Conv2d(8, 4, 3, padding=1)
        self.join = nn.Conv2d(12, 8, 1)
        self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=2)
        self.gate = nn.Linear(8, 8)
        self.act = nn.LeakyReLU()

    def forward(self, x):
        x = torch.cat([x, self.act(self.first(x))], 1)
        x = self.grouped(self.join(torch.cat([x, self.act(self.second(x))], 1)))
        return x * torch.sigmoid(self.gate(x.mean((2, 3))))[:, :, None, None]


def mobile():
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)]
    return nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), Inverted(4, 8), Inverted(4, 8), Dense(), *head)


class Encoder(nn.Module):
    """A small transformer with a place for each patch."""

    def __init__(self, norm_first=True):
        super().__init__()
        self.embed = nn.Conv1d(1, 8, 4, stride=4)
        self.place = nn.Parameter(torch.randn(10, 8))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(8, 2, 16, 0.1, batch_first=True, norm_first=norm_first)
            for _ in range(2)
        )
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        x = self.embed(x).transpose(1, 2) + self.place
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x).mean(1))


def signal():
    """A network of one dimension, whose state has buffers of its own."""
    net = nn.Sequential(
        nn.Conv1d(1, 6, 5, padding="same"), nn.GroupNorm(2, 6), nn.SiLU(), nn.Conv1d(6, 6, 3, padding=1),
        nn.Tanh(), nn.AvgPool1d(4), nn.Flatten(), nn.Linear(60, 10),
    )  # fmt: skip
    net.register_buffer("seen", torch.arange(3.0))
    return net


MADE = {
    "resnet": (ResNet, (1, 8, 8)),
    "vgg": (vgg, (1, 8, 8)),
    "mobile": (mobile, (1, 8, 8)),
    "encoder": (Encoder, (1, 40)),
    "signal": (signal, (1, 40)),
}

net = ResNet()
