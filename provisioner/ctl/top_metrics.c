/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Prometheus' text, as far as the node daemon writes it: `family{volume="v",...} N`,
 * a line each. Families that are not asked for, and lines of another form, are passed
 * over: a newer daemon may have more. The lines of a family stand together, so the
 * volume of a line is mostly that of the line before or the one after it.
 */

#include "top_metrics.h"

#include <string.h>

#include "clock.h"

#define VOLUMES_MAX 65536

static void add_to(struct top_volume *volume, size_t offset, double value)
{
	*(double *)((char *)volume + offset) += value;
}

#define FIELD(f) offsetof(struct top_volume, f)

/* Several lines of a volume, one for each operation, are summed up. */
static const struct {
	const char *family;
	size_t offset;
} families[] = {
	{ "claimfs_operation_duration_seconds_count", FIELD(n_operations) },
	{ "claimfs_operation_duration_seconds_sum", FIELD(seconds) },
	{ "claimfs_operation_errors_total", FIELD(errors) },
	{ "claimfs_read_bytes_total", FIELD(read_bytes) },
	{ "claimfs_written_bytes_total", FIELD(written_bytes) },
	{ "claimfs_operations_in_flight", FIELD(n_in_flight) },
};

static struct top_volume *find(struct top_sample *sample, const char *name)
{
	for (size_t i = 0; i < sample->n; i++)
		if (strcmp(sample->volumes[i].name, name) == 0)
			return &sample->volumes[i];
	return NULL;
}

const struct top_volume *top_sample_find(const struct top_sample *sample,
					 const char *name)
{
	return find((struct top_sample *)sample, name);
}

static struct top_volume *find_or_add(struct top_sample *sample,
				      const char *name)
{
	struct top_volume *volume = find(sample, name);
	struct top_volume *grown;

	if (volume || sample->n == VOLUMES_MAX)
		return volume;
	grown = reallocarray(sample->volumes, sample->n + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	sample->volumes = grown;
	volume = &grown[sample->n++];
	*volume = (struct top_volume){ .is_healthy = true };
	(void)snprintf(volume->name, sizeof(volume->name), "%s", name);
	return volume;
}

/* The value of a label, unescaped; false: it is not there, or too long. */
static bool take_label(const char *line, const char *label,
		       char ret[TOP_NAME_MAX])
{
	const char *text = strstr(line, label);
	size_t len = 0;

	if (!text)
		return false;
	for (text += strlen(label); *text && *text != '"'; text++) {
		if (*text == '\\' && text[1])
			text++;
		if (len + 1 == TOP_NAME_MAX)
			return false;
		ret[len++] = *text;
	}
	ret[len] = '\0';
	return *text == '"';
}

static bool take_value(const char *line, double *ret)
{
	const char *blank = strrchr(line, ' ');
	char *end;

	if (!blank)
		return false;
	*ret = strtod(blank + 1, &end);
	return end != blank + 1 && (!*end || *end == '\n') && *ret >= 0;
}

static int take_volume(struct top_sample *sample, const char *line,
		       size_t family_len)
{
	struct top_volume *volume;
	char name[TOP_NAME_MAX];
	double value;

	if (!take_label(line, "{volume=\"", name) || !take_value(line, &value))
		return 0;
	volume = find_or_add(sample, name);
	if (!volume)
		return -ENOMEM;
	if (strncmp(line, "claimfs_volume_healthy{", family_len + 1) == 0)
		volume->is_healthy = value > 0;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (strlen(families[i].family) == family_len &&
		    strncmp(line, families[i].family, family_len) == 0)
			add_to(volume, families[i].offset, value);
	return 0;
}

int top_sample_take(struct top_sample *sample, const char *line)
{
	size_t family_len = strcspn(line, "{ \n");

	if (*line == '#' || line[family_len] != '{')
		return 0;
	if (strncmp(line, "claimfs_build_info{", family_len + 1) == 0) {
		(void)take_label(line, ",node=\"", sample->node);
		return 0;
	}
	return take_volume(sample, line, family_len);
}

int top_sample_read(struct top_sample *ret, const char *folder, struct err *err)
{
	_cleanup_(free) char *path = NULL;
	_cleanup_(free) char *line = NULL;
	_cleanup_(fclose) FILE *in = NULL;
	size_t size = 0;
	int r = 0;

	if (asprintf(&path, "%s/metrics", folder) < 0) {
		path = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	in = fopen(path, "re");
	if (!in)
		return err_set_errno(
			err, -errno,
			"read %s (is claimfs-node running, with this --meta as its STATE-DIR/meta?)",
			path);
	ret->at_ns = clock_ns();
	while (r == 0 && getline(&line, &size, in) > 0)
		r = top_sample_take(ret, line);
	if (r == 0 && ferror(in))
		r = -EIO;
	return r < 0 ? err_set_errno(err, r, "read %s", path) : 0;
}

void top_sample_fini(struct top_sample *sample)
{
	free(sample->volumes);
	*sample = (struct top_sample){ 0 };
}
