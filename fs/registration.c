/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The kubelet watches its folder: a socket that appears is asked who it is and
 * registered, one that goes is deregistered. What it said about a socket therefore
 * ends with that socket:
 *
 *	(none)   -- make_socket -->           awaited
 *	awaited  -- registration_set -->      registered, refused
 *	refused  -- registration_set -->      registered	the kubelet tries again
 *	any      -- check, socket is gone --> (none) -- make_socket --> awaited
 *
 * The folder is the kubelet's: it may not be there yet, and an administrator may
 * empty it. So the name is looked at every CHECK_NS. inotify(7) would be faster by a
 * second, and blind when the folder itself is made anew.
 *
 * Another process that answers at our path is left alone, and tried again, too: it
 * may be a registrar that is about to be removed.
 *
 * A former process's socket is replaced, and its end is for the kubelet to see: it
 * does not register a driver again whose socket has stayed.
 */

#include "registration.h"

#include <ctype.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "clock.h"
#include "listen.h"
#include "log.h"

#define CHECK_NS	(NS_PER_S)
#define ACCEPTS_MAX	16 /* per round */
#define REFUSAL_LEN_MAX 1024

enum state {
	AWAITED,
	REGISTERED,
	REFUSED,
};

struct registration {
	char *socket_path;
	char *endpoint;
	registration_accept_fn accept;
	void *userdata;	    /* borrowed */
	struct loop *loop;  /* borrowed */
	struct timer timer; /* until the socket is looked at again */
	struct watch watch;
	int fd;		      /* -1 = there is no socket */
	dev_t dev;	      /* of the socket's name */
	ino_t ino;	      /* the same */
	bool is_failing;      /* which was logged */
	pthread_mutex_t lock; /* guards what follows */
	enum state state;
	char *refusal; /* NULL = none, or no memory for it */
};

/* --- what the kubelet said ------------------------------------------------------ */

/* One line, whatever the kubelet sends. */
static char *make_line(const char *text)
{
	char *line = strndup(text ? text : "", REFUSAL_LEN_MAX);

	for (char *c = line; c && *c; c++) {
		if (iscntrl((unsigned char)*c))
			*c = ' ';
	}
	return line;
}

static void set_state(struct registration *registration, enum state state,
		      char *take_refusal)
{
	pthread_mutex_lock(&registration->lock);
	registration->state = state;
	free(registration->refusal);
	registration->refusal = take_refusal;
	pthread_mutex_unlock(&registration->lock);
}

void registration_set(struct registration *registration, bool is_registered,
		      const char *error)
{
	set_state(registration, is_registered ? REGISTERED : REFUSED,
		  is_registered ? NULL : make_line(error));
}

bool registration_is_done(struct registration *registration)
{
	bool is_done;

	pthread_mutex_lock(&registration->lock);
	is_done = registration->state == REGISTERED;
	pthread_mutex_unlock(&registration->lock);
	return is_done;
}

char *registration_text(struct registration *registration)
{
	static const char *const names[] = {
		[AWAITED] = "awaited",
		[REGISTERED] = "registered",
		[REFUSED] = "refused: ",
	};
	char *text;

	pthread_mutex_lock(&registration->lock);
	if (asprintf(&text, "%s%s", names[registration->state],
		     registration->refusal ? registration->refusal : "") < 0)
		text = NULL;
	pthread_mutex_unlock(&registration->lock);
	return text;
}

const char *registration_endpoint(const struct registration *registration)
{
	return registration->endpoint;
}

/* --- the socket ----------------------------------------------------------------- */

/* Our socket is what has the name. */
static bool is_there(const struct registration *registration)
{
	struct stat st;

	return registration->fd >= 0 &&
	       lstat(registration->socket_path, &st) == 0 &&
	       st.st_dev == registration->dev && st.st_ino == registration->ino;
}

