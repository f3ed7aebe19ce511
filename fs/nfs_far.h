/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Calls by way of another shard's connection: requests that are executed again have to
 * come from where they came from, and the kernel gives them to any shard.
 */

struct fair_flow;
struct nfs_call;
struct nfs_client;
struct shard;

/*
 * Submits the call, as nfs_client_submit() does, to a client (borrowed) and a flow of
 * shard there, which is not this thread's. What is returned is good for cancelling
 * it, until done(). NULL = no memory, nothing is done. Not for calls that move data.
 *
 * All calls of the flow must have ended before the client is let go, as with a
 * client of one's own.
 */
struct nfs_client *nfs_far_submit(struct shard *there,
				  struct nfs_client *client,
				  struct fair_flow *flow,
				  struct nfs_call *call);
