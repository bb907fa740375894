"""Groups of vertices that form one operation."""

from __future__ import annotations

from egraph.tracing.sketch import JOINS, Sketch, Vertex

__all__ = ["fuse_attention", "fuse_blocks", "tidy_joins"]


def fuse_attention(sketch: Sketch) -> None:
    """Joins a product, its softmax and the product with the values to one vertex; drops other softmaxes.

    Remaining products become operations of kind ``other``.
    """
    consumers = sketch.consumers()
    for vertex in sketch.vertices:
        weights = next((v for v in vertex.inputs if v.kind == "softmax"), None)
        if vertex.kind != "matmul" or weights is None or len(weights.inputs) != 1:
            continue
        [scores] = weights.inputs
        if scores.kind == "matmul" and consumers[scores] == [weights] and consumers[weights] == [vertex]:
            vertex.kind, vertex.label = "attention", "attention"
            vertex.inputs = list(
                dict.fromkeys([*scores.inputs, *(v for v in vertex.inputs if v is not weights)])
            )
            vertex.take_over(scores)
            vertex.activations -= scores.activations  # PyTorch's own attention does not keep the scores
    for vertex in sketch.vertices:
        if vertex.kind == "softmax":
            [source] = vertex.inputs
            sketch.replace(vertex, source)
        elif vertex.kind == "matmul":
            vertex.kind, vertex.groups = "other", 1
    sketch.prune()


def tidy_joins(sketch: Sketch) -> None:
    """Gives equal joins one form, however they were written.

    A sum of sums that nothing else reads becomes one sum. A concatenation that begins with all inputs of an
    earlier one reads the result of that one. A join of a single result is dropped.
    """
    consumers = sketch.consumers()
    concats: list[Vertex] = []
    for vertex in sketch.vertices:
        if vertex.kind not in JOINS:
            continue
        before = vertex.inputs
        alone = [v for v in vertex.inputs if v.kind == vertex.kind and consumers[v] == [vertex]]
        if vertex.kind in ("add", "concat") and alone:
            parts = [part for v in vertex.inputs for part in (v.inputs if v in alone else [v])]
            vertex.inputs = list(dict.fromkeys(parts))
        if vertex.kind == "concat":
            _share_prefix(vertex, concats)
            concats.append(vertex)
        if len(vertex.inputs) == 1:
            sketch.replace(vertex, vertex.inputs[0])
        if vertex.inputs != before or len(vertex.inputs) == 1:
            consumers = sketch.consumers()
    sketch.prune()


def _share_prefix(vertex: Vertex, earlier: list[Vertex]) -> None:
    for other in earlier:
        count = len(other.inputs)
        if 1 < count < len(vertex.inputs) and vertex.inputs[:count] == other.inputs:
            vertex.inputs = [other, *vertex.inputs[count:]]


def fuse_blocks(sketch: Sketch) -> None:
    """Joins squeeze-and-excitation with the vertex that it scales, and each block of mobile networks.

    Each step says whether it has changed the sketch.
    """
    for fuse in (_fuse_gate, _fuse_separable, _fuse_expansion, _fuse_shortcut):
        consumers = sketch.consumers()
        for vertex in list(sketch.vertices):
            if fuse(sketch, vertex, consumers):
                consumers = sketch.consumers()
        sketch.prune()


_Consumers = dict[Vertex, list[Vertex]]


def _fuse_gate(sketch: Sketch, product: Vertex, consumers: _Consumers) -> bool:
    """Joins ``x * gate(global_pool(x))`` with the vertex that makes ``x``."""
    if product.kind != "multiply" or len(product.inputs) != 2:
        return False
    for scaled, last in (product.inputs, product.inputs[::-1]):
        gate: list[Vertex] = []
        step = last
        while (step.kind == "linear" or _is_pointwise(step)) and consumers[step] == [
            gate[-1] if gate else product
        ]:
            gate.append(step)
            if len(step.inputs) != 1:
                return False
            [step] = step.inputs
        if gate and step.kind == "avg-pool" and step.inputs == [scaled] and consumers[step] == [gate[-1]]:
            if scaled.computes and len(consumers[scaled]) == 2:
                for part in gate:
                    scaled.take_over(part)
                scaled.label += "-se"
                sketch.replace(product, scaled)
                return True
            return False
    return False


def _fuse_separable(sketch: Sketch, point: Vertex, consumers: _Consumers) -> bool:
    """Joins a depthwise convolution with the 1x1 convolution that is its only reader."""
    if not _is_pointwise(point) or len(point.inputs) != 1:
        return False
    [depthwise] = point.inputs
    if depthwise.kind == "conv" and depthwise.groups == 0 and consumers[depthwise] == [point]:
        point.kind, point.label = "separable-conv", depthwise.label.replace("conv", "sepconv", 1)
        point.kernel, point.stride, point.groups = depthwise.kernel, depthwise.stride, 0
        point.padded = depthwise.padded
        _adopt(point, depthwise)
        return True
    return False


def _fuse_expansion(sketch: Sketch, separable: Vertex, consumers: _Consumers) -> bool:
    """Joins a widening 1x1 convolution with the separable convolution that is its only reader."""
    if separable.kind != "separable-conv" or len(separable.inputs) != 1:
        return False
    [wide] = separable.inputs
    if _is_pointwise(wide) and wide.channels > wide.fan_in and consumers[wide] == [separable]:
        separable.kind, separable.label = "inverted-residual", separable.label.replace("sepconv", "mbconv", 1)
        separable.expansion = wide.channels / wide.fan_in
        _adopt(separable, wide)
        return True
    return False


def _fuse_shortcut(sketch: Sketch, total: Vertex, consumers: _Consumers) -> bool:
    """Joins the sum of an inverted residual and its own input with the residual."""
    if total.kind != "add" or len(total.inputs) != 2:
        return False
    for block, shortcut in (total.inputs, total.inputs[::-1]):
        if block.kind == "inverted-residual" and block.inputs == [shortcut] and consumers[block] == [total]:
            sketch.replace(total, block)
            return True
    return False


def _is_pointwise(vertex: Vertex) -> bool:
    return vertex.label in ("conv1", "conv1x1", "conv1x1x1") and (vertex.stride, vertex.groups) == (1, 1)


def _adopt(vertex: Vertex, before: Vertex) -> None:
    """Joins a vertex with the one before it."""
    vertex.inputs, vertex.fan_in = before.inputs, before.fan_in
    vertex.take_over(before)
