/* SPDX-License-Identifier: Apache-2.0 */

/*
 * When something goes wrong the reconciler writes an event about the claim or volume and
 * tries again. A caller over CSI does not see events, so the refusal quotes the last one.
 */

#include "csi_pending.h"

#include <string.h>

#include "clock.h"
#include "json_index.h"
#include "store_copy.h"

#define MESSAGE_MAX 1024
#define TIME_MAX    40

struct search {
	struct json_index index;
	const char *object;
	char when[TIME_MAX];
	char message[MESSAGE_MAX];
};

/* A store_text_fn that wants none of the texts. */
static int look_at_event(void *userdata, const char *text)
{
	struct search *self = userdata;
	struct json_index *index = &self->index;
	_cleanup_(free) char *message = NULL;
	char when[TIME_MAX];

	if (json_index_read(index, text) < 0 ||
	    !json_index_is(index, json_index_at(index, "involvedObject.name"),
			   self->object) ||
	    !json_index_is(index, json_index_at(index, "type"), "Warning"))
		return 0;
	json_index_copy(index, json_index_at(index, "lastTimestamp"), when,
			sizeof(when));
	if (strcmp(when, self->when) < 0)
		return 0;
	(void)snprintf(self->when, sizeof(self->when), "%s", when);
	message = json_index_dup(index, json_index_at(index, "message"));
	(void)snprintf(self->message, sizeof(self->message), "%s",
		       message ? message : "");
	return 0;
}

static void find_warning(struct csi_controller *self, const char *namespace,
			 struct search *search)
{
	_cleanup_(text_list_unref) struct text_list *none = NULL;
	_cleanup_(err_fini) struct err err = ERR_INIT;

	(void)store_list_texts(self->options.store, KIND_EVENT, namespace,
			       look_at_event, search, &none, &err);
	json_index_fini(&search->index);
}

enum rpc_status csi_pending(struct csi_controller *self, const char *namespace,
			    const char *object, const char *volume,
			    struct err *err)
{
	struct search search = { .object = object };

	find_warning(self, namespace, &search);
	return csi_refuse(err, RPC_ABORTED,
			  "operation pending for volume \"%s\"%s%s", volume,
			  *search.message ? ": " : "", search.message);
}

enum rpc_status csi_await_change(struct csi_controller *self,
				 const struct persistent_volume *pv,
				 const struct object_key *key,
				 object_wait_fn fn, void *userdata,
				 struct err *err)
{
	int r = object_wait_until(self->wait, self->options.cluster, key,
				  clock_ns() + CSI_PATIENCE_NS, fn, userdata,
				  err);

	switch (r) {
	case 0:
		return csi_pending(self, pv->claim_ref.namespace,
				   pv->claim_ref.name, pv->handle, err);
	case CSI_CHANGED:
		return RPC_OK;
	case CSI_GONE:
		return csi_refuse(err, RPC_NOT_FOUND,
				  "volume \"%s\" was deleted meanwhile",
				  pv->handle);
	default:
		return csi_status_of(r);
	}
}

enum rpc_status csi_copy_check(struct csi_controller *self, const char *pv,
			       const char *volume, struct err *err)
{
	_cleanup_(store_copy_fini) struct store_copy copy = { 0 };
	int r = store_copy_get(self->options.store, pv, &copy, err);

	if (r < 0)
		return csi_status_of(r);
	/* What is being dropped was for a former claim. */
	if (r > 0 || copy.state == COPY_DROPPING ||
	    (copy.code != -ENOSPC && copy.code != -EDQUOT))
		return RPC_OK;
	return csi_refuse(
		err, RPC_RESOURCE_EXHAUSTED,
		"volume \"%s\" has no room for what it is to begin as: %s",
		volume, copy.error ? copy.error : "it is full");
}
