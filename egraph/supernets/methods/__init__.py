"""Differentiable methods, each a file that changes one thing of `Method`.

To add one: a subclass of `Method` in a file here, entered in the list below.
"""

from egraph.registry import Registry
from egraph.supernets.methods.base import Batch, Gradient, Method
from egraph.supernets.methods.darts import Darts, OneLevelDarts
from egraph.supernets.methods.drnas import DrNas
from egraph.supernets.methods.gdas import Gdas
from egraph.supernets.methods.i_darts import IDarts
from egraph.supernets.methods.idarts import ImplicitDarts
from egraph.supernets.methods.p_darts import PDarts
from egraph.supernets.methods.pc_darts import PcDarts
from egraph.supernets.methods.rsps import RandomSharing
from egraph.supernets.methods.snas import Snas

__all__ = ["Batch", "Gradient", "Method", "methods"]

methods: Registry[type[Method]] = Registry("differentiable method")
"""The methods by name."""

for _method in (
    OneLevelDarts,
    Darts,
    ImplicitDarts,
    IDarts,
    PDarts,
    PcDarts,
    Gdas,
    Snas,
    DrNas,
    RandomSharing,
):
    methods.register(_method.name, _method)
