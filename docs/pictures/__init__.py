"""The pictures of the tutorial, and what draws them from the variables of the page's code.

    python -m docs.pictures   # runs docs/tutorial.md; writes its outputs, its text alternatives and its pictures anew

The page is the source: `notebook.py` runs it, `chains.py` and `trees.py` draw.
"""
