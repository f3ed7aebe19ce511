/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process of its own calls syncfs(2), for the reason that mount_look_up() has one: on
 * some kernels (6.16 to 6.18) it waits for pages that are being written, uninterruptibly,
 * and we are the ones who write them. A thread of ours that waits like that would keep
 * this process, and its copy of /dev/fuse, from ending. The child has no descriptor of
 * ours and does nothing but system calls: it comes from _Fork(3), whose children may,
 * whatever locks other threads had.
 *
 * A child that is not done in time is killed and left alone. It is waited for when
 * another one is started; there may be STUCK_MAX of them.
 */

#include "flusher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"

#define STUCK_MAX 16

static pthread_mutex_t stuck_lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t stuck[STUCK_MAX]; /* 0 = none */

/* --- the child ---------------------------------------------------------------------- */

/* An errno, which fits into an exit status. */
static int write_back(const char *path, uint32_t dev_minor)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno;
	if (minor(st.st_dev) != dev_minor)
		return EXDEV;
	return syncfs(fd) < 0 ? errno : 0;
}

static pid_t start(const char *path, uint32_t dev_minor)
{
	pid_t child = _Fork();

	if (child != 0)
		return child;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Copies of /dev/fuse would keep the mount alive after us. */
	(void)close_range(0, UINT_MAX, 0);
	_exit(write_back(path, dev_minor));
}

/* --- those that are stuck ------------------------------------------------------------- */

/* A place for one that may get stuck; NULL = there is none. */
static pid_t *find_place_locked(void)
{
	pid_t *place = NULL;

	for (size_t i = 0; i < STUCK_MAX; i++) {
		if (stuck[i] > 0 && waitpid(stuck[i], NULL, WNOHANG) != 0)
			stuck[i] = 0;
		if (stuck[i] == 0)
			place = &stuck[i];
	}
	return place;
}

static pid_t *start_in_place(const char *path, uint32_t dev_minor, pid_t *ret)
{
	pid_t *place;

	pthread_mutex_lock(&stuck_lock);
	place = find_place_locked();
	*ret = place ? start(path, dev_minor) : 0;
	if (place)
		*place = -1; /* taken */
	pthread_mutex_unlock(&stuck_lock);
	return place;
}

static void leave_place(pid_t *place, pid_t pid)
{
	pthread_mutex_lock(&stuck_lock);
	*place = pid;
	pthread_mutex_unlock(&stuck_lock);
}

/* --- waiting --------------------------------------------------------------------------- */

static int timeout_ms(uint64_t end_ns)
{
	uint64_t now = clock_ns();
	uint64_t ms = now < end_ns ? (end_ns - now) / NS_PER_MS + 1 : 0;

	return ms < INT_MAX ? (int)ms : INT_MAX;
}

/* 0 = it has ended. */
static int wait_for(int pidfd, int wake_fd, uint64_t end_ns)
{
	struct pollfd fds[] = {
		{ .fd = pidfd, .events = POLLIN },
		{ .fd = wake_fd, .events = POLLIN },
	};
	int n;

	do {
		n = poll(fds, ARRAY_SIZE(fds), timeout_ms(end_ns));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (fds[0].revents)
		return 0;
	return n == 0 ? -ETIMEDOUT : -ECANCELED;
}

/* Its outcome; -ETIMEDOUT, -ECANCELED: it runs on. */
static int finish(pid_t child, int wake_fd, uint64_t end_ns, bool *ret_is_stuck)
{
	_cleanup_(fd_close) int pidfd = pidfd_open(child, 0);
	int status;
	int r = pidfd < 0 ? -errno : wait_for(pidfd, wake_fd, end_ns);

	*ret_is_stuck = r < 0;
	if (r < 0)
		return r;
	if (waitpid(child, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

int flusher_run(const char *path, uint32_t dev_minor, int wake_fd,
		uint64_t end_ns, struct err *err)
{
	bool is_stuck = false;
	pid_t child;
	pid_t *place = start_in_place(path, dev_minor, &child);
	int r;

	if (!place)
		return err_set(err, -EBUSY,
			       "write back: %d others wait for their server",
			       STUCK_MAX);
	if (child < 0)
		r = -errno;
	else
		r = finish(child, wake_fd, end_ns, &is_stuck);
	if (is_stuck)
		(void)kill(child, SIGKILL);
	leave_place(place, is_stuck ? child : 0);
	if (r == -ETIMEDOUT)
		return err_set(err, r, "write back: the server took too long");
	return r < 0 ? err_set_errno(err, r, "write back") : 0;
}
