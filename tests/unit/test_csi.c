/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The handlers of csi.h against a node of our own: the functions of node.h below
 * are taken by the linker instead of the real ones, and note what they were given.
 */

#include <string.h>

#include <criterion/criterion.h>

#include "claimfs.pb-c.h"
#include "csi.h"
#include "csi.pb-c.h"
#include "csi_message.h"
#include "log.h"
#include "node.h"
#include "registration.h"
#include "version.h"

struct node {
	int n_calls;
	char text[512]; /* the arguments of the last call */
	enum rpc_status status;
	struct node_volume_stats stats;
	struct registration *registration;
};

const char *node_name(const struct node *node)
{
	return "node-a";
}

const char *node_driver(const struct node *node)
{
	return "nfs.claimfs.io";
}

unsigned int node_max_volumes(const struct node *node)
{
	return 4096;
}

struct registration *node_registration(const struct node *node)
{
	return node->registration;
}

static enum rpc_status node_answer(struct node *node, struct err *err)
{
	node->n_calls++;
	if (node->status != RPC_OK)
		(void)err_set(err, -EBUSY, "the node says no");
	return node->status;
}

static size_t put_capability(char *text, size_t size,
			     const struct node_capability *capability,
			     const struct labels *context)
{
	size_t len = (size_t)snprintf(text, size, " mode=%d",
				      (int)capability->access_mode);

	for (size_t i = 0; i < capability->n_mount_flags; i++)
		len += (size_t)snprintf(text + len, size - len, " flag=%s",
					capability->mount_flags[i]);
	if (*capability->mount_group)
		len += (size_t)snprintf(text + len, size - len, " group=%s",
					capability->mount_group);
	return len +
	       (size_t)snprintf(text + len, size - len, " server=%s n=%zu",
				labels_get(context, "server"), context->n);
}

enum rpc_status node_stage(struct node *node,
			   const struct node_stage_args *args, struct err *err)
{
	int len = snprintf(node->text, sizeof(node->text), "stage %s at %s",
			   args->volume_id, args->staging_path);

	(void)put_capability(node->text + len, sizeof(node->text) - (size_t)len,
			     &args->capability, args->context);
	return node_answer(node, err);
}

enum rpc_status node_unstage(struct node *node, const char *volume_id,
			     const char *staging_path, struct err *err)
{
	(void)snprintf(node->text, sizeof(node->text), "unstage %s at %s",
		       volume_id, staging_path);
	return node_answer(node, err);
}

enum rpc_status node_publish(struct node *node,
			     const struct node_publish_args *args,
			     struct err *err)
{
	int len = snprintf(node->text, sizeof(node->text),
			   "publish %s from %s to %s ro=%d", args->volume_id,
			   args->staging_path, args->target_path,
			   args->is_read_only);

	(void)put_capability(node->text + len, sizeof(node->text) - (size_t)len,
			     &args->capability, args->context);
	return node_answer(node, err);
}

enum rpc_status node_expand(struct node *node, const char *volume_id,
			    const char *path, uint64_t required,
			    uint64_t *ret_capacity, struct err *err)
{
	(void)snprintf(node->text, sizeof(node->text),
		       "expand %s at %s to %llu", volume_id, path,
		       (unsigned long long)required);
	*ret_capacity = required;
	return node_answer(node, err);
}

enum rpc_status node_freeze(struct node *node, const char *volume_id,
			    const char *token, uint32_t seconds,
			    struct err *err)
{
	(void)snprintf(node->text, sizeof(node->text), "freeze %s for %s, %u s",
		       volume_id, token, seconds);
	return node_answer(node, err);
}

enum rpc_status node_thaw(struct node *node, const char *volume_id,
			  const char *token, bool *ret, struct err *err)
{
	(void)snprintf(node->text, sizeof(node->text), "thaw %s for %s",
		       volume_id, token);
	*ret = true;
	return node_answer(node, err);
}

enum rpc_status node_unpublish(struct node *node, const char *volume_id,
			       const char *target_path, struct err *err)
{
	(void)snprintf(node->text, sizeof(node->text), "unpublish %s at %s",
		       volume_id, target_path);
	return node_answer(node, err);
}

