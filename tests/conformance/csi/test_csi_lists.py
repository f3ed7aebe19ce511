# SPDX-License-Identifier: Apache-2.0
"""ListVolumes and ControllerGetVolume: pages of a list that changes meanwhile."""

from controller_case import CODES, ControllerCase

VOLUMES = 7


class Lists(ControllerCase):

    needs = ("LIST_VOLUMES", "GET_VOLUME")

    @classmethod
    def set_up_lab(cls):
        cls.volumes = {volume.volume_id: volume for volume in (
            cls.create(f"listed-{number}") for number in range(VOLUMES))}

    def all_pages(self, size):
        return [entry.volume.volume_id for page in
                self.pages(self.controller.ListVolumes,
                           self.pb.ListVolumesRequest, size)
                for entry in page]

    def test_pages_of_any_size_have_every_volume_once(self):
        for size in (1, 2, 3, VOLUMES - 1, VOLUMES, VOLUMES + 1, 1000):
            with self.subTest(size):
                self.assertEqual(sorted(self.all_pages(size)),
                                 sorted(self.volumes))

    def test_without_a_size_all_are_in_one_page(self):
        answer = self.list_volumes()
        self.assertEqual(answer.next_token, "")
        self.assertEqual(len(answer.entries), VOLUMES)
        for entry in answer.entries:
            made = self.volumes[entry.volume.volume_id]
            self.assertEqual(entry.volume.capacity_bytes, made.capacity_bytes)
            self.assertFalse(entry.status.volume_condition.abnormal)

    def test_a_token_that_was_never_given_aborts(self):
        for token in ("garbage", "after:", "-1", "99999999999999999999", "a/b", "\t"):
            with self.subTest(token):
                self.assert_code(CODES.ABORTED, self.controller.ListVolumes,
                                 self.pb.ListVolumesRequest(
                                     starting_token=token))

    def test_a_negative_size_is_invalid(self):
        self.assert_code(CODES.INVALID_ARGUMENT, self.controller.ListVolumes,
                         self.pb.ListVolumesRequest(max_entries=-1))

    def test_who_stays_is_in_the_pages_whoever_comes_and_goes(self):
        first = self.list_volumes(max_entries=3)
        seen = [entry.volume.volume_id for entry in first.entries]
        gone = seen[-1]
        self.delete(gone)
        new = self.create("newcomer")
        rest = self.list_volumes(starting_token=first.next_token)
        seen += [entry.volume.volume_id for entry in rest.entries]
        self.assertEqual(len(set(seen)), len(seen))
        self.assertLessEqual(set(self.volumes), set(seen))
        self.delete(new.volume_id)
        del self.volumes[gone]
        again = self.create("another")
        self.volumes[again.volume_id] = again

    def test_one_volume_is_as_it_was_created(self):
        for volume in self.volumes.values():
            answer = self.get(volume.volume_id)
            self.assertEqual(answer.volume, volume)
            self.assertTrue(answer.HasField("status"))

    def test_its_codes(self):
        for volume, code in (("", CODES.INVALID_ARGUMENT),
                             ("nobody", CODES.NOT_FOUND)):
            self.assert_code(code, self.controller.ControllerGetVolume,
                             self.pb.ControllerGetVolumeRequest(
                                 volume_id=volume))
