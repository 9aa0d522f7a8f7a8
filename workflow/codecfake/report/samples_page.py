"""The samples page: audio of a few utterances in every codec, each with a picture and its CM scores."""

import re
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from codecfake.data.shards import Shard, decode_row, shard_path
from codecfake.pipeline.paths import Paths
from codecfake.report.thumbnails import Sample, pictures, spans
from codecfake.trials.detector_id import DetectorId
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import DataError
from codecfake.util.files import replacing_folder, write_bytes, write_text
from codecfake.util.hashing import stable_number

#: Folder of the jinja2 templates.
TEMPLATES = Path(__file__).parent / "templates"
#: Preferred duration (s) of an utterance: long enough to judge, short enough to replay in every codec.
GOOD_SECONDS = (2, 6)


def choose(utterances: pd.DataFrame, most: int) -> pd.DataFrame:
    """Choose up to `most` eval utterances: one of each speaker before a second of any.

    Utterances of `GOOD_SECONDS` come first, in the order of a hash of the id; a larger choice contains a smaller one.

    Args:
        utterances: `tables.Utterances` of the corpus, with the column `split`.
    """
    table = utterances[utterances["split"] == "eval"]
    seconds = table["num_samples"] / table["sample_rate"]
    table = table.assign(odd=~seconds.between(*GOOD_SECONDS), number=table["utterance_id"].map(stable_number))
    table = table.sort_values(["odd", "number"])
    table["turn"] = table.groupby("speaker_id").cumcount()
    chosen = table.sort_values(["turn", "odd", "number"]).head(most)
    return chosen[utterances.columns].sort_values(["speaker_id", "utterance_id"], ignore_index=True)


def clip_rows(resynthesised: Path, codecs: list[str], utterances: pd.DataFrame) -> dict[tuple[str, str], dict]:
    """Return the shard rows of utterances in every codec, by (utterance_id, codec).

    Raises:
        DataError: a shard lacks one of its utterances.
    """
    rows = {}
    for codec in codecs:
        for number, members in utterances.groupby("shard")["utterance_id"]:
            shard = Shard(shard_path(resynthesised, codec, number))
            places = {item["utterance_id"]: place for place, item in enumerate(shard.describe())}
            for utterance_id in members:
                if utterance_id not in places:
                    raise DataError(f"{shard.path}: no utterance {utterance_id!r} among its {len(places)}")
                rows[utterance_id, codec] = shard[places[utterance_id]]
    return rows


def dev_thresholds(metrics: pd.DataFrame) -> dict[DetectorId, float]:
    """Return the dev EER threshold of each detector in a table of `evaluation.tables.Metrics`."""
    return {
        DetectorId(row.trained_on, int(row.seed) if row.seed else None): row.dev_threshold
        for row in metrics.itertuples()
    }


def judge(clips: list[Sample], scores: pd.Series, threshold: float | None) -> tuple[dict[str, dict], float]:
    """Return a detector's decision on each clip, and the position of its threshold (NaN if unknown).

    A decision, by clip name, has `score` (NaN if missing), `verdict` ("" if unknown), `wrong`, and `at`, the position
    of the score in % between the lowest and the highest of these scores and the threshold.
    """
    values = np.append(scores.reindex([clip.name for clip in clips]), np.nan if threshold is None else threshold)
    known = values[~np.isnan(values)]
    low, high = (known.min(), known.max()) if len(known) else (0, 0)
    places = np.round(100 * (values - low) / ((high - low) or 1), 1).tolist()
    said = {}
    for clip, score, at in zip(clips, values.tolist(), places, strict=False):
        judged = threshold is not None and not np.isnan(score)
        verdict = ("bona fide" if score >= threshold else "spoof") if judged else ""
        wrong = judged and (verdict == "bona fide") != (clip.codec == IDENTITY)
        said[clip.name] = {"score": score, "verdict": verdict, "wrong": wrong, "at": at}
    return said, places[-1]


def write_samples(
    folder: Path,
    *,
    run: dict,
    utterances: pd.DataFrame,
    resynthesised: Path,
    codecs: list[str],
    scores: dict[DetectorId, pd.Series],
    thresholds: dict[DetectorId, float],
    most: int = 5,
) -> None:
    """Write the page, `index.html`, with its `audio/` and `images/`, and replace the folder.

    Args:
        run: the resolved config.
        utterances: `tables.Utterances` of the corpus, with the column `split`.
        resynthesised: folder of all codecs' shards.
        codecs: codecs to show; bona fide speech is always shown first.
        scores: CM scores by trial name, by detector.
        thresholds: CM score from which a clip is classified as bona fide, by detector; some may be missing.
        most: maximum number of utterances.

    Raises:
        DataError: there are no eval utterances, or a shard lacks one.
    """
    chosen = choose(utterances, most)
    if chosen.empty:
        raise DataError(f"samples: none of {len(utterances)} utterances is in the eval split")
    codecs = [IDENTITY, *(codec for codec in codecs if codec != IDENTITY)]
    rows = clip_rows(resynthesised, codecs, chosen)
    clips = [Sample(*key, row["audio"]["bytes"], *decode_row(row)) for key, row in rows.items()]
    images, scale = pictures(clips)
    ordered = _reference_first(scores, run)
    judged = {str(detector): judge(clips, table, thresholds.get(detector)) for detector, table in ordered.items()}
    template = _environment().get_template("samples.html")
    page = template.render(
        run=run,
        bona_fide=IDENTITY,
        utterances=chosen.to_dict("records"),
        spans=spans(clips),
        codecs=codecs,
        clips={clip.name: clip for clip in clips},
        detectors=judged,
        scale=scale,
        weight={"audio": sum(len(clip.content) for clip in clips), "images": sum(map(len, images))},
    )
    with replacing_folder(folder) as temporary:
        write_text(temporary / "index.html", page)
        for clip, image in zip(clips, images, strict=True):
            write_bytes(temporary / clip.audio, clip.content)
            write_bytes(temporary / clip.image, image)


def _reference_first(scores: dict[DetectorId, pd.Series], run: dict) -> dict[DetectorId, pd.Series]:
    """Move the detectors of the reference row, with which others are compared, to the front."""
    reference = Paths(run).reference()
    return dict(sorted(scores.items(), key=lambda item: item[0].row != reference))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters["breakable"] = _breakable
    environment.filters["kilohertz"] = lambda hertz: f"{hertz / 1000:g}\N{NO-BREAK SPACE}kHz"
    environment.filters["megabytes"] = lambda count: f"{count / 1e6:.1f} MB"
    environment.filters["number"] = lambda value, digits=2: f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")
    return environment


def _breakable(name: str) -> Markup:
    """Return a codec's name with places where a narrow column may break it."""
    return Markup("<wbr>").join(re.split(r"(?<=[-_@])", name))
