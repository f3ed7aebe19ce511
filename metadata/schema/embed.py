#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the numbered schema steps into a C array of strings, in their order."""

import json
import os
import sys


def c_string(text):
    # JSON's escapes for ASCII text are C's.
    return "\n".join("\t" + json.dumps(line) for line in
                     text.splitlines(keepends=True))


def main():
    output, *steps = sys.argv[1:]
    for number, path in enumerate(steps, 1):
        if not os.path.basename(path).startswith("%03d_" % number):
            sys.exit("%s: expected step %03d" % (path, number))
    with open(output, "w", encoding="ascii") as out:
        out.write('#include "store_internal.h"\n\n')
        out.write("const char *const schema_steps[] = {\n")
        for path in steps:
            with open(path, encoding="ascii") as step:
                out.write(c_string(step.read()) + ",\n")
        out.write("};\n\nconst int n_schema_steps = %d;\n" % len(steps))


main()
