/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Credentials. FUSE tells uid, gid and thread of a request; its supplementary
 * groups are in /proc/<thread>/status, a file of memory that takes some 20 us to
 * read. That is too much for every request, so an answer is good for a second: a
 * process that drops its groups and keeps its uid is believed to have them for
 * that long, and a thread id that is used again has to come with the same uid and
 * gid to be taken for the former.
 *
 * AUTH_SYS carries 16 groups (RFC 5531 appendix A). Of more, the first 16 that are
 * not the primary one are sent; servers that look groups up themselves
 * (--manage-gids) don't care.
 */

#include "cred.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"

#define STATUS_SIZE 4096
#define CRED_TTL_NS NS_PER_S

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
	return value <= UINT32_MAX;
}

void cred_parse_groups(const char *status, struct nfs_cred *cred)
{
	const char *p = strstr(status, "\nGroups:");
	uint32_t gid;

	cred->n_gids = 0;
	if (!p)
		return;
	p += strlen("\nGroups:");
	while (cred->n_gids < NFS_GIDS_MAX && parse_gid(&p, &gid)) {
		if (gid != cred->gid)
			cred->gids[cred->n_gids++] = gid;
	}
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

static void read_groups(pid_t pid, struct nfs_cred *cred)
{
	char status[STATUS_SIZE];

	if (read_status(pid, status))
		cred_parse_groups(status, cred);
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
	if (entry->pid != pid || entry->cred.uid != uid ||
	    entry->cred.gid != gid || now - entry->read_ns > CRED_TTL_NS) {
		read_groups(pid, ret);
		entry->pid = pid;
		entry->read_ns = now;
		entry->cred = *ret;
		return;
	}
	*ret = entry->cred;
}
