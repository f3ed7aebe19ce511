/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ListSnapshots: all snapshots of the record, whoever made them, ordered by id. Those that
 * are still being copied are listed with ready_to_use false: csi-snapshotter lists them
 * again until they are ready. A snapshot that is not listed counts as gone, so while the
 * record may lack one (snapshot_finder.h) there is no list.
 */

#include "csi_calls.h"
#include "csi_find.h"
#include "csi_page.h"
#include "csi_snapshot.h"

/* Entries of a page: so many fit into the 4 MiB that gRPC clients accept by default. */
#define PAGE_MAX 8192

struct entry {
	Csi__V1__ListSnapshotsResponse__Entry entry;
	struct csi_snapshot_wire snapshot;
};

struct answer {
	Csi__V1__ListSnapshotsResponse wire;
	struct store_snapshot_list rows;
	struct entry *entries;
	Csi__V1__ListSnapshotsResponse__Entry **list;
	char token[CSI_TOKEN_SIZE];
};

static void answer_fini(struct answer *answer)
{
	store_snapshot_list_fini(&answer->rows);
	free(answer->entries);
	free(answer->list);
}

DEFINE_FINI(struct answer, answer_fini)

static int fill(struct answer *answer, size_t n_max)
{
	size_t n = answer->rows.n < n_max ? answer->rows.n : n_max;

	csi__v1__list_snapshots_response__init(&answer->wire);
	answer->entries = calloc(n + 1, sizeof(*answer->entries));
	answer->list = calloc(n + 1, sizeof(*answer->list));
	if (!answer->entries || !answer->list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct entry *entry = &answer->entries[i];

		csi_snapshot_fill(&entry->snapshot, &answer->rows.items[i]);
		csi__v1__list_snapshots_response__entry__init(&entry->entry);
		entry->entry.snapshot = &entry->snapshot.snapshot;
		answer->list[i] = &entry->entry;
	}
	answer->wire.entries = answer->list;
	answer->wire.n_entries = n;
	if (answer->rows.n <= n)
		return 0;
	csi_page_token(answer->rows.items[n - 1].id, answer->token);
	answer->wire.next_token = answer->token;
	return 0;
}

static enum rpc_status read_request(const Csi__V1__ListSnapshotsRequest *wire,
				    struct snapshot_filter *ret,
				    struct err *err)
{
	struct csi_page page;
	enum rpc_status status = csi_page_read(
		wire->max_entries, wire->starting_token, &page, err);

	if (status != RPC_OK)
		return status;
	*ret = (struct snapshot_filter){
		.handle =
			*wire->source_volume_id ? wire->source_volume_id : NULL,
		.id = *wire->snapshot_id ? wire->snapshot_id : NULL,
		.after = *page.after ? page.after : NULL,
		.limit = page.n_max > 0 && page.n_max < PAGE_MAX ? page.n_max
								 : PAGE_MAX,
	};
	return RPC_OK;
}

static enum rpc_status check_complete(struct csi_controller *self,
				      const struct snapshot_filter *filter,
				      const struct answer *answer,
				      struct err *err)
{
	_cleanup_(csi_volume_fini) struct csi_volume volume = { 0 };
	bool has_volume = false;

	if (filter->id && answer->rows.n > 0)
		return RPC_OK;
	if (filter->handle)
		has_volume = csi_find_volume(self, filter->handle, &volume,
					     NULL) == RPC_OK;
	return csi_status_of(snapshots_check_complete(
		self->options.snapshots, has_volume ? &volume.pv : NULL, err));
}

enum rpc_status csi_list_snapshots(struct csi_controller *self,
				   const ProtobufCMessage *message,
				   struct rpc_response *response,
				   struct err *err)
{
	_cleanup_(answer_fini) struct answer answer = { 0 };
	struct snapshot_filter filter;
	enum rpc_status status = read_request(
		(const Csi__V1__ListSnapshotsRequest *)message, &filter, err);
	size_t n_max;
	int r;

	if (status != RPC_OK)
		return status;
	n_max = filter.limit++; /* whether there are more */
	r = snapshots_list(self->options.snapshots, &filter, &answer.rows, err);
	if (r != 0)
		return csi_status_of(r);
	status = check_complete(self, &filter, &answer, err);
	if (status != RPC_OK)
		return status;
	if (fill(&answer, n_max) < 0)
		return csi_refuse(err, RPC_INTERNAL, "no memory");
	return csi_reply(&answer.wire.base, response, err);
}
