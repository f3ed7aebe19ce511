/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl top: rates are what the counters of two samples differ by. It reads the
 * metrics of the nodes of this machine and needs no API; whose volume it is, is in
 * .meta as well. Counters that went back (a volume was mounted anew) count from 0.
 */

#include <poll.h>
#include <string.h>

#include <libsmartcols.h>

#include "clock.h"
#include "ctl.h"
#include "ctl_colour.h"
#include "parse.h"
#include "top_metrics.h"

#define NODES_MAX    16
#define META_DEFAULT "/run/claimfs/meta"

struct top {
	const char *folders[NODES_MAX];
	size_t n_folders;
	uint32_t interval_s;
	uint32_t n_rounds; /* 0 = until it is stopped */
	struct top_sample before[NODES_MAX];
	struct top_sample now[NODES_MAX];
};

static int add_folder(void *userdata, const char *value, struct err *err)
{
	struct top *top = userdata;

	if (top->n_folders == NODES_MAX)
		return err_set(err, -E2BIG, "at most %d nodes can be given",
			       NODES_MAX);
	top->folders[top->n_folders++] = value;
	return 0;
}

static int set_rounds(void *userdata, const char *value, struct err *err)
{
	if (parse_u32(value, 1, 1000000, &((struct top *)userdata)->n_rounds) <
	    0)
		return err_set(err, -EINVAL,
			       "\"%s\" is not a number from 1 to 1000000",
			       value);
	return 0;
}

static int set_interval(void *userdata, const char *value, struct err *err)
{
	if (parse_u32(value, 1, 3600, &((struct top *)userdata)->interval_s) <
	    0)
		return err_set(err, -EINVAL,
			       "\"%s\" is not a number of seconds up to 3600",
			       value);
	return 0;
}

static const struct option_spec options[] = {
	{ .name = "count",
	  .letter = 'n',
	  .value = "N",
	  .help = "print N times and end (default: until Ctrl-C)",
	  .fn = set_rounds },
	{ .name = "interval",
	  .letter = 'd',
	  .value = "SECONDS",
	  .help = "time over which rates are taken (default 2)",
	  .fn = set_interval },
	{ .name = "meta",
	  .value = "DIR",
	  .help = "a node's control tree, STATE-DIR/meta; may be repeated (default " META_DEFAULT
		  ")",
	  .fn = add_folder },
};

static const struct options_spec spec = {
	.program = "claimctl top",
	.usage = "[OPTIONS]",
	.summary =
		"Shows what the volumes of this machine's nodes are doing, the busiest first.",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.epilogue = "  claimctl top\n"
		    "  claimctl top -n 1 -d 10\n",
};

static void samples_fini(struct top_sample *samples)
{
	for (size_t i = 0; i < NODES_MAX; i++)
		top_sample_fini(&samples[i]);
}

static void top_fini(struct top *top)
{
	samples_fini(top->before);
	samples_fini(top->now);
}

DEFINE_FINI(struct top, top_fini)

static void table_unref(struct libscols_table *table)
{
	scols_unref_table(table);
}

DEFINE_CLEANUP(struct libscols_table *, table_unref)

/* --- rows ------------------------------------------------------------------------- */

struct row {
	const struct top *top;
	size_t i; /* of the node */
	const struct top_volume *now;
	struct top_volume rate; /* per second; but n_in_flight and health */
	double us;		/* per operation */
};

static double rate(double now, double before, double seconds)
{
	return (now >= before ? now - before : now) / seconds;
}

static void make_row(struct row *row)
{
	static const struct top_volume none;
	const struct top_sample *then = &row->top->before[row->i];
	const struct top_volume *now = row->now;
	const struct top_volume *old = top_sample_find(then, now->name);
	double seconds = (double)(row->top->now[row->i].at_ns - then->at_ns) /
			 (double)NS_PER_S;

	if (!old)
		old = &none;
	if (seconds <= 0)
		seconds = 1;
	row->rate = (struct top_volume){
		.n_operations =
			rate(now->n_operations, old->n_operations, seconds),
		.seconds = rate(now->seconds, old->seconds, seconds),
		.errors = rate(now->errors, old->errors, seconds),
		.read_bytes = rate(now->read_bytes, old->read_bytes, seconds),
		.written_bytes =
			rate(now->written_bytes, old->written_bytes, seconds),
	};
	row->us = row->rate.n_operations > 0
			  ? row->rate.seconds / row->rate.n_operations * 1e6
			  : 0;
}

