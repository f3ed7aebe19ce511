/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The network lock manager, version 4 (X/Open XNFS chapter 10, RFC 1813 appendix
 * II), on the wire, and the portmapper (RFC 1833 section 3.2), who knows where it
 * is: the procedures NLM_* and PMAP_* of nfs_call.h, for nfs3_encode.c and
 * nfs3_decode.c.
 *
 * Pure functions, any thread.
 */

#include "nfs_call.h"
#include "nfs_rpc.h"
#include "nfs_xdr.h"

#define NLM_PROGRAM  100021
#define NLM_VERSION  4
#define PMAP_PROGRAM 100000
#define PMAP_VERSION 2
#define PMAP_PORT    111
#define PMAP_TCP     6 /* IPPROTO_TCP */

static inline bool nlm_has_proc(enum nfs_proc proc)
{
	return proc >= NLM_NULL;
}

struct nfs_rpc_procedure nlm_procedure(enum nfs_proc proc);

void nlm_put_test(struct xdr_writer *w, const struct nfs_args *args);
void nlm_put_lock(struct xdr_writer *w, const struct nfs_args *args);
void nlm_put_unlock(struct xdr_writer *w, const struct nfs_args *args);
void nlm_put_getport(struct xdr_writer *w, const struct nfs_args *args);

/* As nfs3_decode_results(). */
int nlm_decode_results(struct xdr_reader *r, struct nfs_call *call);
