"""Steps that nobody named: an option of their plugin asks for them."""

from __future__ import annotations

from dataclasses import replace

from roop_host.plugins.found import Plugins
from roop_host.types.job import Job, Step
from roop_host.types.options import resolve


def with_added(job: Job, plugins: Plugins) -> Job:
    """``job`` with the steps that options of plugins add behind those that were named, in the order of plugins' names.

    One that was named stays where it stands. Raises ``UsageError`` for options that the plugin does not take.
    """
    if not job.steps:
        return job
    named = {step.name for step in job.steps}
    added = []
    for declared in sorted(plugins.processors.values(), key=lambda one: one.plugin.name):
        spec, owner = declared.spec, declared.plugin.name
        if not spec.added_by or spec.name in named:
            continue
        options = resolve(owner, declared.options_class, job.plugin_options.get(owner, {}))
        if getattr(options, spec.added_by):
            added.append(Step(spec.name))
    return replace(job, steps=(*job.steps, *added))
