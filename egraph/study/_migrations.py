"""The schema of journals, and the steps that lead from older ones to it."""

from __future__ import annotations

import sqlite3

from egraph.study._columns import TABLES

__all__ = ["STEPS", "create", "migrate", "version"]

STEPS: list[str] = [
    "ALTER TABLE trial ADD COLUMN finder TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE round ADD COLUMN supplied TEXT NOT NULL DEFAULT '';",
    "ALTER TABLE trial ADD COLUMN intervals TEXT;"
    "ALTER TABLE round ADD COLUMN held_out_tau REAL;"
    "ALTER TABLE round ADD COLUMN exploring INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE round ADD COLUMN promised_tau REAL;"
    "ALTER TABLE round ADD COLUMN coverage50 REAL;"
    "ALTER TABLE round ADD COLUMN coverage80 REAL;"
    "ALTER TABLE round ADD COLUMN coverage95 REAL;"
    "ALTER TABLE round ADD COLUMN regret REAL;"
    "ALTER TABLE round ADD COLUMN promised_regret REAL;"
    "ALTER TABLE round ADD COLUMN promised_tau_baseline REAL;"
    "ALTER TABLE round ADD COLUMN coverage50_baseline REAL;"
    "ALTER TABLE round ADD COLUMN coverage80_baseline REAL;"
    "ALTER TABLE round ADD COLUMN coverage95_baseline REAL;"
    "ALTER TABLE round ADD COLUMN regret_baseline REAL;"
    "ALTER TABLE round ADD COLUMN promised_regret_baseline REAL;"
    "ALTER TABLE round ADD COLUMN drift REAL;"
    "ALTER TABLE round ADD COLUMN alarm INTEGER NOT NULL DEFAULT 0;",
    "ALTER TABLE trial ADD COLUMN costs TEXT NOT NULL DEFAULT '{}';",
    "ALTER TABLE trial ADD COLUMN fidelity REAL NOT NULL DEFAULT 1;",
    "CREATE TABLE attempt (job TEXT NOT NULL, running INTEGER NOT NULL DEFAULT 0, "
    "losses INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (job)) WITHOUT ROWID;",
    "ALTER TABLE trial ADD COLUMN known_in INTEGER;"
    "UPDATE trial SET known_in = round + 1 WHERE state IN ('complete', 'failed')"
    " AND round < (SELECT max(round) FROM round);",
]
"""SQL from each version to the next: the first step leads from 1 to 2. A step is never changed once released.

Such as ``"ALTER TABLE trial ADD COLUMN device TEXT;"``. A column that may not be NULL needs a DEFAULT.
"""


def version() -> int:
    """The version that this egraph writes."""
    return 1 + len(STEPS)


def create(db: sqlite3.Connection, application: int) -> None:
    """Makes the tables of a new journal.

    Args:
        db: Connection to an empty file.
        application: SQLite's application id, which tells journals from other databases.
    """
    db.executescript(
        f"BEGIN IMMEDIATE; PRAGMA application_id = {application}; PRAGMA user_version = {version()};"
        "CREATE TABLE study (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
        f"CREATE TABLE session ({_define('session')});"
        f"CREATE TABLE trial ({_define('trial')});"
        f"CREATE TABLE round ({_define('round')});"
        f"CREATE TABLE retrain ({_define('retrain')}, PRIMARY KEY (key, evaluator, repeat)) WITHOUT ROWID;"
        f"CREATE TABLE attempt ({_define('attempt')}, PRIMARY KEY (job)) WITHOUT ROWID;"
        "COMMIT;"
    )


def migrate(db: sqlite3.Connection, found: int) -> None:
    """Takes the steps that an older journal lacks, all of them or none.

    Args:
        db: Connection to the journal.
        found: Version of the journal.
    """
    steps = "".join(STEPS[found - 1 :])
    if steps:
        try:
            db.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {version()}; COMMIT;")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def _define(table: str) -> str:
    return ", ".join(column.definition for column in TABLES[table])
