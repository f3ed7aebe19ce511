# SPDX-License-Identifier: Apache-2.0
"""A module per noun; importing one registers its cases."""

import glob
import importlib
import os


def load():
    for path in sorted(glob.glob(os.path.join(os.path.dirname(__file__), "*.py"))):
        noun = os.path.basename(path)[:-3]
        if noun != "__init__":
            importlib.import_module(f"cases.{noun}")
