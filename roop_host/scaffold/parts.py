"""What can be written: for each kind of plugin, and each role of an exporter, one small thing that works."""

from __future__ import annotations

from dataclasses import dataclass

_NUMPY, _OPENCV = "numpy>=2.0", "opencv-python>=4.10"


@dataclass(frozen=True, slots=True)
class Part:
    """``summary`` says what the example does; ``example`` is a command that uses it. Both go on in the new package.

    ``needs`` are packages beside roop-host, ``check`` the words of ``roop plugins check``.
    """

    kind: str
    conformance: str
    summary: str
    example: str
    needs: tuple[str, ...] = ()
    check: str = "$plugin"


#: By the name of the folder of templates, which is that of the module with the implementation too.
PARTS = {
    "processor": Part(
        "processor",
        "ProcessorConformance",
        "Faces as on an old photographic print",
        "roop run -t photo.jpg -o print.jpg --processors $declared",
        (_NUMPY, _OPENCV),
    ),
    "screener": Part(
        "screener",
        "ScreenerConformance",
        "Refuses pictures that look like those of a list",
        "roop run -s face.jpg -t clip.mp4 -o out.mp4 --$plugin-blocked FOLDER",
        (_NUMPY, _OPENCV, "pillow>=11.3"),
    ),
    "writer": Part(
        "exporter",
        "ExporterConformance",
        "Uncompressed video for other programs (.y4m)",
        "roop run -s face.jpg -t clip.mp4 -o out.y4m",
        (_NUMPY, _OPENCV),
    ),
    "sidecar": Part(
        "exporter",
        "ExporterConformance",
        "Time and brightness of each frame, as CSV",
        "roop run -s face.jpg -t clip.mp4 -o out.mp4 --export $declared",
        (_NUMPY,),
    ),
    "finisher": Part(
        "exporter",
        "ExporterConformance",
        "Credits of plugins, networks and licences beside each output",
        "roop run -s face.jpg -t clip.mp4 -o out.mp4",
    ),
    "uploader": Part(
        "uploader",
        "UploaderConformance",
        "Copies outputs into a folder, such as one of a NAS",
        "roop run -s face.jpg -t clip.mp4 -o out.mp4 --upload $declared --$plugin-folder FOLDER",
        check="$plugin --$plugin-folder .",
    ),
    "source": Part(
        "source",
        "SourceConformance",
        "A moving test pattern",
        "roop run -t $plugin:320x240@25 -o out.mp4 --processors label",
        (_NUMPY,),
        "$plugin --address $plugin:64x48@10",
    ),
    "analyser": Part(
        "analyser",
        "AnalyserConformance",
        "Finds large faces by the colour of skin",
        "roop -p no:vision faces photo.jpg",
        (_NUMPY, _OPENCV),
    ),
    "command": Part(
        "command",
        "CommandConformance",
        "Shows which pictures are sharpest",
        "roop $plugin one.jpg two.jpg",
        (_NUMPY, _OPENCV),
    ),
}
ROLES = tuple(name for name, part in PARTS.items() if part.kind == "exporter")
KINDS = tuple(dict.fromkeys(part.kind for part in PARTS.values()))
