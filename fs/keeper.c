/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The socket is blocking, with time-outs: the control threads that stage and
 * publish send a message each, and the main thread sees the end of the
 * connection and looks for the next keeper.
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

#include "clock.h"
#include "log.h"

#define TIMEOUT_S	 10
#define RECONNECT_MS	 500
#define AWAIT_MS	 50
#define RECONNECT_MAX_MS 32000 /* while one is there that can't be used */

struct keeper {
	struct sockaddr_un addr;
	pthread_mutex_t lock;
	int fd; /* lock; -1 = no keeper */
	/* The main thread's. */
	keeper_renew_fn renew; /* NULL = a new keeper is of no use */
	void *userdata;
	struct loop *loop;  /* borrowed */
	struct watch watch; /* of the connection */
	struct timer timer; /* until it looks for the next one */
	unsigned int pause_ms;
	bool is_refused;
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

static void look(struct timer *timer);
static void lose(struct watch *watch, uint32_t events);

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
	keeper->watch = WATCH_INIT(lose);
	keeper->timer = TIMER_INIT(look);
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

void keeper_await(struct keeper *keeper, int fd, uint32_t seconds)
{
	uint64_t deadline_ns = clock_ns() + seconds * NS_PER_S;
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	while (keeper->fd < 0 && clock_ns() < deadline_ns &&
	       poll(&pollfd, 1, AWAIT_MS) <= 0)
		keeper->fd = connect_to(&keeper->addr);
	if (keeper->fd < 0 && seconds > 0)
		log_warn("no keeper came: volumes end with this process",
			 F_STR("path", keeper->addr.sun_path),
			 F_U64("seconds", seconds));
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

enum keeper_state keeper_get_state(struct keeper *keeper)
{
	if (keeper_is_connected(keeper))
		return KEEPER_CONNECTED;
	if (keeper->renew)
		return KEEPER_GONE;
	return keeper->is_refused ? KEEPER_UNUSED : KEEPER_NONE;
}

/* --- telling --------------------------------------------------------------------- */

/* A failure ends the connection, and the next one is made on the loop. */
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

/* True: there is one. */
static bool find_next(struct keeper *keeper)
{
	_cleanup_(fd_close) int fd = connect_to(&keeper->addr);
	int r = fd < 0 ? fd : receive_all(fd, close_again, NULL);

	if (r == -EPROTONOSUPPORT)
		leave_alone(keeper);
	else
		keeper->pause_ms = RECONNECT_MS;
	if (r < 0 || watch_add(&keeper->watch, keeper->loop, fd, EPOLLIN) < 0)
		return false;
	set_fd(keeper, TAKE_FD(fd));
	log_info("a keeper is here", F_STR("path", keeper->addr.sun_path));
	keeper->renew(keeper->userdata);
	return true;
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
	keeper->is_refused = true;
	return true;
}

static int pause_then_look(struct keeper *keeper)
{
	return timer_set(&keeper->timer, keeper->loop,
			 clock_ns() + keeper->pause_ms * NS_PER_MS);
}

static void look(struct timer *timer)
{
	struct keeper *keeper = container_of(timer, struct keeper, timer);

	if (keeper->renew ? !find_next(keeper) : !refuse_next(keeper))
		(void)pause_then_look(keeper);
}

static void lose(struct watch *watch, uint32_t events)
{
	struct keeper *keeper = container_of(watch, struct keeper, watch);

	log_warn(
		"the keeper is gone: until the next one is here, volumes end with this process",
		F_STR("path", keeper->addr.sun_path));
	watch_remove(watch);
	set_fd(keeper, -1);
	(void)pause_then_look(keeper);
}

int keeper_watch(struct keeper *keeper, struct loop *loop,
		 keeper_renew_fn renew, void *userdata, struct err *err)
{
	int r;

	keeper->loop = loop;
	keeper->renew = renew;
	keeper->userdata = userdata;
	/* Armed in any case, so that there is memory for it from now on. */
	r = pause_then_look(keeper);
	if (r == 0 && keeper->fd >= 0) {
		timer_cancel(&keeper->timer);
		r = watch_add(&keeper->watch, loop, keeper->fd, EPOLLIN);
	}
	return r < 0 ? err_set_errno(err, r, "watch the keeper") : 0;
}

void keeper_unwatch(struct keeper *keeper)
{
	if (!keeper)
		return;
	timer_cancel(&keeper->timer);
	watch_remove(&keeper->watch);
}
