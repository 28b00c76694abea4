"""Rogue plugins, installed as real distributions: none gets an output past the gate."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import rogue_wheels as code
from kit import FAST, job, left
from screened import BAD, CALM, clip_of, flat, is_bad, pictures_in, with_bad
from terminal import roop
from wheels import make_wheel, plugin_wheel, unpack

from roop_host import ExecutionOptions, Host, Job, Report, RoopError
from roop_host.doctor.plugged import screening
from roop_host.plugins.loader import load_plugins

SLOW = pytest.mark.slow
Install = Callable[..., None]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    before = set(sys.modules)
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith("zz_"):
            del sys.modules[name]


@pytest.fixture
def install(site: Path, tmp_path: Path) -> Install:
    def do(name: str, text: str, *, distribution: str | None = None) -> None:
        unpack(plugin_wheel(tmp_path / "wheels", name, text, distribution=distribution), site)

    do("leave", code.processor("def process(self, window):\n    pass", name="leave"))
    return do


@pytest.fixture
def calm(tmp_path: Path) -> Path:
    return clip_of(tmp_path / "calm.mp4", with_bad(20))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "o.mp4"


def run(what: Job, *off: str) -> Report:
    with Host(load_plugins(off)) as host:
        return host.run(what)


def refused(what: Job, *off: str) -> RoopError:
    with pytest.raises(RoopError) as caught:
        run(what, *off)
    return caught.value


def code_of(what: Job, *off: str) -> int:
    try:
        run(what, *off)
    except RoopError as error:
        return error.exit_code
    return 0


def shows_bad(path: Path) -> bool:
    return any(is_bad(picture) for picture in pictures_in(path))


@pytest.mark.parametrize("mark", ["(wrapper=True)", "(hookwrapper=True)"])
def test_a_wrapper_of_the_hook_makes_its_plugin_unusable(mark: str, install: Install, calm: Path, out: Path) -> None:
    install("rogue", code.screener(code.ALLOW, mark=mark))
    error = refused(job(calm, out, "leave"))
    assert error.exit_code == 7
    assert "may be wrapped" in str(error)
    assert left(out.parent) == []


@pytest.mark.parametrize("mark", ["(tryfirst=True)", "(trylast=True)"])
def test_who_comes_first_in_the_hook_overrules_nobody(mark: str, install: Install, calm: Path, out: Path) -> None:
    install("rogue", code.screener(code.ALLOW, mark=mark))
    error = refused(replace(job(calm, out, "leave"), screen_limit=0.0))
    assert error.exit_code == 5
    report = run(job(calm, out, "leave"))
    assert {one.screener: one.looks + one.reused for one in report.screening} == {"nsfw": 40, "rogue": 40}
    assert {one.distribution.split("(")[-1] for one in report.screening} >= {"roop-rogue 1.0)"}


def test_a_second_plugin_or_screener_of_our_name_stops_every_run(install: Install, calm: Path, out: Path) -> None:
    install("nsfw", code.screener(code.ALLOW, name="nsfw"), distribution="other-nsfw")
    error = refused(job(calm, out, "leave"))
    assert (error.exit_code, "other-nsfw" in str(error)) == (7, True)
    assert left(out.parent) == []


def test_a_second_screener_of_our_name_stops_every_run(install: Install, calm: Path, out: Path) -> None:
    install("rogue", code.screener(code.ALLOW, name="nsfw"))
    error = refused(job(calm, out, "leave"))
    assert (error.exit_code, "screener nsfw" in str(error)) == (7, True)


def test_a_module_of_our_name_elsewhere_does_not_act_as_ours(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calm: Path, out: Path
) -> None:
    """As installed: first the one of ours, then a distribution with a module of that name earlier on the path."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for name, text, folder in (("roop-look", code.RED, ours), ("some-tool", code.screener(code.ALLOW), theirs)):
        points = {"look": "zz_look.plugin"} if folder is ours else {}
        modules = {"zz_look/__init__.py": "", "zz_look/plugin.py": text}
        unpack(make_wheel(tmp_path / "wheels", name, modules, entry_points=points), folder)
        monkeypatch.syspath_prepend(folder)
    error = refused(job(calm, out, "leave"))
    assert (error.exit_code, "stands in its place" in str(error)) == (7, True)
    assert "zz_look" not in sys.modules
    assert left(out.parent) == []


def test_an_allowing_screener_beside_a_refusing_one_does_not_help(install: Install, tmp_path: Path, out: Path) -> None:
    install("aaa", code.screener(code.ALLOW, name="aaa"))
    install("zzz", code.screener(code.ALLOW, name="zzz"))
    install("red", code.RED)
    error = refused(job(clip_of(tmp_path / "bad.mp4", with_bad(20, 13)), out, "leave"))
    assert error.exit_code == 5
    assert error.report is not None
    assert error.report.refusal is not None
    assert (error.report.refusal.screener, error.report.refusal.frame) == ("red", 13)
    assert left(out.parent) == []


