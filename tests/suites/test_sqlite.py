# SPDX-License-Identifier: Apache-2.0
"""SQLite's concurrency: several processes of a node write to one database. What a
process was told is committed has to be there at the end, whatever happened to the
others; one of them is killed in the middle."""

import os
import sqlite3
import subprocess
import sys

from suite_case import SuiteCase

HERE = os.path.dirname(os.path.realpath(__file__))
N_WRITERS = 4
N_TRANSACTIONS = 40
SECONDS = 120


class Sqlite(SuiteCase):

    def make(self, path, journal):
        db = sqlite3.connect(path, isolation_level=None)
        mode, = db.execute(f"PRAGMA journal_mode = {journal}").fetchone()
        self.assertEqual(mode, journal)
        db.execute("CREATE TABLE account (id INTEGER PRIMARY KEY, money INTEGER)")
        db.execute("CREATE TABLE entry (writer TEXT, number INTEGER, data BLOB,"
                   " PRIMARY KEY (writer, number))")
        db.executemany("INSERT INTO account VALUES (?, 1000)",
                       [(number,) for number in range(100)])
        db.close()

    def start(self, path, name, n):
        process = subprocess.Popen(
            [sys.executable, f"{HERE}/sqlite_writer.py", path, name, str(n)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        return process

    def finish(self, process):
        """Returns how many transactions were reported."""
        out, errors = process.communicate(timeout=SECONDS)
        self.assertEqual((process.returncode, errors), (0, ""))
        return len(out.split())

    def check(self, path, committed):
        db = sqlite3.connect(path)
        self.assertEqual(db.execute("PRAGMA integrity_check").fetchall(),
                         [("ok",)])
        self.assertEqual(db.execute("SELECT sum(money) FROM account").fetchone(),
                         (100000,))
        found = {writer: (last + 1, n) for writer, last, n in db.execute(
            "SELECT writer, max(number), count(*) FROM entry GROUP BY writer")}
        db.close()
        for name, n in committed.items():
            self.assertIn(found[name], [(m, m) for m in n], name)

    def work(self, path, journal):
        """Returns {writer: the numbers of transactions that may be there}."""
        self.make(path, journal)
        reader = self.start(path, "reader", 0)
        victim = self.start(path, "victim", N_TRANSACTIONS * 10)
        writers = {f"writer{i}": self.start(path, f"writer{i}", N_TRANSACTIONS)
                   for i in range(N_WRITERS)}
        n_told = sum(1 for _ in zip(range(N_TRANSACTIONS // 2), victim.stdout))
        victim.kill()
        n_told += len(victim.communicate(timeout=SECONDS)[0].split())
        committed = {name: (self.finish(writer),)
                     for name, writer in writers.items()}
        self.finish(reader)
        # It may have been killed between its COMMIT and its report.
        return {**committed, "victim": (n_told, n_told + 1)}

    def run_journal(self, claim, journal):
        with self.on(claim, f"-{journal}") as folders:
            path = f"{folders[0]}/bank"
            committed = self.work(path, journal)
            self.assertEqual(committed["writer0"], (N_TRANSACTIONS,))
            for folder in folders:
                self.check(f"{folder}/bank", committed)

    def test_rollback_journals_lose_nothing(self):
        for claim in self.mounts:
            for journal in ("delete", "truncate", "persist"):
                self.run_journal(claim, journal)

    def test_a_write_ahead_log_loses_nothing(self):
        self.run_journal("one", "wal")
        self.run_journal("many", "wal")  # all of its users are on one node
