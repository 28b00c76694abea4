"""Networks that draw random numbers, as many a generator's export does: they are drawn once, before it is loaded.

Else two runs on one picture differ: a video flickers, and a resumed run has other bytes. A ``seed`` in the graph does not
help, since ONNX Runtime's generators go on from run to run. Only what is certain to fit is drawn, all of a graph or
nothing: a graph that can't be settled is loaded as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roop_host.models import wire
from roop_host.models.devices import first_line
from roop_host.types.packages import pip

if TYPE_CHECKING:
    from roop_host.models.light import Light

_NORMAL, _UNIFORM = frozenset({"RandomNormal", "RandomNormalLike"}), frozenset({"RandomUniform", "RandomUniformLike"})
_SETTLED = _NORMAL | _UNIFORM
#: What draws by other rules; Dropout, only in training.
_OTHERS = frozenset({"Bernoulli", "Multinomial"})
_DROPOUT = "Dropout"
#: What a function is called by: the domain and the type of a node.
_NAME = (wire.FUNCTION_DOMAIN, wire.FUNCTION_NAME)
_UNSIZED = "how many does not stand in its graph, so they can't be drawn beforehand"
_BATCHED = "how many hangs on how many pictures it is given, and those for one are not sure to fit several"


@dataclass(frozen=True, slots=True)
class Settled:
    """A network's bytes. ``why`` is the reason why it still draws, empty where it does not; ``mark`` tells graphs that were
    changed from their files, and is empty where nothing was.
    """

    data: bytes
    why: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    """A graph, its nodes, and those of the functions that are called."""

    graph: wire.Field
    nodes: tuple[wire.Node, ...]
    functions: tuple[wire.Node, ...]

    @property
    def settled(self) -> list[int]:
        return [number for number, node in enumerate(self.nodes) if node.standard and node.op_type in _SETTLED]

    @property
    def dropouts(self) -> list[int]:
        """Those that may be in training, which their third input says."""
        return [n for n, node in enumerate(self.nodes) if node.standard and node.op_type == _DROPOUT and node.inputs > 2]

    def reasons(self) -> Iterator[str]:
        """Why some of it can't be settled, whatever the sizes."""
        for name in sorted({node.op_type for node in self.nodes if node.standard and node.op_type in _OTHERS}):
            yield f"what {name} draws can't be drawn beforehand"
        if any(map(_draws, (inner for node in self.nodes for inner in node.inner))):
            yield "what a branch or a loop of its graph draws can't be drawn beforehand"
        if any(map(_draws, (one for node in self.functions for one in (node, *node.inner)))):
            yield "what a function of its graph draws can't be drawn beforehand"


def settled(data: bytes) -> Settled:
    """The network with constants in the place of what it would draw; ``data`` itself where nothing is drawn.

    Each draw has numbers of its own, the same for the same graph with any version of numpy: the streams of ``RandomState``
    stay as they are (NEP 19). A free batch shares those of one picture. Beside ``data`` no second copy of the weights is
    made but the one that is returned.
    """
    view = memoryview(data)
    try:
        found = _find(view)
    except ValueError:
        return Settled(data)  # whatever it is, the runtime tells it
    reasons = list(found.reasons())
    if not (found.settled or found.dropouts or reasons):
        return Settled(data)
    try:
        from roop_host.models.light import light_graph
    except ImportError as error:
        if found.settled:
            how = pip("install", "onnx")
            reasons.append(f"drawing them beforehand needs onnx, which can't be imported ({error}); {how}")
        return Settled(data, "; ".join(reasons))
    try:
        graph = light_graph(view, found.graph)
        if any(graph.drops(graph.nodes[number]) for number in found.dropouts):
            reasons.append(f"what {_DROPOUT} draws in training can't be drawn beforehand")
        names = {number: graph.nodes[number].output[0] for number in found.settled}
        fixed = {number: shape for number, name in names.items() if (shape := graph.shape(name)) is not None}
        free = {number: name for number, name in names.items() if number not in fixed}
        ones = {number: shape for number, name in free.items() if (shape := graph.shape_of_one(name)) is not None}
        if len(ones) < len(free):
            reasons.append(_UNSIZED)
        elif not graph.fit_any_batch(free.values()):
            reasons.append(_BATCHED)
        if reasons or not names:
            return Settled(data, "; ".join(reasons))
        new = {found.nodes[number].field: _constant(graph, number, shape) for number, shape in (fixed | ones).items()}
        mark = hashlib.sha256(b"".join(new.values())).hexdigest()[:16]
        return Settled(wire.replaced(view, found.graph, new), mark=mark)
    except Exception as error:  # noqa: BLE001  (whatever it is, the runtime may still load it)
        if found.settled:
            reasons.append(f"its graph can't be changed ({first_line(error)})")
        return Settled(data, "; ".join(reasons))


def _find(data: memoryview) -> _Found:
    """Raises ``ValueError`` for what is no model."""
    parts = list(wire.fields(data))
    (graph,) = (part for part in parts if part.number == wire.MODEL_GRAPH)
    nodes = tuple(wire.nodes(data, graph.begin, graph.end))
    functions = {}
    for part in parts:
        if part.number == wire.MODEL_FUNCTION:
            said = {
                one.number: wire.text(data, one) for one in wire.fields(data, part.begin, part.end) if one.number in _NAME
            }
            name = tuple(said.get(number, "") for number in _NAME)
            functions[name] = tuple(wire.nodes(data, part.begin, part.end, wire.FUNCTION_NODE))
    called: list[wire.Node] = []
    waiting = _all(nodes)
    while waiting:
        inside = functions.pop((waiting[-1].domain, waiting.pop().op_type), ())
        called += inside
        waiting += _all(inside)
    return _Found(graph, nodes, tuple(called))


def _all(nodes: Iterable[wire.Node]) -> list[wire.Node]:
    return [one for node in nodes for one in (node, *node.inner)]


def _draws(node: wire.Node) -> bool:
    return node.standard and node.op_type in _SETTLED | _OTHERS


def _constant(graph: Light, number: int, shape: tuple[int, ...]) -> bytes:
    """A node that gives what the graph's ``number``-th would draw."""
    import numpy as np
    from onnx import helper, numpy_helper

    node = graph.nodes[number]
    said = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    random = np.random.RandomState(number)
    if node.op_type in _NORMAL:
        values = random.standard_normal(shape) * said.get("scale", 1.0) + said.get("mean", 0.0)
    else:
        low, high = said.get("low", 0.0), said.get("high", 1.0)
        values = random.random_sample(shape) * (high - low) + low
    kind = helper.tensor_dtype_to_np_dtype(graph.type_of(node.output[0]))
    tensor = numpy_helper.from_array(np.asarray(values).astype(kind))
    made = helper.make_node("Constant", [], [node.output[0]], name=node.name, value=tensor)
    return bytes(made.SerializeToString())
