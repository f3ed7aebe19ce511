/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The socket is non-blocking and every wait is a poll(2) up to the deadline, so
 * that no server, dead or malicious, holds a control thread for longer. A failure
 * is not repaired: who asks decides whether to ask again.
 *
 * Runs on control threads.
 */

#include "nfs_ask.h"

#include <errno.h>
#include <poll.h>
#include <sys/random.h>

#include "cleanup.h"
#include "clock.h"
#include "nfs_socket.h"

static int wait_for(const struct nfs_ask *ask, short events)
{
	struct pollfd p = { .fd = ask->fd, .events = events };

	for (;;) {
		uint64_t now_ns = clock_ns();
		int n;

		if (now_ns >= ask->deadline_ns)
			return -ETIMEDOUT;
		n = poll(&p, 1,
			 (int)((ask->deadline_ns - now_ns) / NS_PER_MS) + 1);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

static int wait_connected(struct nfs_ask *ask)
{
	int error = 0, r;
	socklen_t len = sizeof(error);

	r = wait_for(ask, POLLOUT);
	if (r < 0)
		return r;
	if (getsockopt(ask->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

static uint32_t left_ms(uint64_t deadline_ns)
{
	uint64_t now_ns = clock_ns();

	return now_ns < deadline_ns
		       ? (uint32_t)((deadline_ns - now_ns) / NS_PER_MS) + 1
		       : 1;
}

int nfs_ask_connect(struct nfs_ask *ask, const struct sockaddr_storage *addr,
		    socklen_t addr_len, uint64_t deadline_ns)
{
	int r = buffer_pool_new(&ask->pool, NULL);

	if (r < 0)
		return r;
	nfs_record_init(&ask->record, ask->pool);
	ask->deadline_ns = deadline_ns;
	(void)!getrandom(&ask->xid, sizeof(ask->xid), 0);
	ask->fd = nfs_socket_new(addr->ss_family, 0, left_ms(deadline_ns));
	if (ask->fd < 0)
		return ask->fd;
	if (connect(ask->fd, (const struct sockaddr *)addr, addr_len) == 0)
		return 0;
	return errno == EINPROGRESS ? wait_connected(ask) : -errno;
}

void nfs_ask_fini(struct nfs_ask *ask)
{
	if (!ask->pool)
		return;
	nfs_record_fini(&ask->record);
	ask->fd = fd_close(ask->fd);
	ask->pool = buffer_pool_free(ask->pool);
}

static int send_call(struct nfs_ask *ask, size_t len)
{
	size_t sent = 0;

	while (sent < len) {
		ssize_t n = send(ask->fd, ask->call + sent, len - sent,
				 MSG_NOSIGNAL);
		int r;

		if (n >= 0) {
			sent += (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(ask, POLLOUT);
		if (r < 0)
			return r;
	}
	return 0;
}

static int receive_some(struct nfs_ask *ask)
{
	uint8_t *space;
	size_t len;
	ssize_t n;
	int r = wait_for(ask, POLLIN);

	if (r == 0)
		r = nfs_record_space(&ask->record, &space, &len);
	if (r < 0)
		return r;
	n = recv(ask->fd, space, len, 0);
	if (n == 0)
		return -ECONNRESET;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	nfs_record_filled(&ask->record, (size_t)n);
	return 0;
}

static int receive_reply(struct nfs_ask *ask, struct xdr_reader *ret)
{
	for (;;) {
		uint8_t *data;
		uint32_t len;
		int r = nfs_record_next(&ask->record, &data, &len);

		if (r == 0)
			r = receive_some(ask);
		else if (r > 0) {
			*ret = xdr_reader_over(data, len);
			return 0;
		}
		if (r < 0)
			return r;
	}
}

struct xdr_writer nfs_ask_begin(struct nfs_ask *ask,
				struct nfs_rpc_procedure procedure)
{
	static const struct nfs_cred root;
	struct xdr_writer w =
		xdr_writer_over(ask->call + NFS_RPC_MARK_SIZE,
				sizeof(ask->call) - NFS_RPC_MARK_SIZE);

	nfs_rpc_put_call(&w, ++ask->xid, procedure, &root);
	return w;
}

static int exchange(struct nfs_ask *ask, const struct xdr_writer *w,
		    struct xdr_reader *ret_results)
{
	size_t len = (size_t)(w->p - ask->call);
	struct xdr_writer mark = xdr_writer_over(ask->call, NFS_RPC_MARK_SIZE);
	int r;

	if (w->is_bad)
		return -ENAMETOOLONG;
	xdr_put_u32(&mark, NFS_RPC_LAST_FRAGMENT |
				   (uint32_t)(len - NFS_RPC_MARK_SIZE));
	r = send_call(ask, len);
	return r < 0 ? r : receive_reply(ask, ret_results);
}

int nfs_ask_finish(struct nfs_ask *ask, const struct xdr_writer *w,
		   struct xdr_reader *ret_results)
{
	uint32_t xid = 0;
	int r = exchange(ask, w, ret_results);

	if (r < 0)
		return r;
	r = nfs_rpc_get_reply(ret_results, &xid);
	/* One call at a time: whatever else comes is not for us. */
	return r == 0 && xid != ask->xid ? -EBADMSG : r;
}

int nfs_ask_list(struct nfs_ask *ask, struct nfs_call *call,
		 struct nfs_entry *entries, uint32_t max)
{
	const struct nfs3_entries room = { entries, max };
	struct xdr_writer w =
		xdr_writer_over(ask->call + NFS_RPC_MARK_SIZE,
				sizeof(ask->call) - NFS_RPC_MARK_SIZE);
	struct xdr_reader results;
	int r = nfs3_encode_call(&w, ++ask->xid, call);

	if (r == 0)
		r = nfs_ask_finish(ask, &w, &results);
	return r < 0 ? r : nfs3_decode_results(&results, call, room);
}

int nfs_ask_call(struct nfs_ask *ask, struct nfs_call *call)
{
	return nfs_ask_list(ask, call, NULL, 0);
}
