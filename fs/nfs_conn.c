/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The life of a connection. Receiving is nfs_record.c, sending is nfs_batch.c,
 * here is what holds them together: sockets come and go.
 *
 *           flush, has_work                on_event: connected
 *    IDLE ------------------> CONNECTING ------------------------> READY
 *     ^                        |      ^                              |
 *     |      lose(): refused,  |      | on_timer: has_work           | lose():
 *     |      timed out, ...    v      |                              | closed,
 *     +---------------------- BACKOFF <------------------------------+ reset,
 *       on_timer: no work                                              garbage
 *
 * Invariants:
 *  1. fd >= 0  <=>  the watch is set  <=>  CONNECTING or READY.
 *  2. The timer is armed in CONNECTING (to give up) and in BACKOFF (to try again)
 *     and in no other state.
 *  3. A half received record and a half sent batch die with their socket; not a
 *     byte of them reaches the next one. (libnfs 4 and 5 keep both, and complete
 *     a READ with bytes of two replies.)
 *  4. EPOLLOUT is watched only while connecting and while a batch is half sent.
 *  5. The delay doubles from 10 ms to 10 s and starts again only when a record
 *     made sense: a server that accepts and closes, or babbles, is not stormed.
 *  6. lose() never runs inside an owner's receive() or pull(): what goes wrong
 *     there is noted and acted on when they have returned.
 *
 * The owner keeps messages and sends them again from on_state(READY) on. Nothing
 * here counts, limits or times calls.
 */

#include "nfs_conn.h"

#include <sys/random.h>

#include "cleanup.h"
#include "clock.h"
#include "nfs_record.h"
#include "nfs_socket.h"

#define BACKOFF_MIN_NS	   (10 * NS_PER_MS)
#define BACKOFF_MAX_NS	   (10 * NS_PER_S)
#define CONNECT_TIMEOUT_MS 10000
/* Then others have a turn: copying a MiB takes as long as several small calls. */
#define RECEIVES_PER_ROUND 8
#define BYTES_PER_ROUND	   (512u << 10)

struct nfs_conn {
	struct nfs_conn_options options;
	enum nfs_conn_state state;
	int fd;
	struct watch watch;
	struct timer timer;
	uint64_t backoff_ns; /* the next delay */
	uint16_t port;	     /* ours, to be had again; 0 = none yet */
	bool is_broken;	     /* invariant 6: lose() is due */
	struct nfs_batch batch;
	struct nfs_record record;
};

/* --- states --------------------------------------------------------------- */

static void set_state(struct nfs_conn *conn, enum nfs_conn_state state)
{
	conn->state = state;
	conn->options.ops->on_state(conn->options.owner, state);
}

/* A timer that can't be had for want of memory: the next flush tries again. */
static bool arm(struct nfs_conn *conn, uint64_t delay_ns)
{
	return timer_set(&conn->timer, conn->options.loop,
			 clock_ns() + delay_ns) == 0;
}

/* Half to one and a half times the delay: clients of one server spread out. */
static uint64_t with_jitter(uint64_t delay_ns)
{
	uint32_t random = UINT32_MAX / 2;

	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	return delay_ns / 2 + delay_ns * (random / 65536) / 65536;
}

static void close_socket(struct nfs_conn *conn)
{
	timer_cancel(&conn->timer);
	watch_remove(&conn->watch);
	conn->fd = fd_close(conn->fd);
	nfs_batch_clear(&conn->batch);
	nfs_record_fini(&conn->record);
	conn->is_broken = false;
}

/* READY or CONNECTING -> BACKOFF */
static void lose(struct nfs_conn *conn)
{
	uint64_t delay_ns = with_jitter(conn->backoff_ns);

	close_socket(conn);
	conn->backoff_ns = conn->backoff_ns * 2 < BACKOFF_MAX_NS
				   ? conn->backoff_ns * 2
				   : BACKOFF_MAX_NS;
	set_state(conn, arm(conn, delay_ns) ? NFS_CONN_BACKOFF : NFS_CONN_IDLE);
}

