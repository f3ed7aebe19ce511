/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimfs-keeper: holds what must not die with claimfs-node. A FUSE mount lives as
 * long as one descriptor of its connection is open somewhere, and requests that
 * the daemon has not answered wait meanwhile; so this process has a copy of each
 * volume's descriptors, and gives them to the next node daemon.
 *
 * It is to be trusted because it does nothing: messages of one size, a table of one
 * size, no allocation after the start, one thread, and no reason to be upgraded.
 *
 * Invariants:
 *  1. At most one peer is the owner: the node daemon. The next one is told of the
 *     volumes only when the last one's connection has ended, which is when the last
 *     thread of that process is gone: no two daemons read one connection.
 *  2. Without an owner, and with volumes, time runs: after --abort-after seconds
 *     the descriptors are closed, which ends the mounts and frees whoever waits
 *     (ENOTCONN). Tasks that wait for a request that was read can't be killed
 *     otherwise.
 *
 * A keeper that dies is no harm while the node daemon lives: that one gives its
 * descriptors to the next keeper.
 */

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "clock.h"
#include "keeper_wire.h"
#include "log.h"
#include "options.h"
#include "parse.h"
#include "stop_signal.h"
#include "supervisor.h"
#include "version.h"

#define DEFAULT_STATE_DIR     "/run/claimfs"
#define DEFAULT_ABORT_AFTER_S 600
#define ABORT_AFTER_MAX_S     86400
#define VOLUMES_MAX	      4096
/* The owner, whoever is to follow, and a third to be told so. */
#define PEERS_MAX      4
#define SEND_TIMEOUT_S 5
#define EXIT_USAGE     2

struct held {
	bool is_used;
	uint32_t key;
	struct keeper_fds fds;
};

struct peer {
	int fd; /* -1 = free */
	bool has_greeted;
};

static struct keeper {
	char *state_dir;
	uint32_t abort_after_s;
	int listen_fd;
	int signal_fd;
	struct peer peers[PEERS_MAX];
	struct peer *owner;   /* NULL = none */
	uint64_t orphaned_ns; /* since when; only while there is none */
	unsigned int n_held;
	struct held held[VOLUMES_MAX];
} keeper = { .abort_after_s = DEFAULT_ABORT_AFTER_S,
	     .listen_fd = -1,
	     .signal_fd = -1 };

/* --- what is held ------------------------------------------------------------- */

static struct held *held_find(uint32_t key)
{
	for (size_t i = 0; i < VOLUMES_MAX; i++) {
		if (keeper.held[i].is_used && keeper.held[i].key == key)
			return &keeper.held[i];
	}
	return NULL;
}

static struct held *held_free(void)
{
	for (size_t i = 0; i < VOLUMES_MAX; i++) {
		if (!keeper.held[i].is_used)
			return &keeper.held[i];
	}
	return NULL;
}

static void drop(struct held *held)
{
	keeper_fds_close(&held->fds);
	held->is_used = false;
	keeper.n_held--;
}

/* A node has fewer volumes than there is room for (NODE_VOLUMES_MAX). */
static void hold(uint32_t key, struct keeper_fds take_fds)
{
	struct held *held = held_find(key);

	if (held)
		drop(held);
	else
		held = held_free();
	if (!held) {
		log_warn("no room for a volume", F_U64("key", key));
		keeper_fds_close(&take_fds);
		return;
	}
	*held = (struct held){ true, key, take_fds };
	keeper.n_held++;
}

static void drop_all(void)
{
	for (size_t i = 0; i < VOLUMES_MAX; i++) {
		if (keeper.held[i].is_used)
			drop(&keeper.held[i]);
	}
}

/* --- peers -------------------------------------------------------------------- */

static int tell_all(int fd)
{
	int r = 0;

	for (size_t i = 0; i < VOLUMES_MAX && r == 0; i++) {
		const struct held *held = &keeper.held[i];

		if (held->is_used)
			r = keeper_send(fd, KEEPER_VOLUME, held->key,
					&held->fds);
	}
	return r == 0 ? keeper_send(fd, KEEPER_END, 0, NULL) : r;
}

static void peer_close(struct peer *peer)
{
	peer->fd = fd_close(peer->fd);
	peer->has_greeted = false;
	if (peer != keeper.owner)
		return;
	keeper.owner = NULL;
	keeper.orphaned_ns = clock_ns();
	log_info("the node daemon is gone", F_U64("volumes", keeper.n_held));
}

/* Whoever has greeted and waits is the next owner. */
static void choose_owner(void)
{
	for (size_t i = 0; i < PEERS_MAX && !keeper.owner; i++) {
		struct peer *peer = &keeper.peers[i];

		if (peer->fd < 0 || !peer->has_greeted)
			continue;
		keeper.owner = peer;
		log_info("a node daemon is here",
			 F_U64("volumes", keeper.n_held));
		if (tell_all(peer->fd) < 0)
			peer_close(peer);
	}
}

