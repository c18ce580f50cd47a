"""The tables of a key file. The file itself refuses every write that would bring an index back.

`key` is one row that never changes, `state` one row that only moves forward, `child` rows that are only added. The
triggers hold for every program that writes through SQLite, `INSERT OR REPLACE` included (its hidden DELETE fires no
trigger, so the insertion itself is refused). A file whose tables or triggers differ from these is not opened.
"""

from __future__ import annotations

FORMAT = 1
APPLICATION = 0x48425353  # "HBSS", SQLite's application_id

_KEY = """CREATE TABLE key (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  key_id BLOB NOT NULL CHECK (typeof(key_id) = 'blob' AND length(key_id) = 16),
  set_name TEXT NOT NULL CHECK (typeof(set_name) = 'text'),
  authority TEXT NOT NULL CHECK (typeof(authority) = 'text'),
  public_key BLOB NOT NULL CHECK (typeof(public_key) = 'blob'),
  secret BLOB NOT NULL CHECK (typeof(secret) = 'blob'),
  checksum BLOB NOT NULL CHECK (typeof(checksum) = 'blob')
)"""

_STATE = """CREATE TABLE state (
  key_id BLOB NOT NULL PRIMARY KEY,
  epoch INTEGER NOT NULL CHECK (typeof(epoch) = 'integer' AND epoch >= 0),
  next INTEGER NOT NULL CHECK (typeof(next) = 'integer' AND next >= 0),
  lim INTEGER NOT NULL CHECK (typeof(lim) = 'integer' AND next <= lim)
)"""

_CHILD = """CREATE TABLE child (
  key_id BLOB NOT NULL,
  layer INTEGER NOT NULL CHECK (typeof(layer) = 'integer' AND layer > 0),
  tree INTEGER NOT NULL CHECK (typeof(tree) = 'integer' AND tree >= 0),
  leaf INTEGER NOT NULL CHECK (typeof(leaf) = 'integer' AND leaf >= 0),
  public BLOB NOT NULL CHECK (typeof(public) = 'blob'),
  signature BLOB NOT NULL CHECK (typeof(signature) = 'blob'),
  PRIMARY KEY (key_id, layer, tree, leaf)
)"""


def _trigger(name: str, event: str, when: str, reason: str) -> str:
    return f"CREATE TRIGGER {name} BEFORE {event} {when} BEGIN SELECT RAISE(ABORT, '{reason}'); END"


_BACK = "NEW.next < OLD.next OR NEW.epoch < OLD.epoch OR NEW.lim > OLD.lim OR NEW.key_id IS NOT OLD.key_id"
_SAME = "key_id = NEW.key_id AND layer = NEW.layer AND tree = NEW.tree AND leaf = NEW.leaf"

STATEMENTS = (
    _KEY,
    _trigger("key_update", "UPDATE ON key", "", "a key never changes"),
    _trigger("key_delete", "DELETE ON key", "", "a key is never removed"),
    _trigger("key_insert", "INSERT ON key", "WHEN EXISTS (SELECT 1 FROM key)", "a file holds one key"),
    _STATE,
    _trigger("state_update", "UPDATE ON state", f"WHEN {_BACK}", "state never goes back"),
    _trigger("state_delete", "DELETE ON state", "", "state is never removed"),
    _trigger("state_insert", "INSERT ON state", "WHEN EXISTS (SELECT 1 FROM state)", "state is never replaced"),
    _CHILD,
    _trigger("child_update", "UPDATE ON child", "", "a signature of a tree never changes"),
    _trigger("child_delete", "DELETE ON child", "", "a signature of a tree is never removed"),
    _trigger(
        "child_insert", "INSERT ON child", f"WHEN EXISTS (SELECT 1 FROM child WHERE {_SAME})",  # noqa: S608  (a constant)
        "a one-time key signs one tree",
    ),
)  # fmt: skip