enum rpc_status node_volume_stats(struct node *node, const char *volume_id,
				  const char *path,
				  struct node_volume_stats *ret,
				  struct err *err)
{
	(void)snprintf(node->text, sizeof(node->text), "stats %s at %s",
		       volume_id, path);
	*ret = node->stats;
	return node_answer(node, err);
}

static rpc_fn find_handler(const char *path)
{
	for (size_t i = 0; i < CSI_NODE_METHODS; i++)
		if (strcmp(csi_node_methods[i].path, path) == 0)
			return csi_node_methods[i].fn;
	cr_assert_fail("no method %s", path);
	return NULL;
}

static enum rpc_status call_bytes(struct node *node, const char *method,
				  const uint8_t *data, size_t len,
				  struct rpc_response *response,
				  struct err *err)
{
	struct rpc_request request = { method, data, len };

	log_set_level(LOG_ERROR);
	return find_handler(method)(node, &request, response, err);
}

static enum rpc_status call(struct node *node, const char *method,
			    const ProtobufCMessage *message,
			    struct rpc_response *response, struct err *err)
{
	_cleanup_(free) uint8_t *data = NULL;
	size_t len;

	cr_assert_eq(csi_encode(message, &data, &len), 0);
	return call_bytes(node, method, data, len, response, err);
}

/* A capability as a CO sends it, in parts that tests take away. */
struct capability {
	char *flags[2];
	Csi__V1__VolumeCapability__MountVolume mount;
	Csi__V1__VolumeCapability__AccessMode mode;
	Csi__V1__VolumeCapability wire;
};

static void capability_init(struct capability *c)
{
	csi__v1__volume_capability__init(&c->wire);
	csi__v1__volume_capability__mount_volume__init(&c->mount);
	csi__v1__volume_capability__access_mode__init(&c->mode);
	c->flags[0] = (char *)"nfsvers=4.1";
	c->flags[1] = (char *)"noatime";
	c->mount.mount_flags = c->flags;
	c->mount.n_mount_flags = ARRAY_SIZE(c->flags);
	c->mount.volume_mount_group = (char *)"3000";
	c->mode.mode =
		CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__MULTI_NODE_MULTI_WRITER;
	c->wire.access_mode = &c->mode;
	c->wire.mount = &c->mount;
	c->wire.access_type_case =
		CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_MOUNT;
}

/* A request to stage, with a map that has a key twice. */
struct stage_request {
	struct capability capability;
	Csi__V1__NodeStageVolumeRequest__VolumeContextEntry entries[3];
	Csi__V1__NodeStageVolumeRequest__VolumeContextEntry *list[3];
	Csi__V1__NodeStageVolumeRequest wire;
};

static void stage_request_init(struct stage_request *r)
{
	static const char *const pairs[][2] = {
		{ "server", "old" },
		{ "share", "/export" },
		{ "server", "192.0.2.1" },
	};

	csi__v1__node_stage_volume_request__init(&r->wire);
	capability_init(&r->capability);
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		csi__v1__node_stage_volume_request__volume_context_entry__init(
			&r->entries[i]);
		r->entries[i].key = (char *)pairs[i][0];
		r->entries[i].value = (char *)pairs[i][1];
		r->list[i] = &r->entries[i];
	}
	r->wire.volume_id = (char *)"vol-1";
	r->wire.staging_target_path = (char *)"/stage";
	r->wire.volume_capability = &r->capability.wire;
	r->wire.volume_context = r->list;
	r->wire.n_volume_context = ARRAY_SIZE(r->list);
}

