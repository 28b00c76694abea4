"""Plugins that a file says must be there: one that an upgrade dropped is an error, not a feature that went missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roop_host.errors import PluginError, UsageError
from roop_host.types.packages import pip

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from roop_host.config.files import ConfigFile
    from roop_host.plugins.found import Plugins


@dataclass(frozen=True, slots=True)
class Missing:
    """A requirement that is not met: one sentence, and the command that meets it."""

    says: str
    repair: str


def missing(files: Iterable[ConfigFile], plugins: Plugins) -> Iterator[Missing]:
    """What is required and not there. Raises ``UsageError`` for a text that is no requirement."""
    for file in files:
        for text in file.required_plugins:
            _refuse_plugins_name(file, text, plugins)
            lack = _lack(_parse(file, text), plugins)
            if lack:
                yield Missing(f"{file.path} requires the plugin {text}, {lack}", pip("install", "--upgrade", text))


def require(files: Iterable[ConfigFile], plugins: Plugins) -> None:
    """Raise ``PluginError`` for the first that is missing."""
    for lack in missing(files, plugins):
        raise PluginError(f"{lack.says}; install it ({lack.repair}) or take it out of the file")


def _parse(file: ConfigFile, text: str) -> Requirement:
    """A package from the registry: an address would be one more way to have people install what a found file says."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise UsageError(_no_package(file, text)) from error
    if found.url or found.marker:
        raise UsageError(_no_package(file, text))
    return found


def _refuse_plugins_name(file: ConfigFile, text: str, plugins: Plugins) -> None:
    """On the registry the bare name may be somebody else's, and a command to install that would be shown."""
    from packaging.utils import canonicalize_name

    for status in plugins.statuses:
        name, package = canonicalize_name(status.name), canonicalize_name(status.distribution)
        if status.installed and canonicalize_name(text) == name != package:
            raise UsageError(
                f"the config file {file.path}: required_plugins takes names of packages; write {status.distribution!r}, "
                f"not {text!r}"
            )


def _no_package(file: ConfigFile, text: str) -> str:
    return (
        f"the config file {file.path}: required_plugins has {text!r}, which is no package with a version, "
        f"for example roop-nsfw>=0.1"
    )


def _lack(requirement: Requirement, plugins: Plugins) -> str:
    from packaging.utils import canonicalize_name

    wanted = canonicalize_name(requirement.name)
    installed = [status for status in plugins.statuses if status.installed]
    found = next((status for status in installed if canonicalize_name(status.distribution) == wanted), None)
    if found is None:
        return "which is not installed; an upgrade may have dropped it"
    if found.state == "off":
        return "which is switched off"
    if not requirement.specifier.contains(found.version, prereleases=True):
        return f"and {found.describe()} is installed"
    return ""
