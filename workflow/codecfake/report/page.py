"""The self-contained HTML report of a run: its sections, one after the other."""

import base64
from datetime import datetime
from pathlib import Path
from types import ModuleType

import jinja2
from markupsafe import Markup

from codecfake.report import sections
from codecfake.report.results import Results
from codecfake.util.files import write_text

#: Folder of the jinja2 templates.
TEMPLATES = Path(__file__).parent / "templates"


def write_report(path: Path, found: Results) -> None:
    """Write the page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["data_uri"] = _data_uri
    page = environment.get_template("report.html").render(
        run=found.run,
        made=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        sections=[markup for section in sections.SECTIONS if (markup := _markup(section, found, environment))],
    )
    write_text(path, page)


def _markup(section: ModuleType, found: Results, environment: jinja2.Environment) -> Markup:
    """Return a section as HTML; nothing if the run does not have it."""
    variables = section.variables(found)
    if variables is None:
        return Markup()
    text = environment.from_string(sections.template(section).read_text(encoding="utf-8"))
    return Markup(text.render({"run": found.run, "reference": found.reference, **variables}))


def _data_uri(content: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"
