"""Makes networks of the true size, cost and interface with random weights, to measure speed without anybody's weights.

uv run python benchmarks/make_models.py FOLDER [NAME...]

The layouts are those that were published; what a network computes is of no use to anybody.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from gfpgan_clean import gfpgan_clean
from graphs import Graph, Value
from onnx import ModelProto


@dataclass(frozen=True, slots=True)
class Made:
    """A graph, what it weighs and what one call costs. ``macs`` are multiply-adds."""

    model: ModelProto
    floats: int
    macs: int


def inswapper(width: float = 1.0) -> Made:
    """inswapper_128: 138 M weights, 175 G multiply-adds a face; ``emap`` is the last initializer and part of no layer."""
    c128, c256, c512, c1024 = (max(8, round(width * count)) for count in (128, 256, 512, 1024))
    g = Graph()
    target, source = g.input("target", (1, 3, 128, 128)), g.input("source", (1, 512))
    x = g.leaky(g.conv(g.reflect(target, 3), c128, 7, pad=0))
    for channels, stride in ((c256, 1), (c512, 2), (c1024, 2)):
        x = g.leaky(g.conv(x, channels, stride=stride))
    for _ in range(6):
        inner = g.relu(_styled(g, g.conv(g.reflect(x, 1), c1024, pad=0), source))
        x = g.add(x, _styled(g, g.conv(g.reflect(inner, 1), c1024, pad=0), source, scale=0.4))
    for channels, twice in ((c512, True), (c256, True), (c128, False)):
        x = g.leaky(g.conv(g.resize(x, 2) if twice else x, channels))
    x = g.op("Tanh", [g.conv(g.reflect(x, 3), 3, 7, pad=0, gain=0.2)], (1, 3, 128, 128))
    output = g.add(g.scaled(x, 0.5), g.number(0.5))
    g.weight(g.random.standard_normal((512, 512), np.float32) / np.float32(22), "emap")
    return Made(g.model({"output": output}), g.floats, g.macs)


def _styled(g: Graph, x: Value, source: Value, scale: float = 1.0) -> Value:
    """Instance norm in its parts, as the real graph has it, then factor and shift from the source face."""
    n, channels = x.shape[:2]
    one = (n, channels, 1, 1)
    centred = g.op("Sub", [x, g.op("ReduceMean", [x], one, axes=[2, 3])], x.shape)
    variance = g.op("ReduceMean", [g.mul(centred, centred)], one, axes=[2, 3])
    deviation = g.op("Sqrt", [g.add(variance, g.number(1e-8))], one)
    plain = g.op("Div", [centred, deviation], x.shape)
    style = g.op("Unsqueeze", [g.dense(source, 2 * channels), g.ints(2, 3)], (n, 2 * channels, 1, 1))
    factor, shift = g.split(style, 1, 2)
    return g.scaled(g.add(g.mul(plain, g.add(factor, g.number(1))), shift), scale)


def scrfd_10g(width: float = 1.0) -> Made:
    """SCRFD-10GF with key points: 4.2 M weights; its 10 G multiply-adds are those of 640x480, so 640x640 takes 13 G."""
    stem, *planes = (max(8, round(width * count)) for count in (28, 56, 88, 88, 224))
    g = Graph()
    x = g.input("input.1", (1, 3, 640, 640), (1, 3, "height", "width"))
    x = g.relu(g.conv(x, stem, stride=2))
    x = g.relu(g.conv(g.relu(g.conv(x, stem)), planes[0]))
    x = g.op("MaxPool", [x], _halved(x), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    levels = []
    for number, (blocks, channels) in enumerate(zip((3, 4, 2, 3), planes, strict=True)):
        for block in range(blocks):
            x = _residual(g, x, channels, stride=2 if number and not block else 1)
        levels.append(x)
    outputs: dict[str, Value] = {}
    names = (("448", "451", "454"), ("471", "474", "477"), ("494", "497", "500"))
    for x, trio in zip(_pyramid(g, levels[1:], planes[0]), names, strict=True):
        outputs |= dict(zip(trio, _heads(g, x, max(16, 16 * round(width * 5))), strict=True))
    order = [trio[kind] for kind in range(3) for trio in names]  # scores, boxes, points, as the real graph lists them
    free = {name: ("cells", value.shape[1]) for name, value in outputs.items()}
    return Made(g.model({name: outputs[name] for name in order}, free), g.floats, g.macs)


def _halved(x: Value) -> tuple[int, ...]:
    n, channels, height, width = x.shape
    return n, channels, height // 2, width // 2


def _residual(g: Graph, x: Value, channels: int, stride: int) -> Value:
    inner = g.conv(g.relu(g.conv(x, channels, stride=stride)), channels, gain=0.5)
    if stride > 1:
        x = g.op("AveragePool", [x], _halved(x), kernel_shape=[2, 2], strides=[2, 2])
    return g.relu(g.add(inner, x if x.shape[1] == channels else g.conv(x, channels, 1, gain=1)))


def _pyramid(g: Graph, levels: Sequence[Value], channels: int) -> list[Value]:
    """Features of all three scales: down from the coarsest, and up again."""
    sides = [g.conv(x, channels, 1, gain=1) for x in levels]
    for finer, coarser in ((1, 2), (0, 1)):
        sides[finer] = g.add(sides[finer], g.resize(sides[coarser], 2, "nearest"))
    levels = [g.conv(x, channels, gain=1) for x in sides]
    middle = g.add(levels[1], g.conv(levels[0], channels, stride=2, gain=1))
    last = g.add(levels[2], g.conv(middle, channels, stride=2, gain=1))
    return [levels[0], g.conv(middle, channels, gain=1), g.conv(last, channels, gain=1)]


def _heads(g: Graph, x: Value, channels: int) -> list[Value]:
    """Scores (n, 1), box distances (n, 4) and points (n, 10) of two anchors a cell. Scores are as low as before training."""
    for _ in range(3):
        x = g.relu(_group_norm(g, g.conv(x, channels)))
    rows = []
    for size in (1, 4, 10):
        y = g.conv(x, 2 * size, gain=0.2)
        if size == 1:
            y = g.add(y, g.number(-4.6))
        count = y.shape[2] * y.shape[3] * 2
        y = g.op("Transpose", [y], (1, *y.shape[2:], 2 * size), perm=[0, 2, 3, 1])
        y = g.op("Reshape", [y, g.ints(-1, size)], (count, size))
        rows.append(g.op("Sigmoid", [y], y.shape) if size == 1 else y)
    return rows


def _group_norm(g: Graph, x: Value, groups: int = 16) -> Value:
    n, channels = x.shape[:2]
    flat = g.op("Reshape", [x, g.ints(0, groups, -1)], (n, groups, -1))
    ones, zeros = (g.weight(np.full(groups, value, np.float32)) for value in (1, 0))
    normal = g.op("InstanceNormalization", [flat, ones, zeros], flat.shape)
    back = g.op("Reshape", [normal, g.op("Shape", [x], (4,))], x.shape)
    return g.add(g.mul(back, g.noise(channels, 1, 1, scale=0.05, mean=1)), g.noise(channels, 1, 1, scale=0.05))


def arcface_r50(width: float = 1.0) -> Made:
    """ArcFace on IResNet50, as w600k_r50: 43.6 M weights, 6.3 G multiply-adds a face."""
    first, *planes = (max(8, round(width * count)) for count in (64, 64, 128, 256, 512))
    g = Graph()
    x = g.input("input.1", (1, 3, 112, 112), ("batch", 3, 112, 112))
    x = g.prelu(g.conv(x, first))
    for blocks, channels in zip((3, 4, 14, 3), planes, strict=True):
        for block in range(blocks):
            stride = 1 if block else 2
            inner = g.conv(g.prelu(g.conv(g.norm(x), channels)), channels, stride=stride, gain=0.3)
            x = g.add(inner, x if stride == 1 else g.conv(x, channels, 1, stride=2, gain=1))
    x = g.norm(x)
    x = g.op("Flatten", [x], (1, x.shape[1] * 49))
    x = g.norm(g.dense(x, 512))
    return Made(g.model({"683": x}, {"683": ("batch", 512)}), g.floats, g.macs)


def gfpgan(width: float = 1.0) -> Made:
    """GFPGAN-clean at 512, the layout of versions 1.3 and 1.4."""
    g = Graph()
    return Made(gfpgan_clean(g, width), g.floats, g.macs)


MODELS: Mapping[str, Callable[[float], Made]] = MappingProxyType(
    {
        "inswapper_128": inswapper,
        "scrfd_10g": scrfd_10g,
        "arcface_r50": arcface_r50,
        "gfpgan_clean": gfpgan,
    }
)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(MODELS)}")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(MODELS):
        parser.error(f"no network is called {', '.join(sorted(unknown))}; there are {', '.join(MODELS)}")
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.names or MODELS:
        made = MODELS[name](1.0)
        path = options.folder / f"{name}.onnx"
        path.write_bytes(made.model.SerializeToString())
        size = path.stat().st_size / 1e6
        print(f"{path}: {size:.0f} MB, {made.floats / 1e6:.1f} M weights, {made.macs / 1e9:.1f} G multiply-adds a call")


if __name__ == "__main__":
    main()
