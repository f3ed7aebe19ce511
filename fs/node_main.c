/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimfs-node: starts what serves the node's volumes, waits for a signal, and
 * takes it all down again in reverse order:
 *
 *	lock of the state directory -> shards -> node (with its control tree)
 *	    -> volumes that the keeper has -> CSI server -> READY=1
 *	    -> loop (keeper, registration by the kubelet, HTTP) -> SIGTERM
 *
 * Volumes that a former process left come first: programs wait for them, and gRPC
 * takes its time (rpc_late.h). The kubelet is told last, since it calls at once.
 *
 * Where there is a keeper at the start, SIGTERM hands the volumes over to the next
 * process, and only SIGINT takes them down. What a volume needs for that it has from
 * its beginning, so a keeper that comes later is of no use to this process.
 *
 * Signals are blocked before the first thread exists, so that this thread is the
 * only one that ever sees one.
 */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "arena.h"
#include "csi.h"
#include "keeper.h"
#include "log.h"
#include "node.h"
#include "node_health.h"
#include "node_left.h"
#include "node_options.h"
#include "options.h"
#include "registration.h"
#include "rpc_late.h"
#include "shard.h"
#include "stop_signal.h"
#include "supervisor.h"
#include "version.h"

/* A volume takes three descriptors, a connection one per shard and server. */
#define NOFILE_WANTED 65536

/*
 * With gRPC's seven, this one and the notifier's, a node has shards + 12 threads.
 * What is not slow takes milliseconds, so that one thread is enough for it.
 */
#define RPC_THREADS 1
/* One may be freezing a volume (freezer.c has it so). */
#define RPC_SLOW_THREADS 2

/* What the next start won't mend: deploy/systemd does not restart it then. */
enum exit_status {
	EXIT_USAGE = 2,
	EXIT_VERSION = 3, /* of the keeper, or of what a former process left */
};

