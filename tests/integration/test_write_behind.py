# SPDX-License-Identifier: Apache-2.0
"""Buffered writes on a shared volume are answered before they are sent: what nobody
may notice of that."""

from csi_case import MountCase


class WriteBehind(MountCase):

    def setUp(self):
        super().setUp()
        self.path = f"{self.here}/file"

    def content(self):
        with open(f"{self.behind}/file", "rb") as f:
            return f.read()

    def test_an_append_goes_behind_what_was_just_written(self):
        for number in range(20):
            with open(self.path, "wb", buffering=0) as f, \
                    open(self.path, "ab", buffering=0) as log:
                f.write(b"a" * 5000)
                log.write(b"b" * 100)
            self.assertEqual(self.content(), b"a" * 5000 + b"b" * 100, number)
