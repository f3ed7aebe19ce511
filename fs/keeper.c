/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The socket is blocking, with time-outs: the control threads that stage and
 * publish send a message each, and the main thread has nothing else to do than to
 * see the end of the connection and to look for the next keeper.
 *
 * The lock guards the socket, not what is said: a volume that is staged while a
 * new keeper is being told of all may be told twice, which is the same as once.
 */

#include "keeper.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "log.h"

#define TIMEOUT_S	 10
#define RECONNECT_MS	 500
#define RECONNECT_MAX_MS 32000 /* while one is there that can't be used */

struct keeper {
	struct sockaddr_un addr;
	pthread_mutex_t lock;
	int fd;	      /* lock; -1 = no keeper */
	int pause_ms; /* the main thread's: until it looks for the next one */
};

static int connect_to(const struct sockaddr_un *addr)
{
	const struct timeval timeout = { .tv_sec = TIMEOUT_S };
	_cleanup_(fd_close) int fd =
		socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) <
		    0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) <
		    0 ||
	    connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		return -errno;
	r = keeper_send(fd, KEEPER_HELLO, 0, NULL);
	return r < 0 ? r : TAKE_FD(fd);
}

static int receive_all(int fd, keeper_take_fn fn, void *userdata)
{
	struct keeper_message message;
	struct keeper_fds fds;
	int r;

	for (;;) {
		r = keeper_receive(fd, &message, &fds);
		if (r <= 0)
			return r < 0 ? r : -ECONNRESET;
		if (message.type == KEEPER_END)
			return 0;
		if (message.type != KEEPER_VOLUME)
			return -EPROTO;
		fn(userdata, message.key, fds);
	}
}

static void set_fd(struct keeper *keeper, int take_fd)
{
	pthread_mutex_lock(&keeper->lock);
	fd_close(keeper->fd);
	keeper->fd = take_fd;
	pthread_mutex_unlock(&keeper->lock);
}

static int get_fd(struct keeper *keeper)
{
	int fd;

	pthread_mutex_lock(&keeper->lock);
	fd = keeper->fd;
	pthread_mutex_unlock(&keeper->lock);
	return fd;
}

/* --- starting ------------------------------------------------------------------- */

int keeper_new(struct keeper **ret, const char *state_dir, struct err *err)
{
	_cleanup_(keeper_free) struct keeper *keeper =
		calloc(1, sizeof(*keeper));
	int n;

	if (!keeper)
		return err_set_errno(err, -ENOMEM, "look for the keeper");
	(void)pthread_mutex_init(&keeper->lock, NULL);
	keeper->fd = -1;
	keeper->pause_ms = RECONNECT_MS;
	keeper->addr.sun_family = AF_UNIX;
	n = snprintf(keeper->addr.sun_path, sizeof(keeper->addr.sun_path),
		     "%s/%s", state_dir, KEEPER_SOCKET);
	if (n < 0 || (size_t)n >= sizeof(keeper->addr.sun_path))
		return err_set(err, -ENAMETOOLONG,
			       "the path of \"%s/%s\" has more than %zu bytes",
			       state_dir, KEEPER_SOCKET,
			       sizeof(keeper->addr.sun_path) - 1);
	keeper->fd = connect_to(&keeper->addr);
	*ret = TAKE_PTR(keeper);
	return 0;
}

struct keeper *keeper_free(struct keeper *keeper)
{
	if (!keeper)
		return NULL;
	fd_close(keeper->fd);
	(void)pthread_mutex_destroy(&keeper->lock);
	free(keeper);
	return NULL;
}

int keeper_take(struct keeper *keeper, keeper_take_fn fn, void *userdata,
		struct err *err)
{
	int r;

