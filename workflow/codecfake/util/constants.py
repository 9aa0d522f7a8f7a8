"""Constants shared by all modules."""

#: The codec name of bona fide speech, part of every run.
IDENTITY = "identity"
#: The detector trained on all codecs (a row), and the evaluation of all codecs together (a column).
POOLED = "pooled"
#: Baselines: random scores, and a classifier of features no detector should rely on (length, level, silence,
#: bandwidth).
RANDOM, TRIVIAL = "random", "trivial"
#: `codec_name` of the original recordings of the corpus, before any codec.
SOURCE = "source"
SPLITS = ("train", "dev", "eval")
LABELS = ("bonafide", "spoof")
#: Recipes: how level, length and delay of a codec's output are treated; see `recipes`.
RECIPES = ("published", "clean", "raw")
#: The recipe that gives both classes the same rate, length, level and band; see `matching`.
MATCHED = "matched"
#: Sample rate in Hz of every detector input.
SAMPLE_RATE = 16000
