"""CodecFake: resynthesise speech with neural codecs, train and evaluate detectors of it."""

__version__ = "0.1.0"