#define STAGE	    "/csi.v1.Node/NodeStageVolume"
#define UNSTAGE	    "/csi.v1.Node/NodeUnstageVolume"
#define PUBLISH	    "/csi.v1.Node/NodePublishVolume"
#define UNPUBLISH   "/csi.v1.Node/NodeUnpublishVolume"
#define EXPAND	    "/csi.v1.Node/NodeExpandVolume"
#define FREEZE	    "/claimfs.v1.Volume/Freeze"
#define THAW	    "/claimfs.v1.Volume/Thaw"
#define STATS	    "/csi.v1.Node/NodeGetVolumeStats"
#define GET_INFO    "/csi.v1.Node/NodeGetInfo"
#define PLUGIN_INFO "/csi.v1.Identity/GetPluginInfo"

Test(csi, stage_hands_every_field_to_the_node)
{
	struct rpc_response response = { 0 };
	struct stage_request request;
	struct node node = { 0 };

	stage_request_init(&request);
	cr_assert_eq(call(&node, STAGE, &request.wire.base, &response, NULL),
		     RPC_OK);
	cr_assert_str_eq(node.text,
			 "stage vol-1 at /stage mode=5 flag=nfsvers=4.1 "
			 "flag=noatime group=3000 server=192.0.2.1 n=3",
			 "the last value of a key counts: %s", node.text);
	cr_assert_eq(response.len, 0);
}

Test(csi, publish_hands_every_field_to_the_node)
{
	Csi__V1__NodePublishVolumeRequest wire =
		CSI__V1__NODE_PUBLISH_VOLUME_REQUEST__INIT;
	Csi__V1__NodePublishVolumeRequest__VolumeContextEntry entry =
		CSI__V1__NODE_PUBLISH_VOLUME_REQUEST__VOLUME_CONTEXT_ENTRY__INIT;
	Csi__V1__NodePublishVolumeRequest__VolumeContextEntry *list[] = {
		&entry
	};
	struct rpc_response response = { 0 };
	struct capability capability;
	struct node node = { 0 };

	capability_init(&capability);
	capability.mount.n_mount_flags = 0;
	entry.key = (char *)"server";
	entry.value = (char *)"s";
	wire.volume_id = (char *)"vol-1";
	wire.staging_target_path = (char *)"/stage";
	wire.target_path = (char *)"/target";
	wire.readonly = true;
	wire.volume_capability = &capability.wire;
	wire.volume_context = list;
	wire.n_volume_context = 1;
	cr_assert_eq(call(&node, PUBLISH, &wire.base, &response, NULL), RPC_OK);
	cr_assert_str_eq(node.text,
			 "publish vol-1 from /stage to /target ro=1 mode=5 "
			 "group=3000 server=s n=1");
}

Test(csi, undoing_hands_every_field_to_the_node)
{
	Csi__V1__NodeUnpublishVolumeRequest unpublish =
		CSI__V1__NODE_UNPUBLISH_VOLUME_REQUEST__INIT;
	Csi__V1__NodeUnstageVolumeRequest unstage =
		CSI__V1__NODE_UNSTAGE_VOLUME_REQUEST__INIT;
	struct rpc_response response = { 0 };
	struct node node = { 0 };

	unpublish.volume_id = (char *)"vol-1";
	unpublish.target_path = (char *)"/target";
	cr_assert_eq(call(&node, UNPUBLISH, &unpublish.base, &response, NULL),
		     RPC_OK);
	cr_assert_str_eq(node.text, "unpublish vol-1 at /target");
	unstage.volume_id = (char *)"vol-1";
	unstage.staging_target_path = (char *)"/stage";
	cr_assert_eq(call(&node, UNSTAGE, &unstage.base, &response, NULL),
		     RPC_OK);
	cr_assert_str_eq(node.text, "unstage vol-1 at /stage");
}

Test(csi, an_expansion_hands_every_field_to_the_node_and_back)
{
	Csi__V1__CapacityRange range = CSI__V1__CAPACITY_RANGE__INIT;
	Csi__V1__NodeExpandVolumeRequest wire =
		CSI__V1__NODE_EXPAND_VOLUME_REQUEST__INIT;
	/* NodeExpandVolumeResponse { 1: capacity_bytes 300 } */
	static const char answer[] = "\x08\xac\x02";
	struct rpc_response response = { 0 };
	struct node node = { 0 };

	wire.volume_id = (char *)"vol-1";
	wire.volume_path = (char *)"/target";
	wire.capacity_range = &range;
	range.required_bytes = 300;
	cr_assert_eq(call(&node, EXPAND, &wire.base, &response, NULL), RPC_OK);
	cr_assert_str_eq(node.text, "expand vol-1 at /target to 300");
	cr_assert_eq(response.len, sizeof(answer) - 1);
	cr_assert_arr_eq(response.data, answer, response.len);
	free(response.data);
}

