"""Pictures and audio inside the report."""

import base64
from pathlib import Path

import pandas as pd

from codecfake.report.samples_page import choose, clip_rows


def data_uri(content: bytes, mime: str) -> str:
    """Encode bytes as a data URI."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def embedded(utterances: pd.DataFrame, resynthesised: Path, codecs: list[str], count: int) -> list[dict]:
    """Return at most `count` eval utterances with embedded FLAC audio of every codec."""
    chosen = choose(utterances, count)
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
