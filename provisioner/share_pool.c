/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The one that was put back last is taken first, so that those that are not needed
 * grow old. The array is ordered by when they were put there.
 */

#include "share_pool.h"

#include <pthread.h>
#include <string.h>

#include "clock.h"
#include "share_session.h"

#define MAX_KEPT 16
#define IDLE_NS	 (10 * NS_PER_S)

struct kept {
	char *server;
	char *share;
	uint32_t port;
	uint32_t mountport;
	struct share_nfs *nfs;
	struct share_fh private;
	struct share_fh volumes;
	struct share_fh trash;
	uint64_t since_ns;
};

struct share_pool {
	pthread_mutex_t lock; /* guards everything below */
	struct kept kept[MAX_KEPT];
	size_t n;
};

int share_pool_new(struct share_pool **ret)
{
	struct share_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return -ENOMEM;
	(void)pthread_mutex_init(&pool->lock, NULL);
	*ret = pool;
	return 0;
}

static void kept_fini(struct kept *kept)
{
	free(kept->server);
	free(kept->share);
	share_nfs_close(kept->nfs);
}

DEFINE_FINI(struct kept, kept_fini)

static struct kept remove_locked(struct share_pool *pool, size_t i)
{
	struct kept kept = pool->kept[i];

	pool->n--;
	memmove(&pool->kept[i], &pool->kept[i + 1],
		(pool->n - i) * sizeof(*pool->kept));
	return kept;
}

static bool is_for(const struct kept *kept, const struct share_volume *volume)
{
	return kept->port == volume->port &&
	       kept->mountport == volume->mountport &&
	       strcmp(kept->server, volume->server) == 0 &&
	       strcmp(kept->share, volume->share) == 0;
}

static bool find(struct share_pool *pool, const struct share_volume *volume,
		 struct kept *ret)
{
	bool is_found = false;

	(void)pthread_mutex_lock(&pool->lock);
	for (size_t i = pool->n; i-- > 0 && !is_found;) {
		is_found = is_for(&pool->kept[i], volume);
		if (is_found)
			*ret = remove_locked(pool, i);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return is_found;
}

bool share_pool_take(struct share_pool *pool, struct session *session)
{
	_cleanup_(kept_fini) struct kept kept = { 0 };

	if (!find(pool, session->volume, &kept))
		return false;
	session->nfs = TAKE_PTR(kept.nfs);
	session->private = kept.private;
	session->volumes = kept.volumes;
	session->trash = kept.trash;
	return true;
}

void share_pool_put(struct share_pool *pool, struct session *session)
{
	const struct share_volume *volume = session->volume;
	_cleanup_(kept_fini) struct kept oldest = { 0 };
	struct kept kept = { .server = strdup(volume->server),
			     .share = strdup(volume->share),
			     .port = volume->port,
			     .mountport = volume->mountport,
			     .nfs = TAKE_PTR(session->nfs),
			     .private = session->private,
			     .volumes = session->volumes,
			     .trash = session->trash,
			     .since_ns = clock_ns() };

	if (!kept.server || !kept.share) {
		kept_fini(&kept);
		return;
	}
	(void)pthread_mutex_lock(&pool->lock);
	if (pool->n == MAX_KEPT)
		oldest = remove_locked(pool, 0);
	pool->kept[pool->n++] = kept;
	(void)pthread_mutex_unlock(&pool->lock);
}

static bool take_old(struct share_pool *pool, struct kept *ret, bool *ret_more)
{
	bool is_old;

	(void)pthread_mutex_lock(&pool->lock);
	is_old = pool->n > 0 && clock_ns() >= pool->kept[0].since_ns + IDLE_NS;
	if (is_old)
		*ret = remove_locked(pool, 0);
	*ret_more = pool->n > 0;
	(void)pthread_mutex_unlock(&pool->lock);
	return is_old;
}

bool share_pool_sweep(struct share_pool *pool)
{
	struct kept old = { 0 };
	bool has_more;

	while (take_old(pool, &old, &has_more))
		kept_fini(&old);
	return has_more;
}

struct share_pool *share_pool_free(struct share_pool *pool)
{
	if (!pool)
		return NULL;
	for (size_t i = 0; i < pool->n; i++)
		kept_fini(&pool->kept[i]);
	(void)pthread_mutex_destroy(&pool->lock);
	free(pool);
	return NULL;
}
