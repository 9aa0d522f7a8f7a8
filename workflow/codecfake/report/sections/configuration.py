"""The resolved config, the versions of all packages and the machine."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codecfake.report.results import Results

TITLE = "Configuration and versions"


def inputs(run: dict) -> list[str]:
    return []


def variables(found: "Results") -> dict:
    import platform

    import yaml

    from codecfake.report.versions import versions

    added = ("_entries", "_entry", "seeds", "recipes")
    settings = {key: value for key, value in found.run.items() if not key.endswith(added)}
    return {
        "settings": yaml.safe_dump(settings, sort_keys=False, allow_unicode=True),
        "versions": versions(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
