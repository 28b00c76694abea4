"""The gain field: it takes a face's light and leaves its relief."""

from __future__ import annotations

import numpy as np

from roop_swapper.light import gain_field

SIZE = 96


def test_the_relief_of_the_sources_face_stays() -> None:
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE - 0.5
    relief = 30 * np.exp(-(x**2 + y**2) / (2 * 0.1**2))  # as wide as a nose or a cheek bone
    source = np.repeat((120 + relief)[..., None], 3, axis=2).astype(np.float32)
    flat = np.full((SIZE, SIZE, 3), 120, np.float32)
    lit = source * gain_field(flat, source, np.ones((SIZE, SIZE), np.float32))
    assert np.ptp(lit[..., 1]) > 0.75 * np.ptp(source[..., 1])


def test_light_from_one_side_goes_over() -> None:
    x = np.tile(np.linspace(-0.5, 0.5, SIZE, dtype=np.float32), (SIZE, 1))
    target = np.repeat((120 + 80 * x)[..., None], 3, axis=2)
    source = np.full((SIZE, SIZE, 3), 150, np.float32)
    lit = source * gain_field(target, source, np.ones((SIZE, SIZE), np.float32))
    left, right = lit[:, : SIZE // 3].mean(), lit[:, -SIZE // 3 :].mean()
    assert right - left > 0.6 * float(target[:, -SIZE // 3 :].mean() - target[:, : SIZE // 3].mean())
