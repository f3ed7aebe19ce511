/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The verbs with real mounts and a fake below them: a volume here is a FUSE mount
 * whose daemon is dead, which shows as well that nothing depends on it. Each test
 * has a mount namespace of its own. Needs root; skipped otherwise.
 */

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "freeze.h"
#include "log.h"
#include "meta.h"
#include "mount.h"
#include "node.h"

struct volume {
	struct volume_spec spec;
	char *mountpoint;
	uint32_t minor;
};

static int start_code; /* what volume_start() returns */
static bool is_held;   /* volume_start() waits for `release` */
static sem_t entered;
static sem_t release;
static int n_running;
static int freeze_code; /* what volume_freeze() returns */
static int n_ended;
static enum nfs_health health;
static unsigned int asked_timeout_ms;

int volume_start(struct volume **ret, struct shards *shards, struct meta *meta,
		 const struct volume_spec *spec, struct err *err)
{
	_cleanup_(mount_entry_fini) struct mount_entry entry = { 0 };
	struct volume *volume;
	int fd;

	if (is_held) {
		sem_post(&entered);
		sem_wait(&release);
	}
	if (start_code < 0)
		return err_set(err, start_code, "the server says no");
	volume = calloc(1, sizeof(*volume));
	cr_assert_not_null(volume);
	volume->mountpoint = strdup(spec->mountpoint);
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	cr_assert_eq(mount_fuse(fd, "fake", spec->mountpoint, 0, err), 0);
	/* Dead at once: the name `.meta` is looked for without waiting. */
	fd = fd_close(fd);
	cr_assert_eq(mount_find(spec->mountpoint, &entry), 1);
	volume->minor = entry.minor;
	n_running++;
	*ret = volume;
	return 0;
}

struct volume *volume_stop(struct volume *volume)
{
	if (!volume)
		return NULL;
	cr_assert_eq(mount_remove(volume->mountpoint, volume->minor, NULL), 0);
	free(volume->mountpoint);
	free(volume);
	n_running--;
	return NULL;
}

uint32_t volume_get_dev_minor(const struct volume *volume)
{
	return volume->minor;
}

const struct volume_spec *volume_get_spec(const struct volume *volume)
{
	return &volume->spec;
}

uint64_t volume_get_capacity(const struct volume *volume)
{
	return volume->spec.capacity;
}

void volume_set_capacity(struct volume *volume, uint64_t capacity)
{
	volume->spec.capacity = capacity;
}

void volume_get_usage(struct volume *volume, unsigned int timeout_ms,
		      struct volume_usage *ret)
{
	asked_timeout_ms = timeout_ms;
	*ret = (struct volume_usage){ .total_bytes = 42, .is_known = true };
}

void volume_get_health(struct volume *volume, struct volume_health *ret)
{
	*ret = (struct volume_health){ .health = health, .reason = "" };
}

void volume_set_mount_group(struct volume *volume, uint64_t group)
{
}

struct trace *volume_get_trace(struct volume *volume)
{
	return NULL;
}

struct volume *volume_hand_over(struct volume *volume)
{
	return volume_stop(volume);
}

void volume_get_state(const struct volume *volume, struct volume_state *ret)
{
	*ret = (struct volume_state){ .dev_minor = volume->minor };
}

int volume_resume(struct volume **ret, struct shards *shards,
		  const struct volume_spec *spec,
		  const struct volume_state *state,
		  struct inode_table *take_table, struct err *err)
{
	return err_set(err, -ENODEV, "the mount is gone");
}

void volume_drop_caches(struct volume *volume)
{
}

int volume_freeze(struct volume *volume, const char *token, uint32_t seconds,
		  struct err *err)
{
	return freeze_code;
}

bool volume_thaw(struct volume *volume, const char *token)
{
	return true;
}

void volume_end_freezing(struct volume *volume)
{
	n_ended++;
}

int meta_new(struct meta **ret, struct node *node, struct shards *shards,
	     const char *state_dir, struct err *err)
{
	*ret = NULL;
	return 0;
}

struct meta *meta_free(struct meta *meta)
{
	return NULL;
}

static char dir[] = "/tmp/claimfs-node-XXXXXX";
static struct node *node;
static char stage_path[64];
static char targets[3][64];

static struct label items[] = { { (char *)"server", (char *)"s" },
				{ (char *)"share", (char *)"/x" },
				{ (char *)"csi.storage.k8s.io/pv/name",
				  (char *)"pv-1" } };
