/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include <criterion/criterion.h>

#include "csi.pb-c.h"
#include "csi_message.h"
#include "node_client.h"

#define STAGE	  "/csi.v1.Node/NodeStageVolume"
#define UNSTAGE	  "/csi.v1.Node/NodeUnstageVolume"
#define PUBLISH	  "/csi.v1.Node/NodePublishVolume"
#define UNPUBLISH "/csi.v1.Node/NodeUnpublishVolume"
#define STATS	  "/csi.v1.Node/NodeGetVolumeStats"
#define PROBE	  "/csi.v1.Identity/Probe"

/* A node that keeps the last request and answers what it was told to. */
struct fixture {
	char dir[32];
	char path[64];
	struct rpc_server *server;
	struct node_client *client;
	const char *method;
	uint8_t request[1024];
	size_t len;
	enum rpc_status status;
	const ProtobufCMessage *answer;
	ProtobufCMessage *decoded;
};

static enum rpc_status record(void *userdata, const struct rpc_request *request,
			      struct rpc_response *response, struct err *err)
{
	struct fixture *f = userdata;

	f->method = request->method;
	f->len = request->len;
	cr_assert_leq(request->len, sizeof(f->request));
	memcpy(f->request, request->data, request->len);
	if (f->status != RPC_OK)
		(void)err_set(err, -EBUSY, "volume \"vol-1\" is busy");
	else if (f->answer)
		return csi_reply(f->answer, response, err);
	return f->status;
}

static const struct rpc_method methods[] = {
	{ STAGE, record },     { UNSTAGE, record }, { PUBLISH, record },
	{ UNPUBLISH, record }, { STATS, record },   { PROBE, record },
};

static void fixture_init(struct fixture *f)
{
	struct rpc_server_options options = {
		.methods = methods,
		.n_methods = ARRAY_SIZE(methods),
		.userdata = f,
		.n_threads = 1,
	};

	*f = (struct fixture){ .dir = "/tmp/test_node.XXXXXX" };
	cr_assert_not_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/csi.sock", f->dir);
	options.socket_path = f->path;
	cr_assert_eq(rpc_server_new(&f->server, &options, NULL), 0);
	cr_assert_eq(node_client_new(&f->client, f->path, 10000, NULL), 0);
}

static void fixture_fini(struct fixture *f)
{
	if (f->decoded)
		csi_message_free(f->decoded);
	node_client_free(f->client);
	rpc_server_free(f->server);
	(void)rmdir(f->dir);
}

DEFINE_FINI(struct fixture, fixture_fini)

/* The request that came last, which must be one of that method and type. */
static void *received(struct fixture *f, const char *method,
		      const ProtobufCMessageDescriptor *type)
{
	cr_assert_str_eq(f->method, method);
	if (f->decoded)
		csi_message_free(f->decoded);
	f->decoded = csi_decode(type, f->request, f->len, NULL);
	cr_assert_not_null(f->decoded);
	return f->decoded;
}

static char *const flags[] = { (char *)"nfsvers=4.1", (char *)"noatime" };
static struct label labels[] = {
	{ (char *)"server", (char *)"192.0.2.1" },
	{ (char *)"share", (char *)"/export" },
};
static const struct labels context = { labels, ARRAY_SIZE(labels) };

static const struct node_client_volume volume = {
	.handle = "vol-1",
	.access_mode = ACCESS_RWX,
	.fs_type = "nfs",
	.mount_flags = flags,
	.n_mount_flags = ARRAY_SIZE(flags),
	.context = &context,
};

static void assert_capability(const Csi__V1__VolumeCapability *capability)
{
	cr_assert_eq(capability->access_type_case,
		     CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_MOUNT);
	cr_assert_eq(capability->access_mode->mode, 5);
	cr_assert_str_eq(capability->mount->fs_type, "nfs");
	cr_assert_eq(capability->mount->n_mount_flags, 2);
	cr_assert_str_eq(capability->mount->mount_flags[1], "noatime");
}

Test(node_client, stage_sends_every_field)
{
	_cleanup_(fixture_fini) struct fixture f;
	Csi__V1__NodeStageVolumeRequest *wire;

	fixture_init(&f);
	cr_assert_eq(node_client_stage(f.client, &volume, "/stage", NULL),
		     RPC_OK);
	wire = received(&f, STAGE,
			&csi__v1__node_stage_volume_request__descriptor);
	cr_assert_str_eq(wire->volume_id, "vol-1");
	cr_assert_str_eq(wire->staging_target_path, "/stage");
	assert_capability(wire->volume_capability);
	cr_assert_eq(wire->n_volume_context, 2);
	cr_assert_str_eq(wire->volume_context[1]->key, "share");
	cr_assert_str_eq(wire->volume_context[1]->value, "/export");
}

