"""What plugin authors test with: frames, contexts and hosts without installing anything, and checks of what must hold.

``ProcessorConformance`` and its sisters are the checks as test classes; ``roop plugins check NAME`` runs the same without
pytest. ``roop_host.testing.fixtures`` is a plugin of pytest: name it in ``pytest_plugins``.

A check of your own is a function that takes a ``Subject`` and raises ``Failed``; what it looks at need not be installed::

    def test_it_is_set_up_twice():
        plugins = plugins_of({"my-filter": module})
        subject = Subject(plugins, "roop_processors", plugins.named("roop_processors", "my_filter"))
        assert run_check(check_of(it_is_set_up_twice), subject).good
"""

from __future__ import annotations

from roop_host.plugins.loader import plugins_of
from roop_host.testing.artifacts import artifact_of
from roop_host.testing.checking import (
    Check,
    DoesNotApply,
    Failed,
    NotRun,
    Result,
    check_of,
    checks_of,
    run_check,
    run_checks,
)
from roop_host.testing.conformance import (
    AnalyserConformance,
    CommandConformance,
    ExporterConformance,
    ProcessorConformance,
    ScreenerConformance,
    SourceConformance,
    UploaderConformance,
)
from roop_host.testing.given import Pictures, Places, Ran
from roop_host.testing.making import coded_frame_of, context_of, frame_of, host_of, quiet_screener, run_step, window_of
from roop_host.testing.networks import FakeSession, FakeSessions, Network
from roop_host.testing.people import Picture, Portrait, clip, gathering, moved, portrait
from roop_host.testing.subject import Subject

__all__ = [
    "AnalyserConformance",
    "Check",
    "CommandConformance",
    "DoesNotApply",
    "ExporterConformance",
    "Failed",
    "FakeSession",
    "FakeSessions",
    "Network",
    "NotRun",
    "Picture",
    "Pictures",
    "Places",
    "Portrait",
    "ProcessorConformance",
    "Ran",
    "Result",
    "ScreenerConformance",
    "SourceConformance",
    "Subject",
    "UploaderConformance",
    "artifact_of",
    "check_of",
    "checks_of",
    "clip",
    "coded_frame_of",
    "context_of",
    "frame_of",
    "gathering",
    "host_of",
    "moved",
    "plugins_of",
    "portrait",
    "quiet_screener",
    "run_check",
    "run_checks",
    "run_step",
    "window_of",
]