static struct label other_items[] = { { (char *)"server", (char *)"t" },
				      { (char *)"share", (char *)"/x" } };
static const struct labels context = { items, ARRAY_SIZE(items) };
static const struct labels other_context = { other_items,
					     ARRAY_SIZE(other_items) };

static void enter(void)
{
	const struct node_options options = { .name = "n",
					      .driver = "d",
					      .state_dir = dir };

	if (geteuid() != 0)
		cr_skip_test("mounting needs root");
	log_set_level(LOG_WARN);
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	(void)snprintf(stage_path, sizeof(stage_path), "%s/stage", dir);
	for (int i = 0; i < 3; i++)
		(void)snprintf(targets[i], sizeof(targets[i]), "%s/t%d", dir,
			       i);
	sem_init(&entered, 0, 0);
	sem_init(&release, 0, 0);
	cr_assert_eq(node_new(&node, &options, NULL), 0);
}

static void leave(void)
{
	if (geteuid() != 0)
		return;
	node = node_free(node);
	cr_assert_eq(n_running, 0);
	for (int i = 0; i < 3; i++)
		(void)rmdir(targets[i]);
	(void)rmdir(stage_path);
	(void)rmdir(dir);
}

TestSuite(node, .init = enter, .fini = leave);

static enum rpc_status stage(const char *id, const char *path,
			     enum node_access_mode mode,
			     const struct labels *labels)
{
	const struct node_stage_args args = {
		.volume_id = id,
		.staging_path = path,
		.capability = { .access_mode = mode },
		.context = labels,
	};

	return node_stage(node, &args, NULL);
}

static enum rpc_status stage_rwx(const char *id)
{
	return stage(id, stage_path, NODE_MULTI_NODE_MULTI_WRITER, &context);
}

static enum rpc_status publish(const char *id, int target,
			       enum node_access_mode mode, bool is_read_only)
{
	const struct node_publish_args args = {
		.volume_id = id,
		.staging_path = stage_path,
		.target_path = targets[target],
		.capability = { .access_mode = mode },
		.is_read_only = is_read_only,
		.context = &context,
	};

	return node_publish(node, &args, NULL);
}

static enum rpc_status publish_rwx(const char *id, int target)
{
	return publish(id, target, NODE_MULTI_NODE_MULTI_WRITER, false);
}

