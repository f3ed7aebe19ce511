/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who has a volume stands in the record, as attachments. All of these nodes are asked at
 * the same time, and one that can't be asked, or can't do it, is one too many: the others
 * thaw. A node that is told of a volume that it has not staged yet is such a one, since
 * its pod might begin to write a moment later.
 *
 * Whether the copy that was made meanwhile is of one moment is known in the end: each node
 * says whether it stood still until then, and the record whether another one has got the
 * volume. Not seen is a pod on another node that came and went in between.
 *
 * Should this process die, the nodes thaw by themselves when the time is over.
 */

#include "freezer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "cond.h"
#include "log.h"
#include "node_client.h"
#include "pods.h"
#include "store_attachment.h"

#define THAW_TIMEOUT_MS 10000
#define SLACK_MS	5000
#define LOOK_NS		(500 * NS_PER_MS)
/* For how long one that is not there is looked for, and how often. */
#define CONNECT_NS (5 * NS_PER_S)
#define AGAIN_NS   (200 * NS_PER_MS)

struct frozen_node;
typedef enum rpc_status (*node_fn)(struct frozen_node *node);

/* One node, and what is asked of it. */
struct frozen_node {
	struct frozen *frozen;
	const struct pods_node *node;
	struct node_client *client;
	pthread_t thread;
	node_fn fn;
	enum rpc_status status;
	struct err err;
	bool was_frozen;
};

struct frozen {
	const struct freezer *freezer;
	char *volume;
	char *handle;
	char *token;
	uint32_t seconds;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t n_running; /* lock */
	bool is_stopped;  /* lock */
	size_t n;
	struct frozen_node nodes[];
};

static struct frozen *frozen_free(struct frozen *frozen)
{
	if (!frozen)
		return NULL;
	for (size_t i = 0; i < frozen->n; i++)
		err_fini(&frozen->nodes[i].err);
	pthread_cond_destroy(&frozen->changed);
	pthread_mutex_destroy(&frozen->lock);
	free(frozen->volume);
	free(frozen->handle);
	free(frozen->token);
	free(frozen);
	return NULL;
}

DEFINE_CLEANUP(struct frozen *, frozen_free)

/* --- who has it ------------------------------------------------------------------------ */

static const struct pods_node *find_node(const struct freezer *freezer,
					 const char *name)
{
	for (size_t i = 0; i < freezer->n_nodes; i++) {
		if (strcmp(freezer->nodes[i].name, name) == 0)
			return &freezer->nodes[i];
	}
	return NULL;
}

static bool has_node(const struct frozen *frozen, const char *name)
{
	for (size_t i = 0; i < frozen->n; i++) {
		if (strcmp(frozen->nodes[i].node->name, name) == 0)
			return true;
	}
	return false;
}

static int add_nodes(struct frozen *frozen, struct err *err)
{
	_cleanup_(attachment_list_fini) struct attachment_list list = { 0 };
	int r = store_attachment_list(frozen->freezer->store, frozen->volume,
				      &list, err);

	for (size_t i = 0; r == 0 && i < list.n; i++) {
		const char *name = list.items[i].node;
		const struct pods_node *node = find_node(frozen->freezer, name);

		if (!node)
			return err_set(
				err, -EBUSY,
				"node \"%s\" has volume \"%s\", and can't be asked to hold writes back: it has no --node NAME=SOCKET",
				name, frozen->volume);
		if (has_node(frozen, name))
			continue;
		frozen->nodes[frozen->n++] = (struct frozen_node){
			.frozen = frozen, .node = node, .err = ERR_INIT
		};
	}
	return r;
}

/* Another one has it by now: 1, and err names it. */
static int find_other(const struct frozen *frozen, struct err *err)
{
	_cleanup_(attachment_list_fini) struct attachment_list list = { 0 };
	int r = store_attachment_list(frozen->freezer->store, frozen->volume,
				      &list, err);

	for (size_t i = 0; r == 0 && i < list.n; i++) {
		if (has_node(frozen, list.items[i].node))
			continue;
		(void)err_set(err, -EBUSY,
			      "node \"%s\" has got volume \"%s\" meanwhile",
			      list.items[i].node, frozen->volume);
		return 1;
	}
	return r;
}

