/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ListVolumes: all volumes of our drivers, whoever made them, ordered by the names of their
 * PersistentVolumes. A page begins behind the last name of the page before (csi_page.h). So
 * volumes that are made or deleted between two pages neither repeat nor hide others.
 *
 * The stored texts are not parsed into objects: what the answer needs is looked up in them
 * (json_index). volume_context is left out: orchestrators have it from CreateVolume, and
 * those of ten thousand volumes would exceed the 4 MiB that gRPC clients accept by default.
 * For the same reason a page ends after PAGE_BYTES even if the request has no max_entries.
 */

#include <string.h>

#include "csi_calls.h"
#include "csi_condition.h"
#include "csi_page.h"
#include "csi_published.h"
#include "json_index.h"
#include "quantity.h"
#include "store_volume.h"

#define PAGE_BYTES  (3 << 20)
#define ENTRY_BYTES 64 /* of an entry besides its id and condition */
#define TEXT_MAX    256

struct listed {
	char *name;
	char *id;
	uint64_t capacity;
	const char *condition; /* a literal; NULL = all is well */
};

struct page {
	const struct csi_controller_options *options;
	struct json_index index;
	struct listed *items;
	size_t n, n_allocated;
	size_t n_max; /* 0 = no limit */
	size_t n_bytes;
	bool has_more;
};

static void page_fini(struct page *page)
{
	for (size_t i = 0; i < page->n; i++) {
		free(page->items[i].name);
		free(page->items[i].id);
	}
	free(page->items);
	json_index_fini(&page->index);
}

DEFINE_FINI(struct page, page_fini)

/* --- reading ----------------------------------------------------------------------------- */

static bool is_ours(const struct page *page)
{
	const struct json_token *driver =
		json_index_at(&page->index, "spec.csi.driver");

	for (size_t i = 0; i < page->options->n_drivers; i++)
		if (json_index_is(&page->index, driver,
				  page->options->drivers[i]))
			return true;
	return false;
}

static uint64_t capacity_of(const struct page *page)
{
	char text[QUANTITY_MAX];
	uint64_t capacity = 0;

	json_index_copy(&page->index,
			json_index_at(&page->index, "spec.capacity.storage"),
			text, sizeof(text));
	(void)quantity_parse(text, &capacity, NULL);
	return capacity;
}

static const char *condition_of(const struct page *page)
{
	const struct json_token *phase =
		json_index_at(&page->index, "status.phase");

	for (size_t i = 0; i < ARRAY_SIZE(pv_phase_names); i++)
		if (json_index_is(&page->index, phase, pv_phase_names[i]))
			return csi_condition_of_phase((enum pv_phase)i);
	return NULL;
}

static int grow(struct page *page)
{
	size_t n = page->n_allocated ? 2 * page->n_allocated : 64;
	struct listed *items;

	if (page->n < page->n_allocated)
		return 0;
	items = reallocarray(page->items, n, sizeof(*items));
	if (!items)
		return -ENOMEM;
	page->items = items;
	page->n_allocated = n;
	return 0;
}

static int add(struct page *page)
{
	char name[TEXT_MAX];
	struct listed *item;

	if (grow(page) < 0)
		return -ENOMEM;
	json_index_copy(&page->index,
			json_index_at(&page->index, "metadata.name"), name,
			sizeof(name));
	item = &page->items[page->n++];
	*item = (struct listed){
		.name = strdup(name),
		/* A static volume's handle is any text. */
		.id = json_index_dup(
			&page->index,
			json_index_at(&page->index, "spec.csi.volumeHandle")),
		.capacity = capacity_of(page),
		.condition = condition_of(page),
	};
	if (!item->name || !item->id)
		return -ENOMEM;
	page->n_bytes += ENTRY_BYTES + strlen(item->id) +
			 (item->condition ? strlen(item->condition) : 0);
	return 0;
}

