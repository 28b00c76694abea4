"""The enhancer's judgement of who stays the same, in a whole job: sampled alike in one go and in a run that is continued."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from kit import FAST, Quiet, breaks, processor, refused, run, screener

import roop_vision.plugin
from roop_enhancer.engine import Asked, Engine
from roop_enhancer.options import EnhancerOptions
from roop_enhancer.processor import Enhancer
from roop_host import Box, Context, ExecutionOptions, Job, Plugins, Step
from roop_host.plugins.loader import plugins_of
from roop_vision.models import DLIB, DLIB_RESNET

MEDIA = Path(__file__).parents[2] / "examples" / "media"
FRAMES, LENGTH = 36, 8
KEPT = f"similarity_kept:{DLIB}"


class Blurs:
    """An engine that fails at a frame, if one is named."""

    memory = 0

    def start(self) -> None:
        """Nothing is kept."""

    def learn(self, asked: Sequence[Asked]) -> None:
        """Nothing is learnt."""

    def process(self, asked: Sequence[Asked]) -> None:
        for one in asked:
            x0, y0, x1, y1 = (round(number) for number in one.face.box_xyxy)
            box = Box(x0, y0, x1, y1)
            sigma = box.width * (0.02 + 0.001 * one.frame.index)
            blurred = np.asarray(cv2.GaussianBlur(one.frame.bgr(box), (0, 0), sigma), np.uint8)
            one.frame.put(box, blurred, face_id=one.face.id)


def found(fails_at: int | None = None) -> Plugins:
    class Mine(Enhancer):
        def _made(self, ctx: Context, options: EnhancerOptions) -> Engine:
            return Blurs()

    made = Mine if fails_at is None else breaks(Mine, fails_at, stored=1)
    step = processor(made, "enhancer", needs_faces=True, warmup=2, batch_size=4)
    step.ROOP_OPTIONS = EnhancerOptions
    named: dict[str, object] = {"enhancer": step, "vision": roop_vision.plugin, "quiet": screener(Quiet, "quiet")}
    return plugins_of(named)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frames")
    whole = cv2.imread(str(MEDIA / "hopper.jpg"))
    assert whole is not None
    cv2.imwrite(str(folder / "00.png"), cv2.resize(whole[:512], (256, 256), interpolation=cv2.INTER_AREA))
    for number in range(1, FRAMES):
        shutil.copy(folder / "00.png", folder / f"{number:02d}.png")
    return folder


def job(target: Path, output: Path, *, resumable: bool = False, **options: str) -> Job:
    media = replace(FAST, segment_frames=LENGTH, folder="frames")
    execution = ExecutionOptions(resumable=resumable)
    return Job((), str(target), str(output), (Step("enhancer", options),), media=media, execution=execution)


@pytest.mark.slow
def test_a_continued_run_tells_the_same(target: Path, tmp_path: Path) -> None:
    whole = run(found(), job(target, tmp_path / "whole.mkv"))
    (kept,) = [one for one in whole.measures if one.name == KEPT]
    assert (kept.step, kept.count) == ("enhancer", 5)  # the first frame of each segment
    assert 0 < kept.least < kept.mean < kept.most < 1
    assert DLIB_RESNET.name in {model["name"] for model in whole.models}
    torn = job(target, tmp_path / "torn.mkv", resumable=True)
    refused(found(fails_at=34), torn)
    report = run(found(), torn)
    assert report.resumed_frames >= LENGTH
    assert report.measures == whole.measures


def test_a_picture_is_measured_and_none_is_not(target: Path, tmp_path: Path) -> None:
    for identity, count in (("auto", 1), ("none", 0)):
        report = run(found(), job(target / "07.png", tmp_path / f"{identity}.png", identity=identity))
        assert [one.count for one in report.measures if one.name == KEPT] == [1] * count
        assert any(model["name"] == DLIB_RESNET.name for model in report.models) == bool(count)