/* CONNECTING -> READY */
static void become_ready(struct nfs_conn *conn)
{
	timer_cancel(&conn->timer);
	conn->port = nfs_socket_port(conn->fd);
	set_state(conn, NFS_CONN_READY);
	nfs_conn_flush(conn);
}

static uint64_t connect_timeout_ns(const struct nfs_conn *conn)
{
	uint32_t ms = conn->options.timeo_ms;

	return (ms < CONNECT_TIMEOUT_MS ? ms : CONNECT_TIMEOUT_MS) * NS_PER_MS;
}

/* 0, or why there is no attempt under way. */
static int open_socket(struct nfs_conn *conn)
{
	const struct nfs_conn_options *o = &conn->options;
	int r;

	conn->fd = nfs_socket_new(o->addr.ss_family, conn->port, o->timeo_ms);
	if (conn->fd < 0)
		return conn->fd;
	if (connect(conn->fd, (const struct sockaddr *)&o->addr, o->addr_len) <
		    0 &&
	    errno != EINPROGRESS) {
		r = -errno;
		/* Our old connection from this port is remembered somewhere. */
		if (r == -EADDRNOTAVAIL)
			conn->port = 0;
		return r;
	}
	r = watch_add(&conn->watch, o->loop, conn->fd, EPOLLIN | EPOLLOUT);
	if (r < 0)
		return r;
	return arm(conn, connect_timeout_ns(conn)) ? 0 : -ENOMEM;
}

/* IDLE or BACKOFF -> CONNECTING */
static void start(struct nfs_conn *conn)
{
	set_state(conn, NFS_CONN_CONNECTING);
	if (open_socket(conn) < 0)
		lose(conn);
}

static void on_timer(struct timer *timer)
{
	struct nfs_conn *conn = container_of(timer, struct nfs_conn, timer);

	if (conn->state == NFS_CONN_CONNECTING)
		lose(conn);
	else if (conn->options.ops->has_work(conn->options.owner))
		start(conn);
	else
		set_state(conn, NFS_CONN_IDLE);
}

/* --- sending -------------------------------------------------------------- */

static void fill(struct nfs_conn *conn)
{
	const struct nfs_conn_options *o = &conn->options;

	while (nfs_batch_has_room(&conn->batch)) {
		struct xdr_writer w = nfs_batch_begin(&conn->batch);
		struct nfs_payload payload = { 0 };

		if (!o->ops->pull(o->owner, &w, &payload) || conn->is_broken)
			return;
		nfs_batch_commit(&conn->batch, &w, &payload);
	}
}

/* 0 = nothing is left to send, 1 = when the socket has room, -errno. */
static int send_all(struct nfs_conn *conn)
{
	for (;;) {
		int r;

		if (nfs_batch_is_empty(&conn->batch))
			fill(conn);
		if (conn->is_broken)
			return -ENOMEM;
		if (nfs_batch_is_empty(&conn->batch))
			return 0;
		r = nfs_batch_send(&conn->batch, conn->fd);
		if (r != 0)
			return r;
	}
}

static void flush_ready(struct nfs_conn *conn)
{
	int r = send_all(conn);

	if (r >= 0)
		r = watch_set(&conn->watch, r ? EPOLLIN | EPOLLOUT : EPOLLIN);
	if (r < 0)
		lose(conn);
}

void nfs_conn_flush(struct nfs_conn *conn)
{
	switch (conn->state) {
	case NFS_CONN_IDLE:
		if (conn->options.ops->has_work(conn->options.owner))
			start(conn);
		break;
	case NFS_CONN_READY:
		/* What is half sent goes on when the socket says so. */
		if (!(conn->watch.events & EPOLLOUT))
			flush_ready(conn);
		break;
	case NFS_CONN_CONNECTING:
	case NFS_CONN_BACKOFF:
		break;
	}
}

