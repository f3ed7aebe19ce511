/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Names are RFC 5531's (sections 8 and 9). The machine name of AUTH_SYS is
 * constant: no server decides by it, and a call must be the same bytes when it
 * is sent again. The stamp is 0 for the same reason: servers compute a checksum
 * over the call to recognise a retransmission.
 */

#include "nfs_rpc.h"

#define RPC_VERSION 2
#define AUTH_NONE   0
#define AUTH_SYS    1
#define VERF_MAX    400 /* opaque_auth's body */

static const char machine_name[] = "claimfs";

enum msg_type {
	MSG_CALL = 0,
	MSG_REPLY = 1,
};

enum reply_stat {
	REPLY_ACCEPTED = 0,
	REPLY_DENIED = 1,
};

enum accept_stat {
	ACCEPT_SUCCESS = 0,
	ACCEPT_PROG_UNAVAIL = 1,
	ACCEPT_PROG_MISMATCH = 2,
	ACCEPT_PROC_UNAVAIL = 3,
	ACCEPT_GARBAGE_ARGS = 4,
	ACCEPT_SYSTEM_ERR = 5,
};

enum reject_stat {
	REJECT_RPC_MISMATCH = 0,
	REJECT_AUTH_ERROR = 1,
};

static void put_auth_sys(struct xdr_writer *w, const struct nfs_cred *cred)
{
	uint32_t n = cred->n_gids < NFS_GIDS_MAX ? cred->n_gids : NFS_GIDS_MAX;
	uint32_t name_len = sizeof(machine_name) - 1;

	xdr_put_u32(w, AUTH_SYS);
	xdr_put_u32(w, 4 + 4 + xdr_padded(name_len) + 4 + 4 + 4 + 4 * n);
	xdr_put_u32(w, 0); /* stamp */
	xdr_put_opaque(w, machine_name, name_len);
	xdr_put_u32(w, cred->uid);
	xdr_put_u32(w, cred->gid);
	xdr_put_u32(w, n);
	for (uint32_t i = 0; i < n; i++)
		xdr_put_u32(w, cred->gids[i]);
}

void nfs_rpc_put_call(struct xdr_writer *w, uint32_t xid,
		      struct nfs_rpc_procedure procedure,
		      const struct nfs_cred *cred)
{
	xdr_put_u32(w, xid);
	xdr_put_u32(w, MSG_CALL);
	xdr_put_u32(w, RPC_VERSION);
	xdr_put_u32(w, procedure.program);
	xdr_put_u32(w, procedure.version);
	xdr_put_u32(w, procedure.number);
	put_auth_sys(w, cred);
	xdr_put_u32(w, AUTH_NONE);
	xdr_put_u32(w, 0);
}

static int accepted(struct xdr_reader *r)
{
	uint32_t verf_len, stat;

	(void)xdr_get_u32(r); /* the verifier's flavour: none that we check */
	(void)xdr_get_opaque(r, VERF_MAX, &verf_len);
	stat = xdr_get_u32(r);
	if (r->is_bad)
		return -EBADMSG;
	switch (stat) {
	case ACCEPT_SUCCESS:
		return 0;
	case ACCEPT_PROG_UNAVAIL:
	case ACCEPT_PROG_MISMATCH:
	case ACCEPT_PROC_UNAVAIL:
		return -EOPNOTSUPP;
	case ACCEPT_GARBAGE_ARGS:
	case ACCEPT_SYSTEM_ERR:
		return -EIO;
	default:
		return -EBADMSG;
	}
}

static int denied(struct xdr_reader *r)
{
	uint32_t stat = xdr_get_u32(r);

	if (r->is_bad)
		return -EBADMSG;
	switch (stat) {
	case REJECT_RPC_MISMATCH:
		return -EOPNOTSUPP;
	case REJECT_AUTH_ERROR:
		return -EACCES;
	default:
		return -EBADMSG;
	}
}

int nfs_rpc_get_reply(struct xdr_reader *r, uint32_t *ret_xid)
{
	uint32_t xid = xdr_get_u32(r);
	uint32_t type = xdr_get_u32(r);
	uint32_t stat = xdr_get_u32(r);

	if (r->is_bad || type != MSG_REPLY)
		return -EBADMSG;
	*ret_xid = xid;
	switch (stat) {
	case REPLY_ACCEPTED:
		return accepted(r);
	case REPLY_DENIED:
		return denied(r);
	default:
		return -EBADMSG;
	}
}
