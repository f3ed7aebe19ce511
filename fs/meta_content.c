/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The control files of a volume. What a pod may see of its volume has nothing of
 * the server, the share, other volumes or other pods in it; the two files that
 * have, `pods` and `server`, are the administrator's.
 *
 * Single facts are plain text, as /proc and /sys have them; what has structure is
 * one JSON object. Sizes are bytes, latencies microseconds: upper bounds of the
 * histogram's buckets.
 */

#include "meta_content.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "clock.h"
#include "mount.h"
#include "stats.h"

DEFINE_CLEANUP(cJSON *, cJSON_Delete)

static const char *const health_names[] = {
	[NFS_HEALTH_OK] = "ok",
	[NFS_HEALTH_DEGRADED] = "degraded",
	[NFS_HEALTH_UNREACHABLE] = "unreachable",
};

static const struct volume_spec *spec_of(const struct meta_subject *subject)
{
	return volume_get_spec(subject->volume->volume);
}

/*
 * Pods with different rights share one FUSE mount; what a pod may do is a matter of
 * its bind. A container sees no other; on the host, pods of both kinds may be
 * seen, and then the answer is the volume's.
 */
static bool is_read_only_for_reader(const struct meta_subject *subject)
{
	struct volume *volume = subject->volume->volume;
	const struct volume_spec *spec = volume_get_spec(volume);

	return volume_spec_is_read_only(spec) ||
	       (subject->reader > 0 &&
		mount_is_read_only_for(subject->reader,
				       volume_get_dev_minor(volume),
				       spec->mountpoint));
}

static void print_json(FILE *out, const cJSON *json)
{
	char *text = cJSON_Print(json);

	if (text)
		(void)fprintf(out, "%s\n", text);
	cJSON_free(text);
}

/* cJSON's numbers are doubles: exact to 2^53, which is 8 PiB. */
static void add_u64(cJSON *json, const char *key, uint64_t value)
{
	(void)cJSON_AddNumberToObject(json, key, (double)value);
}

void meta_claim(FILE *out, const struct meta_subject *subject)
{
	const char *claim = spec_of(subject)->claim;

	(void)fprintf(out, "%s\n", claim ? claim : "unknown");
}

void meta_mode(FILE *out, const struct meta_subject *subject)
{
	(void)fprintf(out, "%s %s\n",
		      is_read_only_for_reader(subject) ? "ro" : "rw",
		      access_mode_name(spec_of(subject)->access_mode));
}

/* The PV's, or at least the one that this node was told. */
static void add_access_modes(cJSON *json, const struct volume_spec *spec)
{
	const char *text = spec->access_modes
				   ? spec->access_modes
				   : access_mode_name(spec->access_mode);
	cJSON *modes = cJSON_AddArrayToObject(json, "accessModes");

	while (*text) {
		size_t len = strcspn(text, ",");
		_cleanup_(free) char *mode = strndup(text, len);

		(void)cJSON_AddItemToArray(
			modes, cJSON_CreateString(mode ? mode : ""));
		text += len + (text[len] == ',');
	}
}

/* csi-driver-nfs makes them of server, share and directory: not for pods. */
static bool is_handle_shown(const struct meta_subject *subject)
{
	const struct volume_spec *spec = spec_of(subject);

	return subject->node || !strstr(spec->handle, spec->server);
}

void meta_volume(FILE *out, const struct meta_subject *subject)
{
	_cleanup_(cJSON_Delete) cJSON *json = cJSON_CreateObject();
	const struct volume_spec *spec = spec_of(subject);
	uint64_t capacity = volume_get_capacity(subject->volume->volume);

	(void)cJSON_AddStringToObject(json, "name", spec->pv);
	if (is_handle_shown(subject))
		(void)cJSON_AddStringToObject(json, "handle", spec->handle);
	if (spec->claim)
		(void)cJSON_AddStringToObject(json, "claim", spec->claim);
	if (capacity > 0)
		add_u64(json, "capacity", capacity);
	if (spec->class)
		(void)cJSON_AddStringToObject(json, "class", spec->class);
	if (spec->reclaim_policy)
		(void)cJSON_AddStringToObject(json, "reclaimPolicy",
					      spec->reclaim_policy);
	add_access_modes(json, spec);
	(void)cJSON_AddStringToObject(json, "nfsVersion", "3");
	(void)cJSON_AddStringToObject(
		json, "mode", is_read_only_for_reader(subject) ? "ro" : "rw");
	print_json(out, json);
}

