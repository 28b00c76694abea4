"""An encoder's own options for a job: quality, preset, HDR metadata, fields, and what keeps its bytes the same."""

from __future__ import annotations

from roop_host.errors import UsageError
from roop_host.media.info import Hdr, MediaInfo
from roop_host.media.pixel_formats import keeps_all
from roop_host.media.writing.encoders import ENCODERS, VPX_GOOD, Encoder, prores_profile
from roop_host.types.job import MediaOptions
from roop_host.types.options import closest

#: What libx264 needs to give the same bytes twice: its macroblock tree reads past a half-width that is no multiple of 64.
_MBTREE_WIDTH = 128
_PQ = 16
_ALPHA_8 = "yuva420p"
#: FFmpeg's names of field orders, for the frame as it is shown and as it is coded.
_FIELDS = {"tff": "tt", "bff": "bb"}


def settings_of(row: Encoder, info: MediaInfo, options: MediaOptions, pix_fmt: str) -> tuple[tuple[str, str], ...]:
    """Options in the order of their names. Raises ``UsageError`` for a preset that the encoder does not have."""
    chosen = dict(row.fixed)
    if row.quality is not None:
        value = row.quality.value(options.quality)
        chosen |= dict(row.quality.fixed)
        chosen |= dict.fromkeys(row.quality.options, f"{value * row.quality.unit:g}")
    chosen |= _preset(row, options.preset)
    parameters = _parameters(row, info)
    if parameters:
        chosen[f"{row.name.removeprefix('lib')}-params"] = ":".join(parameters)
    if row.name == "prores_ks":
        chosen["profile"] = prores_profile(pix_fmt, options.quality)
    if row.name == "libvpx-vp9" and keeps_all(pix_fmt, _ALPHA_8):
        chosen["auto-alt-ref"] = "0"  # it refuses alpha beside frames that are not shown
    if info.field_order is not None:
        chosen["field_order"] = _FIELDS[info.field_order]
        if row.name != "ffv1":
            chosen["flags"] = "+ildct+ilme"
    return tuple(sorted(chosen.items()))


def _preset(row: Encoder, asked: str) -> dict[str, str]:
    if not row.presets:
        if asked != "auto":
            raise UsageError(f"the encoder {row.name} has no --preset; leave it out")
        return {}
    preset = row.preset if asked == "auto" else asked
    if preset not in row.presets:  # x264 would print its own line about it
        others = [name for name, other in ENCODERS.items() if preset in other.presets and not other.hardware]
        hint = closest(preset, row.presets) or (f"; it is one of --encoder {others[0]}" if others else "")
        raise UsageError(f"{row.name} has no preset {preset!r}{hint} (there are: {', '.join(row.presets)})")
    if row.name == "libvpx-vp9":
        return {"cpu-used": preset, "deadline": "good" if int(preset) <= VPX_GOOD else "realtime"}
    return {"preset": preset}


def _parameters(row: Encoder, info: MediaInfo) -> list[str]:
    """What goes to the encoder past FFmpeg."""
    said: list[str] = []
    if row.name == "libx265":
        said = ["log-level=error"]
    if row.name == "libx264":
        said = ["mbtree=0"] if info.width % _MBTREE_WIDTH else []
        said += [f"{info.field_order}=1"] if info.field_order is not None else []
    return said + (_hdr(row.name, info.hdr, pq=info.colour.transfer == _PQ) if row.hdr else [])


def _hdr(name: str, hdr: Hdr, *, pq: bool) -> list[str]:
    display, light = {
        "libx264": ("mastering-display", "cll"),
        "libx265": ("master-display", "max-cll"),
        "libsvtav1": ("mastering-display", "content-light"),
    }[name]
    said = []
    if hdr.mastering:
        said.append(f"{display}={_display(hdr.mastering, exact=name != 'libsvtav1')}")
    if hdr.light:
        said.append(f"{light}={hdr.light[0]},{hdr.light[1]}")
    if said and pq and name == "libx265":
        said.append("hdr10=1")
    return said


def _display(mastering: tuple[int, ...], *, exact: bool) -> str:
    """x264 and x265 take the units of SMPTE ST 2086, SVT-AV1 chromaticities and cd/m2."""
    units = (1,) * 10 if exact else (50_000,) * 8 + (10_000,) * 2
    gx, gy, bx, by, rx, ry, wx, wy, most, least = (f"{v / unit:.10g}" for v, unit in zip(mastering, units, strict=True))
    return f"G({gx},{gy})B({bx},{by})R({rx},{ry})WP({wx},{wy})L({most},{least})"