static bool is_allowed(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	       cred.uid == geteuid();
}

static void on_connect(void)
{
	const struct timeval timeout = { .tv_sec = SEND_TIMEOUT_S };
	int fd = accept4(keeper.listen_fd, NULL, NULL, SOCK_CLOEXEC);
	struct peer *free_peer = NULL;

	if (fd < 0)
		return;
	for (size_t i = 0; i < PEERS_MAX && !free_peer; i++) {
		if (keeper.peers[i].fd < 0)
			free_peer = &keeper.peers[i];
	}
	if (!free_peer || !is_allowed(fd) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) <
		    0) {
		fd_close(fd);
		return;
	}
	*free_peer = (struct peer){ .fd = fd };
}

static int on_message(struct peer *peer, const struct keeper_message *message,
		      struct keeper_fds take_fds)
{
	bool is_owner = peer == keeper.owner;

	if (message->type == KEEPER_HELLO && !is_owner)
		peer->has_greeted = true;
	else if (message->type == KEEPER_VOLUME && is_owner)
		hold(message->key, take_fds);
	else if (message->type == KEEPER_DROP && is_owner) {
		struct held *held = held_find(message->key);

		if (held)
			drop(held);
	} else {
		keeper_fds_close(&take_fds);
		return -EPROTO;
	}
	return 0;
}

static void on_readable(struct peer *peer)
{
	struct keeper_message message;
	struct keeper_fds fds;
	int r = keeper_receive(peer->fd, &message, &fds);

	if (r > 0)
		r = on_message(peer, &message, fds) < 0 ? -EPROTO : 1;
	if (r == -EPROTONOSUPPORT)
		(void)keeper_send(peer->fd, KEEPER_END, 0, NULL);
	if (r < 0)
		log_warn("a peer does not speak our protocol",
			 F_STR("error", strerror(-r)));
	if (r <= 0)
		peer_close(peer);
}

/* --- time --------------------------------------------------------------------- */

static uint64_t deadline_ns(void)
{
	return keeper.orphaned_ns + keeper.abort_after_s * NS_PER_S;
}

/* For poll(2): -1 while somebody looks after the volumes. */
static int timeout_ms(void)
{
	uint64_t now = clock_ns();

	if (keeper.owner || keeper.n_held == 0)
		return -1;
	if (now >= deadline_ns())
		return 0;
	return (int)((deadline_ns() - now) / NS_PER_MS) + 1;
}

static void abort_if_late(void)
{
	if (timeout_ms() != 0)
		return;
	log_warn("no node daemon came: the mounts are given up",
		 F_U64("volumes", keeper.n_held),
		 F_U64("seconds", keeper.abort_after_s));
	drop_all();
}

/* --- the loop ----------------------------------------------------------------- */

static int round_run(bool *ret_is_over)
{
	struct pollfd fds[2 + PEERS_MAX] = {
		{ .fd = keeper.signal_fd, .events = POLLIN },
		{ .fd = keeper.listen_fd, .events = POLLIN },
	};

	for (size_t i = 0; i < PEERS_MAX; i++)
		fds[2 + i] = (struct pollfd){ .fd = keeper.peers[i].fd,
					      .events = POLLIN };
	if (poll(fds, ARRAY_SIZE(fds), timeout_ms()) < 0 && errno != EINTR)
		return -errno;
	for (size_t i = 0; i < PEERS_MAX; i++) {
		if (fds[2 + i].revents)
			on_readable(&keeper.peers[i]);
	}
	if (fds[1].revents)
		on_connect();
	choose_owner();
	abort_if_late();
	*ret_is_over = fds[0].revents;
	return 0;
}

static int serve(struct err *err)
{
	bool is_over = false;
	int r = 0;

	log_info("ready", F_STR("version", CLAIMFS_VERSION),
		 F_STR("directory", keeper.state_dir),
		 F_U64("abort_after_s", keeper.abort_after_s));
	supervisor_notify("READY=1");
	while (r == 0 && !is_over)
		r = round_run(&is_over);
	if (r < 0)
		return err_set_errno(err, r, "wait for messages");
	if (!keeper.owner && keeper.n_held > 0)
		log_warn("stopped without a node daemon: the mounts end",
			 F_U64("volumes", keeper.n_held));
	return stop_signal_wait(keeper.signal_fd, NULL, err);
}

/* --- starting ----------------------------------------------------------------- */

