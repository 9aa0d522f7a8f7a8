"""The self-contained HTML report of a run: what was run, the matrix, the curves, samples, seconds."""

import base64
import contextlib
import importlib.metadata
import platform
from datetime import datetime
from pathlib import Path

import jinja2
import pandas as pd
import yaml

from codecfake import __version__, plots, tables, usage
from codecfake.corpora import Speaker
from codecfake.evaluate import Evaluation
from codecfake.files import write_text
from codecfake.layout import Layout
from codecfake.names import SPLITS
from codecfake.store import Shard, shard_path

TEMPLATES = Path(__file__).parent / "templates"
PACKAGES = (
    "torch", "torchaudio", "snakemake", "encodec", "descript-audio-codec", "speechtokenizer",
    "ai-edge-litert", "pandas", "pyarrow", "soundfile",
)  # fmt: skip
#: Example utterances a report lets one listen to.
SAMPLES = 2


def data_uri(content: bytes, mime: str) -> str:
    """Bytes as an address a page can embed."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def counts(utterances: pd.DataFrame) -> pd.DataFrame:
    """Speakers, utterances and minutes of each split (a column of `utterances`)."""
    seconds = utterances["num_samples"] / utterances["sample_rate"]
    table = utterances.assign(seconds=seconds).groupby("split", sort=False)
    result = table.agg(
        speakers=("speaker_id", "nunique"), utterances=("utterance_id", "size"), minutes=("seconds", "sum")
    )
    result["minutes"] = (result["minutes"] / 60).round(1)
    return result.reindex([split for split in SPLITS if split in result.index]).reset_index()


def left_out_by_reason(left_out: pd.DataFrame) -> pd.DataFrame:
    """Speakers and numbers of utterances left out, by reason; of the rare reasons, the utterance itself."""
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


def samples(utterances: pd.DataFrame, resynthesised: Path, codecs: list[str]) -> list[dict]:
    """A few eval utterances in every codec, embedded as FLAC."""
    chosen = utterances[utterances["split"] == "eval"].groupby("speaker_id").head(1).head(SAMPLES)
    found = []
    for _, utterance in chosen.iterrows():
        audio = {}
        for codec in codecs:
            shard = Shard(shard_path(resynthesised, codec, utterance["shard"]))
            ids = [item["utterance_id"] for item in shard.describe()]
            item = shard[ids.index(utterance["utterance_id"])]
            audio[codec] = data_uri(item["audio"]["bytes"], "audio/flac")
        found.append({"utterance_id": utterance["utterance_id"], "text": utterance["text"], "audio": audio})
    return found


def versions() -> dict[str, str]:
    """Versions of this program and of what its results depend on."""
    found = {"codecfake": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


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
) -> None:
    """Write the page.

    Args:
        run: the resolved config.
        evaluation: for the DET curves.
        metrics, breakdown, significance, utterances, left_out, speakers, splits: the tables of the same names, see
            `manifest`.
        heatmap: the matrix as a picture.
        benchmarks: folders of the files Snakemake's `benchmark:` wrote; see `usage`.
        training: history of each detector (epoch, learning_rate, train_loss, dev_eer), by ROW@SEED.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    utterances = utterances.merge(splits, on="speaker_id")
    settings = {key: value for key, value in run.items() if not key.endswith(("_entries", "_entry")) and key != "seeds"}
    reference = Layout(run).reference()
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
        usage=usage.by_rule(benchmarks),
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
        det={name: data_uri(plots.det_curves(evaluation, name), "image/png") for name in evaluation.scores},
        curves=data_uri(plots.training_curves(training), "image/png"),
        training={codec: history.to_dict("records") for codec, history in training.items()},
        samples=samples(utterances, resynthesised, list(run["codec_entries"])),
    )
    write_text(path, page)
