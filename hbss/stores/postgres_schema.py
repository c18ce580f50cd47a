"""The tables that a PostgreSQL server keeps for hbss, and the triggers with which it refuses to go back.

Every text below is written as the server itself prints it, so that the same lines make the tables and are compared with
what is found. The triggers fire ALWAYS, so that not even replication, or a session that calls itself a replica, slips
past them; only the owner of the tables can remove them, and then nothing here opens the state any more.
"""

from __future__ import annotations

from hbss.errors import StateUnsafe
from hbss.stores import NoState
from hbss.stores.postgres_link import Link

_LOCK = int.from_bytes(b"hbss.sql", "big")  # an advisory lock: two that create at once do it one after the other

COLUMNS = {
    "hbss_state": (
        "key_id bytea NOT NULL", "epoch bigint NOT NULL", "first bigint NOT NULL", "next bigint NOT NULL",
        "lim bigint NOT NULL", "used bigint NOT NULL", "successor bytea", "handed bigint", "origin text NOT NULL",
    ),
    "hbss_lease": (
        "key_id bytea NOT NULL", "start bigint NOT NULL", "stop bigint NOT NULL", "epoch bigint NOT NULL",
        "signer text NOT NULL", "at double precision NOT NULL",
    ),
    "hbss_child": (
        "key_id bytea NOT NULL", "layer bigint NOT NULL", "tree bigint NOT NULL", "leaf bigint NOT NULL",
        "public bytea NOT NULL", "signature bytea NOT NULL",
    ),
}  # fmt: skip

CONSTRAINTS = {
    "hbss_state": (
        "CONSTRAINT hbss_state_pkey PRIMARY KEY (key_id)",
        "CONSTRAINT hbss_state_name CHECK ((octet_length(key_id) = 16))",
        "CONSTRAINT hbss_state_order CHECK (((first >= 0) AND (first <= next) AND (next <= lim)))",
        "CONSTRAINT hbss_state_counts CHECK (((epoch >= 0) AND (used >= 0)))",
        "CONSTRAINT hbss_state_retired CHECK ((((successor IS NULL) AND (handed IS NULL)) OR ((successor IS NOT NULL) "
        "AND (octet_length(successor) = 16) AND (handed IS NOT NULL) AND (first <= handed) AND (handed <= lim) "
        "AND (next = lim))))",
    ),
    "hbss_lease": (
        "CONSTRAINT hbss_lease_pkey PRIMARY KEY (key_id, start)",
        "CONSTRAINT hbss_lease_order CHECK (((start >= 0) AND (start < stop) AND (epoch >= 0)))",
    ),
    "hbss_child": (
        "CONSTRAINT hbss_child_pkey PRIMARY KEY (key_id, layer, tree, leaf)",
        "CONSTRAINT hbss_child_place CHECK (((layer > 0) AND (tree >= 0) AND (leaf >= 0)))",
    ),
}

_BODY = "BEGIN RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'integrity_constraint_violation'; END"
_REFUSE = (
    "CREATE FUNCTION hbss.hbss_refuse() RETURNS trigger LANGUAGE plpgsql SET search_path TO pg_catalog "
    f"AS $refuse${_BODY}$refuse$"
)


def _trigger(table: str, name: str, when: str, reason: str) -> tuple[str, str]:
    event, _, rest = when.partition(" FOR EACH ")
    text = f"CREATE TRIGGER {name} BEFORE {event} ON hbss.{table} FOR EACH {rest} "
    return table, f"{text}EXECUTE FUNCTION hbss.hbss_refuse('{reason}')"


_BACK = (
    "(new.key_id IS DISTINCT FROM old.key_id) OR (new.first IS DISTINCT FROM old.first) OR "
    "(new.lim IS DISTINCT FROM old.lim) OR (new.next < old.next) OR (new.epoch < old.epoch) OR (new.used < old.used)"
)
_HANDED_ON = "(new.successor IS DISTINCT FROM old.successor) OR (new.handed IS DISTINCT FROM old.handed)"
_MOVED = "(new.origin IS DISTINCT FROM old.origin) AND (new.epoch <= old.epoch)"

