"""The tables of the sandbox's database, and the upgrades from those of earlier versions.

After a change, raise `_database.VERSION` and add to `UPGRADES`.
"""

from __future__ import annotations

from collections.abc import Mapping

_TABLES = """
create table settings (name text primary key, value text not null);
create table objects (
    seq integer primary key autoincrement, id text not null unique, object text not null, created integer not null,
    deleted integer not null default 0, body text not null, private text not null);
create table settling (id text primary key, due real not null);
create table answers (
    key text primary key, request_hash text not null, created real not null, status integer not null,
    headers text not null, body blob not null);
create index answers_by_age on answers (created);
create table deliveries (
    seq integer primary key autoincrement, event text not null, endpoint text not null, due real not null,
    attempts integer not null default 0);
create index deliveries_by_due on deliveries (due);
create index deliveries_by_event on deliveries (event);
create index deliveries_by_endpoint on deliveries (endpoint, due);
create table attempts (
    seq integer primary key autoincrement, event text not null, type text not null, url text not null,
    attempt integer not null, status integer, error text, time real not null);
create index attempts_by_event on attempts (event)
"""

_FILTERS: Mapping[str, list[tuple[str, ...]]] = {
    "customer": [("email",)],
    "payment_method": [("customer",), ("type",), ("customer", "type")],
    "charge": [("payment_intent",), ("customer",), ("customer", "payment_intent")],
    "refund": [("payment_intent",)],
    "event": [("type",)],
}
"""By kind of object, the members that lists can be filtered by, alone or in combination (in alphabetical order)."""


def member(name: str) -> str:
    """Return the SQL expression for a member of an object."""
    return f"json_extract(body, '$.{name}')"


# SQLite appends the rowid, which is `seq`, to every index: objects of the same second are in order of insertion.
_INDEXES = [
    "create index objects_by_time on objects (object, created) where not deleted",
    *(
        f"create index {kind}_by_{'_and_'.join(names)} on objects ({', '.join(map(member, names))}, created) "
        f"where object = '{kind}' and not deleted"
        for kind, filters in _FILTERS.items()
        for names in filters
    ),
    "create index settling_by_due on settling (due)",
]

TABLES = [*_TABLES.split(";"), *_INDEXES]
"""The statements that create the tables in a new file."""

UPGRADES = {
    1: ["drop index objects_by_kind", "drop index objects_by_payment", "drop index objects_by_customer", *_INDEXES],
}
"""The statements that upgrade the tables of an earlier version, by that version."""
