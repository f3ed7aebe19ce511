#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sqlite_writer.py DATABASE NAME N: moves money between accounts in N transactions,
and prints the number of each after its COMMIT. With N = 0 it only looks, until its
input ends, that no money was made or lost."""

import random
import select
import sqlite3
import sys

BUSY_SECONDS = 60


def move(db, name, number):
    give, take = random.sample(range(100), 2)
    db.execute("BEGIN IMMEDIATE")
    db.execute("UPDATE account SET money = money - 1 WHERE id = ?", (give,))
    db.execute("INSERT INTO entry VALUES (?, ?, randomblob(?))",
               (name, number, random.randrange(2000)))
    db.execute("UPDATE account SET money = money + 1 WHERE id = ?", (take,))
    db.execute("COMMIT")


def look(db):
    money, = db.execute("SELECT sum(money) FROM account").fetchone()
    if money != 100000:
        sys.exit(f"there is {money}, not 100000")


def main():
    path, name, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
    random.seed(name)
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    for number in range(n):
        move(db, name, number)
        print(number, flush=True)
    while n == 0 and not select.select([sys.stdin], [], [], 0.02)[0]:
        look(db)
    db.close()


main()
