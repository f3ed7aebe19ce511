/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What claimfs-node and claimfs-keeper say to each other, over a SOCK_SEQPACKET
 * unix socket: messages of one fixed size, with descriptors (SCM_RIGHTS) in those
 * that carry a volume.
 *
 *	node                      keeper
 *	HELLO ------------------>            at once after connect(2)
 *	      <------------------ VOLUME     for each volume that is held, when no
 *	      <------------------ VOLUME     other node daemon is left
 *	      <------------------ END        from now on this is the node daemon
 *	VOLUME ----------------->            hold it, instead of what has that key
 *	DROP   ----------------->            it is unmounted
 *
 * Nothing is acknowledged: a descriptor that was sent is alive in the socket, and
 * a node daemon whose keeper went away tells the next one everything anew.
 */

#include <stdint.h>

#define KEEPER_SOCKET "keeper.sock" /* in the state directory */
#define KEEPER_MAGIC  0x72706b63u
/*
 * Another version is refused by whoever receives it, before anything is taken. The
 * keeper answers it with an END, so that the node daemon can say whose version is
 * which. Magic and version stay where they are in every version.
 */
#define KEEPER_VERSION 1

enum keeper_type {
	KEEPER_HELLO = 1,
	KEEPER_VOLUME = 2,
	KEEPER_DROP = 3,
	KEEPER_END = 4,
};

struct keeper_message {
	uint32_t magic;
	uint16_t version;
	uint16_t type; /* enum keeper_type */
	uint32_t key;  /* VOLUME, DROP: minor number of the mount's device */
	uint32_t reserved;
};

enum keeper_fd {
	KEEPER_FUSE,   /* the /dev/fuse descriptor */
	KEEPER_TABLE,  /* the node table's memory file (inode_layout.h) */
	KEEPER_RECORD, /* what the node knows of the volume (node_record.h) */
	KEEPER_DATA,   /* memory of the process's buffers (arena.h) */
	KEEPER_FDS,
};

/* -1 each = none. */
struct keeper_fds {
	int fd[KEEPER_FDS];
};

#define KEEPER_FDS_NONE ((struct keeper_fds){ { -1, -1, -1, -1 } })

void keeper_fds_close(struct keeper_fds *fds);

/*
 * One message; fds (borrowed) only for VOLUME, else NULL. Waits as long as the
 * socket's SO_SNDTIMEO allows. 0 or -errno.
 */
int keeper_send(int socket_fd, enum keeper_type type, uint32_t key,
		const struct keeper_fds *fds);

/*
 * One message, magic, version and type checked; the descriptors are the caller's,
 * all of them for VOLUME and none for others. 1, 0 at the end of the connection,
 * -EAGAIN, -EPROTO, -EPROTONOSUPPORT for another version, -errno.
 */
int keeper_receive(int socket_fd, struct keeper_message *ret,
		   struct keeper_fds *ret_fds);