def test_an_allowing_screener_alone_is_the_users_choice_and_is_named(install: Install, calm: Path, out: Path) -> None:
    install("rogue", code.screener(code.ALLOW))
    report = run(job(calm, out, "leave"), "nsfw")
    assert [one.distribution for one in report.screening] == ["rogue (roop-rogue 1.0)"]
    notes = [check.says for check in screening(load_plugins(["nsfw"])) if check.state == "note"]
    assert len(notes) == 1
    assert "roop-rogue 1.0" in notes[0]
    assert "no screener that roop ships" in notes[0]
    assert [check for check in screening(load_plugins()) if check.state == "note"] == []


@pytest.mark.parametrize("answer", code.ANSWERS.values(), ids=code.ANSWERS.keys())
def test_no_answer_is_no_permission(answer: str, install: Install, calm: Path, out: Path) -> None:
    install("rogue", code.answers(answer))
    error = refused(job(calm, out, "leave"), "nsfw")
    assert error.exit_code == 5, error
    assert "roop-rogue 1.0" in str(error)
    assert left(out.parent) == []


@pytest.mark.parametrize("prepared", code.PREPARES.values(), ids=code.PREPARES.keys())
def test_nothing_prepared_is_nothing_looked_at(prepared: str, install: Install, calm: Path, out: Path) -> None:
    body = f"def prepare(self, frame):\n    {prepared}\ndef judge(self, inputs, stage):\n    return [0.0] * len(inputs)"
    install("rogue", code.screener(body, base="PreparedScreener"))
    assert refused(job(calm, out, "leave"), "nsfw").exit_code == 5
    assert left(out.parent) == []


@pytest.mark.parametrize("mode", ["every", "adaptive"])
def test_a_buffer_that_is_used_again_is_not_taken_for_a_still_picture(
    mode: str, install: Install, tmp_path: Path, out: Path
) -> None:
    body = """
def prepare(self, frame):
    self.__dict__.setdefault("buffer", np.zeros((frame.height, frame.width, 3), np.uint8))[:] = frame.bgr()
    return [self.buffer]
def judge(self, inputs, stage):
    return [0.99 if (one[..., 2].astype(int) - one[..., 1] > 100).mean() > 0.05 else 0.0 for one in inputs]
def bound(self, score, before, now):
    return min(1.0, score + abs(before.astype(int) - now).mean() / 20)
"""
    install("rogue", code.screener(body, base="PreparedScreener"))
    error = refused(replace(job(clip_of(tmp_path / "bad.mp4", with_bad(20, 5)), out, "leave"), screen=mode), "nsfw")
    assert error.report is not None
    assert error.report.refusal is not None
    assert error.report.refusal.frame == 5


def test_a_screener_that_hangs_is_given_up(install: Install, calm: Path, out: Path) -> None:
    install("rogue", code.answers("threading.Event().wait()"))
    error = refused(replace(job(calm, out, "leave"), execution=ExecutionOptions(timeout_s=1)), "nsfw")
    assert (error.exit_code, "did not come back" in str(error)) == (5, True)
    assert left(out.parent) == []


PAINTS = """
def screen(self, frames, stage):
    for frame in frames:
        for plane in frame._pixels.planes:
            plane.flags.writeable = True
            plane[:] = {value}
        frame._cache = dict.fromkeys([(frame.box, "|u1")], np.full(frame.bgr().shape, {bgr}, np.uint8))
        frame.index, frame.pts, frame.rotation = 7, 7, 90
    return [0.0] * len(frames)
"""


def test_a_screener_cannot_paint_over_what_the_next_one_sees(install: Install, tmp_path: Path, out: Path) -> None:
    install("aaa", code.screener(PAINTS.format(value=100, bgr=CALM[::-1]), name="aaa"))
    install("red", code.RED)
    error = refused(job(clip_of(tmp_path / "bad.mp4", with_bad(20, 9)), out, "leave"), "nsfw")
    assert error.report is not None
    assert error.report.refusal is not None
    assert error.report.refusal.frame == 9


def test_a_screener_cannot_paint_what_is_encoded(install: Install, calm: Path, out: Path) -> None:
    install("zzz", code.screener(PAINTS.format(value=200, bgr=BAD[::-1]), name="zzz"))
    install("red", code.RED)
    run(job(calm, out, "leave"), "nsfw")
    shown = list(pictures_in(out))
    assert len(shown) == 20
    assert all(abs(picture.astype(int) - flat(CALM)).mean() < 12 for picture in shown)


@pytest.mark.parametrize(("body", "caught"), code.KEEPS.values(), ids=code.KEEPS.keys())
def test_what_a_step_keeps_or_fakes_does_not_change_what_is_encoded(
    body: str, caught: tuple[int, ...], install: Install, calm: Path, out: Path
) -> None:
    install("red", code.RED)
    install("rogue", code.processor(body))
    ended = code_of(job(calm, out, "rogue"), "nsfw")
    assert ended in caught
    if ended:
        assert left(out.parent) == []
    else:
        assert not shows_bad(out)


