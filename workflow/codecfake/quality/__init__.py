"""How good codecs sound, and how near our resynthesis is to a published one."""
