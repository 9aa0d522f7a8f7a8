"""Speech through codecs, shard by shard."""
