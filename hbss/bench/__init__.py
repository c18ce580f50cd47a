"""How fast hbss is on this machine, and how near to what its kernels allow; behind `hbss bench`.

`run.measure` is the whole of it, `table` and `plots` show what it found, and `sentences` says it in a few of them.
"""