static bool is_mounted(const char *path, const char *option)
{
	_cleanup_(mount_entry_fini) struct mount_entry entry = { 0 };

	return mount_find(path, &entry) == 1 &&
	       strncmp(entry.options, option, strlen(option)) == 0;
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

Test(node, staging_twice_is_once)
{
	cr_assert_eq(stage_rwx("v"), RPC_OK);
	cr_assert_eq(stage_rwx("v"), RPC_OK);
	cr_assert_eq(n_running, 1);
}

Test(node, staging_with_other_arguments_already_exists)
{
	cr_assert_eq(stage_rwx("v"), RPC_OK);
	cr_assert_eq(
		stage("v", targets[0], NODE_MULTI_NODE_MULTI_WRITER, &context),
		RPC_ALREADY_EXISTS, "another path");
	cr_assert_eq(
		stage("v", stage_path, NODE_MULTI_NODE_READER_ONLY, &context),
		RPC_ALREADY_EXISTS, "another mode");
	cr_assert_eq(stage("v", stage_path, NODE_MULTI_NODE_MULTI_WRITER,
			   &other_context),
		     RPC_ALREADY_EXISTS, "another context");
	cr_assert_eq(
		stage("w", stage_path, NODE_MULTI_NODE_MULTI_WRITER, &context),
		RPC_ALREADY_EXISTS, "another volume's path");
}

Test(node, a_failed_start_leaves_nothing)
{
	start_code = -ENOENT;
	cr_assert_eq(stage_rwx("v"), RPC_NOT_FOUND);
	start_code = -ETIMEDOUT;
	cr_assert_eq(stage_rwx("v"), RPC_UNAVAILABLE);
	start_code = 0;
	cr_assert_eq(stage_rwx("v"), RPC_OK);
}

Test(node, unstaging_twice_is_fine_but_not_under_a_pod)
{
	cr_assert_eq(stage_rwx("v"), RPC_OK);
	cr_assert_eq(publish_rwx("v", 0), RPC_OK);
	cr_assert_eq(node_unstage(node, "v", stage_path, NULL),
		     RPC_FAILED_PRECONDITION);
	cr_assert_eq(node_unpublish(node, "v", targets[0], NULL), RPC_OK);
	cr_assert_eq(node_unstage(node, "v", stage_path, NULL), RPC_OK);
	cr_assert_eq(node_unstage(node, "v", stage_path, NULL), RPC_OK);
	cr_assert_eq(n_running, 0);
}

Test(node, a_volume_is_frozen_where_it_is_staged)
{
	const char long_token[FREEZE_TOKEN_MAX + 2] = { [0 ... 128] = 'x' };
	bool was_frozen = false;

	cr_assert_eq(node_freeze(node, "v", "t", 60, NULL), RPC_NOT_FOUND);
	cr_assert_eq(node_thaw(node, "v", "t", &was_frozen, NULL),
		     RPC_NOT_FOUND);
	cr_assert_eq(stage_rwx("v"), RPC_OK);
	cr_assert_eq(node_freeze(node, "v", "t", 0, NULL),
		     RPC_INVALID_ARGUMENT);
	cr_assert_eq(node_freeze(node, "v", "t", FREEZE_MAX_S + 1, NULL),
		     RPC_INVALID_ARGUMENT);
	cr_assert_eq(node_freeze(node, "v", "", 60, NULL),
		     RPC_INVALID_ARGUMENT);
	cr_assert_eq(node_freeze(node, "v", long_token, 60, NULL),
		     RPC_INVALID_ARGUMENT);
	cr_assert_eq(node_freeze(node, "v", "t", 60, NULL), RPC_OK);
	cr_assert_eq(node_thaw(node, "v", "t", &was_frozen, NULL), RPC_OK);
	cr_assert(was_frozen);
}

Test(node, why_a_volume_is_not_frozen_is_told)
{
	cr_assert_eq(stage_rwx("v"), RPC_OK);
	freeze_code = -EBUSY;
	cr_assert_eq(node_freeze(node, "v", "t", 60, NULL), RPC_ABORTED);
	freeze_code = -ETIMEDOUT;
	cr_assert_eq(node_freeze(node, "v", "t", 60, NULL), RPC_UNAVAILABLE);
}

Test(node, who_unstages_a_volume_ends_its_freezing)
{
	cr_assert_eq(stage_rwx("v"), RPC_OK);
	cr_assert_eq(node_unstage(node, "v", stage_path, NULL), RPC_OK);
	cr_assert_eq(n_ended, 1);
	cr_assert_eq(stage_rwx("v"), RPC_OK);
	node_end_freezing(node);
	cr_assert_eq(n_ended, 2);
}

Test(node, publishing_needs_the_staged_volume)
{
	cr_assert_eq(publish_rwx("v", 0), RPC_FAILED_PRECONDITION);
	cr_assert_eq(stage_rwx("v"), RPC_OK);
	cr_assert_eq(publish("v", 0, NODE_SINGLE_NODE_WRITER, false),
		     RPC_FAILED_PRECONDITION, "another mode than staged");
	cr_assert_eq(publish_rwx("v", 0), RPC_OK);
	cr_assert(is_mounted(targets[0], "rw,nosuid,nodev"));
}

Test(node, a_second_publication_follows_the_specification_s_table)
{
	static const struct {
		enum node_access_mode mode;
		enum rpc_status second_target;
	} cases[] = {
		{ NODE_SINGLE_NODE_SINGLE_WRITER, RPC_FAILED_PRECONDITION },
		{ NODE_SINGLE_NODE_WRITER, RPC_FAILED_PRECONDITION },
		{ NODE_SINGLE_NODE_READER_ONLY, RPC_FAILED_PRECONDITION },
		{ NODE_SINGLE_NODE_MULTI_WRITER, RPC_OK },
		{ NODE_MULTI_NODE_READER_ONLY, RPC_OK },
		{ NODE_MULTI_NODE_SINGLE_WRITER, RPC_OK },
		{ NODE_MULTI_NODE_MULTI_WRITER, RPC_OK },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum node_access_mode mode = cases[i].mode;

		cr_assert_eq(stage("v", stage_path, mode, &context), RPC_OK);
		cr_assert_eq(publish("v", 0, mode, false), RPC_OK);
		cr_assert_eq(publish("v", 0, mode, false), RPC_OK);
		cr_assert_eq(publish("v", 0, mode, true), RPC_ALREADY_EXISTS);
		cr_assert_eq(publish("v", 0, cases[(i + 1) % 7].mode, false),
			     RPC_ALREADY_EXISTS);
		cr_assert_eq(publish("v", 1, mode, false),
			     cases[i].second_target, "mode %d", (int)mode);
		cr_assert_eq(publish("v", 2, mode, true),
			     cases[i].second_target, "mode %d", (int)mode);
		for (int t = 0; t < 3; t++)
			cr_assert_eq(
				node_unpublish(node, "v", targets[t], NULL),
				RPC_OK);
		cr_assert_eq(node_unstage(node, "v", stage_path, NULL), RPC_OK);
	}
}

Test(node, readers_are_read_only_whatever_the_pod_asks)
{
	cr_assert_eq(
		stage("v", stage_path, NODE_MULTI_NODE_READER_ONLY, &context),
		RPC_OK);
	cr_assert_eq(publish("v", 0, NODE_MULTI_NODE_READER_ONLY, false),
		     RPC_OK);
	cr_assert(is_mounted(targets[0], "ro,"));
}

Test(node, a_read_only_pod_is_read_only_beside_writers)
{
	cr_assert_eq(stage_rwx("v"), RPC_OK);
	cr_assert_eq(publish_rwx("v", 0), RPC_OK);
	cr_assert_eq(publish("v", 1, NODE_MULTI_NODE_MULTI_WRITER, true),
		     RPC_OK);
	cr_assert(is_mounted(targets[0], "rw,"));
	cr_assert(is_mounted(targets[1], "ro,"));
}

Test(node, unpublishing_removes_the_path_every_time)
{
	cr_assert_eq(stage_rwx("v"), RPC_OK);
	cr_assert_eq(publish_rwx("v", 0), RPC_OK);
	cr_assert_eq(node_unpublish(node, "v", targets[0], NULL), RPC_OK);
	cr_assert(!exists(targets[0]));
	cr_assert_eq(mkdir(targets[0], 0755), 0);
	cr_assert_eq(node_unpublish(node, "v", targets[0], NULL), RPC_OK);
	cr_assert(!exists(targets[0]));
	cr_assert_eq(node_unpublish(node, "never seen", targets[0], NULL),
		     RPC_OK);
}

Test(node, another_volume_s_target_is_left_alone)
{
	cr_assert_eq(stage_rwx("v"), RPC_OK);
	cr_assert_eq(publish_rwx("v", 0), RPC_OK);
	cr_assert_eq(node_unpublish(node, "w", targets[0], NULL),
		     RPC_FAILED_PRECONDITION);
	cr_assert_eq(node_unstage(node, "w", stage_path, NULL),
		     RPC_FAILED_PRECONDITION);
	cr_assert(is_mounted(targets[0], "rw,"));
}

Test(node, a_stranger_s_mount_and_data_are_left_alone)
{
	_cleanup_(free) char *file = NULL;

	cr_assert_eq(mkdir(targets[0], 0755), 0);
	cr_assert_eq(mount("none", targets[0], "tmpfs", 0, NULL), 0);
	cr_assert_eq(node_unpublish(node, "v", targets[0], NULL), RPC_INTERNAL);
	cr_assert(is_mounted(targets[0], "rw"));
	cr_assert_eq(umount(targets[0]), 0);
	cr_assert_neq(asprintf(&file, "%s/precious", targets[0]), -1);
	cr_assert_eq(mkdir(file, 0755), 0);
	cr_assert_eq(node_unpublish(node, "v", targets[0], NULL), RPC_INTERNAL);
	cr_assert(exists(file));
	cr_assert_eq(rmdir(file), 0);
}

Test(node, what_a_former_run_left_is_replaced)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	cr_assert_eq(mkdir(stage_path, 0755), 0);
	cr_assert_eq(mkdir(targets[0], 0755), 0);
	cr_assert_eq(mount_fuse(fd, "dead", stage_path, 0, NULL), 0);
	cr_assert_eq(mount_bind(stage_path, targets[0], 0, NULL), 0);
	(void)fd_close(fd);
	cr_assert_eq(stage_rwx("v"), RPC_OK);
	cr_assert_eq(publish_rwx("v", 0), RPC_OK);
	cr_assert_eq(node_unpublish(node, "v", targets[0], NULL), RPC_OK);
	cr_assert(!exists(targets[0]));
}

