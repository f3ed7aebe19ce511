# SPDX-License-Identifier: Apache-2.0
"""The Helm chart, rendered without helm: by chart.go, which is helm's engine, or by
a helm that somebody has."""

import json
import os
import subprocess
import tempfile

import jsonschema
import yaml

HERE = os.path.dirname(os.path.realpath(__file__))
FOLDER = os.path.join(os.path.dirname(HERE), "helm", "claimfs")
RELEASE = {"Name": "claimfs", "Namespace": "claimfs"}
# Where Debian has the sources of sprig and yaml.
GO = {"GOPATH": "/usr/share/gocode", "GO111MODULE": "off", "GOFLAGS": ""}


class Refused(Exception):
    """What helm would have said of values or templates."""


def read_yaml(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as f:
        return yaml.safe_load(f)


def merge(base, changes):
    """Helm's way: objects are merged, anything else is replaced, and null drops."""
    if not isinstance(base, dict) or not isinstance(changes, dict):
        return changes
    merged = {**base, **{key: merge(base.get(key), value)
                         for key, value in changes.items()}}
    return {key: value for key, value in merged.items() if value is not None}


def values(changes=None):
    """The chart's values with changes, checked by its schema."""
    merged = merge(read_yaml("values.yaml"), changes or {})
    with open(os.path.join(FOLDER, "values.schema.json"),
              encoding="utf-8") as f:
        schema = json.load(f)
    errors = jsonschema.Draft7Validator(schema).iter_errors(merged)
    said = ["values: " + ".".join(map(str, ["", *error.absolute_path]))
            + f": {error.message}" for error in errors]
    if said:
        raise Refused("\n".join(said))
    return merged


def run(argv, **kwargs):
    done = subprocess.run(argv, text=True, capture_output=True, timeout=300,
                          check=False, **kwargs)
    if done.returncode != 0:
        raise Refused(done.stderr.strip())
    return done.stdout


class Engine:
    """chart.go, built into a folder."""

    def __init__(self, folder):
        self.program = os.path.join(folder, "chart")
        run(["go", "build", "-o", self.program,
             os.path.join(HERE, "chart.go")],
            env={**os.environ, **GO, "GOCACHE": os.path.join(folder, "cache")})

    def render(self, changes=None):
        """{template: text}"""
        chart = read_yaml("Chart.yaml")
        scope = {"Values": values(changes), "Release": RELEASE,
                 "Chart": {key[0].upper() + key[1:]: value
                           for key, value in chart.items()}}
        return json.loads(run([self.program, FOLDER],
                              input=json.dumps(scope)))

    def manifests(self, changes=None):
        """The text of all objects; by template's name, as helm has them but for
        the order of kinds, which the API server does not mind."""
        rendered = self.render(changes)
        parts = [text.strip().removeprefix("---\n")
                 for name, text in sorted(rendered.items())
                 if name.endswith(".yaml") and text.strip()]
        return "---\n" + "\n---\n".join(parts) + "\n"


def helm_manifests(helm, changes=None):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        json.dump(changes or {}, f)
        f.flush()
        return run([helm, "template", RELEASE["Name"], FOLDER, "--namespace",
                    RELEASE["Namespace"], "--values", f.name])


def objects(text):
    """{(kind, namespace, name): object}; two of one name are an error."""
    found = {}
    for item in filter(None, yaml.safe_load_all(text)):
        meta = item["metadata"]
        key = item["kind"], meta.get("namespace"), meta["name"]
        if key in found:
            raise Refused(f"{key} is there twice")
        found[key] = item
    return found
