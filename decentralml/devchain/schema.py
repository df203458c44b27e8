"""The tables of a chain file.

============  ==============================================================================
meta          name, properties, clock offset
state         the head's keys and values in key order, children's by their trie's name;
              `layout` is the state version the value was written under
branches      the head's trie: branches by path (see ``trie_update``), leaves are ``state``
history       what a key held before a block changed it (NULL: nothing); with ``state`` this
              is every state the chain ever had
blocks        headers and bodies
extrinsics    where each signed extrinsic is
runtimes      what each runtime says of itself, from the block on whose state it is in force
============  ==============================================================================

The trie is kept by path and not by hash, so it is as large as the state and does not grow with
history; an old value costs one row and is found in one look-up.
"""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x444D4C43
"""``DMLC``: in the SQLite header, so that ``file`` and we know the file."""

FORMAT: Final = 1
"""SQLite's user_version; raised when the tables change."""

TABLES: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE state (
    trie BLOB NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, layout INTEGER NOT NULL,
    PRIMARY KEY (trie, key)
) WITHOUT ROWID;
CREATE TABLE branches (
    trie BLOB NOT NULL, path BLOB NOT NULL, node BLOB NOT NULL, PRIMARY KEY (trie, path)
) WITHOUT ROWID;
CREATE TABLE history (
    trie BLOB NOT NULL, key BLOB NOT NULL, block INTEGER NOT NULL, value BLOB, layout INTEGER,
    PRIMARY KEY (trie, key, block)
) WITHOUT ROWID;
CREATE TABLE blocks (
    number INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, header BLOB NOT NULL,
    extrinsics BLOB NOT NULL
);
CREATE TABLE extrinsics (
    hash BLOB PRIMARY KEY, block INTEGER NOT NULL, position INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE runtimes (
    since INTEGER PRIMARY KEY, code BLOB NOT NULL, pending BLOB, version BLOB NOT NULL,
    metadata BLOB NOT NULL
);
"""
