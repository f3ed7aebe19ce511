# SPDX-License-Identifier: Apache-2.0
"""CSI Controller: volumes whose record was lost and is made again from the share.
Whoever drives it, csi-provisioner for one, remembers them all the while."""

import glob
import os

from controller_case import CODES, NAMESPACE, ControllerCase


class LostRecord(ControllerCase):

    def lose_record(self):
        provisioner = self.cluster.provisioner
        self.client.channel.close()
        provisioner.stop()
        for path in glob.glob(f"{provisioner.state}/claimfs.db*"):
            os.unlink(path)
        provisioner.start()
        self.connect()

    def recover(self):
        server = self.cluster.server
        done = self.ctl.run(
            "recover", "--server", "127.0.0.1", "--share", server.export,
            "--options", f"port={server.port},mountport={server.mount_port}")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_a_volume_is_what_it_was(self):
        mode = self.modes.SINGLE_NODE_WRITER
        request = {"volume_capabilities": [self.mountable(mode)]}
        before = self.create("kept", size=5 << 20, **request)
        self.lose_record()
        self.assertIn(f"claim {NAMESPACE}/kept: recovered", self.recover())
        self.assertEqual(self.ctl.wait_phase("pvc", "kept", "Bound",
                                             namespace=NAMESPACE)["spec"]
                         ["volumeName"], "kept")
        self.publish("kept", "node-a", mode)
        self.assert_code(
            CODES.FAILED_PRECONDITION, self.controller.DeleteVolume,
            self.pb.DeleteVolumeRequest(volume_id="kept"))
        self.unpublish("kept")
        self.assertEqual(self.create("kept", size=5 << 20, **request), before)
        self.delete("kept")
        self.assertFalse(os.path.exists(self.backing("kept")))
