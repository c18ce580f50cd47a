"""The URLs of PostgreSQL servers, as they are kept in a key file: complete, and without a password."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from hbss.stores.postgres_link import psycopg

# what a URL may say: nothing secret, and nothing that changes what a commit means
_SETTINGS = frozenset(
    ("channel_binding", "gssencmode", "host", "hostaddr", "krbsrvname", "passfile", "port", "require_auth", "service",
     "sslcert", "sslcrl", "sslkey", "sslmode", "sslrootcert", "sslsni", "target_session_attrs")
)  # fmt: skip


def normal(url: str) -> str:
    """The URL with host, port and database, and without a password.

    The user may be left out: it is then that of each signer (PGUSER, or its own name).
    """
    try:
        if not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("no URL of PostgreSQL")
        parts = {name: str(value) for name, value in psycopg.conninfo.conninfo_to_dict(url).items()}
    except (psycopg.Error, ValueError):  # their messages may repeat a password
        raise ValueError(
            "this is not a URL of a PostgreSQL server, such as postgresql://user@host:5432/database?sslmode=verify-full"
        ) from None
    if {"password", "sslpassword"} & parts.keys():
        raise ValueError(
            "a password does not belong in the URL, which is kept in the key file and shown: leave it out, and put "
            "it into the file that PGPASSFILE names (~/.pgpass), into PGPASSWORD or into a service file"
        )
    user, database, host = parts.pop("user", ""), parts.pop("dbname", ""), parts.get("host", "")
    if not database or not host:
        raise ValueError("the URL of a PostgreSQL server has to name a host and a database, whatever the defaults are")
    if unknown := sorted(parts.keys() - _SETTINGS):
        raise ValueError(f"the URL of a PostgreSQL server cannot set {', '.join(unknown)} for a key; leave it out")
    port = parts.pop("port", "5432")
    place = f"{quote(user, safe='')}@" if user else ""
    if "," in host or host.startswith("/"):  # several servers, or the folder of a socket
        parts["port"] = port
    else:
        del parts["host"]
        place += f"[{host}]:{port}" if ":" in host else f"{quote(host, safe='')}:{port}"
    query = urlencode(sorted(parts.items()), quote_via=quote, safe="/,")
    return f"postgresql://{place}/{quote(database, safe='')}" + (f"?{query}" if query else "")
