/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Squash comes first, then the mount group.
 *
 * The mount group becomes the caller's primary group on the wire, and the one that
 * he has a supplementary one: so what he makes gets the group from the server by
 * itself, in one call, on exports that squash root as well, and he is let in by
 * it, too. Nothing is ever chowned: entries that exist stay as they are, and a
 * setgid directory goes on to give its own group to what is made in it.
 *
 * `root` squashes gid 0 apart from uid 0, as exports(5) does: a caller who is not
 * root but has root's group must not keep it. A squashed caller has no
 * supplementary groups.
 */

#include "identity.h"

#include <string.h>
#include <sys/stat.h>

#include "parse.h"

#define GROUP_FILE 0060
#define GROUP_DIR  02070

static void squash_root(const struct identity *identity, struct nfs_cred *cred)
{
	if (cred->uid == 0) {
		cred->uid = identity->uid;
		cred->gid = identity->gid;
		cred->n_gids = 0;
		return;
	}
	if (cred->gid == 0)
		cred->gid = identity->gid;
	for (uint32_t i = 0; i < cred->n_gids; i++) {
		if (cred->gids[i] == 0)
			cred->gids[i] = identity->gid;
	}
}

static void squash_all(const struct identity *identity, struct nfs_cred *cred)
{
	cred->uid = identity->uid;
	cred->gid = identity->gid;
	cred->n_gids = 0;
}

/* Of 16 supplementary groups the last one makes room for the primary one. */
static void swap_group(struct nfs_cred *cred, uint32_t group)
{
	uint32_t i = 0;

	if (cred->gid == group)
		return;
	while (i < cred->n_gids && cred->gids[i] != group)
		i++;
	if (i == cred->n_gids && cred->n_gids < NFS_GIDS_MAX)
		cred->n_gids++;
	if (i == NFS_GIDS_MAX)
		i--;
	memmove(cred->gids + 1, cred->gids, i * sizeof(*cred->gids));
	cred->gids[0] = cred->gid;
	cred->gid = group;
}

static uint64_t mount_group(const struct identity *identity)
{
	return atomic_load_explicit(&identity->mount_group,
				    memory_order_relaxed);
}

void identity_map(const struct identity *identity, struct nfs_cred *cred)
{
	uint64_t group = mount_group(identity);

	if (identity->squash == SQUASH_ALL)
		squash_all(identity, cred);
	else if (identity->squash == SQUASH_ROOT)
		squash_root(identity, cred);
	if (group)
		swap_group(cred, (uint32_t)(group - 1));
}

mode_t identity_mode(const struct identity *identity, mode_t mode)
{
	if (!mount_group(identity))
		return mode;
	return mode | (S_ISDIR(mode) ? GROUP_DIR : GROUP_FILE);
}

int identity_parse_group(const char *text, uint64_t *ret, struct err *err)
{
	*ret = 0;
	if (!text || !*text)
		return 0;
	if (parse_u64(text, 0, UINT32_MAX - 1, ret) == 0) {
		(*ret)++;
		return 0;
	}
	return err_set(
		err, -EINVAL,
		"volume_capability.mount.volume_mount_group \"%s\" must be a group id from 0 to 4294967294",
		text);
}