/* A store_text_fn: 0 = the page is full. */
static int look_at(void *userdata, const char *text)
{
	struct page *page = userdata;
	int r;

	if (json_index_read(&page->index, text) < 0 || !is_ours(page))
		return 1;
	page->has_more = (page->n_max && page->n == page->n_max) ||
			 page->n_bytes > PAGE_BYTES;
	if (page->has_more)
		return 0;
	r = add(page);
	return r < 0 ? r : 1;
}

/* --- the answer ---------------------------------------------------------------------------- */

struct entry {
	Csi__V1__ListVolumesResponse__Entry entry;
	Csi__V1__Volume volume;
	Csi__V1__ListVolumesResponse__VolumeStatus status;
	Csi__V1__VolumeCondition condition;
};

struct answer {
	Csi__V1__ListVolumesResponse wire;
	struct entry *entries;
	Csi__V1__ListVolumesResponse__Entry **list;
	struct csi_published published;
	char token[CSI_TOKEN_SIZE];
};

static void answer_fini(struct answer *answer)
{
	for (size_t i = 0; i < answer->wire.n_entries; i++)
		free(answer->entries[i].status.published_node_ids);
	free(answer->entries);
	free(answer->list);
	csi_published_fini(&answer->published);
}

DEFINE_FINI(struct answer, answer_fini)

static int fill_entry(struct entry *entry, const struct listed *item,
		      const struct csi_published *published)
{
	csi__v1__list_volumes_response__entry__init(&entry->entry);
	csi__v1__volume__init(&entry->volume);
	csi__v1__list_volumes_response__volume_status__init(&entry->status);
	csi_condition_fill(&entry->condition, item->condition);
	entry->volume.volume_id = item->id;
	entry->volume.capacity_bytes = (int64_t)item->capacity;
	entry->status.volume_condition = &entry->condition;
	entry->entry.volume = &entry->volume;
	entry->entry.status = &entry->status;
	return csi_published_nodes(published, item->name,
				   &entry->status.published_node_ids,
				   &entry->status.n_published_node_ids);
}

static int fill(struct answer *answer, const struct page *page)
{
	csi__v1__list_volumes_response__init(&answer->wire);
	answer->entries = calloc(page->n + 1, sizeof(*answer->entries));
	answer->list = calloc(page->n + 1, sizeof(*answer->list));
	if (!answer->entries || !answer->list)
		return -ENOMEM;
	answer->wire.entries = answer->list;
	for (size_t i = 0; i < page->n; i++) {
		int r = fill_entry(&answer->entries[i], &page->items[i],
				   &answer->published);

		answer->list[i] = &answer->entries[i].entry;
		answer->wire.n_entries++;
		if (r < 0)
			return r;
	}
	if (!page->has_more)
		return 0;
	csi_page_token(page->items[page->n - 1].name, answer->token);
	answer->wire.next_token = answer->token;
	return 0;
}

static enum rpc_status read_page(struct csi_controller *self,
				 const Csi__V1__ListVolumesRequest *wire,
				 struct page *page, struct answer *answer,
				 struct err *err)
{
	struct csi_page wanted;
	enum rpc_status status = csi_page_read(
		wire->max_entries, wire->starting_token, &wanted, err);
	int r;

	if (status != RPC_OK)
		return status;
	page->n_max = wanted.n_max;
	r = store_each_volume(self->options.store, wanted.after, look_at, page,
			      err);
	if (r == 0 && !self->options.is_cluster)
		r = csi_published_read(&answer->published, self->options.store,
				       NULL, err);
	return csi_status_of(r);
}

enum rpc_status csi_list_volumes(struct csi_controller *self,
				 const ProtobufCMessage *message,
				 struct rpc_response *response, struct err *err)
{
	_cleanup_(page_fini) struct page page = { .options = &self->options };
	_cleanup_(answer_fini) struct answer answer = { 0 };
	enum rpc_status status =
		read_page(self, (const Csi__V1__ListVolumesRequest *)message,
			  &page, &answer, err);

	if (status != RPC_OK)
		return status;
	if (fill(&answer, &page) < 0)
		return csi_refuse(err, RPC_INTERNAL, "no memory");
	return csi_reply(&answer.wire.base, response, err);
}
