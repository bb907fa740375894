"""Searches with a training loop of your own.

    python examples/own_training.py --trials 24

Any function from an architecture to a score can be searched; here it trains on the digits that scikit-learn
ships. With `storage` the same command continues an interrupted search.
"""

import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.nn.functional import cross_entropy

import egraph
from egraph.errors import EvaluationError
from egraph.evaluation import Evaluation

SPACE = egraph.spaces.get("convnet")


def load() -> tuple[torch.Tensor, ...]:
    """Training and validation images, then their labels."""
    images, labels = load_digits(return_X_y=True)
    images = torch.tensor(images / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
    return train_test_split(images, torch.tensor(labels), test_size=0.3, random_state=0, stratify=labels)


def train(architecture: egraph.Architecture, epochs: int = 3) -> Evaluation:
    """Trains the network of an architecture and measures its validation accuracy."""
    images, val_images, labels, val_labels = load()
    torch.manual_seed(0)
    network = SPACE.network(architecture, input_shape=(1, 8, 8), num_classes=10, channels=16)
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(64):
            optimizer.zero_grad()
            loss = cross_entropy(network(images[batch]), labels[batch])
            if not loss.isfinite():
                raise EvaluationError("the loss is not finite")  # a failed trial; the search continues
            loss.backward()
            optimizer.step()
    network.eval()
    with torch.inference_mode():
        accuracy = (network(val_images).argmax(1) == val_labels).float().mean().item()
    return Evaluation(score=accuracy, params=sum(p.numel() for p in network.parameters()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--storage", help="journal on disk, such as runs/mine.db")
    arguments = parser.parse_args()

    torch.set_num_threads(1)  # more only help large networks
    study = egraph.Study(SPACE, train, storage=arguments.storage, seed=0, initial=8, batch=8, candidates=500)
    study.run(trials=arguments.trials)
    # tau: agreement of the ranker's order with that of the scores, before it learned from them
    print(study.rounds[["round", "trials", "tau"]].to_string(index=False))
    print(f"\nbest: {study.best.score:.3f}  {SPACE.format(study.best.architecture)}")
    study.close()


if __name__ == "__main__":
    main()
