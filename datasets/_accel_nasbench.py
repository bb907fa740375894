"""Accel-NASBench: ImageNet networks of the MnasNet space, trained briefly, and measured on six devices."""

from __future__ import annotations

from egraph.datasets._metric import Metric
from egraph.datasets._source import Source

__all__ = ["SOURCES"]

_DEVICES = {
    "a100": "NVIDIA A100",
    "3090": "NVIDIA RTX 3090",
    "tpuv2": "Cloud TPU v2",
    "tpuv3": "Cloud TPU v3",
    "zcu102": "AMD ZCU102 (FPGA)",
    "vck190": "AMD VCK190 (FPGA)",
}
_PROXY = "ImageNet; short training on small images"

_METRICS = {
    "val_top1": Metric("percent", "validation", None, 1, description=_PROXY),
    "val_top5": Metric("percent", "validation", None, 1, description=f"{_PROXY}; top-5 accuracy"),
    "train_time_s": Metric("seconds", runs=1, higher_is_better=False, description=_PROXY),
    "macs_m": Metric(
        "million operations",
        higher_is_better=False,
        description="multiply-adds of 224 x 224 pixels, four for each value of batch normalisation included",
    ),
    "params_m": Metric("million parameters", higher_is_better=False),
    **{
        f"latency_{device}_latency_mean": Metric(
            "ms", higher_is_better=False, description=f"of one image on {_DEVICES[device]}"
        )
        for device in ("zcu102", "vck190")
    },
    **{
        f"throughput_{device}_throughput_mean": Metric("images/s", description=f"on {title}")
        for device, title in _DEVICES.items()
    },
}

SOURCES = [
    Source(
        name="accel_nasbench",
        space="mnasnet",
        title="4,138 networks of Accel-NASBench on ImageNet, with costs on six devices",
        rows=4_138,
        file="accel_nasbench.parquet",
        size=329_363,
        sha256="bb4f53df0a63a8aa30830459ecb777cbcaeaa8d2c1c3f9fe2a9af310520d8401",
        origin=("Ahmad et al., DAC 2024, https://arxiv.org/abs/2404.08005; afzalxo/Accel-NASBench (4260357)"),
        licence="Apache-2.0 (afzalxo/Accel-NASBench)",
        metrics=_METRICS,
        rows_of=lambda columns: columns["arch"].tolist(),
        described_by=("arch",),
    )
]
