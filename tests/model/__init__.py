"""The schemes in plain Python, written from the standards to be read: the second opinion on every byte that C makes.

Folders and files carry the names of csrc. Nothing here is fast, constant-time or meant for use. Every function also
works for toy parameters (heights of 2 to 4), so that tests can walk over every leaf of every tree.
"""