static void close_socket(struct registration *registration)
{
	watch_remove(&registration->watch);
	registration->fd = fd_close(registration->fd);
}

static int listen_at(struct registration *registration, struct err *err)
{
	_cleanup_(fd_close) int fd = -1;
	struct stat st;
	int r = listen_unix(registration->socket_path, &fd, err);

	if (r < 0)
		return r;
	if (lstat(registration->socket_path, &st) < 0)
		return err_set_errno(err, -errno, "look at \"%s\"",
				     registration->socket_path);
	r = watch_add(&registration->watch, registration->loop, fd, EPOLLIN);
	if (r < 0)
		return err_set_errno(err, r, "wait for the kubelet");
	registration->dev = st.st_dev;
	registration->ino = st.st_ino;
	registration->fd = TAKE_FD(fd);
	return 0;
}

static void make_socket(struct registration *registration)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	set_state(registration, AWAITED, NULL);
	if (listen_at(registration, &err) < 0) {
		if (!registration->is_failing)
			log_warn("the kubelet can't register this driver yet",
				 F_ERR(&err));
		registration->is_failing = true;
		return;
	}
	registration->is_failing = false;
	log_info("registration by the kubelet is awaited",
		 F_STR("socket", registration->socket_path));
}

static void check(struct timer *timer)
{
	struct registration *registration =
		container_of(timer, struct registration, timer);

	if (!is_there(registration)) {
		if (registration->fd >= 0)
			log_warn("the registration socket was removed",
				 F_STR("socket", registration->socket_path));
		close_socket(registration);
		make_socket(registration);
	} else {
		/* accept_all() may have stopped it. */
		(void)watch_set(&registration->watch, EPOLLIN);
	}
	/* It was armed, so there is memory for it. */
	(void)timer_set(timer, registration->loop, clock_ns() + CHECK_NS);
}

static void accept_all(struct watch *watch, uint32_t events)
{
	struct registration *registration =
		container_of(watch, struct registration, watch);

	for (int i = 0; i < ACCEPTS_MAX; i++) {
		int fd = accept4(registration->fd, NULL, NULL,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			registration->accept(registration->userdata, fd);
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR && errno != ECONNABORTED)
			break;
	}
	/* Without descriptors it would stay readable. check() goes on. */
	(void)watch_set(watch, 0);
}

int registration_serve(struct registration *registration, struct loop *loop,
		       registration_accept_fn fn, void *userdata)
{
	registration->loop = loop;
	registration->accept = fn;
	registration->userdata = userdata;
	make_socket(registration);
	return timer_set(&registration->timer, loop, clock_ns() + CHECK_NS);
}

void registration_stop(struct registration *registration)
{
	timer_cancel(&registration->timer);
	if (is_there(registration))
		(void)unlink(registration->socket_path);
	close_socket(registration);
}

/* --- life ------------------------------------------------------------------------- */

int registration_new(struct registration **ret,
		     const struct registration_options *options,
		     struct err *err)
{
	_cleanup_(registration_free) struct registration *registration =
		calloc(1, sizeof(*registration));

	if (!registration)
		return err_set_errno(err, -ENOMEM, "prepare registration");
	(void)pthread_mutex_init(&registration->lock, NULL);
	registration->fd = -1;
	registration->watch = WATCH_INIT(accept_all);
	registration->timer = TIMER_INIT(check);
	registration->socket_path = strdup(options->socket_path);
	registration->endpoint = strdup(options->endpoint);
	if (!registration->socket_path || !registration->endpoint)
		return err_set_errno(err, -ENOMEM, "prepare registration");
	*ret = TAKE_PTR(registration);
	return 0;
}

struct registration *registration_free(struct registration *registration)
{
	if (!registration)
		return NULL;
	(void)pthread_mutex_destroy(&registration->lock);
	free(registration->refusal);
	free(registration->socket_path);
	free(registration->endpoint);
	free(registration);
	return NULL;
}
