#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns api_schema.txt into the tables that api_schema.h declares."""

import json
import re
import sys

BASES = ("string", "integer", "boolean", "number", "quantity", "time", "any")
FIELD = re.compile(r"(\w+)(!?) (\[\]|\{\})?(\w+)(?: (merge)(?:=(\w+))?)? : (.*)")


class SchemaError(Exception):
    """A line that makes no sense."""


def read(path):
    """[(name, api_version, text, [field])] in the order of the file."""
    types = []
    with open(path, encoding="ascii") as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\n")
            field = FIELD.fullmatch(line)
            if line.startswith("= "):
                _, name, *version = line.split(" ")
                types.append([name, version[0] if version else None, "", []])
            elif line.startswith(": "):
                types[-1][2] = line[2:]
            elif field:
                types[-1][3].append(field.groups())
            elif line and not line.startswith("#"):
                raise SchemaError(f"{path}:{number}: not a field: {line}")
    return types


def c_string(text):
    return "NULL" if text is None else json.dumps(text)


def c_field(groups, indices):
    name, required, shape, base, merge, key, text = groups
    if base not in BASES and base not in indices:
        raise SchemaError(f"field {name}: no type {base}")
    shape = {None: "ONE", "[]": "LIST", "{}": "MAP"}[shape]
    return (f"\t{{ .name = {c_string(name)}, .text = {c_string(text)},"
            f" .shape = API_SCHEMA_{shape}, .base = API_SCHEMA_"
            f"{base.upper() if base in BASES else 'TYPE'},"
            f" .type = {indices.get(base, 0)},"
            f" .is_required = {str(bool(required)).lower()},"
            f" .is_merged = {str(bool(merge)).lower()},"
            f" .merge_key = {c_string(key)} }},\n")


def main():
    path, output = sys.argv[1:]
    types = read(path)
    indices = {name: i for i, (name, *_) in enumerate(types)}
    with open(output, "w", encoding="ascii") as out:
        out.write('#include <stddef.h>\n\n#include "api_schema.h"\n\n')
        for name, _, _, fields in types:
            out.write("static const struct api_schema_field "
                      f"fields_{name}[] = {{\n")
            out.writelines(c_field(field, indices) for field in fields)
            out.write("};\n\n")
        out.write("const struct api_schema_type api_schema_types[] = {\n")
        for name, version, text, fields in types:
            out.write(f"\t{{ {c_string(name)}, {c_string(version)}, "
                      f"{c_string(text)}, fields_{name}, {len(fields)} }},\n")
        out.write("};\n\nconst size_t api_schema_n_types = "
                  f"{len(types)};\n")


main()
