"""Faces of one picture, in the order that a person counts them in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from roop_host.types.faces import Face
from roop_host.types.job import Order


def ordered(faces: Iterable[Face], order: Order) -> list[Face]:
    """The faces, the first first. Sides are those of the picture, by the middle of the box; equals keep their places."""
    return sorted(faces, key=_KEYS[order])


def turned_degrees(face: Face) -> float:
    """How far a face is turned away from the camera, 0 for one seen from the front; infinite where nobody knows."""
    if face.pose_degrees is not None:
        pitch, yaw, _ = face.pose_degrees
        return math.hypot(pitch, yaw)
    return math.inf if face.yaw_degrees is None else abs(face.yaw_degrees)


def _middle_x(face: Face) -> float:
    return (face.box_xyxy[0] + face.box_xyxy[2]) / 2


def _middle_y(face: Face) -> float:
    return (face.box_xyxy[1] + face.box_xyxy[3]) / 2


_KEYS: dict[Order, Callable[[Face], tuple[float, ...]]] = {
    "large-small": lambda face: (-face.area,),
    "small-large": lambda face: (face.area,),
    "left-right": lambda face: (_middle_x(face),),
    "right-left": lambda face: (-_middle_x(face),),
    "top-bottom": lambda face: (_middle_y(face),),
    "bottom-top": lambda face: (-_middle_y(face),),
    "best-worst": lambda face: (-face.score,),
    "worst-best": lambda face: (face.score,),
    "frontal": lambda face: (turned_degrees(face), -face.area),
}
