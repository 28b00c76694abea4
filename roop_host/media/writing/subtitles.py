"""Text subtitles from one format into another."""

from __future__ import annotations

from typing import Any

#: Codecs (by FFmpeg's decoders) that are text and can become one another; the rest are pictures or broadcast data.
TEXTS = frozenset({"subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text"})


class TextEncoder:
    """Encodes the packets of a text track for a stream of the output.

    ``stream`` must have been made by ``open_text_stream``. Styles are carried as far as both formats know them.
    """

    def __init__(self, decoder: Any, stream: Any) -> None:
        self._decoder, self._encoder = decoder, stream.codec_context

    def encode(self, packet: Any) -> Any:
        """A packet without times, or None for one that shows nothing. Raises ``av.FFmpegError`` for a broken one."""
        shown = self._decoder.decode2(packet)
        return self._encoder.encode_subtitle(shown) if shown is not None and len(shown) else None


def open_text_stream(sink: Any, name: str, decoder: Any) -> Any:
    """A stream of encoder ``name`` in ``sink``: it needs the styles that the decoder knows once it is open."""
    decoder.open(strict=False)
    stream = sink.add_stream(name)
    stream.codec_context.subtitle_header = decoder.subtitle_header
    return stream
