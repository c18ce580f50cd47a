"""Writes the tutorial's outputs and pictures anew."""

from __future__ import annotations

from docs.pictures import notebook

text, drawn = notebook.run(notebook.PAGE.read_text(encoding="utf-8"))
notebook.PAGE.write_text(text, encoding="utf-8")
for name, svg in drawn.items():
    (notebook.FOLDER / name).write_bytes(svg)