static int by_work(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	double work_x = x->rate.n_operations, work_y = y->rate.n_operations;

	if (work_x != work_y)
		return work_x < work_y ? 1 : -1;
	return strcmp(x->now->name, y->now->name);
}

/* --- the table -------------------------------------------------------------------- */

enum column {
	COLUMN_VOLUME,
	COLUMN_CLAIM,
	COLUMN_NODE,
	COLUMN_OPERATIONS,
	COLUMN_LATENCY,
	COLUMN_READ,
	COLUMN_WRITTEN,
	COLUMN_ERRORS,
	COLUMN_IN_FLIGHT,
	COLUMN_HEALTH,
};

static void print_bytes(char *text, size_t size, double bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t unit = 0;

	while (bytes >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		bytes /= 1024;
		unit++;
	}
	(void)snprintf(text, size, unit && bytes < 100 ? "%.1f%s" : "%.0f%s",
		       bytes, units[unit]);
}

/* The first line of FOLDER/volumes/NAME/claim. */
static void read_claim(const char *folder, const char *name,
		       char text[TOP_NAME_MAX])
{
	_cleanup_(free) char *path = NULL;
	_cleanup_(fclose) FILE *in = NULL;

	*text = '\0';
	if (asprintf(&path, "%s/volumes/%s/claim", folder, name) < 0) {
		path = NULL;
		return;
	}
	in = fopen(path, "re");
	if (in && fgets(text, TOP_NAME_MAX, in))
		text[strcspn(text, "\n")] = '\0';
}

static int set_cells(const struct row *row, struct libscols_line *line)
{
	char cells[COLUMN_HEALTH + 1][TOP_NAME_MAX] = { 0 };
	const struct top_volume *rate = &row->rate;

	read_claim(row->top->folders[row->i], row->now->name,
		   cells[COLUMN_CLAIM]);
	(void)snprintf(cells[COLUMN_VOLUME], TOP_NAME_MAX, "%s",
		       row->now->name);
	(void)snprintf(cells[COLUMN_NODE], TOP_NAME_MAX, "%s",
		       row->top->now[row->i].node);
	(void)snprintf(cells[COLUMN_OPERATIONS], TOP_NAME_MAX, "%.0f",
		       rate->n_operations);
	(void)snprintf(cells[COLUMN_LATENCY], TOP_NAME_MAX, "%.0f", row->us);
	print_bytes(cells[COLUMN_READ], TOP_NAME_MAX, rate->read_bytes);
	print_bytes(cells[COLUMN_WRITTEN], TOP_NAME_MAX, rate->written_bytes);
	(void)snprintf(cells[COLUMN_ERRORS], TOP_NAME_MAX, "%.0f",
		       rate->errors);
	(void)snprintf(cells[COLUMN_IN_FLIGHT], TOP_NAME_MAX, "%.0f",
		       row->now->n_in_flight);
	(void)snprintf(cells[COLUMN_HEALTH], TOP_NAME_MAX, "%s",
		       row->now->is_healthy ? "ok" : "unreachable");
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
		if (scols_line_set_data(line, i, cells[i]) != 0)
			return -ENOMEM;
	return 0;
}

static int add_row(struct libscols_table *out, const struct row *row)
{
	struct libscols_line *line = scols_table_new_line(out, NULL);
	const char *red = ctl_colour(stdout, CTL_RED);

	if (!line)
		return -ENOMEM;
	if (!row->now->is_healthy && *red)
		(void)scols_line_set_color(line, red);
	return set_cells(row, line);
}