/* The listening socket's name belongs to whoever has the lock. */
static int lock(int *ret_fd, struct err *err)
{
	_cleanup_(free) char *path = NULL;
	_cleanup_(fd_close) int fd = -1;

	if (mkdir(keeper.state_dir, 0700) < 0 && errno != EEXIST)
		return err_set_errno(err, -errno,
				     "create state directory \"%s\"",
				     keeper.state_dir);
	if (asprintf(&path, "%s/keeper.lock", keeper.state_dir) < 0) {
		path = NULL;
		return err_set_errno(err, -ENOMEM, "lock \"%s\"",
				     keeper.state_dir);
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set_errno(err, -errno, "open \"%s\"", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(
			err, -EBUSY,
			"another claimfs-keeper uses state directory \"%s\"",
			keeper.state_dir);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int listen_at(struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s",
			 keeper.state_dir, KEEPER_SOCKET);

	if (n < 0 || (size_t)n >= sizeof(addr.sun_path))
		return err_set(err, -ENAMETOOLONG,
			       "the path of \"%s/%s\" has more than %zu bytes",
			       keeper.state_dir, KEEPER_SOCKET,
			       sizeof(addr.sun_path) - 1);
	keeper.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (keeper.listen_fd < 0)
		return err_set_errno(err, -errno, "create a socket");
	(void)unlink(addr.sun_path);
	if (bind(keeper.listen_fd, (const struct sockaddr *)&addr,
		 sizeof(addr)) < 0 ||
	    chmod(addr.sun_path, 0600) < 0 ||
	    listen(keeper.listen_fd, PEERS_MAX) < 0)
		return err_set_errno(err, -errno, "listen at \"%s\"",
				     addr.sun_path);
	return 0;
}

/* Three descriptors for each volume. */
static void descriptors_raise(void)
{
	const rlim_t wanted = VOLUMES_MAX * KEEPER_FDS + 64;
	struct rlimit limit = { wanted, wanted };

	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int run(struct err *err)
{
	_cleanup_(fd_close) int lock_fd = -1;
	int r = lock(&lock_fd, err);

	for (size_t i = 0; i < PEERS_MAX; i++)
		keeper.peers[i].fd = -1;
	if (r == 0)
		r = stop_signals_block(&keeper.signal_fd, err);
	if (r == 0)
		r = listen_at(err);
	if (r < 0)
		return r;
	descriptors_raise();
	return serve(err);
}

/* --- the command line ----------------------------------------------------------- */

static int set_state_dir(void *userdata, const char *value, struct err *err)
{
	if (value[0] != '/')
		return err_set(err, -EINVAL, "\"%s\" is not an absolute path",
			       value);
	free(keeper.state_dir);
	keeper.state_dir = strdup(value);
	return keeper.state_dir ? 0 : err_set_errno(err, -ENOMEM, "copy");
}

static int set_abort_after(void *userdata, const char *value, struct err *err)
{
	if (parse_u32(value, 1, ABORT_AFTER_MAX_S, &keeper.abort_after_s) < 0)
		return err_set(err, -EINVAL,
			       "\"%s\" is not a number from 1 to %d", value,
			       ABORT_AFTER_MAX_S);
	return 0;
}

static const struct option_spec option_specs[] = {
	{ "state-dir", 's', "DIR",
	  "that of claimfs-node: the socket is there (default: " DEFAULT_STATE_DIR
	  ")",
	  set_state_dir },
	{ "abort-after", 0, "SECONDS",
	  "end the mounts if no node daemon comes (default: 600)",
	  set_abort_after },
};

static const struct options_spec spec = {
	.program = "claimfs-keeper",
	.usage = "[OPTIONS]",
	.summary =
		"Keeps the mounts of a node alive while claimfs-node is away: "
		"killed, crashed or\nbeing upgraded.",
	.options = option_specs,
	.n_options = ARRAY_SIZE(option_specs),
	.epilogue =
		"SIGTERM and SIGINT stop it; the node daemon that lives then "
		"gives its volumes\nto the next keeper.",
};

int main(int argc, char **argv)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int first;
	int r;

	r = set_state_dir(NULL, DEFAULT_STATE_DIR, &err);
	if (r == 0)
		r = options_parse(&spec, argc, argv, NULL, &first, &err);
	if (r == OPTIONS_DONE)
		return EXIT_SUCCESS;
	if (r == 0 && first < argc)
		r = err_set(&err, -EINVAL,
			    "\"%s\" is not expected: there are no operands",
			    argv[first]);
	if (r == 0 && run(&err) == 0)
		return EXIT_SUCCESS;
	(void)fprintf(stderr, "claimfs-keeper: %s\n", err_text(&err));
	return r < 0 ? EXIT_USAGE : EXIT_FAILURE;
}
