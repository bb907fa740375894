"""NAS-Bench-Macro: chains of eight choices between MobileNet blocks, trained on CIFAR-10."""

from __future__ import annotations

from egraph.datasets._metric import Metric
from egraph.datasets._source import Source

__all__ = ["SOURCES"]

_METRICS = {
    "mean_acc": Metric(
        "percent", "test", 50, 3, description="CIFAR-10; mean over runs of the best epoch of each"
    ),
    **{
        f"test_acc_{run}": Metric("percent", "test", 50, 1, description=f"CIFAR-10; best epoch of run {run}")
        for run in range(3)
    },
    "std": Metric(
        "percent",
        "test",
        50,
        3,
        higher_is_better=False,
        description="population standard deviation over the runs",
    ),
    "params": Metric("parameters", higher_is_better=False),
    "flops": Metric("operations", higher_is_better=False, description="as the authors counted them"),
}

SOURCES = [
    Source(
        name="nasbench_macro",
        space="nasbench_macro",
        title="all 6,561 architectures of NAS-Bench-Macro on CIFAR-10; 3,969 networks",
        rows=6_561,
        file="nasbench_macro.parquet",
        size=106_312,
        sha256="636c4993a76a23d30cc92f289228cb0f2865366a99028feecb6eddbbfeb4f1d3",
        origin="Su et al., CVPR 2021, https://arxiv.org/abs/2103.11922; xiusu/NAS-Bench-Macro (61a2bfc)",
        licence="Apache-2.0 (xiusu/NAS-Bench-Macro)",
        metrics=_METRICS,
        rows_of=lambda columns: columns["arch"].tolist(),
        described_by=("arch",),
    )
]
