/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Where the lock manager is. Its port is any that was free when the server booted,
 * so one that can't be reached any more is looked for again: the portmapper is
 * asked until it names another port, then all calls are made there.
 *
 * Runs on the home shard.
 */

#include "lock_job.h"
#include "log.h"
#include "nfs_socket.h"
#include "nlm_xdr.h"

int lock_server_connect(struct locks *locks, struct err *err)
{
	return shard_client_get(locks->home, &locks->server, 0, &locks->client,
				err);
}

static void on_port(struct nfs_call *call)
{
	container_of(call, struct locks, getport)->is_asking = false;
}

static void ask(struct locks *locks)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	struct nfs3_options options = locks->server;

	options.null_proc = PMAP_GETPORT;
	nfs_sockaddr_set_port(&options.addr, PMAP_PORT);
	/* Without memory for it: a second later. */
	if (shard_client_get(locks->home, &options, 0, &locks->portmapper,
			     &err) < 0)
		return;
	locks->is_asking = true;
	locks->getport =
		(struct nfs_call){ .proc = PMAP_GETPORT, .done = on_port };
	nfs_client_submit(locks->portmapper, &locks->getport);
}

static void hang_up(struct locks *locks)
{
	if (locks->is_asking)
		nfs_client_cancel(locks->portmapper, &locks->getport);
	if (locks->portmapper)
		shard_client_put(locks->home, locks->portmapper);
	locks->portmapper = NULL;
}

static bool move_to(struct locks *locks, uint16_t port)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	struct nfs_client *old = locks->client;
	struct nfs3_options former = locks->server;

	nfs_sockaddr_set_port(&locks->server.addr, port);
	if (memcmp(&former.addr, &locks->server.addr, sizeof(former.addr)) == 0)
		return false;
	if (lock_server_connect(locks, &err) < 0) {
		locks->server = former;
		return false;
	}
	log_info("the server's lock manager has another port",
		 F_U64("port", port));
	lock_jobs_move(locks);
	shard_client_put(locks->home, old);
	return true;
}

bool lock_server_look(struct locks *locks)
{
	uint16_t port = 0;

	if (locks->portmapper && !locks->is_asking) {
		if (locks->getport.status == 0)
			port = locks->getport.res.lock.port;
		hang_up(locks);
	}
	if (port != 0 && move_to(locks, port))
		return true;
	if (locks->client->health == NFS_HEALTH_UNREACHABLE &&
	    !locks->portmapper)
		ask(locks);
	return false;
}

void lock_server_disconnect(struct locks *locks)
{
	hang_up(locks);
	if (locks->client)
		shard_client_put(locks->home, locks->client);
	locks->client = NULL;
}
