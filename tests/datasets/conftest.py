"""A search space small enough to reckon with by hand."""

import pytest

from egraph import Architecture, spaces
from egraph.errors import ArchitectureError
from egraph.spaces import SearchSpace


class Chains(SearchSpace):
    """Chains of the letters a and b, written as such; a ``.`` between them does nothing."""

    name = "test-chains"
    operations = ("a", "b", ".")

    def parse(self, text):
        if not text or set(text) - set(self.operations):
            raise ArchitectureError(f"a chain is written with a, b and ., got {text!r}")
        return Architecture(("input", *text, "output"), [(i, i + 1) for i in range(len(text) + 1)])

    def format(self, architecture):
        return "".join(architecture.ops[1:-1])

    def validate(self, architecture):
        if set(architecture.ops[1:-1]) - set(self.operations):
            raise ArchitectureError(f"no chain of a, b and .: {architecture.ops}")

    def key(self, architecture):
        self.validate(architecture)
        return self.format(architecture).replace(".", "")

    def _refuse(self, *_):
        raise NotImplementedError

    sample = mutate = crossover = neighbors = _refuse


@pytest.fixture(scope="session")
def chains():
    """The space, for tables made in memory."""
    return Chains()


@pytest.fixture
def registered(chains, monkeypatch):
    """The space, found by name while the test runs."""
    monkeypatch.setitem(spaces._registry.registry._things, chains.name, chains)
    return chains


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No data in any of the usual places; returns the empty cache folder."""
    monkeypatch.delenv("EGRAPH_DATA", raising=False)
    cache = tmp_path / "cache"
    monkeypatch.setattr("egraph.datasets._folders.platformdirs.user_cache_path", lambda *_, **__: cache)
    return cache