Test(csi, a_freeze_lasts_a_minute_unless_something_else_is_said)
{
	Claimfs__V1__FreezeRequest wire = CLAIMFS__V1__FREEZE_REQUEST__INIT;
	struct rpc_response response = { 0 };
	struct node node = { 0 };

	wire.volume_id = (char *)"vol-1";
	wire.token = (char *)"snap-1";
	cr_assert_eq(call(&node, FREEZE, &wire.base, &response, NULL), RPC_OK);
	cr_assert_str_eq(node.text, "freeze vol-1 for snap-1, 60 s");
	wire.seconds = 7;
	cr_assert_eq(call(&node, FREEZE, &wire.base, &response, NULL), RPC_OK);
	cr_assert_str_eq(node.text, "freeze vol-1 for snap-1, 7 s");
}

Test(csi, a_thaw_tells_whether_the_volume_stood_still)
{
	Claimfs__V1__ThawRequest wire = CLAIMFS__V1__THAW_REQUEST__INIT;
	/* ThawResponse { 1: was_frozen true } */
	static const char answer[] = "\x08\x01";
	struct rpc_response response = { 0 };
	struct node node = { 0 };

	wire.volume_id = (char *)"vol-1";
	wire.token = (char *)"snap-1";
	cr_assert_eq(call(&node, THAW, &wire.base, &response, NULL), RPC_OK);
	cr_assert_str_eq(node.text, "thaw vol-1 for snap-1");
	cr_assert_eq(response.len, sizeof(answer) - 1);
	cr_assert_arr_eq(response.data, answer, response.len);
	free(response.data);
}

Test(csi, a_path_comes_to_the_node_in_one_spelling)
{
	static const char *const cases[][2] = {
		{ "/a/b", "/a/b" },
		{ "/a/b/", "/a/b" },
		{ "//a//b//", "/a/b" },
		{ "/a/./b/.", "/a/b" },
		{ "/./a/.b/..c", "/a/.b/..c" },
		{ "/", "/" },
		{ "a/../b", "a/../b" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		Csi__V1__NodeUnstageVolumeRequest wire =
			CSI__V1__NODE_UNSTAGE_VOLUME_REQUEST__INIT;
		struct rpc_response response = { 0 };
		struct node node = { 0 };
		char text[64];

		wire.volume_id = (char *)"v";
		wire.staging_target_path = (char *)cases[i][0];
		(void)call(&node, UNSTAGE, &wire.base, &response, NULL);
		(void)snprintf(text, sizeof(text), "unstage v at %s",
			       cases[i][1]);
		cr_expect_str_eq(node.text, text, "%s", cases[i][0]);
	}
}

Test(csi, the_answer_of_the_node_is_passed_on)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	struct node node = { .status = RPC_FAILED_PRECONDITION };
	struct rpc_response response = { 0 };
	struct stage_request request;

	stage_request_init(&request);
	cr_assert_eq(call(&node, STAGE, &request.wire.base, &response, &err),
		     RPC_FAILED_PRECONDITION);
	cr_assert_str_eq(err_text(&err), "the node says no");
}

static void expect_refusal(struct stage_request *request, const char *sentence)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	struct rpc_response response = { 0 };
	struct node node = { 0 };

	cr_assert_eq(call(&node, STAGE, &request->wire.base, &response, &err),
		     RPC_INVALID_ARGUMENT);
	cr_assert_str_eq(err_text(&err), sentence);
	cr_assert_eq(node.n_calls, 0);
}

