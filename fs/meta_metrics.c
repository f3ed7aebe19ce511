/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The node's metrics in Prometheus' text format (exposition format 0.0.4). A
 * family's lines must stand together, so there is one walk over the volumes per
 * family; a walk is short, and a scrape is rare.
 *
 * Latencies are summaries (quantiles are upper bounds of histogram buckets): the
 * buckets themselves would be 28 lines for each operation of each volume.
 */

#include <inttypes.h>

#include "clock.h"
#include "kept_budget.h"
#include "meta_content.h"
#include "registration.h"
#include "shard.h"
#include "stats.h"
#include "version.h"

/* One family of numbers, a value per volume. */
struct family {
	const char *name;
	const char *type;
	const char *help;
	void (*print)(FILE *out, const struct family *family,
		      const struct node_volume *volume);
};

/* Backslash, quote and newline are escaped in label values. */
static void print_label(FILE *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			(void)fprintf(out, "\\%c", *value);
		else if (*value == '\n')
			(void)fputs("\\n", out);
		else
			(void)fputc(*value, out);
	}
}

static void print_value(FILE *out, const struct family *family,
			const struct node_volume *volume, uint64_t value)
{
	(void)fprintf(out, "%s{volume=\"", family->name);
	print_label(out, volume->name);
	(void)fprintf(out, "\"} %" PRIu64 "\n", value);
}

/* labels: more of them, with a comma in front; suffix: "_sum", "_count" or "". */
static void print_operation(FILE *out, const struct family *family,
			    const struct node_volume *volume, int kind,
			    const char *suffix)
{
	(void)fprintf(out, "%s%s{volume=\"", family->name, suffix);
	print_label(out, volume->name);
	(void)fprintf(out, "\",operation=\"%s\"",
		      op_kind_name((enum op_kind)kind));
}

static void print_errors(FILE *out, const struct family *family,
			 const struct node_volume *volume)
{
	const struct volume_stats *stats = volume_get_stats(volume->volume);

	for (int kind = 0; kind < OP_N_KINDS; kind++) {
		if (stats->ops[kind].count == 0)
			continue;
		print_operation(out, family, volume, kind, "");
		(void)fprintf(out, "} %" PRIu64 "\n",
			      (uint64_t)stats->ops[kind].errors);
	}
}

static void print_durations(FILE *out, const struct family *family,
			    const struct node_volume *volume)
{
	static const struct {
		unsigned int percent;
		const char *label;
	} quantiles[] = { { 50, "0.5" }, { 99, "0.99" } };
	const struct volume_stats *stats = volume_get_stats(volume->volume);

	for (int kind = 0; kind < OP_N_KINDS; kind++) {
		const struct op_stats *op = &stats->ops[kind];

		if (op->count == 0)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++) {
			print_operation(out, family, volume, kind, "");
			(void)fprintf(out, ",quantile=\"%s\"} %g\n",
				      quantiles[i].label,
				      (double)stats_quantile_us(
					      op, quantiles[i].percent) /
					      1e6);
		}
		print_operation(out, family, volume, kind, "_sum");
		(void)fprintf(out, "} %.9g\n",
			      (double)op->sum_ns / (double)NS_PER_S);
		print_operation(out, family, volume, kind, "_count");
		(void)fprintf(out, "} %" PRIu64 "\n", (uint64_t)op->count);
	}
}

static void print_read(FILE *out, const struct family *family,
		       const struct node_volume *volume)
{
	print_value(out, family, volume,
		    volume_get_stats(volume->volume)->read_bytes);
}

static void print_written(FILE *out, const struct family *family,
			  const struct node_volume *volume)
{
	print_value(out, family, volume,
		    volume_get_stats(volume->volume)->written_bytes);
}

static void print_in_flight(FILE *out, const struct family *family,
			    const struct node_volume *volume)
{
	print_value(out, family, volume,
		    volume_get_stats(volume->volume)->in_flight);
}

static void print_locks(FILE *out, const struct family *family,
			const struct node_volume *volume)
{
	print_value(out, family, volume, volume_get_n_locks(volume->volume));
}

static void print_uncommitted(FILE *out, const struct family *family,
			      const struct node_volume *volume)
{
	print_value(out, family, volume,
		    volume_get_uncommitted(volume->volume));
}

static void print_targets(FILE *out, const struct family *family,
			  const struct node_volume *volume)
{
	print_value(out, family, volume, volume->n_targets);
}

