/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Credentials. FUSE tells uid, gid and thread of a request; its supplementary
 * groups are in /proc/<thread>/status, a file of memory that takes some 20 us to
 * read. That is too much for every request, so an answer is good for a second: a
 * process that drops its groups and keeps its uid is believed to have them for
 * that long, and a thread id that is used again has to come with the same uid and
 * gid to be taken for the former.
 *
 * AUTH_SYS carries 16 groups (RFC 5531 appendix A). Who has more gets by in most
 * places all the same: what counts for a request is the group of the object that it
 * is about (of the directory, for names), which the node table knows from the
 * object's attributes, and that one is sent if the caller is in it. An open file
 * keeps what was chosen when it was opened. Only where one request needs two
 * groups out of many besides may one be missing. Servers that look groups up
 * themselves (--manage-gids) don't care.
 */

#include "cred.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"

#define STATUS_SIZE 16384
#define CRED_TTL_NS NS_PER_S

bool cred_equal(const struct nfs_cred *a, const struct nfs_cred *b)
{
	return a->uid == b->uid && a->gid == b->gid && a->n_gids == b->n_gids &&
	       memcmp(a->gids, b->gids, a->n_gids * sizeof(*a->gids)) == 0;
}

static bool parse_gid(const char **text, uint32_t *ret)
{
	const char *p = *text;
	uint64_t value = 0;

	while (*p == ' ' || *p == '\t')
		p++;
	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9' && value <= UINT32_MAX; p++)
		value = value * 10 + (uint64_t)(*p - '0');
	*text = p;
	*ret = (uint32_t)value;
	/* A number that the end of the buffer cut would be another group. */
	return *p != '\0' && value <= UINT32_MAX;
}

uint32_t cred_parse_groups(const char *status, uint32_t ret[CRED_GROUPS_MAX])
{
	const char *p = strstr(status, "\nGroups:");
	uint32_t n = 0;

	if (!p)
		return 0;
	p += strlen("\nGroups:");
	while (n < CRED_GROUPS_MAX && parse_gid(&p, &ret[n]))
		n++;
	return n;
}

bool cred_parse_killed(const char *status)
{
	static const char label[] = "\nSigPnd:\t";
	const char *p = strstr(status, label);

	/* 16 hexadecimal digits: SIGKILL is the lowest bit of the 14th. */
	if (!p || strlen(p) < sizeof(label) - 1 + 16)
		return false;
	p += sizeof(label) - 1;
	return strchr("13579bdf", p[13]);
}

static bool read_status(pid_t pid, char ret[STATUS_SIZE])
{
	_cleanup_(fd_close) int fd = -1;
	char path[32];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, ret, STATUS_SIZE - 1);
	if (n <= 0)
		return false;
	ret[n] = '\0';
	return true;
}

static void entry_read(struct cred_entry *entry)
{
	char status[STATUS_SIZE];

	entry->n_groups = 0;
	if (read_status(entry->pid, status))
		entry->n_groups = cred_parse_groups(status, entry->groups);
}

/* The primary group goes in a field of its own. */
static void take_groups(const struct cred_entry *entry, struct nfs_cred *cred)
{
	for (uint32_t i = 0; i < entry->n_groups && cred->n_gids < NFS_GIDS_MAX;
	     i++) {
		if (entry->groups[i] != cred->gid)
			cred->gids[cred->n_gids++] = entry->groups[i];
	}
}

bool cred_is_killed(pid_t pid)
{
	char status[STATUS_SIZE];

	return pid != 0 && read_status(pid, status) &&
	       cred_parse_killed(status);
}

void cred_get(struct cred_cache *cache, pid_t pid, uint32_t uid, uint32_t gid,
	      uint64_t now, struct nfs_cred *ret)
{
	struct cred_entry *entry =
		&cache->entries[(uint32_t)pid % CRED_CACHE_SIZE];

	ret->uid = uid;
	ret->gid = gid;
	ret->n_gids = 0;
	if (pid == 0 || uid == 0)
		return;
	if (entry->pid != pid || entry->uid != uid || entry->gid != gid ||
	    now - entry->read_ns > CRED_TTL_NS) {
		entry->pid = pid;
		entry->uid = uid;
		entry->gid = gid;
		entry->read_ns = now;
		entry_read(entry);
	}
	take_groups(entry, ret);
}

static bool has_group(const struct cred_entry *entry, uint32_t group)
{
	for (uint32_t i = 0; i < entry->n_groups; i++) {
		if (entry->groups[i] == group)
			return true;
	}
	return false;
}

void cred_prefer(const struct cred_cache *cache, pid_t pid, uint32_t group,
		 struct nfs_cred *cred)
{
	const struct cred_entry *entry =
		&cache->entries[(uint32_t)pid % CRED_CACHE_SIZE];
	uint32_t i = 0;

	if (cred->n_gids < NFS_GIDS_MAX || group == cred->gid ||
	    entry->pid != pid || !has_group(entry, group))
		return;
	while (i < NFS_GIDS_MAX - 1 && cred->gids[i] != group)
		i++;
	/* To the front, so that a second one does not take its place. */
	memmove(cred->gids + 1, cred->gids, i * sizeof(*cred->gids));
	cred->gids[0] = group;
}
