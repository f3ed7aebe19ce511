# SPDX-License-Identifier: Apache-2.0
"""An unmodified python3-kubernetes against --listen: lists, pages, watches, and who
wins when two write."""

import json
import sys
import unittest

from lab_case import CLASS, LabCase

try:
    from kubernetes import client, watch
except ImportError:
    # Debian's package is for Debian's own python3 only.
    sys.path.append("/usr/lib/python3/dist-packages")
    try:
        from kubernetes import client, watch
    except ImportError:
        client = None

NAMESPACE = "default"


def manifest(name, **labels):
    return {"metadata": {"name": name, "labels": labels},
            "spec": {"accessModes": ["ReadWriteMany"],
                     "storageClassName": "none",
                     "resources": {"requests": {"storage": "1Gi"}}}}


class PythonClient(LabCase):

    @classmethod
    def set_up_lab(cls):
        if not client:
            raise unittest.SkipTest("python3-kubernetes is not installed")
        configuration = client.Configuration()
        configuration.host = cls.cluster.provisioner.url
        api = client.ApiClient(configuration)
        cls.core = client.CoreV1Api(api)
        cls.storage = client.StorageV1Api(api)

    def tearDown(self):
        self.core.delete_collection_namespaced_persistent_volume_claim(
            NAMESPACE)
        super().tearDown()

    def create(self, name, **labels):
        return self.core.create_namespaced_persistent_volume_claim(
            NAMESPACE, manifest(name, **labels))

    def list(self, **options):
        return self.core.list_namespaced_persistent_volume_claim(
            NAMESPACE, **options)

    def watch(self, **options):
        return watch.Watch().stream(
            self.core.list_namespaced_persistent_volume_claim, NAMESPACE,
            **options)

    def refused(self, status, function, *args, **options):
        with self.assertRaises(client.ApiException) as caught:
            function(*args, **options)
        self.assertEqual(caught.exception.status, status)
        return json.loads(caught.exception.body)

    def test_pages_are_of_one_moment(self):
        for i in range(5):
            self.create(f"p{i}")
        page = self.list(limit=2)
        version = page.metadata.resource_version
        self.assertEqual(page.metadata.remaining_item_count, 3)
        self.core.delete_namespaced_persistent_volume_claim("p3", NAMESPACE)
        self.create("p5")
        names = [item.metadata.name for item in page.items]
        while page.metadata._continue:
            page = self.list(limit=2, _continue=page.metadata._continue)
            self.assertEqual(page.metadata.resource_version, version)
            names += [item.metadata.name for item in page.items]
        self.assertEqual(names, ["p0", "p1", "p2", "p3", "p4"])
        self.refused(400, self.list, _continue="garbage")

    def test_a_watch_goes_on_from_a_list(self):
        self.create("before")
        version = self.list().metadata.resource_version
        self.create("after", app="x")
        self.core.patch_namespaced_persistent_volume_claim(
            "after", NAMESPACE, {"metadata": {"labels": {"app": "y"}}})
        seen = [(event["type"], event["object"].metadata.name)
                for event in self.watch(resource_version=version,
                                        timeout_seconds=1)]
        self.assertEqual(seen[:2], [("ADDED", "after"), ("MODIFIED", "after")])
        self.assertNotIn(("ADDED", "before"), seen)

    def test_a_bookmark_ends_what_there_was(self):
        self.create("one")
        response = self.core.list_namespaced_persistent_volume_claim(
            NAMESPACE, watch=True, allow_watch_bookmarks=True,
            timeout_seconds=1, _preload_content=False,
            **self.initial_events())
        events = [json.loads(line) for line in response.data.splitlines()]
        types = [event["type"] for event in events]
        self.assertEqual(types[0], "ADDED")
        self.assertEqual(types[-1], "BOOKMARK")
        if "send_initial_events" in self.initial_events():
            ends = [event["object"]["metadata"].get("annotations", {})
                    for event in events if event["type"] == "BOOKMARK"]
            self.assertEqual(ends[0],
                             {"k8s.io/initial-events-end": "true"})

    def initial_events(self):
        """Clients before 1.27 can't ask for them."""
        doc = self.core.list_namespaced_persistent_volume_claim_with_http_info
        if "send_initial_events" in (doc.__doc__ or ""):
            return {"send_initial_events": True,
                    "resource_version_match": "NotOlderThan"}
        return {"resource_version": "0"}

    def test_a_watch_from_before_the_last_start_is_gone(self):
        self.create("old")
        self.cluster.provisioner.process.stop()
        self.cluster.provisioner.start()
        with self.assertRaises(client.ApiException) as caught:
            list(self.watch(resource_version="1", timeout_seconds=1))
        self.assertEqual(caught.exception.status, 410)

    def test_who_was_slower_gets_a_conflict(self):
        mine = self.create("shared")
        theirs = self.core.read_namespaced_persistent_volume_claim(
            "shared", NAMESPACE)
        theirs.metadata.labels = {"a": "theirs"}
        self.core.replace_namespaced_persistent_volume_claim(
            "shared", NAMESPACE, theirs)
        mine.metadata.labels = {"a": "mine"}
        body = self.refused(
            409, self.core.replace_namespaced_persistent_volume_claim,
            "shared", NAMESPACE, mine)
        self.assertEqual(body["reason"], "Conflict")
        self.assertIn("the object has been modified", body["message"])
        options = client.V1DeleteOptions(
            preconditions=client.V1Preconditions(
                resource_version=mine.metadata.resource_version))
        self.refused(409,
                     self.core.delete_namespaced_persistent_volume_claim,
                     "shared", NAMESPACE, body=options)

    def test_dry_run_changes_nothing(self):
        made = self.core.create_namespaced_persistent_volume_claim(
            NAMESPACE, manifest("dry"), dry_run="All")
        self.assertTrue(made.metadata.uid)
        self.refused(404, self.core.read_namespaced_persistent_volume_claim,
                     "dry", NAMESPACE)
        self.create("wet")
        self.core.delete_namespaced_persistent_volume_claim(
            "wet", NAMESPACE, dry_run="All")
        self.core.patch_namespaced_persistent_volume_claim(
            "wet", NAMESPACE, {"metadata": {"labels": {"a": "b"}}},
            dry_run="All")
        found = self.core.read_namespaced_persistent_volume_claim(
            "wet", NAMESPACE)
        self.assertFalse(found.metadata.labels)
        self.assertIsNone(found.metadata.deletion_timestamp)

    def test_selectors_choose(self):
        self.create("a", app="x", tier="front")
        self.create("b", app="y")
        self.create("c")

        def names(**options):
            return [item.metadata.name for item in self.list(**options).items]

        self.assertEqual(names(label_selector="app=x"), ["a"])
        self.assertEqual(names(label_selector="app in (x,y),tier!=front"),
                         ["b"])
        self.assertEqual(names(label_selector="!app"), ["c"])
        self.assertEqual(names(field_selector="metadata.name=b"), ["b"])
        self.refused(400, self.list, field_selector="spec.volumeName=x")

    def test_all_kinds_are_what_the_client_takes_them_for(self):
        self.cluster.ctl.apply(CLASS.format(name="kinds", reclaim="Delete",
                                            is_default="false"))
        names = [item.metadata.name
                 for item in self.storage.list_storage_class().items]
        self.assertIn("kinds", names)
        self.core.list_persistent_volume()
        self.core.list_pod_for_all_namespaces()
        self.core.list_event_for_all_namespaces()
        self.assertIn("default", [item.metadata.name for item in
                                  self.core.list_namespace().items])
