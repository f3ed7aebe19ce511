/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Mounts, made and removed without ever looking at what is mounted. A stat(2) of
 * a FUSE mount asks its daemon, which may be dead, or waiting for a dead server;
 * so a mount is recognised by /proc/self/mountinfo, and paths are resolved up to
 * the mount point's parent only.
 *
 * 1. A bind mount is made detached (open_tree), restricted (mount_setattr) and
 *    only then moved to its place: nobody ever sees it writable or with setuid
 *    programs, and a failure leaves nothing to undo.
 * 2. The last unmount of a FUSE file system writes its dirty pages back, inside
 *    umount2(2), and so waits for the server. It therefore runs in a thread, and
 *    if that is not done in UNMOUNT_PATIENCE_S the connection is aborted, which
 *    fails every request and lets it finish.
 *
 * Needs Linux 5.12 (mount_setattr). Any control thread may call.
 */

#include "mount.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "parse.h"

#define UNMOUNT_PATIENCE_S 2
/* Mounts on top of each other at one place; more is somebody's loop. */
#define UNMOUNT_STACK_MAX 64

void mount_entry_fini(struct mount_entry *entry)
{
	free(entry->target);
	free(entry->fstype);
	free(entry->source);
	free(entry->options);
	*entry = (struct mount_entry){ 0 };
}

/* mountinfo writes blank, tab, newline and backslash as \ooo. */
static void unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] &&
		    in[3]) {
			*out++ = (char)((in[1] - '0') << 6 |
					(in[2] - '0') << 3 | (in[3] - '0'));
			in += 3;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
}

/*
 * One line, cut up in place:
 * "36 35 98:0 /root /target rw,noatime master:1 - fuse.claimfs source rw"
 * with any number of fields in front of the "-" (proc_pid_mountinfo(5)).
 */
struct mountinfo_line {
	char *device;
	char *target;
	char *options;
	char *fstype;
	char *source;
};

static bool mountinfo_split(char *line, struct mountinfo_line *ret)
{
	char *word;

	line[strcspn(line, "\n")] = '\0';
	for (int i = 0; (word = strsep(&line, " ")); i++) {
		if (i == 2)
			ret->device = word;
		else if (i == 4)
			ret->target = word;
		else if (i == 5)
			ret->options = word;
		else if (i > 5 && strcmp(word, "-") == 0)
			break;
	}
	ret->fstype = strsep(&line, " ");
	ret->source = strsep(&line, " ");
	if (!ret->fstype || !ret->source)
		return false;
	unescape(ret->target);
	unescape(ret->source);
	return true;
}

static int mountinfo_decode(const struct mountinfo_line *line,
			    struct mount_entry *ret)
{
	_cleanup_(mount_entry_fini) struct mount_entry entry = { 0 };
	char *minor = line->device;
	const char *major = strsep(&minor, ":");

	if (!minor || parse_u32(major, 0, UINT32_MAX, &entry.major) < 0 ||
	    parse_u32(minor, 0, UINT32_MAX, &entry.minor) < 0)
		return -EBADMSG;
	entry.target = strdup(line->target);
	entry.fstype = strdup(line->fstype);
	entry.source = strdup(line->source);
	entry.options = strdup(line->options);
	if (!entry.target || !entry.fstype || !entry.source || !entry.options)
		return -ENOMEM;
	mount_entry_fini(ret);
	*ret = entry;
	entry = (struct mount_entry){ 0 };
	return 0;
}

/*
 * The path as mountinfo spells it: symbolic links of the parent resolved, the
 * last component left alone (invariant of this file).
 */
static int path_canonical(const char *path, char **ret)
{
	_cleanup_(free) char *copy = strdup(path);
	_cleanup_(free) char *parent = NULL;
	char *slash;
	size_t len;

	if (!copy)
		return -ENOMEM;
	for (len = strlen(copy); len > 1 && copy[len - 1] == '/'; len--)
		copy[len - 1] = '\0';
	slash = strrchr(copy, '/');
	if (!slash || !slash[1]) {
		*ret = TAKE_PTR(copy);
		return 0;
	}
	*slash = '\0';
	parent = realpath(*copy ? copy : "/", NULL);
	if (!parent)
		return -errno;
	if (asprintf(ret, "%s/%s", parent[1] ? parent : "", slash + 1) < 0)
		return -ENOMEM;
	return 0;
}

