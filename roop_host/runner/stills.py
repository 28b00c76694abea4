"""A picture: a stream of one frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from roop_host.media.output import WorkFolder, check_output
from roop_host.media.pictures import write_picture
from roop_host.media.reader import read_picture
from roop_host.pipeline.run import StageSpec
from roop_host.pipeline.segmenting import Message
from roop_host.runner import chain as chains
from roop_host.runner.state import Run
from roop_host.types.frame import Frame


@contextmanager
def run_picture(run: Run) -> Iterator[Path]:
    """The finished, checked picture under a temporary name; everything temporary is gone afterwards."""
    output = Path(run.job.output)
    work = WorkFolder(output, "picture")
    try:
        temporary = work.path / f"output{output.suffix}"

        def write(message: Message) -> Iterator[Message]:
            if isinstance(message, Frame):
                write_picture(message, run.target, temporary, output.suffix, run.job.media, run.marks)
                chains.count(run, message)
            yield from ()

        chain = chains.build(run, 0)
        chains.execute(run, chain, lambda: [read_picture(run.target)], StageSpec("encode", write))
        check_output(temporary, "picture", frames=1)
        run.encoder = output.suffix.lstrip(".").lower()
        yield temporary
    finally:
        work.remove()