Test(csi, a_capability_that_can_not_be_served_is_refused)
{
	Csi__V1__VolumeCapability__BlockVolume block =
		CSI__V1__VOLUME_CAPABILITY__BLOCK_VOLUME__INIT;
	struct stage_request r;

	stage_request_init(&r);
	r.wire.volume_capability = NULL;
	expect_refusal(&r, "volume_capability is missing");

	stage_request_init(&r);
	r.capability.wire.access_mode = NULL;
	expect_refusal(&r, "volume_capability.access_mode is missing");

	stage_request_init(&r);
	r.capability.wire.access_type_case =
		CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE__NOT_SET;
	expect_refusal(&r, "volume_capability.mount is missing");

	stage_request_init(&r);
	r.capability.wire.access_type_case =
		CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_BLOCK;
	r.capability.wire.block = &block;
	expect_refusal(&r,
		       "volume_capability is block, a share has only mount");
}

static Csi__V1__NodeGetVolumeStatsResponse *get_stats(struct node *node)
{
	Csi__V1__NodeGetVolumeStatsRequest wire =
		CSI__V1__NODE_GET_VOLUME_STATS_REQUEST__INIT;
	struct rpc_response response = { 0 };
	ProtobufCMessage *message;

	wire.volume_id = (char *)"vol-1";
	wire.volume_path = (char *)"/target";
	cr_assert_eq(call(node, STATS, &wire.base, &response, NULL), RPC_OK);
	message =
		csi_decode(&csi__v1__node_get_volume_stats_response__descriptor,
			   response.data, response.len, NULL);
	free(response.data);
	cr_assert_not_null(message);
	return (Csi__V1__NodeGetVolumeStatsResponse *)message;
}

Test(csi, stats_have_bytes_inodes_and_health)
{
	struct node node = {
		.stats = {
			.usage = { .total_bytes = 100, .avail_bytes = 60,
				   .used_bytes = 40, .total_files = UINT64_MAX,
				   .avail_files = 7, .used_files = 3,
				   .is_known = true },
			.health = { .health = NFS_HEALTH_UNREACHABLE,
				    .reason = "no connection" },
		},
	};
	Csi__V1__NodeGetVolumeStatsResponse *stats = get_stats(&node);

	cr_assert_str_eq(node.text, "stats vol-1 at /target");
	cr_assert_eq(stats->n_usage, 2);
	cr_assert_eq(stats->usage[0]->unit, CSI__V1__VOLUME_USAGE__UNIT__BYTES);
	cr_assert_eq(stats->usage[0]->total, 100);
	cr_assert_eq(stats->usage[0]->available, 60);
	cr_assert_eq(stats->usage[0]->used, 40);
	cr_assert_eq(stats->usage[1]->unit,
		     CSI__V1__VOLUME_USAGE__UNIT__INODES);
	cr_assert_eq(stats->usage[1]->total, INT64_MAX);
	cr_assert(stats->volume_condition->abnormal);
	cr_assert_str_eq(stats->volume_condition->message, "no connection");
	csi_message_free(&stats->base);
}

Test(csi, stats_that_are_not_known_are_left_out)
{
	struct node node = { .stats.health.reason = "" };
	Csi__V1__NodeGetVolumeStatsResponse *stats = get_stats(&node);

	cr_assert_eq(stats->n_usage, 0);
	cr_assert_not(stats->volume_condition->abnormal);
	cr_assert_str_eq(stats->volume_condition->message, "ok");
	csi_message_free(&stats->base);
}