void nfs_conn_release(struct nfs_conn *conn, const struct nfs_payload *payload)
{
	if (nfs_batch_is_empty(&conn->batch) || payload->len == 0)
		return;
	if (nfs_batch_release(&conn->batch, payload) == 0)
		return;
	/*
	 * Without memory for the copy the batch can't be completed. It must not
	 * be read from now on; the connection ends as soon as it may.
	 */
	nfs_batch_clear(&conn->batch);
	conn->is_broken = true;
}

/* --- receiving ------------------------------------------------------------ */

static int take_records(struct nfs_conn *conn)
{
	const struct nfs_conn_options *o = &conn->options;
	uint8_t *data;
	uint32_t len;
	int r;

	while ((r = nfs_record_next(&conn->record, &data, &len)) > 0) {
		r = o->ops->receive(o->owner, data, len);
		if (r < 0)
			return r;
		conn->backoff_ns = BACKOFF_MIN_NS;
		if (conn->is_broken)
			return -ENOMEM;
	}
	return r;
}

/* 1 = there may be more, 0 = the socket is empty, -errno. */
static int receive_once(struct nfs_conn *conn, size_t *n_bytes)
{
	uint8_t *data;
	size_t space;
	ssize_t n;
	int r = nfs_record_space(&conn->record, &data, &space);

	if (r < 0)
		return r;
	n = recv(conn->fd, data, space, MSG_DONTWAIT);
	if (n == 0)
		return -ECONNRESET;
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	if (n > 0)
		nfs_record_filled(&conn->record, (size_t)n);
	*n_bytes += n > 0 ? (size_t)n : 0;
	r = take_records(conn);
	if (r < 0)
		return r;
	/* Less than asked for: asking again would only give EAGAIN. */
	return n == (ssize_t)space;
}

static void receive(struct nfs_conn *conn)
{
	size_t n_bytes = 0;
	int r = 1;

	for (int i = 0;
	     i < RECEIVES_PER_ROUND && n_bytes < BYTES_PER_ROUND && r > 0; i++)
		r = receive_once(conn, &n_bytes);
	if (r < 0)
		lose(conn);
}

static int socket_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

static void on_event(struct watch *watch, uint32_t events)
{
	struct nfs_conn *conn = container_of(watch, struct nfs_conn, watch);

	if (conn->state == NFS_CONN_CONNECTING) {
		if (socket_error(conn->fd) < 0)
			lose(conn);
		else if (events & EPOLLOUT)
			become_ready(conn);
		return;
	}
	/* Replies that came before the end are taken first: recv(2) tells of it. */
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(conn);
	if (conn->state == NFS_CONN_READY && (events & EPOLLOUT))
		flush_ready(conn);
}

/* --- the rest ------------------------------------------------------------- */

void nfs_conn_reset(struct nfs_conn *conn)
{
	if (conn->state == NFS_CONN_READY || conn->state == NFS_CONN_CONNECTING)
		lose(conn);
}

enum nfs_conn_state nfs_conn_state(const struct nfs_conn *conn)
{
	return conn->state;
}

uint16_t nfs_conn_source_port(const struct nfs_conn *conn)
{
	return conn->port;
}

struct nfs_conn *nfs_conn_free(struct nfs_conn *conn)
{
	if (!conn)
		return NULL;
	close_socket(conn);
	nfs_batch_fini(&conn->batch);
	free(conn);
	return NULL;
}

int nfs_conn_new(struct nfs_conn **ret, const struct nfs_conn_options *options)
{
	_cleanup_(nfs_conn_free) struct nfs_conn *conn =
		calloc(1, sizeof(*conn));
	int r;

	if (!conn)
		return -ENOMEM;
	conn->options = *options;
	conn->fd = -1;
	conn->watch = WATCH_INIT(on_event);
	conn->timer = TIMER_INIT(on_timer);
	conn->port = options->source_port;
	conn->backoff_ns = BACKOFF_MIN_NS;
	nfs_record_init(&conn->record, options->pool);
	r = nfs_batch_init(&conn->batch, options->pool, options->head_max);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(conn);
	return 0;
}