static void add_operation(cJSON *operations, enum op_kind kind,
			  const struct op_stats *stats)
{
	uint64_t count = stats->count;
	cJSON *json;

	if (count == 0)
		return;
	json = cJSON_AddObjectToObject(operations, op_kind_name(kind));
	add_u64(json, "count", count);
	add_u64(json, "errors", stats->errors);
	add_u64(json, "p50_us", stats_quantile_us(stats, 50));
	add_u64(json, "p99_us", stats_quantile_us(stats, 99));
}

void meta_stats(FILE *out, const struct meta_subject *subject)
{
	_cleanup_(cJSON_Delete) cJSON *json = cJSON_CreateObject();
	const struct volume_stats *stats =
		volume_get_stats(subject->volume->volume);
	cJSON *operations;

	add_u64(json, "read_bytes", stats->read_bytes);
	add_u64(json, "written_bytes", stats->written_bytes);
	add_u64(json, "in_flight", stats->in_flight);
	add_u64(json, "uncommitted_bytes",
		volume_get_uncommitted(subject->volume->volume));
	add_u64(json, "locks", volume_get_n_locks(subject->volume->volume));
	operations = cJSON_AddObjectToObject(json, "operations");
	for (int kind = 0; kind < OP_N_KINDS; kind++)
		add_operation(operations, (enum op_kind)kind,
			      &stats->ops[kind]);
	print_json(out, json);
}

/* limit 0 = none is known: the member is left out, as are unknown ones. */
static void add_quota(cJSON *json, const char *key, uint64_t limit,
		      const uint64_t *used, const uint64_t *available)
{
	cJSON *quota = cJSON_AddObjectToObject(json, key);

	if (limit > 0)
		add_u64(quota, "limit", limit);
	if (used)
		add_u64(quota, "used", *used);
	if (available)
		add_u64(quota, "available", *available);
}

void meta_quota(FILE *out, const struct meta_subject *subject)
{
	_cleanup_(cJSON_Delete) cJSON *json = cJSON_CreateObject();
	struct volume *volume = subject->volume->volume;
	struct volume_usage usage;

	volume_get_usage(volume, 0, &usage);
	add_quota(json, "bytes", volume_get_capacity(volume),
		  usage.is_known ? &usage.used_bytes : NULL,
		  usage.is_known ? &usage.avail_bytes : NULL);
	add_quota(json, "inodes", 0, usage.is_known ? &usage.used_files : NULL,
		  usage.is_known ? &usage.avail_files : NULL);
	print_json(out, json);
}

