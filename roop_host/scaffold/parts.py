"""What can be written: for each kind of plugin, and each role of an exporter, one small thing that works."""

from __future__ import annotations

from dataclasses import dataclass

_NUMPY, _OPENCV = "numpy>=2.0", "opencv-python>=4.10"


@dataclass(frozen=True, slots=True)
class Part:
    """``summary`` says what the example does; ``example`` is a command that uses it. Both go on in the new package.

    ``needs`` are packages beside roop-host.
    """

    kind: str
    conformance: str
    summary: str
    example: str
    needs: tuple[str, ...] = ()


#: By the name of the folder of templates, which is that of the module with the implementation too.
PARTS = {
    "processor": Part(
        "processor",
        "ProcessorConformance",
        "Faces as on an old photographic print",
        "roop run -t photo.jpg -o print.jpg --processors $declared",
        (_NUMPY, _OPENCV),
    ),
}
ROLES = ("writer", "sidecar", "finisher")
KINDS = tuple(dict.fromkeys(part.kind for part in PARTS.values()))
