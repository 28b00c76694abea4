"""Options of the plugin, declared once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from roop_host import option

#: The most frames that a face which was lost stays covered, and so how many neighbours a frame is shown with.
MOST_HELD = 12
#: From 10 on roop's detector found a face in the mosaic of some people, and at 8 of nobody: such a mosaic shows too much.
MOST_CELLS = 8

Faces = Literal["unchosen", "chosen", "all"]
Style = Literal["mosaic", "blur", "fill"]
Shape = Literal["ellipse", "box"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Whom to cover and how.

    What would leave somebody to be recognised is the user's own: a config file that was only found, maybe among somebody's
    pictures, can make cells larger and can't take anybody's cover away.
    """

    faces: Faces = option(
        "unchosen", "Whose faces: who is not chosen (all, where nobody is pointed at), who is, or all.", users_own=True
    )
    cells: int = option(
        6,
        "The most cells along the longer side of a face; fewer hide more (from 10 on a detector found some again).",
        least=1,
        most=MOST_CELLS,
        tightens=True,
    )
    style: Style = option("mosaic", "mosaic; blur: a mosaic that is blurred; fill: black.")
    shape: Shape = option("ellipse", "What is covered of a head: an ellipse, or a box.")
    margin: float = option(
        0.35,
        "How much more than the face is covered, on each side, as a share of the face.",
        least=0.25,
        most=2,
        users_own=True,
    )
    hold: int = option(
        MOST_HELD,
        "Frames for which a face that is lost stays covered, before and after.",
        least=0,
        most=MOST_HELD,
        users_own=True,
    )
    keep_chosen: bool = option(
        False, "Leave a chosen face in sight where somebody else's cover reaches over it.", users_own=True
    )
