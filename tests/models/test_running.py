"""How a session runs: precisions, inputs that are kept, inputs and outputs that are bound to a device."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from roop_host import ModelSpec
from roop_host.errors import ModelError
from roop_host.models.ort_session import OrtSession
from roop_host.models.providers import asked
from roop_host.models.sessions import OrtSessions
from roop_host.models.store import Store
from roop_host.testing import context_of

Models = Callable[..., ModelSpec]
PLAIN = asked("cpu", fp16=False, exact=False, threads=1, cache=None)
BOUND = replace(PLAIN, bound_to="cpu")


def raw(onnx_dtype: int = TensorProto.FLOAT) -> Any:
    """sum = a + b and product = a * b of two inputs (n, 3)."""
    a, b, total, product = (
        helper.make_tensor_value_info(name, onnx_dtype, ["n", 3]) for name in ("a", "b", "sum", "product")
    )
    nodes = [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Mul", ["a", "b"], ["product"])]
    model = helper.make_model(
        helper.make_graph(nodes, "g", [a, b], [total, product]), opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    )
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def pair(seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {name: random.standard_normal((2, 3)).astype(np.float32) for name in "ab"}


def session(own: Any = PLAIN, onnx_dtype: int = TensorProto.FLOAT) -> OrtSession:
    return OrtSession(raw(onnx_dtype), own, name="tiny", device="cpu")


def same(left: list[np.ndarray], right: list[np.ndarray]) -> bool:
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("own", [PLAIN, BOUND])
def test_a_half_graph_takes_and_gives_float32(own: Any) -> None:
    half = session(own, TensorProto.FLOAT16)
    assert [item.dtype for item in half.inputs] == ["float16", "float16"]
    inputs = pair()
    total, product = half.run(inputs)
    assert total.dtype == product.dtype == np.float32
    assert np.array_equal(product, (inputs["a"].astype(np.float16) * inputs["b"].astype(np.float16)).astype(np.float32))
    assert same(half.run({name: value.astype(np.float16) for name, value in inputs.items()}), [total, product])


def test_a_double_is_taken_where_the_graph_wants_a_float_and_other_types_are_left() -> None:
    plain, inputs = session(), pair()
    assert same(plain.run({name: value.astype(np.float64) for name, value in inputs.items()}), plain.run(inputs))
    with pytest.raises(Exception, match="Unexpected input data type"):
        plain.run({name: value.astype(np.int64) for name, value in inputs.items()})


def test_binding_changes_no_bit() -> None:
    plain, bound = session(), session(BOUND)
    for seed in range(3):
        inputs = pair(seed)
        inputs["b"] = np.asfortranarray(inputs["b"])
        assert same(plain.run(inputs), bound.run(inputs))
        assert same(plain.run(inputs), bound.holding({"b": inputs["b"]}).run({"a": inputs["a"]}))


@pytest.mark.parametrize("own", [PLAIN, BOUND])
def test_what_is_held_is_fixed_and_may_be_added_to(own: Any) -> None:
    inputs, bare = pair(), session(own)
    wanted, held = bare.run(inputs), inputs["b"].copy()
    holding = bare.holding({"b": held})
    assert (holding.input_names, holding.output_names) == (("a",), ("sum", "product"))
    held[:] = 0  # the caller's array is the caller's
    assert same(holding.run({"a": inputs["a"]}), wanted)
    assert same(holding.holding({"a": inputs["a"]}).run({}), wanted)
    assert same(holding.run(pair(1)), bare.run(pair(1)))  # given again, it counts once


def test_what_is_held_goes_to_the_device_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    copied: list[str] = []
    real_make, real_bind = onnxruntime.OrtValue.ortvalue_from_numpy, onnxruntime.IOBinding.bind_cpu_input

    def make(value: Any, device: str, number: int) -> Any:
        made.append(device)
        return real_make(value, device, number)

    def bind(self: Any, name: str, value: Any) -> None:
        copied.append(name)
        real_bind(self, name, value)

    monkeypatch.setattr(onnxruntime.OrtValue, "ortvalue_from_numpy", make)
    monkeypatch.setattr(onnxruntime.IOBinding, "bind_cpu_input", bind)
    holding = session(BOUND).holding({"b": pair()["b"]})
    for seed in range(3):
        holding.run({"a": pair(seed)["a"]})
    assert (made, copied) == (["cpu"], ["a"] * 3)


def test_two_threads_may_run_one_bound_session() -> None:
    bound, plain = session(BOUND), session()
    wrong: list[int] = []

    def work(seed: int) -> None:
        inputs = pair(seed)
        wanted = plain.run(inputs)
        wrong.extend(seed for _ in range(50) if not same(bound.run(inputs), wanted))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


class _Raw:
    """A session that looks whether two threads are in it, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.real, self.error, self.inside, self.most = raw(), error, 0, 0
        self.met = threading.Barrier(2)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def run(self, *_: Any) -> list[Any]:
        if self.error:
            raise self.error
        self.inside += 1
        self.most = max(self.most, self.inside)
        with suppress(threading.BrokenBarrierError):
            self.met.wait(0.2)
        self.inside -= 1
        return []


