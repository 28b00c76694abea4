"""What goes over of the source's proportions: build, and as little as can be of its expression."""

from __future__ import annotations

import numpy as np

from roop_swapper.shape import Proportions
from roop_vision import topology as t


def test_a_smile_of_the_source_hardly_moves_the_targets_mouth() -> None:
    uv = t.topology().uv
    still = (np.concatenate([uv, np.zeros((t.VERTICES, 1))], axis=1) * 400).astype(np.float32)
    lips = list(t.LIPS_OUTER)
    middle = still[lips, 0].mean()
    smiling = still.copy()
    smiling[lips, 0] = middle + (still[lips, 0] - middle) * 1.3
    smiling[lips, 1] -= 12
    shift = Proportions(smiling, 1.0).shifts(still)[lips]
    assert np.abs(shift[:, 1]).max() < 6
    assert np.ptp(shift[:, 0]) < 0.05 * np.ptp(still[lips, 0])


def test_an_eye_goes_over_with_its_width() -> None:
    uv = t.topology().uv
    still = (np.concatenate([uv, np.zeros((t.VERTICES, 1))], axis=1) * 400).astype(np.float32)
    eye = list(t.EYE_LEFT)
    wide = still.copy()
    wide[eye, 0] += 8
    shift = Proportions(wide, 1.0).shifts(still)[eye]
    assert shift[:, 0].mean() > 4
