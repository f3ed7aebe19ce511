/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One table: step and error to a remedy, the first row that fits. "@" stands for
 * the share's path. Where the kernel's server and nfs-ganesha are told in different
 * ways, both are said: nobody can see from outside which one it is.
 */

#include "share_fault.h"

#include <string.h>

#define NFSV3                                                           \
	"serve NFS version 3 on TCP: vers3=y under [nfsd] in "          \
	"/etc/nfs.conf, or Protocols = 3, 4; in NFS_CORE_PARAM and in " \
	"the EXPORT of ganesha.conf"
#define ROOT                                                       \
	"export it with no_root_squash in /etc/exports (Squash = " \
	"No_Root_Squash; in ganesha.conf)"

/* r: 0 = any. */
static const struct {
	enum share_step step;
	int r;
	const char *text;
} remedies[] = {
	{ SHARE_STEP_RESOLVE, 0,
	  "give its address, or make the name known to this machine and to every node by DNS or /etc/hosts" },
	{ SHARE_STEP_CONNECT, -ETIMEDOUT,
	  "check that the machine is up, and let the TCP port through the firewalls between it and every node" },
	{ SHARE_STEP_CONNECT, 0,
	  "start its NFS server (systemctl enable --now nfs-server, or nfs-ganesha), or name its port by the mount option port=" },
	{ SHARE_STEP_VERSION, 0, NFSV3 },
	{ SHARE_STEP_PORTMAPPER, -EPROTONOSUPPORT,
	  "start the server's MOUNT service (rpc.mountd comes with nfs-server), or name its port by the mount option mountport=" },
	{ SHARE_STEP_PORTMAPPER, 0,
	  "start rpcbind on the server and let TCP port 111 through, or name the port of its MOUNT service by the mount option mountport=" },
	{ SHARE_STEP_MOUNT_PORT, 0,
	  "start the server's MOUNT service, give it a fixed port (port= under [mountd] in /etc/nfs.conf, or MNT_Port in ganesha.conf), let that through firewalls and name it by the mount option mountport=" },
	{ SHARE_STEP_MOUNT, -ENOENT,
	  "export it: the line \"@ *(rw,sync,no_subtree_check,no_root_squash)\" in /etc/exports and then exportfs -ra, or an EXPORT block with Path = @; in ganesha.conf" },
	{ SHARE_STEP_MOUNT, -EACCES,
	  "export it to this machine and to every node: the line \"@ *(rw,sync,no_subtree_check,no_root_squash)\" in /etc/exports and then exportfs -ra, or Access_Type = RW; in the EXPORT or CLIENT block of ganesha.conf" },
	{ SHARE_STEP_MOUNT, -EPERM,
	  "let this machine and every node in by /etc/exports or ganesha.conf" },
	{ SHARE_STEP_MOUNT, -ENOTDIR,
	  "export a directory: @ is none on the server" },
	{ SHARE_STEP_CHANGE, -EROFS,
	  "export it rw in /etc/exports (Access_Type = RW; in ganesha.conf), and mount its file system read-write on the server" },
	{ SHARE_STEP_CHANGE, -EACCES,
	  ROOT ", or give @ on the server to the user that root becomes" },
	{ SHARE_STEP_CHANGE, -EPERM, ROOT },
	{ SHARE_STEP_CHANGE, -ENOSPC,
	  "make room on the file system of @ on the server (df, and df -i)" },
	{ SHARE_STEP_CHANGE, -EDQUOT,
	  "raise the quota of the user who owns the volumes on the server" },
	{ SHARE_STEP_OWNER, -EPERM,
	  ROOT ", or leave uid and gid out of the class" },
	{ SHARE_STEP_OWNER, -EACCES,
	  ROOT ", or leave uid and gid out of the class" },
	{ SHARE_STEP_LOCK, 0,
	  "start rpcbind, rpc.statd and the lock manager on the server (Enable_NLM = true; in ganesha.conf) and let their TCP ports through, or leave out the mount option lock" },
};

static char *expand(const char *text, const char *share)
{
	char *expanded = NULL;
	size_t len;
	FILE *out = open_memstream(&expanded, &len);

	if (!out)
		return NULL;
	for (; *text; text++) {
		if (*text == '@')
			fputs(share, out);
		else
			fputc(*text, out);
	}
	if (fclose(out) == 0)
		return expanded;
	free(expanded);
	return NULL;
}

char *share_fault_remedy(enum share_step step, int r, const char *share)
{
	for (size_t i = 0; i < ARRAY_SIZE(remedies); i++)
		if (remedies[i].step == step &&
		    (remedies[i].r == 0 || remedies[i].r == r))
			return expand(remedies[i].text, share);
	return NULL;
}

void share_fault_explain(struct err *err, enum share_step step,
			 const char *share)
{
	_cleanup_(free) char *remedy = NULL;

	if (!err)
		return;
	remedy = share_fault_remedy(step, err->code, share);
	if (remedy)
		(void)err_set(err, err->code, "%s (%s)", err_text(err), remedy);
}
