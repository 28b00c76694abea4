"""A picture: a stream of one frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from roop_host.media.checks_of_pictures import check_picture
from roop_host.media.output import WorkFolder
from roop_host.media.pictures_out import check_still_fits, write_picture
from roop_host.pipeline.run import StageSpec
from roop_host.pipeline.segmenting import Message
from roop_host.runner import chain as chains
from roop_host.runner import exports
from roop_host.runner.files import Files
from roop_host.runner.state import Run
from roop_host.runner.targets import frames_of
from roop_host.types.frame import Frame


@contextmanager
def run_picture(run: Run) -> Iterator[Files]:
    """The finished, checked picture and what belongs beside it; everything temporary is gone afterwards."""
    output = Path(run.job.output)
    check_still_fits(run.target, output.suffix)
    work = WorkFolder(output, "picture")
    try:
        temporary = work.path / f"output{output.suffix}"

        def write(message: Message) -> Iterator[Message]:
            if isinstance(message, Frame):
                told = write_picture(message, run.target, temporary, output.suffix, run.job.media, run.marks)
                run.notices.extend(told)
                chains.count(run, message)
            yield from ()

        chain = chains.build(run, 0)
        with frames_of(run) as frames:
            sinks = [*exports.sidecar_stages(run, work.path), StageSpec("encode", write)]
            chains.execute(run, chain, frames, sinks)
        exports.finish(run, temporary)
        check_picture(temporary, size=(run.target.width, run.target.height))
        run.encoder = output.suffix.lstrip(".").lower()
        yield [*exports.sidecar_files(run, work.path), (temporary, output)]
    finally:
        work.remove()
