"""The layout of GFPGAN-clean: a U-Net whose features steer a StyleGAN2 generator. Weights are random."""

from __future__ import annotations

import math

import numpy as np
from graphs import Graph, Value
from onnx import ModelProto

_SIDE, _STYLE = 512, 512
#: Channels of the U-Net by side; the generator's are twice as many.
_CHANNELS = {4: 256, 8: 256, 16: 256, 32: 256, 64: 256, 128: 128, 256: 64, 512: 32}
_SIDES = tuple(_CHANNELS)[1:]


def gfpgan_clean(g: Graph, width: float = 1.0) -> ModelProto:
    """``width`` scales all channels but the style's. Input and output are 1x3x512x512 in -1..1."""
    channels = {side: max(8, 8 * round(width * count / 8)) for side, count in _CHANNELS.items()}
    x = g.input("input", (1, 3, _SIDE, _SIDE))
    x, skips = _encoded(g, g.leaky(g.conv(x, channels[_SIDE], 1)), channels)
    flat = g.op("Flatten", [x], (1, channels[4] * 16))
    count = 2 * len(_CHANNELS)
    styles = g.op("Reshape", [g.dense(flat, count * _STYLE), g.ints(1, count, _STYLE)], (1, count, _STYLE))
    latents = [
        g.op("Gather", [styles, g.weight(np.array(number, np.int64))], (1, _STYLE), axis=1) for number in range(count)
    ]
    conditions = []
    for side, skip in zip(_SIDES, reversed(skips), strict=True):
        x = _block(g, g.add(x, skip), channels[side], factor=2)
        conditions.append([_condition(g, x, mean) for mean in (1.0, 0.0)])
    return g.model({"output": _generated(g, latents, conditions, channels)})


def _encoded(g: Graph, x: Value, channels: dict[int, int]) -> tuple[Value, list[Value]]:
    """Down to 4x4, and the features of each scale on the way."""
    skips = []
    for side in reversed((4, *_SIDES[:-1])):
        x = _block(g, x, channels[side], factor=0.5)
        skips.append(x)
    return g.leaky(g.conv(x, channels[4])), skips


def _block(g: Graph, x: Value, out: int, factor: float) -> Value:
    """Two convolutions that halve or double the sides, beside a plain way."""
    inner = g.leaky(g.conv(x, x.shape[1]))
    inner = g.leaky(g.conv(g.resize(inner, factor), out))
    return g.scaled(g.add(inner, g.conv(g.resize(x, factor), out, 1, gain=1)), math.sqrt(0.5))


def _condition(g: Graph, x: Value, mean: float) -> Value:
    """Factor or shift of half of the generator's channels."""
    made = g.conv(g.leaky(g.conv(x, x.shape[1])), x.shape[1], gain=0.05)
    return g.add(made, g.number(mean))


def _generated(g: Graph, latents: list[Value], conditions: list[list[Value]], channels: dict[int, int]) -> Value:
    wide = {side: 2 * count for side, count in channels.items()}
    x = Value(g.noise(1, wide[4], 4, 4), (1, wide[4], 4, 4))
    x = _styled(g, x, latents[0], wide[4])
    rgb = _to_rgb(g, x, latents[1])
    for number, (side, (factor, shift)) in enumerate(zip(_SIDES, conditions, strict=True)):
        x = _styled(g, g.resize(x, 2), latents[2 * number + 1], wide[side])
        same, steered = g.split(x, 1, 2)
        steered = g.add(g.mul(steered, factor), shift)
        x = g.op("Concat", [same, steered], x.shape, axis=1)
        x = _styled(g, x, latents[2 * number + 2], wide[side])
        rgb = g.add(_to_rgb(g, x, latents[2 * number + 3]), g.resize(rgb, 2))
    return rgb


def _styled(g: Graph, x: Value, latent: Value, out: int) -> Value:
    """A convolution whose weights depend on the style and are normalised, noise, bias, leaky ReLU."""
    height, width = x.shape[2:]
    y = g.scaled(_modulated(g, x, latent, out, 3, normalised=True), math.sqrt(2))
    y = g.add(y, g.noise(1, 1, height, width, scale=0.1))
    return g.leaky(g.add(y, g.noise(1, out, 1, 1, scale=0.01)))


def _to_rgb(g: Graph, x: Value, latent: Value) -> Value:
    made = _modulated(g, x, latent, 3, 1, normalised=False)
    return g.scaled(g.add(made, g.noise(1, 3, 1, 1, scale=0.01)), 1 / len(_CHANNELS))


def _modulated(g: Graph, x: Value, latent: Value, out: int, size: int, *, normalised: bool) -> Value:
    n, channels, height, width = x.shape
    style = g.dense(latent, channels, gain=0.1, mean=1.0)
    style = g.op("Reshape", [style, g.ints(1, channels, 1, 1)], (1, channels, 1, 1))
    base = g.noise(out, channels, size, size, scale=1 / math.sqrt(channels * size * size))
    kernel = g.op("Mul", [base, style], (out, channels, size, size))
    if normalised:
        power = g.op("ReduceSum", [g.mul(kernel, kernel), g.ints(1, 2, 3)], (out, 1, 1, 1))
        root = g.op("Sqrt", [g.add(power, g.number(1e-8))], power.shape)
        kernel = g.op("Div", [kernel, root], kernel.shape)
    g.macs += n * out * height * width * channels * size * size
    return g.op("Conv", [x, kernel], (n, out, height, width), kernel_shape=[size] * 2, pads=[size // 2] * 4)
