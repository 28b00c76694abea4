"""Names that are the host's own: no plugin may take one over. A test compares them with the real command line."""

from __future__ import annotations

#: Flags and variables of the host.
HOST_NAMES = frozenset(
    "source target output overwrite processors face_selector_mode face_selector_order face_position "  # noqa: SIM905
    "face_selector_gender face_selector_age_start face_selector_age_end reference_face "
    "reference_face_position reference_frame_number reference_similarity source_merge map frame at to on_no_face "
    "quality encoder preset export upload device "
    "like every max_frames order "
    "trim_start trim_end fps scale deinterlace folder salvage skip_audio no_skip_audio pixel_format keep_frames "
    "frame_format threads precision offline no_offline timeout resumable no_resumable screen screen_limit job plugin json "
    "quiet debug audit_log help config disable_plugins".split()
)
#: Suffixes of outputs that the host writes: a writer of a plugin would never be asked.
HOST_SUFFIXES = frozenset(
    ".mp4 .m4v .mov .mkv .webm .jpg .jpeg .png .apng .webp .gif .tif .tiff .avif .bmp".split()  # noqa: SIM905
)
#: Suffixes of files that show something: nobody looks at what a plugin puts beside an output, so nothing there may show.
SHOWN_SUFFIXES = HOST_SUFFIXES | frozenset(
    ".jfif .jpe .heic .heif .avi .3gp .3g2 .mj2 .mpg .mpeg .ts .mts .m2ts .ogv .wmv .flv .svg .html .pdf".split()  # noqa: SIM905
)
#: Sub-commands of the host.
HOST_COMMANDS = frozenset({"run", "plugins", "models", "doctor", "config", "encoders", "faces", "preview", "upload"})
#: Plugins of roop's own makers, each in the package ``roop-NAME``: what lacks one can be told which to install.
OWN_PLUGINS = frozenset({"enhancer", "nsfw", "provenance", "supabase", "swapper", "vision"})
#: What those declare under another name than their own, by hook and name.
DECLARED_BY = {("roop_commands", "verify"): "provenance", ("roop_processors", "label"): "provenance"}


def bare(name: str) -> str:
    """A plugin's name as it is compared: a package has ``-`` where its module has ``_``, and both may have the prefix."""
    return name.replace("_", "-").removeprefix("roop-")