Test(csi, the_node_introduces_itself)
{
	/* GetPluginInfoResponse { 1: name, 2: vendor_version } */
	static const char plugin[] = "\x0a\x0e"
				     "nfs.claimfs.io\x12\x05" CLAIMFS_VERSION;
	/* NodeGetInfoResponse { 1: node_id, 2: max_volumes_per_node 4096 } */
	static const char info[] = "\x0a\x06node-a\x10\x80\x20";
	/* ProbeResponse { 1: BoolValue { 1: true } } */
	static const char probe[] = "\x0a\x02\x08\x01";
	/* repeated PluginCapability { 1: Service { 1: CONTROLLER_SERVICE }, 2: VolumeExpansion { 1: ONLINE } } */
	static const char plugin_capabilities[] = "\x0a\x04\x0a\x02\x08\x01"
						  "\x0a\x04\x12\x02\x08\x01";
	/* repeated NodeServiceCapability { 1: RPC { 1: type } } */
	static const char capabilities[] = "\x0a\x04\x0a\x02\x08\x01"
					   "\x0a\x04\x0a\x02\x08\x02"
					   "\x0a\x04\x0a\x02\x08\x04"
					   "\x0a\x04\x0a\x02\x08\x03"
					   "\x0a\x04\x0a\x02\x08\x05"
					   "\x0a\x04\x0a\x02\x08\x06";
	static const struct {
		const char *method;
		const char *bytes;
		size_t len;
	} cases[] = {
		{ PLUGIN_INFO, plugin, sizeof(plugin) - 1 },
		{ GET_INFO, info, sizeof(info) - 1 },
		{ "/csi.v1.Identity/Probe", probe, sizeof(probe) - 1 },
		{ "/csi.v1.Identity/GetPluginCapabilities", plugin_capabilities,
		  sizeof(plugin_capabilities) - 1 },
		{ "/csi.v1.Node/NodeGetCapabilities", capabilities,
		  sizeof(capabilities) - 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rpc_response response = { 0 };

		cr_assert_eq(call_bytes(NULL, cases[i].method, NULL, 0,
					&response, NULL),
			     RPC_OK);
		cr_assert_eq(response.len, cases[i].len, "%s", cases[i].method);
		if (response.len)
			cr_assert_arr_eq(response.data, cases[i].bytes,
					 response.len);
		free(response.data);
	}
}

static const char *const with_requests[] = { STAGE,	UNSTAGE, PUBLISH,
					     UNPUBLISH, EXPAND,	 STATS };

/* The handler may take it or refuse it, but with a sentence. */
static enum rpc_status survive(const char *method, const uint8_t *data,
			       size_t len)
{
	/* A copy of that very size, so that reading past it is seen. */
	_cleanup_(free) uint8_t *copy = malloc(len ? len : 1);
	_cleanup_(err_fini) struct err err = ERR_INIT;
	struct node node = { .stats.health.reason = "" };
	struct rpc_response response = { 0 };
	enum rpc_status status;

	memcpy(copy, data, len);
	status = call_bytes(&node, method, copy, len, &response, &err);
	free(response.data);
	cr_assert(status == RPC_OK || status == RPC_INVALID_ARGUMENT);
	cr_assert_eq(status == RPC_OK, node.n_calls == 1);
	cr_assert_eq(status == RPC_OK, err.text == NULL);
	return status;
}

Test(csi, bytes_that_are_no_message_are_refused)
{
	static const struct {
		const char *what;
		const char *bytes;
		size_t len;
	} cases[] = {
		{ "length behind the end",
		  "\x0a\x05"
		  "abc",
		  5 },
		{ "length without end", "\x0a\xff\xff\xff\xff\xff\xff", 7 },
		{ "length over 2^63",
		  "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10 },
		{ "field number 0", "\x02\x00", 2 },
		{ "a group", "\x0b\x0c", 2 },
		{ "wire type 7", "\x0f\x00", 2 },
		{ "a number for the string", "\x08\x01\x0a", 3 },
		{ "tag without a value", "\x0a", 1 },
		{ "HTTP", "GET / HTTP/1.1", 14 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t m = 0; m < ARRAY_SIZE(with_requests); m++)
			cr_assert_eq(survive(with_requests[m],
					     (const uint8_t *)cases[i].bytes,
					     cases[i].len),
				     RPC_INVALID_ARGUMENT, "%s to %s",
				     cases[i].what, with_requests[m]);
}

Test(csi, a_message_that_is_too_long_is_refused)
{
	_cleanup_(free) uint8_t *data = calloc(1, CSI_MESSAGE_MAX + 1);

	/* An unknown field, which would be skipped: 15, length-delimited. */
	data[0] = 0x7a;
	data[1] = 0xfc;
	data[2] = 0xff;
	data[3] = 0x3f;
	cr_assert_eq(survive(UNSTAGE, data, CSI_MESSAGE_MAX), RPC_OK);
	cr_assert_eq(survive(UNSTAGE, data, CSI_MESSAGE_MAX + 1),
		     RPC_INVALID_ARGUMENT);
}

Test(csi, any_damage_to_a_request_is_survived)
{
	_cleanup_(free) uint8_t *data = NULL;
	struct stage_request request;
	size_t len;

	stage_request_init(&request);
	cr_assert_eq(csi_encode(&request.wire.base, &data, &len), 0);
	for (size_t m = 0; m < ARRAY_SIZE(with_requests); m++) {
		for (size_t cut = 0; cut < len; cut++)
			(void)survive(with_requests[m], data, cut);
		for (size_t bit = 0; bit < 8 * len; bit++) {
			data[bit / 8] ^= (uint8_t)(1u << bit % 8);
			(void)survive(with_requests[m], data, len);
			data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}

Test(csi, random_bytes_are_survived)
{
	uint32_t seed = 1;
	uint8_t data[64];

	for (int round = 0; round < 20000; round++) {
		for (size_t i = 0; i < sizeof(data); i++) {
			seed = seed * 1664525u + 1013904223u;
			data[i] = (uint8_t)(seed >> 24);
		}
		(void)survive(with_requests[round % 5], data, data[0] % 64);
	}
}

#define REGISTRATION "/pluginregistration.Registration/"

static void assert_notified(struct node *node, const char *bytes, size_t len,
			    const char *text)
{
	_cleanup_(free) char *found = NULL;
	struct rpc_response response = { 0 };

	cr_assert_eq(call_bytes(node, REGISTRATION "NotifyRegistrationStatus",
				(const uint8_t *)bytes, len, &response, NULL),
		     RPC_OK);
	cr_assert_eq(response.len, 0);
	found = registration_text(node->registration);
	cr_assert_str_eq(found, text);
}

Test(csi, the_kubelet_is_told_who_this_is_and_says_what_it_thinks)
{
	/* PluginInfo { 1: type, 2: name, 3: endpoint, 4: supported_versions } */
	static const char info[] = "\x0a\x09"
				   "CSIPlugin\x12\x0e"
				   "nfs.claimfs.io\x1a\x07/k/sock\"\x05"
				   "1.0.0";
	/* RegistrationStatus { 2: error } and { 1: plugin_registered } */
	static const char refused[] = "\x12\x08not\nthis";
	static const char registered[] = "\x08\x01";
	_cleanup_(registration_free) struct registration *registration = NULL;
	const struct registration_options options = { .socket_path = "/nowhere",
						      .endpoint = "/k/sock" };
	struct rpc_response response = { 0 };
	struct node node = { 0 };

	cr_assert_eq(registration_new(&registration, &options, NULL), 0);
	node.registration = registration;
	cr_assert_eq(call_bytes(&node, REGISTRATION "GetInfo", NULL, 0,
				&response, NULL),
		     RPC_OK);
	cr_assert_eq(response.len, sizeof(info) - 1);
	cr_assert_arr_eq(response.data, info, sizeof(info) - 1);
	free(response.data);
	assert_notified(&node, refused, sizeof(refused) - 1,
			"refused: not this");
	cr_assert_not(registration_is_done(registration));
	assert_notified(&node, registered, sizeof(registered) - 1,
			"registered");
	cr_assert(registration_is_done(registration));
}

Test(csi, who_does_not_register_itself_does_not_answer_the_kubelet)
{
	static const char *const methods[] = { "GetInfo",
					       "NotifyRegistrationStatus" };
	struct rpc_response response = { 0 };
	struct node node = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		_cleanup_(free) char *path = NULL;

		cr_assert_gt(asprintf(&path, REGISTRATION "%s", methods[i]), 0);
		cr_assert_eq(call_bytes(&node, path, NULL, 0, &response, NULL),
			     RPC_UNIMPLEMENTED);
	}
}
