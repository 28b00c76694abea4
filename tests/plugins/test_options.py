"""One declaration, one converter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from roop_host import option
from roop_host.errors import UsageError
from roop_host.types.options import OptionField, describe, resolve


@dataclass(frozen=True)
class Options:
    amount: int = option(3, "How much.")
    size: float = option(0.5, "How large.")
    soft: bool = option(True, "Softly.")
    kind: Literal["a", "b", 7] = option("a", "Which.")
    name: str | None = option(None, "Who.")
    where: Path = option(Path("x"), "Where.")
    pair: tuple[int, int] = option((1, 2), "Two.")
    many: tuple[float, ...] = option((), "Any number.")


@pytest.mark.parametrize(
    ("kind", "given", "meant"),
    [
        (Literal["inswapper_128", "mesh"], "inswaper", "; did you mean 'inswapper_128'?"),
        (tuple[Literal["pose", "gender_age"], ...], "pose,gender_ages", "; did you mean 'gender_age'?"),
        (Literal["mesh"] | None, "mash", "; did you mean 'mesh'?"),
        (Literal["inswapper_128", "mesh"], "quick", "not 'quick'"),
        (int, "mesh", "not 'mesh'"),
    ],
)
def test_a_word_that_is_near_to_a_known_one_is_told(kind: Any, given: str, meant: str) -> None:
    with pytest.raises(UsageError, match=r"^--flag takes") as caught:
        OptionField("", "x", kind, None, "").read(given, "--flag")
    assert str(caught.value).endswith(meant)


def test_names_follow_from_plugin_and_field() -> None:
    fields = {field.name: field for field in describe("my-filter", Options)}
    assert fields["amount"].flag == "--my-filter-amount"
    assert fields["amount"].variable == "ROOP_MY_FILTER_AMOUNT"
    assert fields["amount"].help == "How much."


@pytest.mark.parametrize(
    ("kind", "given", "wanted"),
    [
        (int, "4", 4), (int, 4, 4), (float, "1e-3", 0.001), (float, 2, 2.0), (bool, "off", False), (bool, "YES", True),
        (bool, True, True), (str, "x", "x"), (Path, "a/b", Path("a/b")), (str | None, None, None), (int | None, "", None),
        (Literal["a", 7], "7", 7), (Literal["a", 7], "a", "a"), (tuple[int, int], "3,4", (3, 4)),
        (tuple[float, ...], [1, "2.5"], (1.0, 2.5)), (tuple[str, ...], "", ()), (int | str, "x", "x"),
    ],
)  # fmt: skip
def test_the_converter(kind: Any, given: Any, wanted: Any) -> None:
    made = OptionField("", "x", kind, None, "").read(given, "--flag")
    assert made == wanted
    assert type(made) is type(wanted)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (int, "4.5"), (int, 4.5), (int, True), (int, None), (float, "x"), (bool, "maybe"), (bool, 2), (str, 3), (Path, 3),
        (Literal["a", "b"], "c"), (float, 10**400), (tuple[int, int], "1"), (tuple[int, int], "1,x"), (int | None, "x"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_exit_2_and_names_the_flag(kind: Any, given: Any) -> None:
    with pytest.raises(UsageError, match="--flag takes") as caught:
        OptionField("", "x", kind, None, "").read(given, "--flag")
    assert caught.value.exit_code == 2


def test_the_environment_is_told_by_its_own_name() -> None:
    amount = describe("f", Options)[0]
    with pytest.raises(UsageError, match="ROOP_F_AMOUNT takes a whole number, not 'x'"):
        amount.read("x", amount.variable)


def test_resolve() -> None:
    assert resolve("f", Options, {}) == Options()
    assert resolve("f", Options, {"amount": "9", "pair": [5, 6]}) == Options(amount=9, pair=(5, 6))
    with pytest.raises(UsageError, match="did you mean 'amount'"):
        resolve("f", Options, {"amonut": 1})


def test_a_class_that_cannot_be_declared() -> None:
    @dataclass
    class Thawed:
        x: int = 1

    @dataclass(frozen=True)
    class Odd:
        x: dict[str, int] | None = None

    @dataclass(frozen=True)
    class Bare:
        x: int

    for cls in (Thawed, Odd, Bare):
        with pytest.raises(TypeError):
            describe("f", cls)
