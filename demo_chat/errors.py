"""The one exception that users see."""

from __future__ import annotations


class ChatError(Exception):
    """Something that the user can put right: one sentence that says what is wrong and, if it is known, what to do."""