/* As high as we may; too low shows as a clear error when a volume is staged. */
static void descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_max < NOFILE_WANTED) {
		struct rlimit higher = { NOFILE_WANTED, NOFILE_WANTED };

		if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
			return;
	}
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* The lock is the descriptor's: it goes with the process, however that ends. */
static int state_dir_lock(const char *dir, int *ret_fd, struct err *err)
{
	_cleanup_(free) char *path = NULL;
	_cleanup_(fd_close) int fd = -1;

	/* Names of pods and servers are the administrator's business. */
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set_errno(err, -errno,
				     "create state directory \"%s\"", dir);
	if (asprintf(&path, "%s/node.lock", dir) < 0) {
		path = NULL;
		return err_set_errno(err, -ENOMEM, "lock \"%s\"", dir);
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set_errno(err, -errno, "open \"%s\"", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return err_set(
				err, -EBUSY,
				"another claimfs-node uses state directory \"%s\"",
				dir);
		return err_set_errno(err, -errno, "lock \"%s\"", path);
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* --- what a former process left ------------------------------------------------ */

/*
 * All of them have the same: it is that of the process. Without a keeper there is
 * none, and nothing is done for a next process.
 */
static int make_arena(struct arena **ret, const struct node_left *left,
		      struct err *err)
{
	const struct node_left_volume *volume = TAILQ_FIRST(&left->volumes);
	int fd;
	int r;

	if (!volume) {
		r = arena_new(ret);
		return r < 0 ? err_set_errno(err, r, "make memory for data")
			     : 0;
	}
	fd = fcntl(volume->fds.fd[KEEPER_DATA], F_DUPFD_CLOEXEC, 0);
	r = fd < 0 ? -errno : arena_attach(ret, fd);
	return r < 0 ? err_set_errno(err, r,
				     "take over the former process's data")
		     : 0;
}

/* Of all volumes, before the first one is touched. */
static int check_versions(const struct node_left *left, struct err *err)
{
	const struct node_left_volume *volume;
	int r = 0;

	TAILQ_FOREACH (volume, &left->volumes, entry) {
		r = node_check_left(&volume->fds, err);
		if (r < 0)
			break;
	}
	return r;
}

static void take_volumes(struct node *node, struct node_left *left)
{
	struct node_left_volume *volume;
	unsigned int n_taken = 0;

	TAILQ_FOREACH (volume, &left->volumes, entry)
		n_taken += node_take_over(node, left, volume);
	if (n_taken > 0)
		log_info("volumes taken over", F_U64("volumes", n_taken));
}

/* --- running ---------------------------------------------------------------------- */

static void renew(void *userdata)
{
	node_keep_all(userdata);
}

struct parts {
	struct loop *loop; /* the main thread's */
	struct registration
		*registration;	    /* NULL = it does not register itself */
	struct node_health *health; /* NULL = nobody may ask */
	struct keeper *keeper;
	struct arena *arena; /* NULL = there was no keeper at the start */
	struct shards *shards;
	struct node *node;
	struct rpc_method methods[CSI_NODE_METHODS];
	struct rpc_late rpc;
	struct rpc_server *server;
};

static void adopt(void *userdata, int take_fd)
{
	struct parts *parts = userdata;

	parts->rpc.server_adopt(parts->server, take_fd);
}

static void signal_came(struct watch *watch, uint32_t events)
{
	loop_stop(watch->loop);
}

static int watch_all(struct parts *parts, struct watch *signals, int signal_fd,
		     struct err *err)
{
	int r = watch_add(signals, parts->loop, signal_fd, EPOLLIN);

	if (r == 0 && parts->registration)
		r = registration_serve(parts->registration, parts->loop, adopt,
				       parts);
	if (r < 0)
		return err_set_errno(err, r, "wait for events");
	return keeper_watch(parts->keeper, parts->loop,
			    parts->arena ? renew : NULL, parts->node, err);
}

/* The kubelet is told before anything stops that it might call. */
static void unwatch_all(struct parts *parts, struct watch *signals)
{
	node_health_stop(parts->health);
	keeper_unwatch(parts->keeper);
	if (parts->registration)
		registration_stop(parts->registration);
	watch_remove(signals);
}

static int serve_http(struct parts *parts, const struct node_settings *settings,
		      struct err *err)
{
	if (!settings->http)
		return 0;
	return node_health_new(&parts->health, parts->loop,
			       &(struct node_health_options){
				       .node = parts->node,
				       .keeper = parts->keeper,
				       .csi_socket = settings->csi_socket,
				       .listen = settings->http },
			       err);
}

static int wait_for_end(struct parts *parts,
			const struct node_settings *settings, int signal_fd,
			int *ret_signal, struct err *err)
{
	struct watch signals = WATCH_INIT(signal_came);
	int r = watch_all(parts, &signals, signal_fd, err);

	if (r == 0)
		r = serve_http(parts, settings, err);

	if (r == 0) {
		r = loop_run(parts->loop);
		if (r < 0)
			(void)err_set_errno(err, r, "wait for events");
	}
	if (r == 0)
		r = stop_signal_wait(signal_fd, ret_signal, err);
	supervisor_notify("STOPPING=1");
	unwatch_all(parts, &signals);
	return r;
}

/* What still is there is left to the next process, also by a start that failed. */
static void parts_fini(struct parts *parts)
{
	arena_close(parts->arena);
	parts->node = node_hand_over(parts->node);
	parts->shards = shards_free(parts->shards);
	parts->health = node_health_free(parts->health);
	parts->arena = arena_free(parts->arena);
	parts->keeper = keeper_free(parts->keeper);
	parts->registration = registration_free(parts->registration);
	parts->loop = loop_free(parts->loop);
}

DEFINE_FINI(struct parts, parts_fini)

static int start_node(struct parts *parts, const struct node_settings *settings,
		      struct node_left *left, struct err *err)
{
	int r = node_new(
		&parts->node,
		&(struct node_options){
			.name = settings->node_name,
			.driver = settings->driver_name,
			.state_dir = settings->state_dir,
			.never_resends = settings->never_resends,
			.max_volumes = settings->max_volumes,
			.inline_classes = settings->inline_classes,
			.registration = parts->registration,
			.shards = parts->shards,
			.keeper = parts->arena ? parts->keeper : NULL },
		err);

	if (r < 0)
		return r;
	take_volumes(parts->node, left);
	arena_settle(parts->arena);
	shards_run(parts->shards);
	return node_mount_meta(parts->node, err);
}

static int prepare(struct parts *parts, const struct node_settings *settings,
		   struct err *err)
{
	int r = loop_new(&parts->loop);

	if (r < 0)
		return err_set_errno(err, r, "make the main loop");
	if (!settings->registration_socket)
		return 0;
	return registration_new(
		&parts->registration,
		&(struct registration_options){
			.socket_path = settings->registration_socket,
			.endpoint = settings->kubelet_csi_socket },
		err);
}

static int start(struct parts *parts, const struct node_settings *settings,
		 int signal_fd, struct err *err)
{
	_cleanup_(node_left_fini) struct node_left left;
	int r;

	node_left_init(&left);
	r = prepare(parts, settings, err);
	if (r == 0)
		r = keeper_new(&parts->keeper, settings->state_dir, err);
	if (r == 0)
		keeper_await(parts->keeper, signal_fd, settings->keeper_wait_s);
	if (r == 0)
		r = keeper_take(parts->keeper, node_left_add, &left, err);
	if (r == 0)
		r = check_versions(&left, err);
	if (r == 0)
		node_left_map_ahead(&left);
	if (r == 0 && keeper_is_connected(parts->keeper))
		r = make_arena(&parts->arena, &left, err);
	if (r == 0)
		r = shards_new(&parts->shards, settings->shards, parts->arena,
			       err);
	if (r == 0)
		r = start_node(parts, settings, &left, err);
	return r;
}

/* After SIGTERM the next process serves on, if the keeper lives. */
static void stop(struct parts *parts, int signal)
{
	if (signal != SIGTERM || !keeper_is_connected(parts->keeper))
		parts->node = node_free(parts->node);
}

static int serve_csi(struct parts *parts, const struct node_settings *settings,
		     struct err *err)
{
	int r = rpc_late_load(&parts->rpc, err);

	if (r < 0)
		return r;
	if (settings->inline_classes)
		csi_make_publishing_slow(parts->methods);
	else
		memcpy(parts->methods, csi_node_methods,
		       sizeof(csi_node_methods));
	return parts->rpc.server_new(
		&parts->server,
		&(struct rpc_server_options){
			.socket_path = settings->csi_socket,
			.methods = parts->methods,
			.n_methods = CSI_NODE_METHODS,
			.userdata = parts->node,
			.n_threads = RPC_THREADS,
			.n_slow_threads = RPC_SLOW_THREADS },
		err);
}

static int serve(const struct node_settings *settings, int signal_fd,
		 struct err *err)
{
	_cleanup_(parts_fini) struct parts parts = { 0 };
	int signal = SIGINT;
	int r;

	r = start(&parts, settings, signal_fd, err);
	if (r == 0)
		r = serve_csi(&parts, settings, err);
	if (r < 0)
		return r;
	log_info("ready", F_STR("version", CLAIMFS_VERSION),
		 F_STR("node", settings->node_name),
		 F_STR("driver", settings->driver_name),
		 F_STR("socket", settings->csi_socket),
		 F_STR("keeper",
		       keeper_is_connected(parts.keeper) ? "yes" : "no"),
		 F_U64("shards", shards_count(parts.shards)));
	supervisor_notify("READY=1");
	r = wait_for_end(&parts, settings, signal_fd, &signal, err);
	/* Its handlers may wait for a volume to stand still. */
	node_end_freezing(parts.node);
	(void)parts.rpc.server_free(parts.server);
	stop(&parts, signal);
	return r;
}

static int run(const struct node_settings *settings, struct err *err)
{
	_cleanup_(fd_close) int lock_fd = -1;
	_cleanup_(fd_close) int signal_fd = -1;
	int r;

	r = state_dir_lock(settings->state_dir, &lock_fd, err);
	if (r < 0)
		return r;
	r = stop_signals_block(&signal_fd, err);
	if (r < 0)
		return r;
	descriptors_raise();
	return serve(settings, signal_fd, err);
}

static int say(int status, const struct err *err)
{
	(void)fprintf(stderr, "claimfs-node: %s\n", err_text(err));
	return status;
}

int main(int argc, char **argv)
{
	_cleanup_(node_settings_fini) struct node_settings settings = { 0 };
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r;

	r = node_settings_parse(argc, argv, &settings, &err);
	if (r == OPTIONS_DONE)
		return EXIT_SUCCESS;
	if (r < 0)
		return say(EXIT_USAGE, &err);
	r = run(&settings, &err);
	if (r == -EPROTONOSUPPORT)
		return say(EXIT_VERSION, &err);
	return r < 0 ? say(EXIT_FAILURE, &err) : EXIT_SUCCESS;
}
