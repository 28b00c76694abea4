"""What the stored segments of a stream become: a video with its sound, or an animation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from roop_host.host import threads_of
from roop_host.media.pictures.animations_out import check_animation_fits, write_animation
from roop_host.media.pictures.check import check_animation
from roop_host.media.segments import shown_length
from roop_host.media.writing.check import check_output, expected_of
from roop_host.media.writing.choosing import choose_encoder
from roop_host.media.writing.encode import EncoderPlan, decode_segments, intermediate
from roop_host.media.writing.mux import mux
from roop_host.media.writing.tracks import choose_tracks
from roop_host.runner.state import Run


class Product(Protocol):
    """``plan`` encodes the segments, ``name`` is what the report calls it, ``notices`` say what is changed or left out."""

    plan: EncoderPlan
    name: str
    notices: tuple[str, ...]

    def join(self, segments: Sequence[Path], output: Path) -> None:
        """Make the file of all segments."""

    def check(self, segments: Sequence[Path], output: Path) -> None:
        """Raise ``OutputError`` unless the finished file holds what it must."""


def product_of(run: Run) -> Product:
    """Raises ``UsageError`` for what the output can't hold."""
    return _Animation(run) if run.form == "animation" else _Video(run)


class _Video:
    def __init__(self, run: Run) -> None:
        output, media = Path(run.job.output), run.job.media
        self._run = run
        self._tracks = choose_tracks(run.target, media, output)
        self.plan: EncoderPlan = choose_encoder(run.target, media, output, threads=threads_of(run.job.execution))
        self.name = self.plan.name
        lost = [f"not in the output: {', '.join(run.target.left_out)}"] if run.target.left_out else []
        self.notices: tuple[str, ...] = (*lost, *self._tracks.notices, *self.plan.notices)

    def join(self, segments: Sequence[Path], output: Path) -> None:
        run = self._run
        run.notices += mux(self.plan, run.target, self._tracks, segments, output, run.marks, cancel=run.control.cancelled)

    def check(self, segments: Sequence[Path], output: Path) -> None:
        check_output(output, expected_of(self.plan, self._run.target, self._tracks, segments, output))


class _Animation:
    def __init__(self, run: Run) -> None:
        self._run = run
        check_animation_fits(run.target, Path(run.job.output).suffix)
        self.plan: EncoderPlan = intermediate(run.target, threads=threads_of(run.job.execution))
        self.name = Path(run.job.output).suffix.lstrip(".").lower()
        lost = [*(track.label for track in run.target.tracks), *run.target.left_out, *run.target.side_data]
        self.notices: tuple[str, ...] = (f"not in the output: {', '.join(lost)}",) if lost else ()

    def join(self, segments: Sequence[Path], output: Path) -> None:
        run = self._run
        frames = partial(decode_segments, self.plan, segments)
        run.notices += write_animation(frames, run.target, output, output.suffix, run.job.media, run.marks)

    def check(self, segments: Sequence[Path], output: Path) -> None:
        length_s = shown_length(segments, self.plan.time_base)
        check_animation(output, frames=self._run.counts.frames, length_s=length_s, size=self._run.size)
