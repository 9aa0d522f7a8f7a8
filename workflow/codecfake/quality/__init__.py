"""Objective quality of codecs, and fidelity of our resynthesis to a published one."""
