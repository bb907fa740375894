"""Differentiable methods, each a file that changes one thing of `Method`.

To add one: a subclass of `Method` in a file here, entered in the list below.
"""

from egraph.registry import Registry
from egraph.supernets.methods.base import Batch, Gradient, Method
from egraph.supernets.methods.darts import Darts, OneLevelDarts
from egraph.supernets.methods.gdas import Gdas
from egraph.supernets.methods.pc_darts import PcDarts

__all__ = ["Batch", "Gradient", "Method", "methods"]

methods: Registry[type[Method]] = Registry("differentiable method")

for _method in (OneLevelDarts, Darts, PcDarts, Gdas):
    methods.register(_method.name, _method)
