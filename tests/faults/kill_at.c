/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Kills the program that it is loaded into (LD_PRELOAD) at a step that is chosen from
 * outside. A step is what others can see of it and what is still there when it has
 * died: a write to the database, a commit, a change on the share, a name in a local
 * folder. The program is killed before the step is taken; what it looks like after a
 * step is what it looks like before the next one.
 *
 * strace can kill at a system call, too, but it counts for each thread apart, and it
 * does not know a LOOKUP from a RENAME. This counts all threads together.
 *
 * $KILL_AT names a file that is shared with whoever chooses, struct control below;
 * $KILL_AT.steps gets a line per step that was counted. While left is 0 nothing is
 * counted.
 */

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

enum mode {
	MODE_KILL = 0,	 /* at changes that others can see */
	MODE_WRITES = 1, /* at each single write to the database */
	MODE_FULL = 2,	 /* as before, but the disk is full from there on */
};

struct control {
	_Atomic int32_t left; /* the step at which it happens; 1 = the next */
	_Atomic int32_t mode;
	_Atomic int32_t is_full; /* set here, cleared outside */
};

static struct control *control;
static int steps_fd = -1;
static atomic_bool is_committing;

__attribute__((constructor)) static void init(void)
{
	const char *path = getenv("KILL_AT");
	char steps[4096];
	void *map;
	int fd;

	if (!path)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	map = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED,
		   fd, 0);
	(void)snprintf(steps, sizeof(steps), "%s.steps", path);
	steps_fd = open(steps, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (map == MAP_FAILED || steps_fd < 0) {
		perror(path);
		abort();
	}
	control = map;
}

/* True for the one thread that takes the last step. */
static bool is_last(const char *what)
{
	char line[64];
	int len;

	if (atomic_load(&control->left) <= 0)
		return false;
	len = snprintf(line, sizeof(line), "%s\n", what);
	if (write(steps_fd, line, (size_t)len) != len)
		abort();
	return atomic_fetch_sub(&control->left, 1) == 1;
}

static void step(enum mode mode, const char *what)
{
	if (!control || atomic_load(&control->mode) != (int)mode ||
	    !is_last(what))
		return;
	(void)kill(getpid(), SIGKILL);
	for (;;)
		(void)pause();
}

static bool has_room(void)
{
	if (!control || atomic_load(&control->mode) != MODE_FULL)
		return true;
	if (is_last("write"))
		atomic_store(&control->is_full, 1);
	return !atomic_load(&control->is_full);
}

/* The function that this one hides. */
#define NEXT(name) ((typeof(&(name)))dlsym(RTLD_NEXT, #name))

/* --- the database ------------------------------------------------------------- */

EXPORTED ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	if (!atomic_exchange(&is_committing, true))
		step(MODE_KILL, "commit");
	step(MODE_WRITES, "write");
	if (!has_room()) {
		errno = ENOSPC;
		return -1;
	}
	return NEXT(pwrite64)(fd, data, len, at);
}

/* It is all written, and nobody was told. */
EXPORTED int fdatasync(int fd)
{
	atomic_store(&is_committing, false);
	step(MODE_KILL, "committed");
	step(MODE_WRITES, "sync");
	return NEXT(fdatasync)(fd);
}

EXPORTED int ftruncate64(int fd, off64_t size)
{
	step(MODE_WRITES, "truncate");
	return NEXT(ftruncate64)(fd, size);
}

/* --- the share ---------------------------------------------------------------- */

/* RFC 1813, 3.3; NULL where a procedure changes nothing. */
static const char *const changes[] = {
	[2] = "SETATTR",  [7] = "WRITE",  [8] = "CREATE",  [9] = "MKDIR",
	[10] = "SYMLINK", [11] = "MKNOD", [12] = "REMOVE", [13] = "RMDIR",
	[14] = "RENAME",  [15] = "LINK",
};

/* A call begins with mark, xid, 0, 2, program, version, procedure (RFC 5531, 9). */
static void step_of_call(const void *data, size_t len)
{
	uint32_t head[7];

	if (len < sizeof(head))
		return;
	memcpy(head, data, sizeof(head));
	for (size_t i = 0; i < sizeof(head) / sizeof(*head); i++)
		head[i] = ntohl(head[i]);
	if (head[2] == 0 && head[3] == 2 && head[4] == 100003 &&
	    head[6] < sizeof(changes) / sizeof(*changes) && changes[head[6]])
		step(MODE_KILL, changes[head[6]]);
}

/* libnfs 4 sends, libnfs 5 writes vectors. */
EXPORTED ssize_t send(int fd, const void *data, size_t len, int flags)
{
	step_of_call(data, len);
	return NEXT(send)(fd, data, len, flags);
}

EXPORTED ssize_t writev(int fd, const struct iovec *parts, int n)
{
	char head[28];
	size_t len = 0;

	for (int i = 0; i < n && len < sizeof(head); i++) {
		size_t some = sizeof(head) - len;

		if (some > parts[i].iov_len)
			some = parts[i].iov_len;
		memcpy(head + len, parts[i].iov_base, some);
		len += some;
	}
	step_of_call(head, len);
	return NEXT(writev)(fd, parts, n);
}

/* --- folders of pods ---------------------------------------------------------- */

/* Most are there already. */
EXPORTED int mkdir(const char *path, mode_t mode)
{
	if (access(path, F_OK) != 0)
		step(MODE_KILL, "mkdir");
	return NEXT(mkdir)(path, mode);
}

EXPORTED int rmdir(const char *path)
{
	step(MODE_KILL, "rmdir");
	return NEXT(rmdir)(path);
}

EXPORTED int rename(const char *from, const char *to)
{
	step(MODE_KILL, "rename");
	return NEXT(rename)(from, to);
}

EXPORTED int unlink(const char *path)
{
	step(MODE_KILL, "unlink");
	return NEXT(unlink)(path);
}
