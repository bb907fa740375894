"""The version, in a module that imports nothing of egraph."""

from __future__ import annotations

__version__ = "0.1.0"


def installed_versions() -> dict[str, str]:
    """Versions of Python, egraph and the packages that decide the outcome of a fit."""
    import platform
    from importlib import metadata

    packages = ("torch", "numpy", "scipy", "scikit-learn")
    own = {"python": platform.python_version(), "egraph": __version__}
    return own | {package: metadata.version(package) for package in packages}
