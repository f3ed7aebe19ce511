/* SPDX-License-Identifier: Apache-2.0 */

/* NFS counts what is free for everybody and what for others than root: the latter. */

#include "share_room.h"

#include "clock.h"
#include "share_probe.h"

static int ask(const struct share_nfs_options *options, uint64_t *ret,
	       struct err *err)
{
	_cleanup_(share_nfs_close) struct share_nfs *nfs = NULL;
	struct share_space space;
	int r = share_nfs_open(&nfs, options, err);

	if (r < 0)
		return r;
	r = share_probe_space(nfs, share_nfs_root(nfs), &space);
	if (r < 0)
		return err_set_errno(err, r,
				     "ask server %s how full share %s is",
				     options->server, options->share);
	*ret = space.bytes_free;
	return 0;
}

int share_room(const struct volume_place *place, struct server_health *health,
	       uint64_t *ret, struct err *err)
{
	const struct share_nfs_options options = {
		.server = place->server,
		.share = place->share,
		.port = place->port,
		.mountport = place->mountport,
	};
	int r = server_health_check(health, place->server, place->port,
				    clock_ns(), err);

	if (r < 0)
		return r;
	r = ask(&options, ret, err);
	server_health_note(health, place->server, place->port, r, clock_ns());
	return r;
}
