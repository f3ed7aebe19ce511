/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ControllerGetVolume, and the condition of volumes. For one volume the condition is asked
 * of its server: whether that answers, and whether the volume's directory exists. Lists say
 * only what the record knows, since asking a server for each volume would take too long.
 */

#include <string.h>

#include "clock.h"
#include "csi_calls.h"
#include "csi_condition.h"
#include "csi_find.h"
#include "csi_published.h"
#include "share_nfs.h"
#include "volume_place.h"

const char *csi_condition_of_phase(enum pv_phase phase)
{
	switch (phase) {
	case PV_FAILED:
		return "its PersistentVolume is Failed";
	case PV_RELEASED:
		return "its claim is gone";
	case PV_PENDING:
	case PV_AVAILABLE:
	case PV_BOUND:
		break;
	}
	return NULL;
}

void csi_condition_fill(Csi__V1__VolumeCondition *ret, const char *why)
{
	csi__v1__volume_condition__init(ret);
	ret->abnormal = why != NULL;
	ret->message = (char *)(why ? why : "ok");
}

/* --- what the server says ------------------------------------------------------------------ */

static int look_up(struct share_nfs *nfs, const char *path, struct err *err)
{
	_cleanup_(free) char *copy = strdup(path);
	struct share_fh dir = *share_nfs_root(nfs);
	char *rest = copy, *name;

	if (!copy)
		return err_set(err, -ENOMEM, "no memory");
	while ((name = strsep(&rest, "/"))) {
		struct share_entry entry;
		int r = share_nfs_lookup(nfs, &dir, name, &entry);

		if (r < 0)
			return err_set_errno(err, r, "look up directory %s",
					     path);
		if (!entry.is_directory)
			return err_set(err, -ENOTDIR,
				       "directory %s is no directory", path);
		dir = entry.fh;
	}
	return 0;
}

static int ask(const struct volume_place *place, struct err *err)
{
	const struct share_nfs_options options = {
		.server = place->server,
		.share = place->share,
		.port = place->port,
		.mountport = place->mountport,
	};
	_cleanup_(share_nfs_close) struct share_nfs *nfs = NULL;
	int r = share_nfs_open(&nfs, &options, err);

	return r < 0 ? r : look_up(nfs, place->path, err);
}

static int probe(struct csi_controller *self, const struct csi_volume *volume,
		 struct err *err)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	int r = volume_place_of_volume(&volume->pv, &place, err);

	if (r >= 0)
		r = server_health_check(&self->health, place.server, place.port,
					clock_ns(), err);
	if (r < 0)
		return r;
	r = ask(&place, err);
	server_health_note(&self->health, place.server, place.port, r,
			   clock_ns());
	return r;
}

/* *ret: what is wrong with it, for free(); NULL = nothing. 0 or -ENOMEM. */
static int find_condition(struct csi_controller *self,
			  const struct csi_volume *volume, char **ret)
{
	const char *phase = csi_condition_of_phase(volume->pv.phase);
	_cleanup_(err_fini) struct err err = ERR_INIT;

	*ret = NULL;
	if (!phase && probe(self, volume, &err) >= 0)
		return 0;
	*ret = strdup(phase ? phase : err_text(&err));
	return *ret ? 0 : -ENOMEM;
}

/* --- the answer ------------------------------------------------------------------------------ */

static enum rpc_status reply(const struct csi_volume *volume, const char *why,
			     const struct csi_published *published,
			     struct rpc_response *response, struct err *err)
{
	Csi__V1__ControllerGetVolumeResponse wire =
		CSI__V1__CONTROLLER_GET_VOLUME_RESPONSE__INIT;
	Csi__V1__ControllerGetVolumeResponse__VolumeStatus state =
		CSI__V1__CONTROLLER_GET_VOLUME_RESPONSE__VOLUME_STATUS__INIT;
	_cleanup_(csi_volume_wire_fini) struct csi_volume_wire answer = { 0 };
	_cleanup_(free) char **nodes = NULL;
	Csi__V1__VolumeCondition condition;

	if (csi_volume_wire_init(&answer, volume) < 0 ||
	    csi_published_nodes(published, volume->pv.meta.name, &nodes,
				&state.n_published_node_ids) < 0)
		return csi_refuse(err, RPC_INTERNAL, "no memory");
	csi_condition_fill(&condition, why);
	state.published_node_ids = nodes;
	state.volume_condition = &condition;
	wire.volume = &answer.volume;
	wire.status = &state;
	return csi_reply(&wire.base, response, err);
}

enum rpc_status csi_get_volume(struct csi_controller *self,
			       const ProtobufCMessage *message,
			       struct rpc_response *response, struct err *err)
{
	const Csi__V1__ControllerGetVolumeRequest *wire =
		(const Csi__V1__ControllerGetVolumeRequest *)message;
	_cleanup_(csi_volume_fini) struct csi_volume volume = { 0 };
	_cleanup_(csi_published_fini) struct csi_published published = { 0 };
	_cleanup_(free) char *why = NULL;
	enum rpc_status status =
		csi_find_volume(self, wire->volume_id, &volume, err);
	int r;

	if (status != RPC_OK)
		return status;
	r = csi_published_read(&published, self->options.store,
			       volume.pv.meta.name, err);
	if (r < 0)
		return csi_status_of(r);
	if (find_condition(self, &volume, &why) < 0)
		return csi_refuse(err, RPC_INTERNAL, "no memory");
	return reply(&volume, why, &published, response, err);
}
