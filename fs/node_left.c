/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who finds a table unmapped maps it; who finds it being mapped waits for it. The
 * other thread begins with the last volume and ends where it meets the first one, so
 * they wait for each other at most once.
 */

#include "node_left.h"

#include <errno.h>
#include <fcntl.h>

#include "inode.h"
#include "log.h"

void node_left_init(struct node_left *left)
{
	*left = (struct node_left){ 0 };
	TAILQ_INIT(&left->volumes);
	(void)pthread_mutex_init(&left->lock, NULL);
	(void)pthread_cond_init(&left->mapped, NULL);
}

void node_left_fini(struct node_left *left)
{
	struct node_left_volume *volume;

	if (left->has_thread)
		(void)pthread_join(left->thread, NULL);
	while ((volume = TAILQ_FIRST(&left->volumes))) {
		TAILQ_REMOVE(&left->volumes, volume, entry);
		keeper_fds_close(&volume->fds);
		(void)inode_table_free(volume->table);
		free(volume);
	}
	(void)pthread_cond_destroy(&left->mapped);
	(void)pthread_mutex_destroy(&left->lock);
}

void node_left_add(void *userdata, uint32_t key, struct keeper_fds take_fds)
{
	struct node_left *left = userdata;
	struct node_left_volume *volume = calloc(1, sizeof(*volume));

	/* The keeper has it still: the next process may do better. */
	if (!volume) {
		log_error("no memory for a volume", F_U64("key", key));
		keeper_fds_close(&take_fds);
		return;
	}
	volume->key = key;
	volume->fds = take_fds;
	TAILQ_INSERT_TAIL(&left->volumes, volume, entry);
}

/* --- tables --------------------------------------------------------------------- */

/* Whether it is the caller who maps it. */
static bool claim(struct node_left *left, struct node_left_volume *volume)
{
	bool is_ours;

	pthread_mutex_lock(&left->lock);
	is_ours = volume->state == NODE_LEFT_UNMAPPED;
	if (is_ours)
		volume->state = NODE_LEFT_MAPPING;
	pthread_mutex_unlock(&left->lock);
	return is_ours;
}

static void map(struct node_left *left, struct node_left_volume *volume)
{
	int fd = fcntl(volume->fds.fd[KEEPER_TABLE], F_DUPFD_CLOEXEC, 0);

	volume->r = fd < 0 ? -errno : inode_table_attach(&volume->table, fd, 0);
	pthread_mutex_lock(&left->lock);
	volume->state = NODE_LEFT_MAPPED;
	pthread_cond_signal(&left->mapped);
	pthread_mutex_unlock(&left->lock);
}

static void wait_for(struct node_left *left,
		     const struct node_left_volume *volume)
{
	pthread_mutex_lock(&left->lock);
	while (volume->state != NODE_LEFT_MAPPED)
		pthread_cond_wait(&left->mapped, &left->lock);
	pthread_mutex_unlock(&left->lock);
}

int node_left_map(struct node_left *left, struct node_left_volume *volume,
		  struct inode_table **ret)
{
	if (claim(left, volume))
		map(left, volume);
	else
		wait_for(left, volume);
	*ret = TAKE_PTR(volume->table);
	return volume->r;
}

static void *map_all(void *userdata)
{
	struct node_left *left = userdata;
	struct node_left_volume *volume;

	TAILQ_FOREACH_REVERSE(volume, &left->volumes, node_left_list, entry)
	{
		if (!claim(left, volume))
			break;
		map(left, volume);
	}
	return NULL;
}

void node_left_map_ahead(struct node_left *left)
{
	/* Without it the tables are mapped one by one, that is all. */
	left->has_thread =
		pthread_create(&left->thread, NULL, map_all, left) == 0;
}
