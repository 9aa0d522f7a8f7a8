"""Resynthesis of speech with codecs, shard by shard."""
