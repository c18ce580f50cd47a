"""python -m demo_chat is hbss-chat."""

from demo_chat.cli import serve

serve()
