"""Names with a fixed meaning in every run."""

#: The codec of bona fide speech, always there.
IDENTITY = "identity"
#: The detector trained on all codecs; the column in which they are evaluated together.
POOLED = "pooled"
#: Baselines: scores of chance, and a classifier of what no detector should live on (length, level, silence, bandwidth).
RANDOM, TRIVIAL = "random", "trivial"
#: `codec_name` of the corpus's own recordings, which no codec has seen.
SOURCE = "source"
SPLITS = ("train", "dev", "eval")
LABELS = ("bonafide", "spoof")
#: What happens to level, length and delay around a codec; see `recipes`.
RECIPES = ("published", "clean", "raw")
#: The recipe that makes both classes alike; see `matching`.
MATCHED = "matched"
#: Hz, of every waveform that a detector takes.
SAMPLE_RATE = 16000