/* Returns other than 0 to stop. */
typedef int (*mountinfo_fn)(const struct mountinfo_line *line, void *userdata);

static int mountinfo_each(const char *path, mountinfo_fn fn, void *userdata)
{
	_cleanup_(fclose) FILE *file = fopen(path, "re");
	_cleanup_(free) char *text = NULL;
	size_t size = 0;

	if (!file)
		return -errno;
	while (getline(&text, &size, file) > 0) {
		struct mountinfo_line line = { 0 };
		int r = mountinfo_split(text, &line) ? fn(&line, userdata) : 0;

		if (r != 0)
			return r;
	}
	return 0;
}

struct mount_search {
	const char *target;
	struct mount_entry found;
};

/* A later line lies on top of an earlier one. */
static int keep_if_found(const struct mountinfo_line *line, void *userdata)
{
	struct mount_search *search = userdata;

	if (strcmp(line->target, search->target) != 0)
		return 0;
	return mountinfo_decode(line, &search->found);
}

int mount_find(const char *target, struct mount_entry *ret)
{
	_cleanup_(free) char *canonical = NULL;
	struct mount_search search = { 0 };
	int r;

	r = path_canonical(target, &canonical);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return r;
	search.target = canonical;
	r = mountinfo_each("/proc/self/mountinfo", keep_if_found, &search);
	if (r < 0) {
		mount_entry_fini(&search.found);
		return r;
	}
	if (!search.found.target)
		return 0;
	*ret = search.found;
	return 1;
}

struct mount_census {
	const char *device;
	const char *except;
	unsigned int n_read_only;
	unsigned int n_writable;
};

static int count_mode(const struct mountinfo_line *line, void *userdata)
{
	struct mount_census *census = userdata;

	if (strcmp(line->device, census->device) != 0 ||
	    strcmp(line->target, census->except) == 0)
		return 0;
	if (strncmp(line->options, "ro", 2) == 0)
		census->n_read_only++;
	else
		census->n_writable++;
	return 0;
}

bool mount_is_read_only_for(pid_t pid, uint32_t minor, const char *except)
{
	struct mount_census census = { .except = except };
	char device[16];
	char path[32];

	(void)snprintf(device, sizeof(device), "0:%u", minor);
	(void)snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
	census.device = device;
	(void)mountinfo_each(path, count_mode, &census);
	return census.n_read_only > 0 && census.n_writable == 0;
}

int mount_fuse(int fuse_fd, const char *source, const char *target,
	       enum mount_flags flags, struct err *err)
{
	unsigned long all = MS_NOSUID | MS_NODEV;
	char options[128];

	if (flags & MOUNT_RO)
		all |= MS_RDONLY;

	/*
	 * rootmode is the type only; the mode comes with the first GETATTR. No
	 * max_read: libfuse's idea of it would have to be the same.
	 */
	(void)snprintf(options, sizeof(options),
		       "fd=%d,rootmode=40000,user_id=0,group_id=0,"
		       "allow_other%s",
		       fuse_fd,
		       flags & MOUNT_UNCHECKED ? "" : ",default_permissions");
	if (mount(source, target, MOUNT_FSTYPE, all, options) < 0)
		return err_set_errno(err, -errno, "mount \"%s\"", target);
	return 0;
}

