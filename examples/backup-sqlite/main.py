"""Backs up a SQLite database, proves the copy and keeps the newest ones.

Input:  {"database": path, "folder": path, "keep": number of copies, default 5}
Output: {"file", "bytes", "sha256", "tables": {name: rows}, "kept", "removed": [file]}
"""

import hashlib
import os
import sqlite3
import sys
from datetime import datetime, timezone
from pathlib import Path

import cronium


def main():
    settings = cronium.input() or {}
    try:
        database, folder = Path(settings["database"]), Path(settings["folder"])
        keep = int(settings.get("keep", 5))
    except (KeyError, TypeError, ValueError) as error:
        sys.exit(
            f'The input must look like {{"database": path, "folder": path, "keep": 5}}: {error!r}'
        )
    if keep < 1:
        sys.exit(f"keep is {keep}; at least the new backup must be kept")
    if not database.is_file():
        sys.exit(f"{database} does not exist. Is the folder it lies in mounted?")

    started = datetime.now(timezone.utc)
    target = folder / f"{database.stem}-{started:%Y%m%dT%H%M%S}Z.db"
    part = folder / f".{target.name}.part"
    try:
        copy(database, part)
        tables = check(part)
        digest = sha256(part)
        # Only a copy that was proved gets its name, so whatever is listed can be restored.
        part.replace(target)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        sys.exit(f"Backing up {database} to {folder} failed: {error}")
    removed = remove_old(folder, database.stem, keep)
    size = target.stat().st_size
    print(f"Kept {target.name}: {size} bytes, sha256 {digest}")
    cronium.output(
        {
            "file": str(target),
            "bytes": size,
            "sha256": digest,
            "tables": tables,
            "kept": len(backups(folder, database.stem)),
            "removed": removed,
        }
    )


def copy(database, part):
    """SQLite's own backup: a consistent copy, also while others write."""
    source = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
    copied = sqlite3.connect(part)
    try:
        print(f"Copying {database} ({database.stat().st_size} bytes)")
        source.backup(copied, pages=64, progress=show_progress, sleep=0.05)
    finally:
        copied.close()
        source.close()
    with part.open("rb") as file:
        os.fsync(file.fileno())


def show_progress(_status, remaining, total):
    print(f"  {total - remaining} of {total} pages")


def check(part):
    """Row counts by table, after an integrity and a foreign-key check of the copy."""
    copied = sqlite3.connect(part)
    try:
        findings = [row[0] for row in copied.execute("PRAGMA integrity_check")]
        if findings != ["ok"]:
            raise sqlite3.DatabaseError(f"integrity check: {'; '.join(findings[:5])}")
        broken = copied.execute("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise sqlite3.DatabaseError(f"{len(broken)} rows point to rows that are not there")
        names = copied.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        ).fetchall()
        tables = {}
        for (name,) in names:
            quoted = '"' + name.replace('"', '""') + '"'
            (tables[name],) = copied.execute(f"SELECT count(*) FROM {quoted}").fetchone()
            print(f"  {name}: {tables[name]} rows")
        print("The copy is whole")
        return tables
    finally:
        copied.close()


def sha256(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def backups(folder, stem):
    """The finished backups of this database, oldest first: their names hold their time in UTC."""
    return sorted(folder.glob(f"{stem}-????????T??????Z.db"))


def remove_old(folder, stem, keep):
    removed = []
    for path in backups(folder, stem)[:-keep]:
        path.unlink()
        print(f"Removed {path.name}")
        removed.append(path.name)
    return removed


main()
