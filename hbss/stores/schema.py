"""The tables of hbss's SQLite files. The file itself refuses every write that would bring an index back.

`key` is one row that never changes, `secret` its seeds, bare or sealed, and `term` a log that only grows (all three are
empty in a file that holds nothing but state), `state` rows only move forward, `child` rows are only added. `lease` is
book-keeping and decides nothing. The triggers hold for every program that writes through SQLite, `INSERT OR REPLACE`
included (its hidden DELETE fires no trigger, so the insertion itself is refused). A file whose tables or triggers
differ from these is not opened.
"""

from __future__ import annotations

FORMAT = 3
APPLICATION = 0x48425353  # "HBSS", SQLite's application_id


def _blob(name: str, length: int | None = None) -> str:
    size = "" if length is None else f" AND length({name}) = {length}"
    return f"{name} BLOB NOT NULL CHECK (typeof({name}) = 'blob'{size})"


def _text(name: str) -> str:
    return f"{name} TEXT NOT NULL CHECK (typeof({name}) = 'text')"


def _integer(name: str, bound: str) -> str:
    return f"{name} INTEGER NOT NULL CHECK (typeof({name}) = 'integer' AND {bound})"


def _table(name: str, *columns: str) -> str:
    return f"CREATE TABLE {name} (\n  " + ",\n  ".join(columns) + "\n)"


def _trigger(name: str, event: str, when: str, reason: str) -> str:
    return f"CREATE TRIGGER {name} BEFORE {event} {when} BEGIN SELECT RAISE(ABORT, '{reason}'); END"


_KEY = _table(
    "key", "one INTEGER PRIMARY KEY CHECK (one = 1)", _text("set_name"), _blob("public_key"), _blob("checksum", 32),
)  # fmt: skip

# apart from its key, as it is written anew when its password changes
_SECRET = _table(
    "secret", "one INTEGER PRIMARY KEY CHECK (one = 1)", _integer("sealed", "sealed IN (0, 1)"), _blob("value"),
)  # fmt: skip

# the last term is in force: which store keeps the state, and under which name
_TERM = _table(
    "term", "number INTEGER PRIMARY KEY", _blob("key_id", 16), _text("authority"), _text("witness"),
    _integer("ready", "ready IN (0, 1)"), _blob("checksum", 32),
)  # fmt: skip

_STATE = _table(
    "state",
    "key_id BLOB NOT NULL PRIMARY KEY CHECK (typeof(key_id) = 'blob' AND length(key_id) = 16)",
    _integer("epoch", "epoch >= 0"), _integer("first", "first >= 0"), _integer("next", "first <= next"),
    _integer("lim", "next <= lim"), _integer("used", "used >= 0"),
    "successor BLOB CHECK (successor IS NULL OR (typeof(successor) = 'blob' AND length(successor) = 16))",
    "handed INTEGER CHECK (handed IS NULL OR (typeof(handed) = 'integer' AND first <= handed AND handed <= lim))",
    "CHECK ((successor IS NULL) = (handed IS NULL))",
    "CHECK (successor IS NULL OR next = lim)",
)  # fmt: skip

# every signature inserts a lease and deletes one: without a rowid that touches one page instead of two
_LEASE = _table(
    "lease", _blob("key_id", 16), _integer("start", "start >= 0"), _integer("stop", "start < stop"),
    _integer("epoch", "epoch >= 0"), _text("signer"), "at REAL NOT NULL", "PRIMARY KEY (key_id, start)",
) + " WITHOUT ROWID"  # fmt: skip

_CHILD = _table(
    "child", _blob("key_id", 16), _integer("layer", "layer > 0"), _integer("tree", "tree >= 0"),
    _integer("leaf", "leaf >= 0"), _blob("public"), _blob("signature"), "PRIMARY KEY (key_id, layer, tree, leaf)",
)  # fmt: skip

_BACK = (
    "NEW.next < OLD.next OR NEW.epoch < OLD.epoch OR NEW.lim > OLD.lim OR NEW.key_id IS NOT OLD.key_id"
    " OR NEW.first IS NOT OLD.first OR NEW.used < OLD.used"
    " OR (OLD.successor IS NOT NULL AND (NEW.successor IS NOT OLD.successor OR NEW.handed IS NOT OLD.handed))"
)
_SAME = "key_id = NEW.key_id AND layer = NEW.layer AND tree = NEW.tree AND leaf = NEW.leaf"

STATEMENTS = (
    _KEY,
    _trigger("key_update", "UPDATE ON key", "", "a key never changes"),
    _trigger("key_delete", "DELETE ON key", "", "a key is never removed"),
    _trigger("key_insert", "INSERT ON key", "WHEN EXISTS (SELECT 1 FROM key)", "a file holds one key"),
    _SECRET,
    _trigger("secret_delete", "DELETE ON secret", "", "a secret is never removed"),
    _trigger("secret_insert", "INSERT ON secret", "WHEN EXISTS (SELECT 1 FROM secret)", "a file holds one secret"),
    _TERM,
    _trigger("term_update", "UPDATE ON term", "", "a term never changes"),
    _trigger("term_delete", "DELETE ON term", "", "a term is never removed"),
    _trigger(
        "term_insert", "INSERT ON term", "WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM term)",
        "terms follow one another",
    ),
    _STATE,
    _trigger("state_update", "UPDATE ON state", f"WHEN {_BACK}", "state never goes back"),
    _trigger("state_delete", "DELETE ON state", "", "state is never removed"),
    _trigger(
        "state_insert", "INSERT ON state", "WHEN EXISTS (SELECT 1 FROM state WHERE key_id = NEW.key_id)",
        "state is never replaced",
    ),
    _LEASE,
    _CHILD,
    _trigger("child_update", "UPDATE ON child", "", "a signature of a tree never changes"),
    _trigger("child_delete", "DELETE ON child", "", "a signature of a tree is never removed"),
    _trigger(
        "child_insert", "INSERT ON child", f"WHEN EXISTS (SELECT 1 FROM child WHERE {_SAME})",  # noqa: S608  (a constant)
        "a one-time key signs one tree",
    ),
)  # fmt: skip
