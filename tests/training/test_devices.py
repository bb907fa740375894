import pytest
import torch

from egraph.errors import UsageError
from egraph.training import choose_device


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