TRIGGERS = (
    _trigger("hbss_state", "hbss_state_back", f"UPDATE FOR EACH ROW WHEN (({_BACK}))", "state never goes back"),
    _trigger(
        "hbss_state", "hbss_state_retired",
        f"UPDATE FOR EACH ROW WHEN (((old.successor IS NOT NULL) AND ({_HANDED_ON})))",
        "what was handed on stays so",
    ),
    _trigger(
        "hbss_state", "hbss_state_origin", f"UPDATE FOR EACH ROW WHEN (({_MOVED}))",
        "another server needs another epoch",
    ),
    _trigger("hbss_state", "hbss_state_kept", "DELETE OR TRUNCATE FOR EACH STATEMENT", "state is never removed"),
    _trigger(
        "hbss_child", "hbss_child_kept", "DELETE OR UPDATE OR TRUNCATE FOR EACH STATEMENT",
        "a signature of a tree never changes",
    ),
)  # fmt: skip

# what `verify` compares; relpersistence p: an UNLOGGED table is emptied by a crash; row security would hide rows
_FOUND = """SELECT line FROM (
SELECT format('TABLE %%s %%s%%s %%s', relname, relkind, relpersistence, relrowsecurity) FROM pg_class
  WHERE oid = ANY(%(tables)s::regclass[])
UNION ALL SELECT format('COLUMN %%s %%s %%s%%s%%s', attrelid::regclass, attname, format_type(atttypid, atttypmod),
    CASE WHEN attnotnull THEN ' NOT NULL' END, CASE WHEN atthasdef OR attidentity <> '' THEN ' DEFAULT' END)
  FROM pg_attribute WHERE attrelid = ANY(%(tables)s::regclass[]) AND attnum > 0 AND NOT attisdropped
UNION ALL SELECT format('%%s: CONSTRAINT %%s %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
  FROM pg_constraint WHERE conrelid = ANY(%(tables)s::regclass[]) AND contype <> 'n'
UNION ALL SELECT format('%%s: %%s %%s', tgrelid::regclass, pg_get_triggerdef(oid), tgenabled)
  FROM pg_trigger WHERE tgrelid = ANY(%(tables)s::regclass[]) AND NOT tgisinternal
UNION ALL SELECT format('RULE %%s', rulename) FROM pg_rewrite WHERE ev_class = ANY(%(tables)s::regclass[])
UNION ALL SELECT format('HEIR %%s', inhrelid::regclass) FROM pg_inherits
  WHERE inhparent = ANY(%(tables)s::regclass[]) OR inhrelid = ANY(%(tables)s::regclass[])
UNION ALL SELECT format('FUNCTION %%s %%s %%s', prosrc, prosecdef, array_to_string(proconfig, ','))
  FROM pg_proc WHERE oid = to_regprocedure('hbss.hbss_refuse()')
) AS found (line)"""


def exists(link: Link) -> bool:
    """Whether the database has been prepared."""
    # asked of the table of tables: to_regclass may not see yet what another session has just created
    found = link.run(
        "SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "WHERE nspname = 'hbss' AND relname = 'hbss_state'"
    )
    return bool(found)


def verify(link: Link) -> None:
    """StateUnsafe unless tables, constraints and triggers are as they were created."""
    found = link.run(_FOUND, {"tables": [f"hbss.{table}" for table in COLUMNS]}) if exists(link) else None
    if found is None:
        raise NoState(f"{link.url} holds no state of hbss: is it the right database? Nothing was signed")
    differing = {row[0] for row in found} ^ _expected()
    if differing:
        raise StateUnsafe(
            f"the schema hbss at {link.url} was altered: its tables or the triggers that guard them are not as created "
            f"({min(differing)}); nothing there may sign any more"
        )


def create(link: Link) -> None:
    """Make the tables, unless they are there."""
    link.run("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    if exists(link):
        return
    link.run("CREATE SCHEMA IF NOT EXISTS hbss")
    link.run(_REFUSE)
    for table, columns in COLUMNS.items():
        link.run(f"CREATE TABLE hbss.{table} ({', '.join((*columns, *CONSTRAINTS[table]))})")
    for table, trigger in TRIGGERS:
        link.run(trigger)
        link.run(f"ALTER TABLE hbss.{table} ENABLE ALWAYS TRIGGER {trigger.split(' ')[2]}")


def _expected() -> set[str]:
    lines = {f"FUNCTION {_BODY} f search_path=pg_catalog"}
    for table, columns in COLUMNS.items():
        lines.add(f"TABLE {table} rp f")
        lines.update(f"COLUMN hbss.{table} {column}" for column in columns)
        lines.update(f"hbss.{table}: {constraint}" for constraint in CONSTRAINTS[table])
    lines.update(f"hbss.{table}: {trigger} A" for table, trigger in TRIGGERS)
    return lines