static void print_healthy(FILE *out, const struct family *family,
			  const struct node_volume *volume)
{
	struct volume_health health;

	volume_get_health(volume->volume, &health);
	print_value(out, family, volume, health.health == NFS_HEALTH_OK);
}

static void print_frozen(FILE *out, const struct family *family,
			 const struct node_volume *volume)
{
	print_value(out, family, volume,
		    volume_frozen_since(volume->volume) != 0);
}

static void print_capacity(FILE *out, const struct family *family,
			   const struct node_volume *volume)
{
	uint64_t capacity = volume_get_capacity(volume->volume);

	if (capacity > 0)
		print_value(out, family, volume, capacity);
}

static void print_used(FILE *out, const struct family *family,
		       const struct node_volume *volume)
{
	struct volume_usage usage;

	volume_get_usage(volume->volume, 0, &usage);
	if (usage.is_known)
		print_value(out, family, volume, usage.used_bytes);
}

static const struct family families[] = {
	{ "claimfs_operation_duration_seconds", "summary",
	  "Time to answer FUSE operations.", print_durations },
	{ "claimfs_operation_errors_total", "counter",
	  "FUSE operations answered with an error.", print_errors },
	{ "claimfs_read_bytes_total", "counter", "Bytes read.", print_read },
	{ "claimfs_written_bytes_total", "counter", "Bytes written.",
	  print_written },
	{ "claimfs_operations_in_flight", "gauge",
	  "FUSE operations being worked on.", print_in_flight },
	{ "claimfs_volume_uncommitted_bytes", "gauge",
	  "Written, and kept until the server commits it.", print_uncommitted },
	{ "claimfs_volume_locks", "gauge",
	  "Ranges that are locked on the server.", print_locks },
	{ "claimfs_volume_targets", "gauge",
	  "Places at which the volume is published.", print_targets },
	{ "claimfs_volume_healthy", "gauge", "1 if the server answers.",
	  print_healthy },
	{ "claimfs_volume_frozen", "gauge",
	  "1 while its changes are held back for a snapshot.", print_frozen },
	{ "claimfs_volume_capacity_bytes", "gauge",
	  "What the claim was promised.", print_capacity },
	{ "claimfs_volume_used_bytes", "gauge",
	  "What the server says is in use.", print_used },
};

static void print_number(FILE *out, const char *name, const char *help,
			 uint64_t value)
{
	(void)fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %" PRIu64 "\n",
		      name, help, name, name, value);
}

static void print_budget(FILE *out, struct kept_budget *budget)
{
	print_number(out, "claimfs_uncommitted_bytes",
		     "Written, and kept for all volumes together.",
		     kept_budget_bytes(budget));
	print_number(out, "claimfs_uncommitted_limit_bytes",
		     "What any one volume may keep now.",
		     kept_budget_limit(budget));
}

static void print_registration(FILE *out, struct registration *registration)
{
	if (registration)
		print_number(out, "claimfs_kubelet_registered",
			     "1 if the kubelet has registered the driver.",
			     registration_is_done(registration));
}

struct family_visit {
	const struct family *family;
	FILE *out;
};

static bool visit_family(const struct node_volume *volume, void *userdata)
{
	const struct family_visit *visit = userdata;

	visit->family->print(visit->out, visit->family, volume);
	return false;
}

void meta_metrics(FILE *out, const struct meta_subject *subject)
{
	(void)fprintf(out,
		      "# HELP claimfs_build_info Version of the daemon.\n"
		      "# TYPE claimfs_build_info gauge\n"
		      "claimfs_build_info{version=\"%s\",node=\"",
		      CLAIMFS_VERSION);
	print_label(out, node_name(subject->node));
	(void)fputs("\"} 1\n", out);
	print_budget(out, shards_kept_budget(node_shards(subject->node)));
	print_number(out, "claimfs_keeper_connected",
		     "1 if volumes outlive the daemon.",
		     node_has_keeper(subject->node));
	print_registration(out, node_registration(subject->node));
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct family_visit visit = { .family = &families[i],
					      .out = out };

		(void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n",
			      families[i].name, families[i].help,
			      families[i].name, families[i].type);
		(void)node_for_each_volume(subject->node, visit_family, &visit);
	}
}

void meta_version(FILE *out, const struct meta_subject *subject)
{
	(void)fprintf(out, "claimfs %s\n", CLAIMFS_VERSION);
}

void meta_registration(FILE *out, const struct meta_subject *subject)
{
	struct registration *registration = node_registration(subject->node);
	_cleanup_(free) char *text =
		registration ? registration_text(registration) : NULL;

	(void)fprintf(out, "%s\n", text ? text : "off");
}