/* A moment of the internal clock as people write it. */
static void print_moment(FILE *out, uint64_t at_ns)
{
	uint64_t now_ns = clock_ns();
	uint64_t age_ns = now_ns > at_ns ? now_ns - at_ns : 0;
	time_t at = time(NULL) - (time_t)(age_ns / NS_PER_S);
	char text[sizeof("2026-01-01T00:00:00Z")];
	struct tm tm;

	if (gmtime_r(&at, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
		(void)fputs(text, out);
}

static void print_health(FILE *out, const struct volume_health *health)
{
	(void)fputs(health_names[health->health], out);
	if (health->health != NFS_HEALTH_OK) {
		(void)fputc(' ', out);
		print_moment(out, health->since_ns);
		(void)fprintf(out, " %s", health->reason);
	}
	(void)fputc('\n', out);
}

void meta_health(FILE *out, const struct meta_subject *subject)
{
	struct volume *volume = subject->volume->volume;
	uint64_t frozen_ns = volume_frozen_since(volume);
	struct volume_health health;

	volume_get_health(volume, &health);
	print_health(out, &health);
	if (frozen_ns == 0)
		return;
	(void)fputs("frozen ", out);
	print_moment(out, frozen_ns);
	(void)fputc('\n', out);
}

void meta_pods(FILE *out, const struct meta_subject *subject)
{
	const struct node_volume *volume = subject->volume;

	for (size_t i = 0; i < volume->n_targets; i++) {
		const struct node_target *target = &volume->targets[i];

		(void)fprintf(out, "%s/%s %s %s %s\n",
			      *target->pod_namespace ? target->pod_namespace
						     : "-",
			      *target->pod_name ? target->pod_name : "-",
			      *target->pod_uid ? target->pod_uid : "-",
			      target->is_read_only ? "ro" : "rw", target->path);
	}
}

void meta_server(FILE *out, const struct meta_subject *subject)
{
	const struct volume_spec *spec = spec_of(subject);
	_cleanup_(free) char *name = NULL;

	if (meta_server_name(spec, &name) < 0)
		return;
	(void)fprintf(out, "%s %s%s%s\n", name, spec->share,
		      *spec->subdir ? "/" : "", spec->subdir);
}

int meta_server_name(const struct volume_spec *spec, char **ret)
{
	const uint32_t port = spec->options.port ? spec->options.port : 2049;
	/* An IPv6 address has colons of its own. */
	const bool is_bare_ipv6 =
		strchr(spec->server, ':') && spec->server[0] != '[';

	if (asprintf(ret, is_bare_ipv6 ? "[%s]:%u" : "%s:%u", spec->server,
		     port) < 0)
		return -ENOMEM;
	return 0;
}

/* What the volumes of one server add up to. */
struct server_sum {
	const char *server;
	struct volume_health worst;
	uint64_t n_volumes;
	uint64_t read_bytes;
	uint64_t written_bytes;
	uint64_t in_flight;
	uint64_t operations;
	uint64_t errors;
};

static bool visit_server_volume(const struct node_volume *volume,
				void *userdata)
{
	const struct volume_stats *stats = volume_get_stats(volume->volume);
	_cleanup_(free) char *name = NULL;
	struct server_sum *sum = userdata;
	struct volume_health health;

	if (meta_server_name(volume_get_spec(volume->volume), &name) < 0)
		return true;
	if (strcmp(name, sum->server) != 0)
		return false;
	volume_get_health(volume->volume, &health);
	if (sum->n_volumes == 0 || health.health > sum->worst.health)
		sum->worst = health;
	sum->n_volumes++;
	sum->read_bytes += stats->read_bytes;
	sum->written_bytes += stats->written_bytes;
	sum->in_flight += stats->in_flight;
	for (int kind = 0; kind < OP_N_KINDS; kind++) {
		sum->operations += stats->ops[kind].count;
		sum->errors += stats->ops[kind].errors;
	}
	return false;
}

static struct server_sum server_sum(const struct meta_subject *subject)
{
	struct server_sum sum = { .server = subject->server,
				  .worst = { .reason = "" } };

	(void)node_for_each_volume(subject->node, visit_server_volume, &sum);
	return sum;
}

void meta_server_state(FILE *out, const struct meta_subject *subject)
{
	const struct server_sum sum = server_sum(subject);

	print_health(out, &sum.worst);
}

void meta_server_stats(FILE *out, const struct meta_subject *subject)
{
	_cleanup_(cJSON_Delete) cJSON *json = cJSON_CreateObject();
	const struct server_sum sum = server_sum(subject);

	add_u64(json, "volumes", sum.n_volumes);
	add_u64(json, "read_bytes", sum.read_bytes);
	add_u64(json, "written_bytes", sum.written_bytes);
	add_u64(json, "in_flight", sum.in_flight);
	add_u64(json, "operations", sum.operations);
	add_u64(json, "errors", sum.errors);
	print_json(out, json);
}
