/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A pass tries every record that is retired, once; those of a server that was seen to be
 * away in this pass wait for the next, so that it holds up the others' but once. What is
 * left is tried again after a pause, which grows while passes are in vain, or when there is
 * a new one. A failure is logged when it is the first of its pause.
 *
 *	(no thread) -- kick -->          running
 *	running     -- none is left -->  ended -- kick, free --> joined
 *
 * lock guards the flags; nothing is done under it.
 */

#include "inline_remover.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "inline_record.h"
#include "inline_tree.h"
#include "log.h"

#define PAUSE_MIN_S 2
#define PAUSE_MAX_S 600

struct inline_remover {
	char *folder;
	atomic_bool is_stopped;
	pthread_mutex_t lock;
	pthread_cond_t cond; /* has_work or is_stopped became true */
	pthread_t thread;
	bool has_thread; /* to be joined */
	bool is_running; /* it will look at has_work once more */
	bool has_work;
};

/* The servers that did not answer in a pass, "address port" each. */
struct away {
	char **names;
	size_t n;
};

static void away_fini(struct away *away)
{
	for (size_t i = 0; i < away->n; i++)
		free(away->names[i]);
	free(away->names);
}

DEFINE_FINI(struct away, away_fini)

static bool is_away(const struct away *away, const char *name)
{
	for (size_t i = 0; i < away->n; i++) {
		if (strcmp(away->names[i], name) == 0)
			return true;
	}
	return false;
}

/* Without memory it is asked once more. */
static void add_away(struct away *away, const char *name)
{
	char **names =
		realloc(away->names, (away->n + 1) * sizeof(*away->names));

	if (!names)
		return;
	away->names = names;
	names[away->n] = strdup(name);
	away->n += names[away->n] != NULL;
}

/* Nobody has answered, or is known by that name at the moment. */
static bool is_silence(int r)
{
	return r == -ETIMEDOUT || r == -ECONNREFUSED || r == -EHOSTUNREACH ||
	       r == -ENETUNREACH || r == -EAGAIN;
}

#define REMOVED_LATER 1 /* its server is away, as was seen before */

static int remove_one(struct inline_remover *remover, const char *id,
		      struct away *away, struct err *err)
{
	_cleanup_(inline_record_fini) struct inline_record record = { 0 };
	struct inline_place place = { .name = id };
	_cleanup_(free) char *server = NULL;
	int r = inline_record_read(remover->folder, id, &record, err);

	if (r < 0)
		return r;
	if (asprintf(&server, "%s %u", record.server, record.port) < 0) {
		server = NULL;
		return err_set_errno(err, -ENOMEM, "remove a volume");
	}
	if (is_away(away, server))
		return REMOVED_LATER;
	place.server = record.server;
	place.share = record.share;
	place.port = record.port;
	place.mount_port = record.mount_port;
	r = inline_tree_remove(&place, &remover->is_stopped, err);
	if (r == 0) {
		inline_record_drop(remover->folder, id);
		log_info("inline volume removed", F_STR("volume", id));
	}
	if (is_silence(r))
		add_away(away, server);
	return r;
}

/* How many are left; *ret_n_removed of the others. */
static size_t pass(struct inline_remover *remover, bool is_first,
		   size_t *ret_n_removed)
{
	_cleanup_(away_fini) struct away away = { 0 };
	char **ids = NULL;
	size_t n = 0, n_left = 0;
	int r = inline_record_list(remover->folder, &ids, &n);

	if (r < 0)
		n_left = 1;
	for (size_t i = 0; i < n && !atomic_load(&remover->is_stopped); i++) {
		_cleanup_(err_fini) struct err why = ERR_INIT;

		r = remove_one(remover, ids[i], &away, &why);
		n_left += r != 0;
		if (r < 0 && r != -EINTR && is_first)
			log_warn("an inline volume is removed later",
				 F_STR("volume", ids[i]), F_ERR(&why));
	}
	inline_record_free_ids(ids, n);
	*ret_n_removed = n > n_left ? n - n_left : 0;
	return n_left;
}

/* Whether there is another pass; returns after the pause, or when there is work. */
static bool await(struct inline_remover *remover, size_t n_left,
		  unsigned int pause_s, bool *ret_is_new)
{
	struct timespec until;
	int r = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += pause_s;
	pthread_mutex_lock(&remover->lock);
	while (n_left > 0 && r == 0 && !remover->has_work &&
	       !atomic_load(&remover->is_stopped))
		r = pthread_cond_clockwait(&remover->cond, &remover->lock,
					   CLOCK_MONOTONIC, &until);
	*ret_is_new = remover->has_work;
	remover->is_running = (n_left > 0 || remover->has_work) &&
			      !atomic_load(&remover->is_stopped);
	remover->has_work = false;
	r = remover->is_running;
	pthread_mutex_unlock(&remover->lock);
	return r;
}

static void *run(void *userdata)
{
	struct inline_remover *remover = userdata;
	unsigned int pause_s = PAUSE_MIN_S;
	bool is_new = true;
	size_t n_left, n_removed;

	(void)pthread_setname_np(pthread_self(), "inline");
	do {
		n_left = pass(remover, is_new, &n_removed);
		if (is_new || n_removed > 0)
			pause_s = PAUSE_MIN_S;
		else if (pause_s < PAUSE_MAX_S)
			pause_s *= 2;
	} while (await(remover, n_left, pause_s, &is_new));
	return NULL;
}

static void start_locked(struct inline_remover *remover)
{
	int r;

	if (remover->has_thread)
		(void)pthread_join(remover->thread, NULL);
	remover->has_work = false;
	r = -pthread_create(&remover->thread, NULL, run, remover);
	remover->has_thread = remover->is_running = r == 0;
	if (r < 0)
		log_warn("an inline volume is removed later", F_ERRNO(r));
}

void inline_remover_kick(struct inline_remover *remover)
{
	pthread_mutex_lock(&remover->lock);
	remover->has_work = true;
	if (remover->is_running)
		(void)pthread_cond_signal(&remover->cond);
	else
		start_locked(remover);
	pthread_mutex_unlock(&remover->lock);
}

int inline_remover_new(struct inline_remover **ret, const char *folder,
		       struct err *err)
{
	struct inline_remover *remover = calloc(1, sizeof(*remover));
	char **ids = NULL;
	size_t n = 0;

	if (!remover)
		return err_set_errno(err, -ENOMEM, "look for inline volumes");
	(void)pthread_mutex_init(&remover->lock, NULL);
	(void)pthread_cond_init(&remover->cond, NULL);
	remover->folder = strdup(folder);
	if (!remover->folder) {
		(void)inline_remover_free(remover);
		return err_set_errno(err, -ENOMEM, "look for inline volumes");
	}
	inline_record_sweep(folder);
	if (inline_record_list(folder, &ids, &n) == 0 && n > 0)
		inline_remover_kick(remover);
	inline_record_free_ids(ids, n);
	*ret = remover;
	return 0;
}

struct inline_remover *inline_remover_free(struct inline_remover *remover)
{
	if (!remover)
		return NULL;
	pthread_mutex_lock(&remover->lock);
	atomic_store(&remover->is_stopped, true);
	(void)pthread_cond_signal(&remover->cond);
	pthread_mutex_unlock(&remover->lock);
	if (remover->has_thread)
		(void)pthread_join(remover->thread, NULL);
	(void)pthread_cond_destroy(&remover->cond);
	(void)pthread_mutex_destroy(&remover->lock);
	free(remover->folder);
	free(remover);
	return NULL;
}
