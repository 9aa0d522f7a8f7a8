"""The self-contained HTML report of a run: its sections, one after the other."""

import base64
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import jinja2
from markupsafe import Markup

from codecfake.report import sections
from codecfake.report.results import Results
from codecfake.util.files import write_text

#: Folder of the jinja2 templates.
TEMPLATES = Path(__file__).parent / "templates"


class Section(NamedTuple):
    """A section of the page: its anchor, heading and content."""

    anchor: str
    title: str
    content: Markup


def write_report(path: Path, found: Results) -> None:
    """Write the page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["data_uri"] = _data_uri
    environment.filters["label"] = lambda name: found.run["codec_entries"].get(name, {}).get("label", name)
    page = environment.get_template("report.html").render(
        run=found.run,
        made=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        sections=[made for module in sections.SECTIONS if (made := _section(module, found, environment))],
    )
    write_text(path, page)


def _section(module: ModuleType, found: Results, environment: jinja2.Environment) -> Section | None:
    """Render a section; None if the run does not have it."""
    variables = module.variables(found)
    if variables is None:
        return None
    text = environment.from_string(sections.template(module).read_text(encoding="utf-8"))
    content = text.render({"run": found.run, "reference": found.reference, **variables})
    return Section(f"section-{module.__name__.rpartition('.')[2]}", module.TITLE, Markup(content))


def _data_uri(content: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"