static int add_columns(struct libscols_table *out)
{
	static const struct {
		const char *name;
		int flags;
	} columns[] = {
		[COLUMN_VOLUME] = { "VOLUME", 0 },
		[COLUMN_CLAIM] = { "CLAIM", 0 },
		[COLUMN_NODE] = { "NODE", 0 },
		[COLUMN_OPERATIONS] = { "OPS/s", SCOLS_FL_RIGHT },
		[COLUMN_LATENCY] = { "us/OP", SCOLS_FL_RIGHT },
		[COLUMN_READ] = { "READ/s", SCOLS_FL_RIGHT },
		[COLUMN_WRITTEN] = { "WRITTEN/s", SCOLS_FL_RIGHT },
		[COLUMN_ERRORS] = { "ERRORS/s", SCOLS_FL_RIGHT },
		[COLUMN_IN_FLIGHT] = { "IN FLIGHT", SCOLS_FL_RIGHT },
		[COLUMN_HEALTH] = { "HEALTH", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		if (!scols_table_new_column(out, columns[i].name, 1,
					    columns[i].flags))
			return -ENOMEM;
	(void)scols_table_set_column_separator(out, "   ");
	(void)scols_table_set_termforce(out, SCOLS_TERMFORCE_NEVER);
	(void)scols_table_enable_minout(out, 1);
	(void)scols_table_enable_colors(out,
					*ctl_colour(stdout, CTL_PLAIN) != 0);
	return 0;
}

static size_t make_rows(const struct top *top, struct row *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < top->n_folders; i++)
		for (size_t j = 0; j < top->now[i].n; j++) {
			rows[n] = (struct row){
				.top = top,
				.i = i,
				.now = &top->now[i].volumes[j],
			};
			make_row(&rows[n++]);
		}
	qsort(rows, n, sizeof(*rows), by_work);
	return n;
}

static int print(const struct top *top)
{
	_cleanup_(table_unref) struct libscols_table *out = scols_new_table();
	_cleanup_(free) struct row *rows = NULL;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < top->n_folders; i++)
		n += top->now[i].n;
	rows = calloc(n + 1, sizeof(*rows));
	if (!out || !rows)
		return -ENOMEM;
	r = add_columns(out);
	n = make_rows(top, rows);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_row(out, &rows[i]);
	if (r == 0 && n == 0)
		puts("No volumes.");
	if (r == 0 && n && scols_print_table(out) < 0)
		r = -EIO;
	(void)fflush(stdout);
	return r;
}

/* --- the verb --------------------------------------------------------------------- */

static int sample(struct top *top, struct err *err)
{
	int r = 0;

	samples_fini(top->before);
	memcpy(top->before, top->now, sizeof(top->now));
	memset(top->now, 0, sizeof(top->now));
	for (size_t i = 0; r == 0 && i < top->n_folders; i++)
		r = top_sample_read(&top->now[i], top->folders[i], err);
	return r;
}

/* A terminal shows the last table only; elsewhere a blank line is between them. */
static void begin_round(uint32_t round)
{
	if (*ctl_colour(stdout, CTL_PLAIN))
		fputs("\033[H\033[J", stdout);
	else if (round > 0)
		putchar('\n');
}

static int run(struct top *top, struct err *err)
{
	int r = sample(top, err);

	for (uint32_t i = 0; r == 0 && (!top->n_rounds || i < top->n_rounds);
	     i++) {
		/* Rates are over time: there is no event to wait for. */
		(void)poll(NULL, 0, (int)(top->interval_s * 1000));
		r = sample(top, err);
		if (r < 0)
			break;
		if (top->n_rounds != 1)
			begin_round(i);
		r = print(top);
		if (r < 0)
			return err_set_errno(err, r, "print a table");
		if (ferror(stdout))
			return 0; /* nobody reads it any more */
	}
	return r;
}

int verb_top(int argc, char **argv, struct err *err)
{
	_cleanup_(top_fini) struct top top = { .interval_s = 2 };
	int first;
	int r = options_parse(&spec, argc, argv, &top, &first, err);

	if (r == OPTIONS_DONE)
		return r;
	if (r == 0 && first < argc)
		r = err_set(err, -EINVAL, "top takes no operand such as \"%s\"",
			    argv[first]);
	if (r < 0)
		return CTL_USAGE;
	if (!top.n_folders)
		top.folders[top.n_folders++] = META_DEFAULT;
	return run(&top, err);
}