WRITES = "def process(self, window):\n    Path({path!r}).write_text('rogue')\n    {then}"


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("blocked", [False, True])
def test_a_step_that_writes_the_output_itself(
    blocked: bool, overwrite: bool, install: Install, calm: Path, out: Path
) -> None:
    then = "for f in window.current: f.put(f.box, np.full((f.height, f.width, 3), RED, np.uint8))" if blocked else "pass"
    install("red", code.RED)
    install("rogue", code.processor(WRITES.format(path=str(out), then=then)))
    if overwrite:
        out.write_text("the user's")
    what = job(calm, out, "rogue", media=replace(FAST, overwrite=overwrite))
    if overwrite and not blocked:
        run(what, "nsfw")
        assert len(list(pictures_in(out))) == 20
        assert left(out.parent) == ["o.mp4"]
        return
    error = refused(what, "nsfw")
    assert error.exit_code == (5 if blocked else 2)
    assert f"{out} was written by something else while this job ran: it was not screened" in str(error)
    assert error.report is not None
    assert error.report.output is None
    assert out.read_text() == "rogue"
    assert left(out.parent) == ["o.mp4"]


def test_what_a_step_puts_into_the_outputs_folder_is_told(install: Install, tmp_path: Path, out: Path) -> None:
    from PIL import Image

    pictures, folder = tmp_path / "pictures", out.parent / "folder"
    pictures.mkdir()
    Image.fromarray(flat(CALM)).save(pictures / "a.png")
    Image.fromarray(flat(CALM)[1:]).save(pictures / "b.png")
    folder.mkdir()
    install("rogue", code.processor(WRITES.format(path=str(folder / "more.png"), then="pass")))
    report = run(job(pictures, folder, "rogue", media=replace(FAST, overwrite=True)))
    assert left(folder) == ["a.png", "b.png", "more.png"]
    assert [notice for notice in report.notices if "more.png" in notice and "was not screened" in notice]


@pytest.mark.parametrize(
    ("arguments", "variables", "codes"),
    [
        ((), {"ROOP_SCREEN_LIMIT": "1"}, (2, 5)),
        pytest.param((), {"ROOP_NSFW_THRESHOLD": "1"}, (2, 5), marks=SLOW),
        pytest.param(("--screen-limit", "1"), {"ROOP_SCREEN_LIMIT": "0.0"}, (2, 5), marks=SLOW),
        pytest.param((), {"ROOP_SCREEN": "never"}, (2, 5), marks=SLOW),
        pytest.param((), {"ROOP_DISABLE_PLUGINS": "nsfw"}, (5,), marks=SLOW),
        pytest.param((), {"ROOP_NO_SCREEN": "1", "ROOP_SCREENERS": "", "ROOP_NSFW_ENABLED": "0"}, (2, 5), marks=SLOW),
        (("-p", "no:nsfw"), {}, (5,)),
    ],
)  # fmt: skip
def test_no_option_loosens_the_gate(
    arguments: tuple[str, ...],
    variables: dict[str, str],
    codes: tuple[int, ...],
    install: Install,
    site: Path,
    tmp_path: Path,
) -> None:
    """The screener that is there says 0.9 of everything."""
    install("high", code.answers("return [0.9] * len(frames)").replace('"rogue"', '"high"'))
    clip = clip_of(tmp_path / "calm.mp4", with_bad(3))
    first = arguments if arguments[:1] == ("-p",) else ()
    rest = () if first else arguments
    config = tmp_path / "loose.toml"
    config.write_text("screen_limit = 1.0\n[plugin.nsfw]\nthreshold = 1.0\n")
    for more in ({}, {"ROOP_CONFIG": str(config)}):
        done = roop(
            *first,
            "run",
            "-t",
            clip,
            "-o",
            tmp_path / "o.mp4",
            "--processors",
            "leave",
            *rest,
            site=site,
            **variables,
            **more,
        )
        assert done.returncode in {*codes, *((2,) if more else ())}, done.stderr
        assert not (tmp_path / "o.mp4").exists()


def test_the_report_tells_a_refusal_in_full(install: Install, site: Path, tmp_path: Path) -> None:
    install("red", code.RED)
    clip = clip_of(tmp_path / "bad.mp4", with_bad(20, 10))
    done = roop("-p", "no:nsfw", "run", "-t", clip, "-o", tmp_path / "o.mp4", "--processors", "leave", "--json", site=site)
    report = json.loads(done.stdout)
    assert (done.returncode, report["exit_code"], report["status"]) == (5, 5, "blocked")
    refusal = report["refusal"]
    assert (refusal["frame"], refusal["seconds"], refusal["stage"], refusal["score"]) == (10, 0.4, "target", 0.99)
    assert (refusal["screener"], refusal["limit"]) == ("red", 0.85)
    sentence = done.stderr.strip().splitlines()[-1]
    assert sentence.startswith(
        "roop: the screener red (roop-red 1.0) stopped the job: target frame 10 at 0.40 s scores 0.99"
    )
    assert "nothing was kept" in sentence
    assert "!" not in sentence
