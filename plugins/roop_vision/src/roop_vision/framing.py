"""Which part of an aligned crop a network redraws well, whatever template the crop was taken by."""

from __future__ import annotations

from dataclasses import dataclass

from roop_vision.align import Template, similarity, template_points

# A network redraws all from the hairline to the chin, which lies at nine tenths of ArcFace's crop: the fixed part leaves out
# the corners and a rim, narrow below. Left, top, right and bottom.
_TEMPLATE: Template = "arcface_128"
_MARGINS, _RADIUS, _FEATHER = (0.06, 0.05, 0.06, 0.012), 0.4, 0.065
#: So much of a crop's rim is never shown: what a network draws there it has seen only half of.
RIM = 0.012


@dataclass(frozen=True, slots=True)
class Framing:
    """Arguments of ``rounded_box``, in shares of the crop's side: ``margins`` are left, top, right and bottom."""

    margins: tuple[float, float, float, float]
    radius: float
    feather: float


def framing_of(template: Template) -> Framing:
    """The box that covers as much of a face in a crop by ``template`` as the one that fits ArcFace's crop covers there.

    Where the crop ends before that box does, it ends at the crop's rim.
    """
    if template == _TEMPLATE:
        return Framing(_MARGINS, _RADIUS, _FEATHER)
    matrix = similarity(template_points(_TEMPLATE), template_points(template))
    left, top, right, bottom = _MARGINS
    scale = float(matrix[0, 0])
    low, high = (matrix[:, :2] @ corner + matrix[:, 2] for corner in ((left, top), (1 - right, 1 - bottom)))
    moved = (float(low[0]), float(low[1]), 1 - float(high[0]), 1 - float(high[1]))
    a, b, c, d = (max(RIM, margin) for margin in moved)
    return Framing((a, b, c, d), _RADIUS * scale, _FEATHER * scale)
