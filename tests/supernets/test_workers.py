"""A supernet that several workers train together."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import copied
import numpy as np
import pytest
from stripes import OneEdge, draw_stripes
from worked import search_stripes, work

from egraph.errors import UsageError
from egraph.supernets import Run, Settings, Workers, joined, methods, search_recipe

SCRIPT = Path(__file__).parent / "worked.py"


def start_two(folder, death=0):
    """Exit codes of two workers that find each other by what torchrun sets."""
    folder.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    workers = [copied.start(work, number, port, folder, death) for number in range(2)]
    for worker in workers:
        worker.join(120)
    return [worker.exitcode for worker in workers]


def read(folder, share, number=0):
    return json.loads((folder / f"{share}-{number}.json").read_text())


def numbers(epochs):
    return np.array(
        [[each["training_loss"], each["validation_loss"], *each["probabilities"]["0->1"]] for each in epochs]
    )


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What two workers that torchrun has started have found."""
    folder = tmp_path_factory.mktemp("two")
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [*launcher, str(SCRIPT), str(folder)], env=environment, capture_output=True, timeout=300, check=True
    )
    return folder


def test_one_worker_is_the_serial_search_bit_for_bit(monkeypatch, tmp_path):
    serial = search_stripes(tmp_path / "serial", Workers(), 32)
    for name, value in {"WORLD_SIZE": "1", "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    with joined("gradients") as workers:
        assert search_stripes(tmp_path / "one", workers, 32) == serial


def test_two_workers_that_share_gradients_are_one_with_the_double_batch(two, tmp_path):
    serial = search_stripes(tmp_path, Workers(), 32)
    assert read(two, "gradients") == read(two, "gradients", 1)
    np.testing.assert_allclose(numbers(read(two, "gradients")), numbers(serial), rtol=0, atol=1e-4)


def test_a_worker_that_dies_ends_the_run_and_the_same_command_goes_on(two, tmp_path):
    assert read(two, "weights") == read(two, "weights", 1)  # they agree after each epoch
    assert start_two(tmp_path, death=2) == [1, 9]
    assert "another worker of this search has ended" in (tmp_path / "error-0.txt").read_text()
    assert not (tmp_path / "weights-0.json").exists()
    assert start_two(tmp_path) == [0, 0]
    assert read(tmp_path, "weights") == read(two, "weights")


def test_workers_would_stop_at_different_epochs():
    settings = Settings(search_recipe(batch_size=16, channels=4), stop="eigenvalue")
    with pytest.raises(UsageError, match="workers would each see another eigenvalue"):
        Run(
            OneEdge().relaxation(),
            methods["darts"](),
            draw_stripes(128),
            2,
            settings,
            workers=Workers("weights", 0, 2),
        )


def test_what_is_shared_has_a_name():
    with pytest.raises(UsageError, match="share must be one of gradients, weights, got 'all'"):
        Workers("all")
