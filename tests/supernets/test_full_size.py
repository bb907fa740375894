"""The published sizes: a search with 8 cells of 16 channels, a final training with 20 cells of 36."""

import pickle
import tarfile
from io import BytesIO

import numpy as np
import pytest
import torch

from egraph import datasets
from egraph.errors import UsageError
from egraph.evaluation import Recipe, Training
from egraph.networks import build_darts, count_params
from egraph.spaces import get
from egraph.supernets import Settings, methods, search, search_recipe

SPACE = get("darts")
FINAL = Recipe(
    epochs=2,
    batch_size=4,
    channels=36,
    cells=20,
    optimizer="sgd",
    learning_rate=0.025,
    weight_decay=3e-4,
    schedule="cosine",
    clip_norm=5.0,
    augment={"shift": 0.125, "flip": True, "cutout": 0.5},
    auxiliary=0.4,
    drop_path=0.2,
    stop_loss=None,
)


@pytest.fixture(scope="module")
def cifar(tmp_path_factory):
    """An archive with the structure of CIFAR-10's, of few images."""
    path = tmp_path_factory.mktemp("cifar") / "cifar-10-python.tar.gz"
    rng = np.random.default_rng(0)
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    files = {
        name: {"data": rng.integers(0, 256, (1, 3072), dtype=np.uint8), "labels": [number % 2]}
        for number, name in enumerate(names)
    }
    files["batches.meta"] = {"label_names": ["airplane", "bird"]}
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            packed = pickle.dumps(content, protocol=2)
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(packed)
            archive.addfile(info, BytesIO(packed))
    return datasets.images(path)


def test_the_path_at_full_size_is_walked_for_a_few_steps(cifar):
    assert cifar.input_shape == (3, 32, 32)
    examples = [torch.from_numpy(each) for each in cifar.train]
    settings = Settings(search_recipe(epochs=1, batch_size=2, channels=16, cells=8))
    found = search(
        SPACE.relaxation(),
        methods["gdas"](),
        (examples[0][:4], examples[1][:4]),
        cifar.num_classes,
        settings,
    )
    SPACE.validate(found.architecture)
    evaluation, network = Training(SPACE, cifar, FINAL, device="cpu").train(found.architecture)
    assert 0 <= evaluation.score <= 1
    plain = SPACE.network(found.architecture, (3, 32, 32), cifar.num_classes, channels=36, cells=20)
    assert evaluation.params == count_params(plain)
    assert list(network.state_dict()) == list(plain.state_dict())


def test_the_auxiliary_head_has_the_published_size():
    """The head of the paper reads 576 channels of 8x8 pixels: convolutions to 128 and 768, a dense layer."""
    architecture = SPACE.sample(np.random.default_rng(0))
    with torch.device("meta"):
        plain, more = (
            build_darts(architecture, (3, 32, 32), 10, 36, 20, auxiliary=each) for each in (False, True)
        )
    head = 576 * 128 + 2 * 128 + 128 * 768 * 4 + 2 * 768 + 768 * 10 + 10
    assert count_params(more) - count_params(plain) == head


def test_the_auxiliary_head_gives_logits_in_training_alone():
    architecture = SPACE.sample(np.random.default_rng(1))
    plain = SPACE.network(architecture, (3, 13, 9), 5, channels=4, cells=5)
    network = SPACE.network(architecture, (3, 13, 9), 5, channels=4, cells=5, auxiliary=True, drop_path=True)
    images = torch.rand(2, 3, 13, 9)
    logits, auxiliary = network.train()(images)
    assert logits.shape == auxiliary.shape == (2, 5)
    # The same weights, and nothing is dropped yet.
    torch.testing.assert_close(logits, plain.train()(images))
    torch.testing.assert_close(network.eval()(images), plain.eval()(images))


def test_a_space_without_these_parts_is_refused():
    for part in ("auxiliary", "drop_path"):
        with pytest.raises(UsageError, match=f"'nasbench201' offer no {part}; leave it out of the recipe"):
            Training("nasbench201", "digits", Recipe(**{part: 0.1}))
