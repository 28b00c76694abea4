"""The rows of one frame: numbers as they are, nothing that a spreadsheet would run, empty where nothing is known."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest
from pieces import face, sidecar, table
from roop_host import Box, Face, Frame
from roop_host.testing import frame_of

from roop_frames_csv.exporter import LANDMARKS, number, seconds


def frame(*faces: Face, index: int = 0) -> Frame:
    return frame_of(np.zeros((48, 64, 3), np.uint8), index, faces=faces)


def rows_of(one: Frame, **options: object) -> list[dict[str, str]]:
    made = sidecar(**options)
    return table(made.head() + made.piece(one) + made.tail())


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (Fraction(0), "0.000000000"),
        (Fraction(1001, 30000), "0.033366667"),
        (Fraction(1, 10) * 3, "0.300000000"),
        (Fraction(10**15 + 1, 10**9), "1000000.000000001"),
        (Fraction(1999999999, 10**9) + Fraction(6, 10**10), "2.000000000"),
        (Fraction(-1, 2), "-0.500000000"),
    ],
)
def test_a_time_is_a_decimal_number_that_no_float_has_touched(time: Fraction, text: str) -> None:
    assert seconds(time) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.005, "1.00"), (-0.001, "0.00"), (1e20, "100000000000000000000.00"), (float("nan"), ""), (None, ""), (3, "3.00")],
)
def test_a_number_is_plain_or_nothing(value: float | None, text: str) -> None:
    assert number(value, 2) == text


def test_a_face_is_told_in_full() -> None:
    known = face(7, chosen=True, source=2, similarity=0.61, pose_degrees=(1.0, -12.34, 3.0), yaw_degrees=-11.96)
    (row,) = rows_of(frame(known, index=5))
    assert row == {
        "frame": "5", "time": "0.000000000", "ticks": "0", "per_second": "1", "faces": "1",
        "id": "7", "x0": "4.00", "y0": "5.00", "x1": "30.50", "y1": "33.25", "score": "0.8750",
        "chosen": "1", "source": "2", "similarity": "0.6100", "edited": "0", "changed_by": "",
        "pitch": "1.0", "yaw": "-12.0", "roll": "3.0",
    }  # fmt: skip


def test_yaw_is_the_pose_s_where_the_mesh_tells_none() -> None:
    (row,) = rows_of(frame(face(pose_degrees=(1.0, -12.34, 3.0))))
    assert row["yaw"] == "-12.3"
    (row,) = rows_of(frame(face(yaw_degrees=4.0)))
    assert (row["pitch"], row["yaw"], row["roll"]) == ("", "4.0", "")


def test_what_is_not_known_is_empty() -> None:
    (row,) = rows_of(frame(face()))
    assert [name for name, text in row.items() if not text] == ["source", "similarity", "changed_by", "pitch", "yaw", "roll"]


def test_there_is_a_row_for_each_face_and_one_for_a_frame_without() -> None:
    assert [row["id"] for row in rows_of(frame(face(3), face(9)))] == ["3", "9"]
    (row,) = rows_of(frame(index=4))
    assert {name: text for name, text in row.items() if text} == {
        "frame": "4", "time": "0.000000000", "ticks": "0", "per_second": "1", "faces": "0",
    }  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"landmarks": True}, {"rows": "frames"}])
def test_every_line_has_as_many_fields_as_the_first_and_ends_as_rfc_4180_says(options: dict[str, object]) -> None:
    made = sidecar(**options)
    content = made.head() + made.piece(frame(face(), face(2))) + made.piece(frame()) + made.tail()
    lines = content.split(b"\r\n")
    assert lines.pop() == b""
    assert len({line.count(b",") for line in lines}) == 1
    assert len(lines) == (3 if options.get("rows") == "frames" else 4)
    assert b"\n" not in content.replace(b"\r\n", b"")


def test_landmarks_come_where_they_are_asked_for() -> None:
    (row,) = rows_of(frame(face()), landmarks=True)
    assert {name: row[name] for name in LANDMARKS}.items() >= {"left_eye_x": "10.00", "mouth_right_y": "22.12"}.items()
    assert len(LANDMARKS) == 10
    assert "left_eye_x" not in rows_of(frame(face()))[0]


def test_a_row_for_a_frame_counts_its_faces() -> None:
    one = frame(face(1, chosen=True), face(2), face(3, chosen=True), index=2)
    one.put(Box(0, 0, 8, 8), np.full((8, 8, 3), 9, np.uint8), face_id=3)
    (row,) = rows_of(one, rows="frames")
    assert row == {
        "frame": "2",
        "time": "0.000000000",
        "ticks": "0",
        "per_second": "1",
        "faces": "3",
        "chosen": "2",
        "edited": "1",
    }


def test_nothing_in_it_is_a_formula() -> None:
    made = sidecar(landmarks=True)
    wild = face(-3, box=(-1e9, -0.0, float("inf"), 2.0), score=-1.0, similarity=-0.5, pose_degrees=(-90.0, 0.0, -1.0))
    for line in (made.head() + made.piece(frame(wild))).decode().splitlines():
        for cell in line.split(","):
            assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?|[a-z][a-z0-9_ -]*|", cell), cell


def test_landmarks_without_faces_are_refused() -> None:
    with pytest.raises(ValueError, match="leave out --frames-csv-landmarks"):
        sidecar(rows="frames", landmarks=True)
