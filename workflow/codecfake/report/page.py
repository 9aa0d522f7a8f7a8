"""The self-contained HTML report of a run: configuration, EER matrix, curves, samples, computing time."""

import base64
import contextlib
import importlib.metadata
import platform
import re
from datetime import datetime
from pathlib import Path

import jinja2
import pandas as pd
import yaml

from codecfake import __version__
from codecfake.corpora import Speaker
from codecfake.evaluation import figures
from codecfake.evaluation.cells import Evaluation
from codecfake.pipeline.paths import Paths
from codecfake.report import tables
from codecfake.report.benchmarks import by_rule
from codecfake.report.results import RecipeResults
from codecfake.report.samples_page import choose, clip_rows
from codecfake.util.constants import SPLITS
from codecfake.util.files import write_text

#: Folder of the jinja2 templates.
TEMPLATES = Path(__file__).parent / "templates"
#: Number of example utterances embedded in a report.
SAMPLES = 2


def data_uri(content: bytes, mime: str) -> str:
    """Encode bytes as a data URI."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def counts(utterances: pd.DataFrame) -> pd.DataFrame:
    """Count speakers, utterances and minutes of each split (a column of `utterances`)."""
    seconds = utterances["num_samples"] / utterances["sample_rate"]
    table = utterances.assign(seconds=seconds).groupby("split", sort=False)
    result = table.agg(
        speakers=("speaker_id", "nunique"), utterances=("utterance_id", "size"), minutes=("seconds", "sum")
    )
    result["minutes"] = (result["minutes"] / 60).round(1)
    return result.reindex([split for split in SPLITS if split in result.index]).reset_index()


def left_out_by_reason(left_out: pd.DataFrame) -> pd.DataFrame:
    """Count the utterances left out by reason, and list their speakers, or the utterance if it is only one."""
    if left_out.empty:
        return pd.DataFrame(columns=["reason", "utterances", "of"])
    grouped = left_out.groupby("reason", sort=True)
    table = grouped.agg(
        utterances=("utterance_id", "size"),
        of=("speaker_id", lambda speakers: ", ".join(sorted(set(speakers)))),
        first=("utterance_id", "first"),
    )
    table["of"] = table["of"].where(table["utterances"] > 1, table["first"])
    return table.drop(columns="first").reset_index()


def embedded(utterances: pd.DataFrame, resynthesised: Path, codecs: list[str]) -> list[dict]:
    """Return a few eval utterances with embedded FLAC audio of every codec."""
    chosen = choose(utterances, SAMPLES)
    rows = clip_rows(resynthesised, codecs, chosen)
    return [
        {
            "utterance_id": one.utterance_id,
            "text": one.text,
            "audio": {
                codec: data_uri(rows[one.utterance_id, codec]["audio"]["bytes"], "audio/flac") for codec in codecs
            },
        }
        for one in chosen.itertuples()
    ]


def versions() -> dict[str, str]:
    """Return the versions of this package, Python, Snakemake and every required package."""
    found = {"codecfake": __version__, "python": platform.python_version()}
    for requirement in ["snakemake", *_requirements()]:
        name = re.split(r"[^\w.-]", requirement)[0]
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _requirements() -> list[str]:
    """Return the requirements in pyproject.toml; none if the package is not installed."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.requires("codecfake") or []
    return []


def _recipe_context(found: RecipeResults) -> dict:
    """Return the template variables of a recipe."""
    verdicts = found.audit[found.audit["verdict"] != ""]
    return {
        "verdicts": dict(zip(verdicts["codec"], verdicts["verdict"], strict=True)),
        "picture": data_uri(found.picture, "image/png"),
        "quality": tables.quality(found.quality),
        "lacks_pesq": tables.lacks_pesq(found.quality),
        "tracing": {
            by: {**tables.traced(traced.measures), "confusions": data_uri(traced.confusions, "image/png")}
            for by, traced in found.tracing.items()
        },
    }


def write_report(
    path: Path,
    *,
    run: dict,
    evaluation: Evaluation,
    metrics: pd.DataFrame,
    breakdown: pd.DataFrame,
    significance: pd.DataFrame,
    heatmap: bytes,
    utterances: pd.DataFrame,
    left_out: pd.DataFrame,
    speakers: pd.DataFrame,
    splits: pd.DataFrame,
    resynthesised: Path,
    benchmarks: list[Path],
    training: dict[str, pd.DataFrame],
    recipes: dict[str, RecipeResults],
) -> None:
    """Write the page.

    Args:
        run: the resolved config.
        evaluation: scores and trials for the DET curves.
        metrics, breakdown, significance: tables of `evaluation.tables`.
        utterances, left_out, speakers, splits: tables of `corpora.tables`.
        heatmap: picture of the EER matrix (PNG).
        benchmarks: folders of the files that Snakemake's `benchmark:` wrote; see `by_rule`.
        training: history of each detector (epoch, learning_rate, train_loss, dev_eer), by ROW@SEED.
        recipes: results of each recipe, including the first.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    utterances = utterances.merge(splits, on="speaker_id")
    added = ("_entries", "_entry", "seeds", "recipes")
    settings = {key: value for key, value in run.items() if not key.endswith(added)}
    reference = Paths(run).reference()
    page = environment.get_template("report.html").render(
        run=run,
        made=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        settings=yaml.safe_dump(settings, sort_keys=False, allow_unicode=True),
        versions=versions(),
        machine=f"{platform.system()} {platform.machine()}",
        counts=counts(utterances).to_dict("records"),
        left_out=left_out_by_reason(left_out).to_dict("records"),
        speakers=speakers.merge(splits, on="speaker_id", how="left").fillna({"split": ""}).to_dict("records"),
        described=[name for name in Speaker._fields if speakers[name].any()],
        with_text=bool((utterances["text"] != "").any()),
        usage=by_rule(benchmarks),
        columns=list(evaluation.columns),
        matrix=tables.matrix(metrics, run),
        inverted=tables.inverted(metrics),
        generalisation=tables.generalisation(metrics, run),
        reference=reference,
        significance=tables.significance(significance),
        all_metrics=tables.all_metrics(metrics, reference),
        breakdown=tables.breakdown(breakdown, reference),
        eval_speakers=int(metrics["speakers"].iloc[0]),
        heatmap=data_uri(heatmap, "image/png"),
        det={
            name: data_uri(figures.det_curves(evaluation.classes(name), name), "image/png")
            for name in evaluation.scores
        },
        curves=data_uri(figures.training_curves(training), "image/png"),
        training={codec: history.to_dict("records") for codec, history in training.items()},
        samples=embedded(utterances, resynthesised, list(run["codec_entries"])),
        side_by_side=tables.side_by_side(
            {recipe: found.metrics for recipe, found in recipes.items()},
            {recipe: found.probe for recipe, found in recipes.items()},
            run,
        ),
        recipes={recipe: _recipe_context(found) for recipe, found in recipes.items()},
    )
    write_text(path, page)
