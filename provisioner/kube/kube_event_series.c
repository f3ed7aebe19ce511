/* SPDX-License-Identifier: Apache-2.0 */

/*
 * After client-go's recorders (tools/events, and the correlator of tools/record):
 *
 * - what happens again within six minutes of the last time is one Event with a
 *   series. Its count is written at the second time, and then every half a minute
 *   at most (client-go: every 30 minutes, which leaves `kubectl describe` behind);
 * - the eleventh note of one object and reason stands for all further ones;
 * - about one object 25 writes may come at once, and then one every five minutes.
 *
 * All tables are bounded and searched from end to end: events are rare, or dropped.
 */

#include "kube_event_series.h"

#include "clock.h"

#define FORGET_NS  (KUBE_SERIES_FORGET_S * NS_PER_S)
#define REWRITE_NS (KUBE_SERIES_REWRITE_S * NS_PER_S)
#define REFILL_NS  (KUBE_SERIES_REFILL_S * NS_PER_S)

void kube_series_init(struct kube_series_table *table)
{
	*table = (struct kube_series_table){ 0 };
	TAILQ_INIT(&table->series);
}

void kube_series_forget(struct kube_series_table *table,
			struct kube_series *series)
{
	TAILQ_REMOVE(&table->series, series, entry);
	table->n--;
	free(series->namespace);
	free(series->name);
	free(series);
}

void kube_series_fini(struct kube_series_table *table)
{
	while (!TAILQ_EMPTY(&table->series))
		kube_series_forget(table, TAILQ_FIRST(&table->series));
}

static bool is_written(const struct kube_series *series)
{
	return series->count == series->written_count;
}

/* From the oldest on: those that are silent, and as many as are too many. */
static void forget_old(struct kube_series_table *table, uint64_t now_ns)
{
	struct kube_series *series;

	while ((series = TAILQ_FIRST(&table->series)) &&
	       (table->n >= KUBE_SERIES_MAX ||
		(series->seen_ns + FORGET_NS < now_ns && is_written(series))))
		kube_series_forget(table, series);
}

/* The object's place, or that of the one whose allowance is whole for longest. */
static struct kube_series_object *place(struct kube_series_table *table,
					uint64_t object)
{
	struct kube_series_object *best = &table->objects[0];

	for (size_t i = 0; i < KUBE_SERIES_MAX; i++) {
		struct kube_series_object *other = &table->objects[i];

		if (other->object == object)
			return other;
		if (other->full_ns < best->full_ns)
			best = other;
	}
	*best = (struct kube_series_object){ .object = object };
	return best;
}

/*
 * A bucket of tokens kept as the time when it will be full: each write puts that off by
 * what a token takes.
 */
static bool may_write(struct kube_series_table *table, uint64_t object,
		      uint64_t now_ns)
{
	struct kube_series_object *found = place(table, object);
	uint64_t full_ns = found->full_ns > now_ns ? found->full_ns : now_ns;

	if (full_ns - now_ns > (KUBE_SERIES_BURST - 1) * REFILL_NS)
		return false;
	found->full_ns = full_ns + REFILL_NS;
	return true;
}

static struct kube_series *find(struct kube_series_table *table, uint64_t key)
{
	struct kube_series *series;

	TAILQ_FOREACH (series, &table->series, entry)
		if (series->key == key)
			return series;
	return NULL;
}

static unsigned int count_notes(struct kube_series_table *table, uint64_t group)
{
	struct kube_series *series;
	unsigned int n = 0;

	TAILQ_FOREACH (series, &table->series, entry)
		n += series->group == group;
	return n;
}

static enum kube_series_verdict again(struct kube_series_table *table,
				      struct kube_series *series,
				      uint64_t object, uint64_t now_ns)
{
	series->count++;
	series->seen_ns = now_ns;
	TAILQ_REMOVE(&table->series, series, entry);
	TAILQ_INSERT_TAIL(&table->series, series, entry);
	if (series->written_count > 1 &&
	    now_ns < series->written_ns + REWRITE_NS)
		return KUBE_SERIES_LATER;
	return may_write(table, object, now_ns) ? KUBE_SERIES_WRITE
						: KUBE_SERIES_LATER;
}

static struct kube_series *begin(struct kube_series_table *table,
				 const struct kube_series_sight *sight,
				 uint64_t key, uint64_t now_ns)
{
	struct kube_series *series = calloc(1, sizeof(*series));

	if (!series)
		return NULL;
	series->key = key;
	series->group = sight->group;
	series->count = 1;
	series->seen_ns = now_ns;
	TAILQ_INSERT_TAIL(&table->series, series, entry);
	table->n++;
	return series;
}

enum kube_series_verdict kube_series_see(struct kube_series_table *table,
					 const struct kube_series_sight *sight,
					 uint64_t now_ns,
					 struct kube_series **ret)
{
	struct kube_series *series;
	bool is_combined;
	uint64_t key = sight->key;

	forget_old(table, now_ns);
	series = find(table, key);
	is_combined = !series &&
		      count_notes(table, sight->group) >= KUBE_SERIES_NOTES;
	if (is_combined) {
		key = sight->group;
		series = find(table, key);
	}
	if (series) {
		*ret = series;
		return again(table, series, sight->object, now_ns);
	}
	if (!may_write(table, sight->object, now_ns))
		return KUBE_SERIES_DROP;
	series = begin(table, sight, key, now_ns);
	if (!series)
		return KUBE_SERIES_DROP;
	*ret = series;
	return is_combined ? KUBE_SERIES_CREATE_COMBINED : KUBE_SERIES_CREATE;
}

void kube_series_written(struct kube_series *series, uint64_t now_ns)
{
	series->written_ns = now_ns;
	series->written_count = series->count;
}

struct kube_series *kube_series_due(struct kube_series_table *table,
				    uint64_t *ret_ns)
{
	struct kube_series *series, *due = NULL;

	*ret_ns = UINT64_MAX;
	TAILQ_FOREACH (series, &table->series, entry) {
		if (is_written(series) ||
		    series->written_ns + REWRITE_NS >= *ret_ns)
			continue;
		*ret_ns = series->written_ns + REWRITE_NS;
		due = series;
	}
	return due;
}
