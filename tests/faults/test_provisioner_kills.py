# SPDX-License-Identifier: Apache-2.0
"""The provisioner is killed at every step of every plan. What comes of it is what came
of the same story without a kill: the objects, the record, the share with the data of
others, the folders and mounts of pods, and no open intent.

tests/faults/run --long takes every step of every story, the short form some of three."""

import re

from kill_case import IS_LONG, KillCase
from killed import WRITES
from stories import STORIES, Create, Delete, DeleteMany

# The seed says which steps the short form takes.
STRIDES = dict.fromkeys(STORIES, 1) if IS_LONG else {
    Create: 4, Delete: 4, DeleteMany: 24}


class ProvisionerKills(KillCase):

    def test_a_write_to_the_record_is_whole_or_not_there(self):
        self.tell(Create, 1 if IS_LONG else 12, WRITES)


def test_of(story):
    return lambda self: self.tell(story, STRIDES[story])


for each in STRIDES:
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", each.__name__).lower()
    setattr(ProvisionerKills, f"test_kills_in_{snake}", test_of(each))
