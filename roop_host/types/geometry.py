"""Boxes in upright pixel coordinates."""

from __future__ import annotations

from dataclasses import dataclass

BoxXyxy = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """Half-open rectangle in upright pixels: ``x0 <= x < x1``, ``y0 <= y < y1``."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        """0 where it is empty."""
        return max(0, self.x1 - self.x0)

    @property
    def height(self) -> int:
        """0 where it is empty."""
        return max(0, self.y1 - self.y0)

    @property
    def empty(self) -> bool:
        """No pixel is in it."""
        return self.x1 <= self.x0 or self.y1 <= self.y0

    def clip(self, width: int, height: int) -> Box:
        """The part of this box inside a picture of ``width`` x ``height`` (may be empty)."""
        x0, y0 = min(max(self.x0, 0), width), min(max(self.y0, 0), height)
        return Box(x0, y0, max(x0, min(self.x1, width)), max(y0, min(self.y1, height)))

    def to_coded(self, rotation: int, width: int, height: int) -> Box:
        """This upright box in the coded picture of ``width`` x ``height``.

        ``rotation`` is in degrees anticlockwise from coded to upright, as ``numpy.rot90`` counts.
        """
        match rotation % 360:
            case 0:
                return self
            case 90:
                return Box(width - self.y1, self.x0, width - self.y0, self.x1)
            case 180:
                return Box(width - self.x1, height - self.y1, width - self.x0, height - self.y0)
            case 270:
                return Box(self.y0, height - self.x1, self.y1, height - self.x0)
        raise ValueError(f"rotation must be a multiple of 90, not {rotation}")


def overlap(one: BoxXyxy, other: BoxXyxy) -> float:
    """Intersection over union of two ``x0, y0, x1, y1`` boxes, 0..1: of what they cover together, the part they share."""
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = one, other
    both = max(0.0, min(ax1, bx1) - max(ax0, bx0)) * max(0.0, min(ay1, by1) - max(ay0, by0))
    either = max(0.0, ax1 - ax0) * max(0.0, ay1 - ay0) + max(0.0, bx1 - bx0) * max(0.0, by1 - by0) - both
    return both / either if either > 0 else 0.0
