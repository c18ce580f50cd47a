"""The worked demo: a small real-time chat in which every message carries a hash-based signature.

Read it in this order: wire (what travels), protocol (what is signed), room (the rules), history (what is kept),
checker (verifying off the event loop), chat (connections), server (HTTP and its headers); then the terminal client:
identity, session, reader, client. docs/chat.md says why. Of hbss it uses only what `hbss.__all__` has.
"""
