# SPDX-License-Identifier: Apache-2.0
"""fio writes more and smaller blocks than in the integration test, and what one node
has written another one verifies."""

from fio_verify import ENGINES, fio_verify
from suite_case import SuiteCase

# mmap and O_DIRECT want whole pages.
BLOCKS = {
    "buffered": {"bsrange": "512-300k", "blockalign": "512"},
    "direct": {"bsrange": "4k-1m"},
    "mapped": {"bsrange": "4k-300k"},
}


class FioLong(SuiteCase):

    def verify(self, folder, engine, **changes):
        done = fio_verify(folder, engine, rw="randwrite", size="24m", numjobs=3,
                          fsync=100, **BLOCKS[engine], **changes)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_blocks_come_back_on_every_node(self):
        for claim in self.mounts:
            for engine in ENGINES:
                with self.on(claim, f"-{engine}") as folders:
                    self.verify(folders[0], engine)
                    for folder in folders:
                        self.verify(folder, engine, verify_only=None)