Test(node, a_target_that_somebody_unmounted_is_bound_again)
{
	cr_assert_eq(stage_rwx("v"), RPC_OK);
	cr_assert_eq(publish_rwx("v", 0), RPC_OK);
	cr_assert_eq(umount2(targets[0], MNT_DETACH), 0);
	cr_assert_eq(publish_rwx("v", 0), RPC_OK);
	cr_assert(is_mounted(targets[0], "rw,"));
}

Test(node, stats_are_for_the_volume_s_own_paths)
{
	struct node_volume_stats stats;

	cr_assert_eq(node_volume_stats(node, "v", stage_path, &stats, NULL),
		     RPC_NOT_FOUND);
	cr_assert_eq(stage_rwx("v"), RPC_OK);
	cr_assert_eq(publish_rwx("v", 0), RPC_OK);
	cr_assert_eq(node_volume_stats(node, "v", stage_path, &stats, NULL),
		     RPC_OK);
	cr_assert_eq(node_volume_stats(node, "v", targets[0], &stats, NULL),
		     RPC_OK);
	cr_assert_eq(stats.usage.total_bytes, 42);
	cr_assert_eq(node_volume_stats(node, "v", targets[1], &stats, NULL),
		     RPC_NOT_FOUND);
}

Test(node, stats_wait_for_no_server_that_is_known_to_be_away)
{
	struct node_volume_stats stats;

	cr_assert_eq(stage_rwx("v"), RPC_OK);
	cr_assert_eq(node_volume_stats(node, "v", stage_path, &stats, NULL),
		     RPC_OK);
	cr_assert_gt(asked_timeout_ms, 0);
	health = NFS_HEALTH_DEGRADED;
	cr_assert_eq(node_volume_stats(node, "v", stage_path, &stats, NULL),
		     RPC_OK);
	cr_assert_eq(asked_timeout_ms, 0);
	cr_assert_eq(stats.health.health, NFS_HEALTH_DEGRADED);
	cr_assert(stats.usage.is_known, "what was known last");
}