int mount_bind(const char *source, const char *target, enum mount_flags flags,
	       struct err *err)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
	};
	_cleanup_(fd_close) int fd = -1;

	if (flags & MOUNT_RO)
		attr.attr_set |= MOUNT_ATTR_RDONLY;
	if (flags & MOUNT_NOATIME) {
		attr.attr_set |= MOUNT_ATTR_NOATIME;
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	}
	if (flags & MOUNT_NODIRATIME)
		attr.attr_set |= MOUNT_ATTR_NODIRATIME;
	fd = open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, -errno, "bind \"%s\"", source);
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return err_set_errno(err, -errno, "restrict the bind of \"%s\"",
				     source);
	if (move_mount(fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set_errno(err, -errno, "bind \"%s\" at \"%s\"",
				     source, target);
	return 0;
}

void mount_look_up(const char *path)
{
	struct stat st;
	/* No memory is copied, and the child does nothing but system calls. */
	pid_t child = vfork(); /* NOLINT(clang-analyzer-security.*) */

	if (child == 0) {
		/* Copies of /dev/fuse would keep the mount alive after us. */
		(void)close_range(0, UINT_MAX, 0);
		(void)stat(path, &st);
		_exit(0);
	}
	if (child > 0)
		(void)waitpid(child, NULL, 0);
}

/* A fusectl of our own, attached nowhere: hosts and containers often have none. */
static int fusectl_open(void)
{
	_cleanup_(fd_close) int context_fd = fsopen("fusectl", FSOPEN_CLOEXEC);
	int fd;

	if (context_fd < 0)
		return -errno;
	if (fsconfig(context_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(context_fd, FSMOUNT_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

static int connection_tell(uint32_t minor, const char *file, const char *value)
{
	_cleanup_(fd_close) int control_fd = fusectl_open();
	_cleanup_(fd_close) int fd = -1;
	char path[48];

	if (control_fd < 0)
		return control_fd;
	(void)snprintf(path, sizeof(path), "%u/%s", minor, file);
	fd = openat(control_fd, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

/* Fails every request of the connection, for ever. Gone already is fine. */
static int connection_abort(uint32_t minor)
{
	int r = connection_tell(minor, "abort", "1");

	return r == -ENOENT ? 0 : r;
}

int mount_set_background(uint32_t dev_minor, unsigned int n)
{
	char value[16];

	(void)snprintf(value, sizeof(value), "%u", n);
	return connection_tell(dev_minor, "max_background", value);
}

/* What tasks wrote through mappings and nobody has asked the server to keep. */
static void write_back(const char *target)
{
	_cleanup_(fd_close) int fd =
		open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)syncfs(fd);
}

struct unmount {
	const char *target;
	uint32_t abort_minor;
	int result; /* 0 or -errno */
};

static int unmount_plainly(const char *target)
{
	return umount2(target, UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
}

static int unmount_lazily(const char *target)
{
	return umount2(target, UMOUNT_NOFOLLOW | MNT_DETACH) < 0 ? -errno : 0;
}

static void *unmount_and_abort(void *userdata)
{
	struct unmount *unmount = userdata;

	/* A lazily unmounted bind may live on, then umount2(2) writes nothing. */
	write_back(unmount->target);
	unmount->result = unmount_plainly(unmount->target);
	if (unmount->result != -EBUSY)
		return NULL;
	(void)connection_abort(unmount->abort_minor);
	unmount->result = unmount_lazily(unmount->target);
	return NULL;
}

/* As above, in bounded time (invariant 2). */
static int unmount_abortable(const char *target, uint32_t abort_minor)
{
	struct unmount unmount = { .target = target,
				   .abort_minor = abort_minor };
	struct timespec deadline;
	pthread_t thread;
	int r;

	r = pthread_create(&thread, NULL, unmount_and_abort, &unmount);
	if (r > 0)
		return -r;
	(void)clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += UNMOUNT_PATIENCE_S;
	if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &deadline) ==
	    ETIMEDOUT) {
		(void)connection_abort(abort_minor);
		(void)pthread_join(thread, NULL);
	}
	return unmount.result;
}

static int unmount_topmost(const char *target, uint32_t abort_minor)
{
	int r;

	if (abort_minor != 0)
		return unmount_abortable(target, abort_minor);
	r = unmount_plainly(target);
	return r == -EBUSY ? unmount_lazily(target) : r;
}

int mount_remove(const char *target, uint32_t abort_minor, struct err *err)
{
	for (int i = 0; i < UNMOUNT_STACK_MAX; i++) {
		_cleanup_(mount_entry_fini) struct mount_entry entry = { 0 };
		int r;

		r = mount_find(target, &entry);
		if (r == 0)
			return 0;
		if (r < 0)
			return err_set_errno(err, r, "look for \"%s\"", target);
		r = unmount_topmost(entry.target, abort_minor);
		/* EINVAL, ENOENT: somebody else was faster. */
		if (r < 0 && r != -EINVAL && r != -ENOENT)
			return err_set_errno(err, r, "unmount \"%s\"", target);
	}
	return err_set(err, -EBUSY, "unmount \"%s\": it is mounted too often",
		       target);
}
