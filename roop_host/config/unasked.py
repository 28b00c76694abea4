"""A file that was only found makes nothing be fetched: nobody said that half a gigabyte should come, on somebody's terms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from roop_host.config.fields import host_fields, plugin_fields
from roop_host.config.layers import Layers
from roop_host.errors import ModelError
from roop_host.plugins.found import Plugins
from roop_host.types.models import ModelSpec, names_to_pull
from roop_host.types.options import OptionField

#: What decides about models besides options with choices.
_DECIDE = frozenset({"processors", "device", "precision", "export"})


class Unasked:
    """Refuses models whose need follows from a found file. ``look`` comes before a job, calls while it is prepared."""

    def __init__(self) -> None:
        self._said: dict[str, list[str]] = {}

    def look(self, layers: Layers, plugins: Plugins) -> None:
        """Note what a found file says that decides which models are needed."""
        for option in _deciding(plugins):
            said = layers.settle(option)
            if said is not None and said.found:
                self._said.setdefault(said.where, []).append(option.flag)

    def __call__(self, models: Sequence[ModelSpec]) -> None:
        """Raise ``ModelError`` for models that nobody was asked about, where a found file decides which are needed."""
        for where, flags in self._said.items():
            names = names_to_pull(models)
            raise ModelError(
                f"{names} would have to be fetched, and {where}, a file that was only found, decides about that "
                f"({', '.join(flags)}); run roop models pull {names}, or say {' and '.join(flags)} yourself"
            )


def _deciding(plugins: Plugins) -> Iterator[OptionField]:
    yield from (option for option in host_fields() if option.key in _DECIDE)
    chosen = {
        (declared.plugin.name, name)
        for table in plugins.declared.values()
        for declared in table.values()
        for choice in getattr(declared.spec, "choices", ())
        for name in (choice.option, *(other for other, _ in choice.with_options))
    }
    yield from (option for option in plugin_fields(plugins) if (option.owner, option.name) in chosen)