static void *stage_v(void *unused)
{
	return stage_rwx("v") == RPC_OK ? &is_held : NULL;
}

Test(node, a_busy_volume_aborts_and_holds_up_no_other)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	const struct node_stage_args again = {
		.volume_id = "v",
		.staging_path = stage_path,
		.capability = { .access_mode = NODE_MULTI_NODE_MULTI_WRITER },
		.context = &context,
	};
	pthread_t thread;
	void *is_ok;

	is_held = true;
	cr_assert_eq(pthread_create(&thread, NULL, stage_v, NULL), 0);
	sem_wait(&entered);
	is_held = false;
	cr_assert_eq(node_stage(node, &again, &err), RPC_ABORTED);
	cr_assert_not_null(strstr(err_text(&err), "in progress"));
	cr_assert_eq(node_unstage(node, "v", stage_path, NULL), RPC_ABORTED);
	cr_assert_eq(publish_rwx("v", 0), RPC_ABORTED);
	cr_assert_eq(
		stage("w", targets[2], NODE_MULTI_NODE_MULTI_WRITER, &context),
		RPC_OK);
	sem_post(&release);
	cr_assert_eq(pthread_join(thread, &is_ok), 0);
	cr_assert_not_null(is_ok);
	cr_assert_eq(stage_rwx("v"), RPC_OK);
}

static bool count_names(const struct node_volume *volume, void *userdata)
{
	char *names = userdata;

	(void)strcat(strcat(names, volume->name), " ");
	return false;
}

Test(node, volumes_are_visited_by_unique_names)
{
	static const struct labels nameless = { items, 2 };
	char names[64] = "";

	cr_assert_eq(stage_rwx("v"), RPC_OK);
	cr_assert_eq(stage("a/b", targets[0], NODE_MULTI_NODE_MULTI_WRITER,
			   &nameless),
		     RPC_OK);
	cr_assert_eq(
		stage("w", targets[1], NODE_MULTI_NODE_MULTI_WRITER, &context),
		RPC_OK);
	cr_assert(!node_for_each_volume(node, count_names, names));
	cr_assert_str_eq(names, "a_b pv-1 pv-1~2 ");
}
