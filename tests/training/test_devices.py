import pytest
import torch

from egraph.errors import UsageError
from egraph.training import choose_device, place


def test_auto_takes_a_gpu_where_there_is_one():
    assert choose_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("count", [0, 1])
def test_a_gpu_that_is_not_there_is_refused(count, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    with pytest.raises(
        UsageError, match=rf"'cuda:1' was asked for, but PyTorch sees {count or 'no'} CUDA GPU"
    ):
        choose_device("cuda:1")


@pytest.mark.parametrize("device", ["tpu", "cuda:x", "cpu:0", ""])
def test_an_unknown_device_is_refused(device):
    with pytest.raises(UsageError, match=f"device must be auto, cpu, cuda or cuda:NUMBER; got '{device}'"):
        choose_device(device)


@pytest.mark.parametrize(("device", "worker", "count", "expected"), [
    ("cuda", "0", 2, "cuda:0"), ("cuda", "3", 2, "cuda:1"), ("cuda", None, 2, "cuda:0"),
    ("cuda", "3", 1, "cuda"), ("cuda:1", "0", 2, "cuda:1"), ("cpu", "1", 2, "cpu"),
])  # fmt: skip
def test_worker_processes_share_several_gpus(device, worker, count, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.delenv("EGRAPH_WORKER", raising=False)
    if worker is not None:
        monkeypatch.setenv("EGRAPH_WORKER", worker)
    assert place(device) == expected