@pytest.mark.parametrize(("alone", "most"), [(True, 1), (False, 2)])
def test_directml_is_run_by_one_thread_at_a_time(alone: bool, most: int) -> None:
    inner = _Raw()
    shared = OrtSession(inner, replace(PLAIN, alone=alone), name="tiny", device="directml")
    threads = [threading.Thread(target=shared.run, args=({},)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inner.most == most


@pytest.mark.parametrize(
    ("device", "why", "to_do"),
    [
        ("cuda", "Failed to allocate memory for requested buffer", "use fewer faces at once, --precision fp16 or"),
        ("cuda", "CUDA error 700", "update its driver, or use --device cpu"),
        ("cpu", "bad allocation", "close other programs"),
    ],
)
def test_a_device_that_fails_while_it_runs_says_what_to_do(device: str, why: str, to_do: str) -> None:
    broken = OrtSession(_Raw(RuntimeError(f"{why}\nmore")), PLAIN, name="tiny", device=device)
    for runs in (broken, broken.holding({"b": pair()["b"]})):
        with pytest.raises(ModelError, match=rf"tiny failed on {device} .*\({why}\); {to_do}"):
            runs.run(pair())


def test_inputs_that_do_not_fit_are_the_callers_error() -> None:
    for inputs in ({"a": pair()["a"]}, {**pair(), "b": np.ones((2, 5), np.float32)}):
        with pytest.raises(Exception, match=r"missing|Got: 5 Expected: 3") as caught:
            session().run(inputs)
        assert not isinstance(caught.value, ModelError)


def test_the_bytes_of_a_model_are_not_kept(model: Models) -> None:
    """ONNX Runtime's class holds them for a fallback that is off: half a gigabyte of an inswapper."""

    class Kept(Store):
        data = b""

        def read(self, model: ModelSpec) -> bytes:
            return self.data

    store, tiny = Kept(), model()
    store.data = bytes(bytearray(tiny.path().read_bytes()))  # type: ignore[misc]
    before = sys.getrefcount(store.data)
    sessions = OrtSessions("cpu", 1, store=store)
    sessions.open(tiny)
    after = sys.getrefcount(store.data)
    assert after == before


def test_a_context_for_tests_has_a_store_of_its_own_that_fetches_nothing(tmp_path: Path) -> None:
    context = context_of(models=tmp_path, threads=2, device="auto")
    assert (context.device, context.threads) == ("auto", 2)
    assert isinstance(context.sessions, OrtSessions)
    assert (context.sessions.store.root, context.sessions.store.offline) == (tmp_path, True)
    assert context_of().device == "cpu"
