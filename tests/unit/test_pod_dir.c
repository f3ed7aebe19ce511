/* SPDX-License-Identifier: Apache-2.0 */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "json_field.h"
#include "pod_dir.h"

static char state[64];

static void make_state(void)
{
	(void)snprintf(state, sizeof(state), "/tmp/test_pod_dir.XXXXXX");
	cr_assert_not_null(mkdtemp(state));
}

static void remove_state(void)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", state);
	cr_assert_eq(system(command), 0); // NOLINT(cert-env33-c)
}

TestSuite(pod_dir, .init = make_state, .fini = remove_state);

static struct pod_dir dir_of(const char *node, const char *uid)
{
	return (struct pod_dir){ .state_dir = state, .node = node, .uid = uid };
}

static void add(const struct pod_dir *dir, const char *pv)
{
	_cleanup_(pod_dir_volume_fini) struct pod_dir_volume volume = { 0 };
	struct err err = ERR_INIT;

	cr_assert_eq(pod_dir_add(dir, pv, "nfs.csi.k8s.io", "handle/../#1",
				 &volume, &err),
		     0, "%s", err_text(&err));
}

Test(pod_dir, paths_are_the_kubelets_and_exist_around_the_mounts)
{
	_cleanup_(pod_dir_volume_fini) struct pod_dir_volume volume = { 0 };
	struct pod_dir dir = dir_of("node-a", "u1");
	char expected[256];
	struct stat st;

	cr_assert_eq(
		pod_dir_add(&dir, "pv1", "nfs.csi.k8s.io", "h", &volume, NULL),
		0);
	(void)snprintf(
		expected, sizeof(expected),
		"%s/nodes/node-a/pods/u1/volumes/kubernetes.io~csi/pv1/mount",
		state);
	cr_assert_str_eq(volume.target, expected);
	cr_assert_lt(stat(expected, &st), 0, "the daemon makes the target");
	*strrchr(expected, '/') = '\0';
	cr_assert_eq(stat(expected, &st), 0);
	(void)snprintf(
		expected, sizeof(expected),
		"%s/nodes/node-a/plugins/kubernetes.io/csi/nfs.csi.k8s.io/pv1/globalmount",
		state);
	cr_assert_str_eq(volume.staging, expected);
	cr_assert_eq(stat(expected, &st), 0);
}

Test(pod_dir, what_was_added_is_listed_by_whoever_comes_later)
{
	_cleanup_(pod_dir_list_fini) struct pod_dir_list list = { 0 };
	struct pod_dir dir = dir_of("node-a", "u1");

	cr_assert_eq(pod_dir_list(&dir, &list, NULL), 0);
	cr_assert_eq(list.n, 0, "a pod that has nothing");
	add(&dir, "pv1");
	add(&dir, "pv1");
	cr_assert_eq(pod_dir_list(&dir, &list, NULL), 0);
	cr_assert_eq(list.n, 1);
	cr_assert_str_eq(list.items[0].pv, "pv1");
	cr_assert_str_eq(list.items[0].driver, "nfs.csi.k8s.io");
	cr_assert_str_eq(list.items[0].handle, "handle/../#1");
}

Test(pod_dir, other_users_of_a_volume_are_found_on_the_same_node)
{
	struct pod_dir one = dir_of("node-a", "u1");
	struct pod_dir two = dir_of("node-a", "u2");
	struct pod_dir elsewhere = dir_of("node-b", "u3");

	add(&one, "pv1");
	cr_assert_eq(pod_dir_find_user(&one, "pv1", NULL), 0, "oneself");
	cr_assert_eq(pod_dir_find_user(&two, "pv2", NULL), 0);
	cr_assert_eq(pod_dir_find_user(&elsewhere, "pv1", NULL), 0);
	cr_assert_eq(pod_dir_find_user(&two, "pv1", NULL), 1);
}

Test(pod_dir, the_pods_of_a_node_are_known_by_their_uids)
{
	struct pod_dir one = dir_of("node-a", "u1");
	struct pod_dir two = dir_of("node-b", "u2");
	char **uids = NULL;
	size_t n = 1;

	cr_assert_eq(pod_dir_uids(state, "node-a", &uids, &n, NULL), 0);
	cr_assert_eq(n, 0, "a node that has nothing");
	json_strings_free(uids, n);
	add(&one, "pv1");
	add(&one, "pv2");
	add(&two, "pv1");
	cr_assert_eq(pod_dir_uids(state, "node-a", &uids, &n, NULL), 0);
	cr_assert_eq(n, 1);
	cr_assert_str_eq(uids[0], "u1");
	json_strings_free(uids, n);
}

Test(pod_dir, removal_is_complete_and_may_be_repeated)
{
	struct pod_dir dir = dir_of("node-a", "u1");

	add(&dir, "pv1");
	cr_assert(pod_dir_exists(&dir));
	for (int i = 0; i < 2; i++) {
		_cleanup_(pod_dir_list_fini) struct pod_dir_list list = { 0 };

		cr_assert_eq(pod_dir_list(&dir, &list, NULL), 0);
		for (size_t n = 0; n < list.n; n++)
			cr_assert_eq(pod_dir_remove(&dir, &list.items[n], NULL),
				     0);
		cr_assert_eq(pod_dir_remove_pod(&dir, NULL), 0);
	}
	cr_assert_not(pod_dir_exists(&dir));
}

Test(pod_dir, a_half_written_file_is_no_hindrance)
{
	_cleanup_(pod_dir_volume_fini) struct pod_dir_volume volume = { 0 };
	struct pod_dir dir = dir_of("node-a", "u1");
	char file[512];

	cr_assert_eq(pod_dir_add(&dir, "pv1", "d", "h", &volume, NULL), 0);
	(void)snprintf(file, sizeof(file), "%s", volume.target);
	(void)snprintf(strrchr(file, '/'), 32, "/vol_data.json.tmp");
	(void)fd_close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	cr_assert_eq(pod_dir_remove(&dir, &volume, NULL), 0);
	cr_assert_eq(pod_dir_remove_pod(&dir, NULL), 0);
}

Test(pod_dir, a_mount_that_is_still_there_is_not_removed)
{
	_cleanup_(pod_dir_volume_fini) struct pod_dir_volume volume = { 0 };
	struct pod_dir dir = dir_of("node-a", "u1");
	char file[512];

	cr_assert_eq(pod_dir_add(&dir, "pv1", "d", "h", &volume, NULL), 0);
	cr_assert_eq(mkdir(volume.target, 0700), 0);
	(void)snprintf(file, sizeof(file), "%s/data", volume.target);
	cr_assert_eq(mkdir(file, 0700), 0);
	cr_assert_eq(pod_dir_remove(&dir, &volume, NULL), -ENOTEMPTY);
	cr_assert(pod_dir_exists(&dir));
}
