/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A batch is filled, sent, and only then filled again: no ring, no partial reuse.
 * What can't be sent now stays as it is until the socket has room, and so does
 * what is beyond SEND_BYTES: the kernel copies for as long as it may, and others
 * wait meanwhile.
 */

#include "nfs_batch.h"

#include <assert.h>
#include <sys/socket.h>

#include "nfs_rpc.h"

#define TYPICAL_HEAD 256
#define SEND_BYTES   (512u << 10)

static const uint8_t padding[4];

int nfs_batch_init(struct nfs_batch *batch, struct buffer_pool *pool,
		   uint32_t head_max)
{
	*batch = (struct nfs_batch){ .pool = pool };
	SLIST_INIT(&batch->copies);
	batch->head_max = head_max + NFS_RPC_MARK_SIZE;
	batch->heads_size = NFS_BATCH_MESSAGES * TYPICAL_HEAD + batch->head_max;
	batch->heads = malloc(batch->heads_size);
	return batch->heads ? 0 : -ENOMEM;
}

void nfs_batch_clear(struct nfs_batch *batch)
{
	struct buffer *copy;

	while ((copy = SLIST_FIRST(&batch->copies))) {
		SLIST_REMOVE_HEAD(&batch->copies, entry);
		buffer_put(batch->pool, copy);
	}
	batch->heads_len = 0;
	batch->n_iov = 0;
	batch->sent_iov = 0;
}

void nfs_batch_fini(struct nfs_batch *batch)
{
	nfs_batch_clear(batch);
	free(batch->heads);
	batch->heads = NULL;
}

bool nfs_batch_is_empty(const struct nfs_batch *batch)
{
	return batch->n_iov == 0;
}

bool nfs_batch_has_room(const struct nfs_batch *batch)
{
	return batch->sent_iov == 0 &&
	       batch->n_iov + 3 <= ARRAY_SIZE(batch->iov) &&
	       batch->heads_size - batch->heads_len >= batch->head_max;
}

struct xdr_writer nfs_batch_begin(struct nfs_batch *batch)
{
	uint8_t *head = batch->heads + batch->heads_len;

	assert(nfs_batch_has_room(batch));
	return xdr_writer_over(head + NFS_RPC_MARK_SIZE,
			       batch->head_max - NFS_RPC_MARK_SIZE);
}

static void add(struct nfs_batch *batch, const void *data, uint32_t len)
{
	if (len > 0)
		batch->iov[batch->n_iov++] =
			(struct iovec){ (void *)data, len };
}

/* Heads without a payload between them are one piece for the kernel. */
static void add_head(struct nfs_batch *batch, uint8_t *head, uint32_t len)
{
	struct iovec *last;

	if (batch->n_iov > 0) {
		last = &batch->iov[batch->n_iov - 1];
		if ((uint8_t *)last->iov_base + last->iov_len == head) {
			last->iov_len += len;
			return;
		}
	}
	add(batch, head, len);
}

void nfs_batch_commit(struct nfs_batch *batch, const struct xdr_writer *w,
		      const struct nfs_payload *payload)
{
	uint8_t *head = batch->heads + batch->heads_len;
	uint32_t head_len = (uint32_t)(w->p - head);
	uint32_t body = xdr_padded(payload->len);
	struct xdr_writer mark = xdr_writer_over(head, NFS_RPC_MARK_SIZE);

	assert(!w->is_bad);
	xdr_put_u32(&mark, NFS_RPC_LAST_FRAGMENT |
				   (head_len - NFS_RPC_MARK_SIZE + body));
	add_head(batch, head, head_len);
	add(batch, payload->data, payload->len);
	add(batch, padding, body - payload->len);
	batch->heads_len += head_len;
}

static void advance(struct nfs_batch *batch, size_t n)
{
	while (n > 0) {
		struct iovec *iov = &batch->iov[batch->sent_iov];

		if (n < iov->iov_len) {
			iov->iov_base = (uint8_t *)iov->iov_base + n;
			iov->iov_len -= n;
			return;
		}
		n -= iov->iov_len;
		batch->sent_iov++;
	}
}

/* How many of the pieces that are left go out at once: those of SEND_BYTES. */
static uint32_t pieces_to_send(const struct nfs_batch *batch)
{
	uint32_t i = batch->sent_iov;
	size_t n_bytes = 0;

	while (i < batch->n_iov && n_bytes < SEND_BYTES)
		n_bytes += batch->iov[i++].iov_len;
	return i - batch->sent_iov;
}

int nfs_batch_send(struct nfs_batch *batch, int fd)
{
	struct msghdr msg = {
		.msg_iov = &batch->iov[batch->sent_iov],
		.msg_iovlen = pieces_to_send(batch),
	};
	ssize_t n;

	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 1 : -errno;
	advance(batch, (size_t)n);
	if (batch->sent_iov < batch->n_iov)
		return 1;
	nfs_batch_clear(batch);
	return 0;
}

static int copy_iov(struct nfs_batch *batch, struct iovec *iov)
{
	struct buffer *copy = buffer_get(batch->pool, (uint32_t)iov->iov_len);

	if (!copy)
		return -ENOMEM;
	memcpy(copy->data, iov->iov_base, iov->iov_len);
	iov->iov_base = copy->data;
	SLIST_INSERT_HEAD(&batch->copies, copy, entry);
	return 0;
}

int nfs_batch_release(struct nfs_batch *batch,
		      const struct nfs_payload *payload)
{
	const uint8_t *start = payload->data;

	for (uint32_t i = batch->sent_iov; i < batch->n_iov; i++) {
		const uint8_t *base = batch->iov[i].iov_base;
		int r;

		if (base < start || base >= start + payload->len)
			continue;
		r = copy_iov(batch, &batch->iov[i]);
		if (r < 0)
			return r;
	}
	return 0;
}
