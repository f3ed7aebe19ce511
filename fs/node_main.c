/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimfs-node: starts what serves the node's volumes, waits for a signal, and
 * takes it all down again in reverse order:
 *
 *	lock of the state directory -> shards -> node (with its control tree)
 *	    -> CSI server -> READY=1 -> SIGTERM
 *
 * Signals are blocked before the first thread exists, so that this thread is the
 * only one that ever sees one.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "csi.h"
#include "log.h"
#include "node.h"
#include "node_options.h"
#include "options.h"
#include "rpc_server.h"
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
#define RPC_THREADS	 1
#define RPC_SLOW_THREADS 2

#define EXIT_USAGE 2

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

static int serve(const struct node_settings *settings, int signal_fd,
		 struct err *err)
{
	_cleanup_(shards_free) struct shards *shards = NULL;
	_cleanup_(node_free) struct node *node = NULL;
	_cleanup_(rpc_server_free) struct rpc_server *server = NULL;
	int r;

	r = shards_new(&shards, settings->shards, err);
	if (r < 0)
		return r;
	r = node_new(&node,
		     &(struct node_options){ .name = settings->node_name,
					     .driver = settings->driver_name,
					     .state_dir = settings->state_dir,
					     .shards = shards },
		     err);
	if (r < 0)
		return r;
	r = rpc_server_new(&server,
			   &(struct rpc_server_options){
				   .socket_path = settings->csi_socket,
				   .methods = csi_node_methods,
				   .n_methods = CSI_NODE_METHODS,
				   .userdata = node,
				   .n_threads = RPC_THREADS,
				   .n_slow_threads = RPC_SLOW_THREADS },
			   err);
	if (r < 0)
		return r;
	log_info("ready", F_STR("version", CLAIMFS_VERSION),
		 F_STR("node", settings->node_name),
		 F_STR("driver", settings->driver_name),
		 F_STR("socket", settings->csi_socket),
		 F_U64("shards", shards_count(shards)));
	supervisor_notify("READY=1");
	r = stop_signal_wait(signal_fd, NULL, err);
	supervisor_notify("STOPPING=1");
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

int main(int argc, char **argv)
{
	_cleanup_(node_settings_fini) struct node_settings settings = { 0 };
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r;

	r = node_settings_parse(argc, argv, &settings, &err);
	if (r == OPTIONS_DONE)
		return EXIT_SUCCESS;
	if (r == 0 && run(&settings, &err) == 0)
		return EXIT_SUCCESS;
	(void)fprintf(stderr, "claimfs-node: %s\n", err_text(&err));
	return r < 0 ? EXIT_USAGE : EXIT_FAILURE;
}
