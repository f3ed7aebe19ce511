# SPDX-License-Identifier: Apache-2.0
"""What a node daemon says over HTTP to a kubelet's probes and to Prometheus."""

import http.client
import os
import signal
import socket
import threading
import urllib.error
import urllib.request

from csi_case import CsiCase
from keeper_case import KeeperCase
from kubelet import Kubelet
from lab import wait_for
from lab.process import free_port


def get(port, path):
    """Status and text; no status while nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}",
                                    timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except urllib.error.URLError as error:
        return None, str(error)


def names(metrics):
    """Which series there are; their values change all the time."""
    return [line.rsplit(" ", 1)[0] for line in metrics.splitlines()]


class Health(KeeperCase):

    @classmethod
    def start_lab(cls):
        cls.port = free_port()
        socket_path = os.path.join(cls.folder, "plugins_registry", "reg.sock")
        cls.node_options = ("--http", f"127.0.0.1:{cls.port}",
                            "--registration-socket", socket_path)
        super().start_lab()
        cls.kubelet = Kubelet(cls.folder, (cls.pb, cls.stubs))
        cls.kubelet.start()
        cls.kubelet.register()

    def wait_until_ready(self):
        wait_for(lambda: get(self.port, "/readyz")[0] == 200, "readiness")

    def test_a_healthy_node_is_alive_and_ready(self):
        self.assertEqual(get(self.port, "/healthz"), (200, "ok\n"))
        self.assertEqual(get(self.port, "/readyz"), (
            200, "registration: registered\ncsi: served\nkeeper: connected\n"))

    def test_metrics_are_those_of_the_control_tree(self):
        with open(f"{self.node.meta}/metrics", encoding="utf-8") as f:
            expected = f.read()
        status, text = get(self.port, "/metrics")
        self.assertEqual(status, 200)
        self.assertIn(self.volume, text)
        self.assertEqual(names(text), names(expected))

    def test_a_refused_node_is_alive_and_not_ready(self):
        self.kubelet.notify(False, "not this one")
        status, text = get(self.port, "/readyz")
        self.assertEqual(status, 503)
        self.assertIn("registration: refused: not this one\n", text)
        self.assertEqual(get(self.port, "/healthz")[0], 200)
        self.kubelet.notify(True)
        self.wait_until_ready()

    def test_readiness_waits_for_the_keeper(self):
        self.keeper.process.signal(signal.SIGKILL)
        self.keeper.process.stop()
        self.node_log_has("the keeper is gone")
        status, text = get(self.port, "/readyz")
        self.assertEqual((status, text.splitlines()[-1]), (503, "keeper: gone"))
        self.assertEqual(get(self.port, "/healthz")[0], 200)
        type(self).keeper = self.new_keeper()
        self.wait_until_ready()

    def test_a_dead_server_makes_nobody_unhealthy(self):
        """The server is stopped, so that it answers nothing, and somebody waits
        for it."""
        server = self.cluster.server.process
        child, end = self.worker()
        self.rounds(child, 3)
        server.pause()
        try:
            wait_for(self.somebody_waits, "an operation that waits")
            for path in ("/healthz", "/readyz", "/metrics"):
                self.assertEqual(get(self.port, path)[0], 200)
        finally:
            server.go_on()
        self.rounds(child, 3)
        end()

    def somebody_waits(self):
        line = f'claimfs_operations_in_flight{{volume="{self.volume}"}} 1'
        return line in get(self.port, "/metrics")[1].splitlines()

    def test_what_is_not_served_is_refused(self):
        for path, status in (("/", 404), ("/healthz/", 404), ("/meta", 404)):
            self.assertEqual(get(self.port, path)[0], status)
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        client.request("POST", "/healthz", body=b"x" * 100)
        self.assertEqual(client.getresponse().status, 405)
        client.close()

    def test_many_may_ask_at_once(self):
        found = []

        def ask():
            found.append(get(self.port, "/metrics")[0])

        threads = [threading.Thread(target=ask) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        self.assertEqual(found, [200] * 10)

    def test_a_killed_node_is_ready_once_it_is_registered_again(self):
        self.kill_node()
        self.node.start()
        wait_for(lambda: get(self.port, "/readyz")[0] == 503, "an answer")
        self.kubelet.register()
        self.wait_until_ready()


class Taken(CsiCase):
    """Somebody else has the port: volumes don't depend on it."""

    def test_volumes_are_served_and_http_comes_when_it_can(self):
        node = self.cluster.nodes[0]
        node.stop()
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            node.argv += ["--http", str(port)]
            node.start()
            self.reconnect()
            os.mkdir(f"{self.cluster.export}/there")
            target = self.mount(0, "there")
            os.mkdir(f"{target}/folder")
            self.assertEqual(node.process.log().count("http is not served yet"),
                             1)
        wait_for(lambda: "http is served" in node.process.log(),
                 "the port", 20)
        # Without a keeper from the start there is none to wait for.
        self.assertEqual(get(port, "/readyz"), (
            200, "registration: off\ncsi: served\nkeeper: none\n"))


class LateKeeper(KeeperCase):

    def tearDown(self):
        pass

    def setUp(self):
        pass

    def test_a_keeper_that_came_too_late_is_shown(self):
        port = free_port()
        self.node.stop()
        self.keeper.stop()
        argv = list(self.node.argv)
        try:
            self.node.argv += ["--http", str(port)]
            self.node.start()
            wait_for(lambda: get(port, "/readyz")[0] == 200, "readiness")
            type(self).keeper = self.new_keeper()
            wait_for(lambda: get(port, "/readyz")[0] == 503, "it to be seen")
            self.assertIn("restart claimfs-node", get(port, "/readyz")[1])
            self.assertEqual(get(port, "/healthz")[0], 200)
        finally:
            self.node.argv = argv