static int frozen_new(struct frozen **ret, const struct freezer *freezer,
		      const struct freezer_wish *wish, struct err *err)
{
	_cleanup_(frozen_free) struct frozen *frozen =
		calloc(1, sizeof(*frozen) +
				  freezer->n_nodes * sizeof(frozen->nodes[0]));
	int r;

	if (!frozen)
		return err_set(err, -ENOMEM, "no memory");
	pthread_mutex_init(&frozen->lock, NULL);
	cond_init_monotonic(&frozen->changed);
	frozen->freezer = freezer;
	frozen->seconds = wish->seconds;
	frozen->volume = strdup(wish->volume);
	frozen->handle = strdup(wish->handle);
	frozen->token = strdup(wish->token);
	if (!frozen->volume || !frozen->handle || !frozen->token)
		return err_set(err, -ENOMEM, "no memory");
	r = add_nodes(frozen, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(frozen);
	return 0;
}

/* --- all of them at once ------------------------------------------------------------------ */

static void end_node(struct frozen_node *node)
{
	struct frozen *frozen = node->frozen;

	pthread_mutex_lock(&frozen->lock);
	frozen->n_running--;
	pthread_cond_broadcast(&frozen->changed);
	pthread_mutex_unlock(&frozen->lock);
}

/* What a former process of ours began would last too short. */
static enum rpc_status freeze_node(struct frozen_node *node)
{
	struct frozen *frozen = node->frozen;

	(void)node_client_thaw(node->client, frozen->handle, frozen->token,
			       &node->was_frozen, NULL);
	return node_client_freeze(node->client, frozen->handle, frozen->token,
				  frozen->seconds, &node->err);
}

static enum rpc_status thaw_node(struct frozen_node *node)
{
	struct frozen *frozen = node->frozen;

	return node_client_thaw(node->client, frozen->handle, frozen->token,
				&node->was_frozen, &node->err);
}

static void wait_locked(struct frozen *frozen, uint64_t ns)
{
	(void)cond_wait_until(&frozen->changed, &frozen->lock, clock_ns() + ns);
}

/* Whether to try once more: gRPC gives up soon on who is busy, or just starting. */
static bool may_come(struct frozen_node *node, uint64_t end_ns)
{
	struct frozen *frozen = node->frozen;
	bool is_stopped;

	if (node->status != RPC_UNAVAILABLE ||
	    node->err.code != -ECONNREFUSED || clock_ns() >= end_ns)
		return false;
	pthread_mutex_lock(&frozen->lock);
	if (!frozen->is_stopped)
		wait_locked(frozen, AGAIN_NS);
	is_stopped = frozen->is_stopped;
	pthread_mutex_unlock(&frozen->lock);
	return !is_stopped;
}

static void *run_node(void *userdata)
{
	struct frozen_node *node = userdata;
	const uint64_t end_ns = clock_ns() + CONNECT_NS;

	do {
		err_fini(&node->err);
		node->err = (struct err)ERR_INIT;
		node->status = node->fn(node);
	} while (may_come(node, end_ns));
	end_node(node);
	return NULL;
}

static void start_node(struct frozen_node *node, node_fn fn,
		       unsigned int timeout_ms)
{
	struct frozen *frozen = node->frozen;

	err_fini(&node->err);
	node->err = (struct err)ERR_INIT;
	node->fn = fn;
	node->status = RPC_INTERNAL;
	node->was_frozen = false;
	if (node_client_new(&node->client, node->node->socket, timeout_ms,
			    &node->err) < 0)
		return;
	pthread_mutex_lock(&frozen->lock);
	frozen->n_running++;
	pthread_mutex_unlock(&frozen->lock);
	if (pthread_create(&node->thread, NULL, run_node, node) == 0)
		return;
	(void)err_set(&node->err, -EAGAIN, "no thread for it");
	node->client = node_client_free(node->client);
	end_node(node);
}

static void cancel_all_locked(struct frozen *frozen)
{
	frozen->is_stopped = true;
	for (size_t i = 0; i < frozen->n; i++) {
		if (frozen->nodes[i].client)
			node_client_cancel(frozen->nodes[i].client);
	}
}

static void wait_all(struct frozen *frozen, freezer_fn go_on, void *userdata)
{
	pthread_mutex_lock(&frozen->lock);
	while (frozen->n_running > 0) {
		wait_locked(frozen, LOOK_NS);
		if (go_on && !go_on(userdata))
			cancel_all_locked(frozen);
	}
	pthread_mutex_unlock(&frozen->lock);
}

static void run_all(struct frozen *frozen, node_fn fn, unsigned int timeout_ms,
		    freezer_fn go_on, void *userdata)
{
	frozen->is_stopped = false;
	for (size_t i = 0; i < frozen->n; i++)
		start_node(&frozen->nodes[i], fn, timeout_ms);
	wait_all(frozen, go_on, userdata);
	for (size_t i = 0; i < frozen->n; i++) {
		struct frozen_node *node = &frozen->nodes[i];

		if (!node->client)
			continue;
		(void)pthread_join(node->thread, NULL);
		node->client = node_client_free(node->client);
	}
}

/* --- freeze and thaw ------------------------------------------------------------------------ */

/* The first one that did not; NULL = all did. */
static const struct frozen_node *find_failed(const struct frozen *frozen)
{
	for (size_t i = 0; i < frozen->n; i++) {
		if (frozen->nodes[i].status != RPC_OK)
			return &frozen->nodes[i];
	}
	return NULL;
}

static int tell(const struct frozen_node *node, struct err *err)
{
	return err_set(err, -EBUSY, "node \"%s\": %s", node->node->name,
		       err_text(&node->err));
}

/*
 * A node has two threads for what takes long. While it flushes it needs one, once it
 * stands still none; the other one is for staging.
 */
static pthread_mutex_t flushing = PTHREAD_MUTEX_INITIALIZER;

int freezer_freeze(const struct freezer *freezer,
		   const struct freezer_wish *wish, freezer_fn go_on,
		   void *userdata, struct frozen **ret, struct err *err)
{
	_cleanup_(frozen_free) struct frozen *frozen = NULL;
	const struct frozen_node *failed;
	int r = frozen_new(&frozen, freezer, wish, err);

	if (r < 0)
		return r;
	pthread_mutex_lock(&flushing);
	run_all(frozen, freeze_node, 2000 * wish->seconds + SLACK_MS, go_on,
		userdata);
	pthread_mutex_unlock(&flushing);
	failed = find_failed(frozen);
	if (failed) {
		r = tell(failed, err);
		run_all(frozen, thaw_node, THAW_TIMEOUT_MS, NULL, NULL);
		return go_on(userdata) ? r : FREEZER_STOPPED;
	}
	log_info("volume frozen", F_STR("volume", wish->volume),
		 F_U64("nodes", frozen->n));
	*ret = TAKE_PTR(frozen);
	return 0;
}

int freezer_thaw(struct frozen *take_frozen, struct err *err)
{
	_cleanup_(frozen_free) struct frozen *frozen = take_frozen;
	int r;

	if (!frozen)
		return 0;
	/* While all stand still: who has got it by then was not asked. */
	r = find_other(frozen, err);
	run_all(frozen, thaw_node, THAW_TIMEOUT_MS, NULL, NULL);
	if (r != 0)
		return r < 0 ? r : FREEZER_MOVED;
	for (size_t i = 0; i < frozen->n; i++) {
		const struct frozen_node *node = &frozen->nodes[i];

		if (node->status == RPC_OK && node->was_frozen)
			continue;
		(void)err_set(
			err, -EBUSY,
			"volume \"%s\" did not stand still until it was copied: node \"%s\" %s",
			frozen->volume, node->node->name,
			node->status == RPC_OK ? "has let writes through"
					       : err_text(&node->err));
		return FREEZER_MOVED;
	}
	return 0;
}
