# SPDX-License-Identifier: Apache-2.0
"""fio writes blocks of random sizes, reads them back and compares."""

import subprocess

ENGINES = {
    "buffered": {"ioengine": "psync"},
    "direct": {"ioengine": "libaio", "iodepth": 8, "direct": 1},
    "mapped": {"ioengine": "mmap"},
}


def fio_verify(folder, engine, **changes):
    """Returns the ended process. CHANGES are options of fio; None has no value."""
    options = {"name": "verify", "directory": folder, "rw": "randrw",
               "bsrange": "4k-192k", "blockalign": "4k", "size": "24m",
               "numjobs": 2, "verify": "crc32c", "verify_fatal": 1,
               "fsync": 50, "randseed": 7, **ENGINES[engine], **changes}
    return subprocess.run(
        ["fio", *(f"--{name}" if value is None else f"--{name}={value}"
                  for name, value in options.items())],
        text=True, capture_output=True, check=False, timeout=110, cwd="/")