Test(node_client, publish_sends_every_field)
{
	const struct node_client_target target = { "/stage", "/target", true };
	_cleanup_(fixture_fini) struct fixture f;
	Csi__V1__NodePublishVolumeRequest *wire;

	fixture_init(&f);
	cr_assert_eq(node_client_publish(f.client, &volume, &target, NULL),
		     RPC_OK);
	wire = received(&f, PUBLISH,
			&csi__v1__node_publish_volume_request__descriptor);
	cr_assert_str_eq(wire->volume_id, "vol-1");
	cr_assert_str_eq(wire->staging_target_path, "/stage");
	cr_assert_str_eq(wire->target_path, "/target");
	cr_assert(wire->readonly);
	assert_capability(wire->volume_capability);
	cr_assert_eq(wire->n_volume_context, 2);
	cr_assert_str_eq(wire->volume_context[0]->key, "server");
	cr_assert_str_eq(wire->volume_context[0]->value, "192.0.2.1");
}

Test(node_client, undoing_sends_every_field)
{
	_cleanup_(fixture_fini) struct fixture f;
	Csi__V1__NodeUnpublishVolumeRequest *unpublish;
	Csi__V1__NodeUnstageVolumeRequest *unstage;

	fixture_init(&f);
	cr_assert_eq(node_client_unpublish(f.client, "vol-1", "/target", NULL),
		     RPC_OK);
	unpublish =
		received(&f, UNPUBLISH,
			 &csi__v1__node_unpublish_volume_request__descriptor);
	cr_assert_str_eq(unpublish->volume_id, "vol-1");
	cr_assert_str_eq(unpublish->target_path, "/target");
	cr_assert_eq(node_client_unstage(f.client, "vol-1", "/stage", NULL),
		     RPC_OK);
	unstage = received(&f, UNSTAGE,
			   &csi__v1__node_unstage_volume_request__descriptor);
	cr_assert_str_eq(unstage->volume_id, "vol-1");
	cr_assert_str_eq(unstage->staging_target_path, "/stage");
}

Test(node_client, access_modes_are_those_of_a_kubelet)
{
	static const struct {
		enum access_mode mode;
		int wire;
	} cases[] = {
		{ ACCESS_RWX, 5 },
		{ ACCESS_ROX, 3 },
		{ ACCESS_RWO, 7 },
		{ ACCESS_RWOP, 6 },
	};
	_cleanup_(fixture_fini) struct fixture f;
	Csi__V1__NodeStageVolumeRequest *wire;

	fixture_init(&f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct node_client_volume bare = {
			.handle = "vol-1",
			.access_mode = cases[i].mode,
		};

		cr_assert_eq(node_client_stage(f.client, &bare, "/stage", NULL),
			     RPC_OK);
		wire = received(
			&f, STAGE,
			&csi__v1__node_stage_volume_request__descriptor);
		cr_assert_eq(wire->volume_capability->access_mode->mode,
			     cases[i].wire);
		cr_assert_eq(wire->n_volume_context, 0);
	}
}

Test(node_client, stats_are_read_from_the_answer)
{
	Csi__V1__NodeGetVolumeStatsResponse answer =
		CSI__V1__NODE_GET_VOLUME_STATS_RESPONSE__INIT;
	Csi__V1__VolumeCondition condition = CSI__V1__VOLUME_CONDITION__INIT;
	Csi__V1__VolumeUsage bytes = CSI__V1__VOLUME_USAGE__INIT;
	Csi__V1__VolumeUsage *usage[] = { &bytes };
	_cleanup_(node_client_stats_fini) struct node_client_stats stats =
		NODE_CLIENT_STATS_INIT;
	_cleanup_(fixture_fini) struct fixture f;
	Csi__V1__NodeGetVolumeStatsRequest *wire;

	fixture_init(&f);
	bytes.unit = CSI__V1__VOLUME_USAGE__UNIT__BYTES;
	bytes.total = 100;
	bytes.available = 60;
	bytes.used = 40;
	condition.abnormal = true;
	condition.message = (char *)"no connection";
	answer.usage = usage;
	answer.n_usage = 1;
	answer.volume_condition = &condition;
	f.answer = &answer.base;
	cr_assert_eq(
		node_client_stats(f.client, "vol-1", "/target", &stats, NULL),
		RPC_OK);
	wire = received(&f, STATS,
			&csi__v1__node_get_volume_stats_request__descriptor);
	cr_assert_str_eq(wire->volume_id, "vol-1");
	cr_assert_str_eq(wire->volume_path, "/target");
	cr_assert(stats.bytes.is_known);
	cr_assert_eq(stats.bytes.total, 100);
	cr_assert_eq(stats.bytes.available, 60);
	cr_assert_eq(stats.bytes.used, 40);
	cr_assert_not(stats.inodes.is_known);
	cr_assert(stats.is_abnormal);
	cr_assert_str_eq(stats.condition, "no connection");
}

Test(node_client, the_sentence_of_the_node_is_passed_on)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f);
	f.status = RPC_ABORTED;
	cr_assert_eq(node_client_unstage(f.client, "vol-1", "/stage", &err),
		     RPC_ABORTED);
	cr_assert_str_eq(err_text(&err), "volume \"vol-1\" is busy");
}

Test(node_client, a_probe_tells_whether_the_node_lives)
{
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f);
	cr_assert_eq(node_client_probe(f.client, NULL), RPC_OK);
	f.server = rpc_server_free(f.server);
	cr_assert_eq(node_client_probe(f.client, NULL), RPC_UNAVAILABLE);
}