	if (keeper->fd < 0)
		return 0;
	r = receive_all(keeper->fd, fn, userdata);
	if (r == -EPROTONOSUPPORT)
		return err_set(
			err, r,
			"the keeper at \"%s\" speaks another version than %d",
			keeper->addr.sun_path, KEEPER_VERSION);
	if (r < 0)
		return err_set_errno(err, r,
				     "take volumes from the keeper at \"%s\"",
				     keeper->addr.sun_path);
	return 0;
}

bool keeper_is_connected(struct keeper *keeper)
{
	return get_fd(keeper) >= 0;
}

/* --- telling --------------------------------------------------------------------- */

/* A failure ends the connection, and keeper_wait() makes the next one. */
static void tell(struct keeper *keeper, enum keeper_type type, uint32_t key,
		 const struct keeper_fds *fds)
{
	pthread_mutex_lock(&keeper->lock);
	if (keeper->fd >= 0 && keeper_send(keeper->fd, type, key, fds) < 0)
		(void)shutdown(keeper->fd, SHUT_RDWR);
	pthread_mutex_unlock(&keeper->lock);
}

void keeper_hold(struct keeper *keeper, uint32_t key,
		 const struct keeper_fds *fds)
{
	tell(keeper, KEEPER_VOLUME, key, fds);
}

void keeper_drop(struct keeper *keeper, uint32_t key)
{
	tell(keeper, KEEPER_DROP, key, NULL);
}

/* --- waiting --------------------------------------------------------------------- */

/* What a keeper has of a connection that broke, we have as well. */
static void close_again(void *userdata, uint32_t key,
			struct keeper_fds take_fds)
{
	keeper_fds_close(&take_fds);
}

/* Said once; it may be replaced by one of our own version. */
static void leave_alone(struct keeper *keeper)
{
	if (keeper->pause_ms == RECONNECT_MS)
		log_warn(
			"a keeper is here that speaks another version: volumes end with this process until it is replaced",
			F_STR("path", keeper->addr.sun_path),
			F_U64("version", KEEPER_VERSION));
	if (keeper->pause_ms < RECONNECT_MAX_MS)
		keeper->pause_ms *= 2;
}

static void find_next(struct keeper *keeper, keeper_renew_fn renew,
		      void *userdata)
{
	_cleanup_(fd_close) int fd = connect_to(&keeper->addr);
	int r = fd < 0 ? fd : receive_all(fd, close_again, NULL);

	if (r == -EPROTONOSUPPORT)
		leave_alone(keeper);
	else
		keeper->pause_ms = RECONNECT_MS;
	if (r < 0)
		return;
	set_fd(keeper, TAKE_FD(fd));
	log_info("a keeper is here", F_STR("path", keeper->addr.sun_path));
	renew(userdata);
}

/* True: there is one. */
static bool refuse_next(struct keeper *keeper)
{
	_cleanup_(fd_close) int fd = connect_to(&keeper->addr);

	if (fd < 0)
		return false;
	log_warn(
		"a keeper is here that was not at the start: restart this process to use it",
		F_STR("path", keeper->addr.sun_path));
	return true;
}

static void lose(struct keeper *keeper)
{
	log_warn(
		"the keeper is gone: until the next one is here, volumes end with this process",
		F_STR("path", keeper->addr.sun_path));
	set_fd(keeper, -1);
}

int keeper_wait(struct keeper *keeper, int fd, keeper_renew_fn renew,
		void *userdata, struct err *err)
{
	bool is_refused = false;

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = fd, .events = POLLIN },
			{ .fd = get_fd(keeper), .events = POLLIN },
		};
		int n = poll(fds, ARRAY_SIZE(fds),
			     fds[1].fd < 0 && !is_refused ? keeper->pause_ms
							  : -1);

		if (n < 0 && errno != EINTR)
			return err_set_errno(err, -errno, "wait for signals");
		if (n > 0 && fds[0].revents)
			return 0;
		if (n > 0 && fds[1].revents)
			lose(keeper);
		else if (n == 0 && !renew)
			is_refused = refuse_next(keeper);
		else if (n == 0)
			find_next(keeper, renew, userdata);
	}
}
