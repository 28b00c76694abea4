"""A file that was only found makes nothing be fetched: nobody said that half a gigabyte should come, on somebody's terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from roop_host.config.fields import plugin_fields
from roop_host.config.layers import Layers
from roop_host.errors import ModelError
from roop_host.models.store import Store
from roop_host.plugins.found import Plugins
from roop_host.types.models import Choice, ModelSpec, names_to_pull
from roop_host.types.options import OptionField


def refuse_unasked(layers: Layers, plugins: Plugins) -> None:
    """Raise ``ModelError`` where a found file makes a choice whose models are not here."""
    store = Store()
    for option in plugin_fields(plugins):
        said = layers.settle(option)
        if said is None or not said.found:
            continue
        values = said.value if isinstance(said.value, tuple) else (said.value,)
        for choice in _choices(plugins, option):
            missing = list(_missing(store, choice.models)) if choice.value in values else []
            if missing:
                raise ModelError(
                    f"{said.where} asks for {option.flag} {choice.value}, whose models are not here, and a file that was "
                    "only found fetches nothing; "
                    f"run roop models pull {names_to_pull(missing)}, or say {option.flag} yourself"
                )


def _choices(plugins: Plugins, option: OptionField) -> Iterator[Choice]:
    for table in plugins.declared.values():
        for declared in table.values():
            if declared.plugin.name == option.owner:
                yield from (choice for choice in getattr(declared.spec, "choices", ()) if choice.option == option.name)


def _missing(store: Store, models: Iterable[ModelSpec]) -> Iterator[ModelSpec]:
    for model in models:
        there = model.embedded or store.present(model) or (model.half is not None and store.present(model.half))
        if not there:
            yield model
