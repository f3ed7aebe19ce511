/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The client against a server that the test plays on a loopback socket in the
 * same loop: it reads whole calls, and the test answers them when, how and as
 * often as it likes.
 */

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>

#include <criterion/criterion.h>

#include "clock.h"
#include "log.h"
#include "nfs3.h"
#include "nfs3_xdr.h"

#define CALLS_MAX   256
#define PATIENCE_NS (10 * NS_PER_S)

/* A call as the server sees it. */
struct seen {
	uint32_t xid;
	uint32_t proc;	  /* NFSv3's number */
	uint32_t len;	  /* of the record */
	uint8_t tail[16]; /* the last bytes */
};

static struct loop *loop;
static struct buffer_pool *pool;
static struct nfs_client *client;
static struct nfs3_options options;

static int listen_fd = -1, server_fd = -1;
static uint8_t inbox[8 << 20];
static size_t inbox_len;
static struct seen seen[CALLS_MAX];
static size_t n_seen;

static struct nfs_call calls[CALLS_MAX];
static uint64_t checksums[CALLS_MAX]; /* of READ data, in done() */
static size_t n_done;

/* --- the fake server -------------------------------------------------------- */

static void server_listen(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int one = 1;

	if (options.addr_len) /* once more, at the same port */
		memcpy(&addr, &options.addr, sizeof(addr));
	listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_geq(listen_fd, 0);
	cr_assert_eq(setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &one,
				sizeof(one)),
		     0);
	cr_assert_eq(bind(listen_fd, (struct sockaddr *)&addr, len), 0);
	cr_assert_eq(listen(listen_fd, 8), 0);
	cr_assert_eq(getsockname(listen_fd, (struct sockaddr *)&addr, &len), 0);
	memcpy(&options.addr, &addr, sizeof(addr));
	options.addr_len = sizeof(addr);
}

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* Takes the calls out of the inbox that are whole. */
static void server_parse(void)
{
	while (inbox_len >= NFS_RPC_MARK_SIZE) {
		uint32_t len = xdr_load_u32(inbox) & ~NFS_RPC_LAST_FRAGMENT;
		uint8_t *record = inbox + NFS_RPC_MARK_SIZE;

		if (inbox_len < len + NFS_RPC_MARK_SIZE)
			return;
		cr_assert_lt(n_seen, CALLS_MAX);
		seen[n_seen] = (struct seen){ .xid = xdr_load_u32(record),
					      .proc = xdr_load_u32(record + 20),
					      .len = len };
		memcpy(seen[n_seen].tail, record + len - 16, 16);
		n_seen++;
		inbox_len -= len + NFS_RPC_MARK_SIZE;
		memmove(inbox, record + len, inbox_len);
	}
}

static void server_read(void)
{
	if (server_fd < 0 && is_readable(listen_fd)) {
		server_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		inbox_len = 0;
	}
	while (server_fd >= 0 && is_readable(server_fd)) {
		ssize_t n = recv(server_fd, inbox + inbox_len,
				 sizeof(inbox) - inbox_len, 0);

		if (n <= 0) {
			server_fd = fd_close(server_fd);
			return;
		}
		inbox_len += (size_t)n;
		server_parse();
	}
}

static void server_close(void)
{
	server_fd = fd_close(server_fd);
}

static void server_send(const uint8_t *data, size_t len)
{
	cr_assert_eq(send(server_fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Head of a successful reply, mark included; returns its length. */
static size_t put_head(uint8_t *wire, uint32_t xid, uint32_t body_len)
{
	struct xdr_writer w = xdr_writer_over(wire, 64);

	xdr_put_u32(&w, NFS_RPC_LAST_FRAGMENT | (24 + body_len));
	xdr_put_u32(&w, xid);
	xdr_put_u32(&w, 1);
	xdr_put_u32(&w, 0);
	xdr_put_u64(&w, 0);
	xdr_put_u32(&w, 0);
	return (size_t)(w.p - wire);
}

/* A reply to READ of count bytes, all of them `fill`. */
static size_t make_read_reply(uint8_t *wire, uint32_t xid, uint32_t count,
			      uint8_t fill)
{
	uint32_t body_len = 20 + xdr_padded(count);
	size_t len = put_head(wire, xid, body_len);
	struct xdr_writer w = xdr_writer_over(wire + len, body_len);

	xdr_put_u32(&w, 0); /* NFS3_OK */
	xdr_put_u32(&w, 0); /* no attributes */
	xdr_put_u32(&w, count);
	xdr_put_u32(&w, 0); /* not the end */
	xdr_put_u32(&w, count);
	memset(xdr_put_space(&w, count), fill, count);
	return len + body_len;
}

/* A reply that is a status and no attributes: of ACCESS, READLINK, ... */
static size_t make_failed_reply(uint8_t *wire, uint32_t xid, uint32_t status)
{
	size_t len = put_head(wire, xid, 8);
	struct xdr_writer w = xdr_writer_over(wire + len, 8);

	xdr_put_u32(&w, status);
	xdr_put_u32(&w, 0);
	return len + 8;
}

static size_t make_write_reply(uint8_t *wire, uint32_t xid, uint32_t count)
{
	size_t len = put_head(wire, xid, 28);
	struct xdr_writer w = xdr_writer_over(wire + len, 28);

	xdr_put_u32(&w, 0);
	xdr_put_u64(&w, 0); /* no attributes before and after */
	xdr_put_u32(&w, count);
	xdr_put_u32(&w, NFS_UNSTABLE);
	xdr_put_u64(&w, 1);
	return len + 28;
}

static void answer_read(size_t i, uint32_t count, uint8_t fill)
{
	static uint8_t wire[NFS_IO_MAX + 64];

	server_send(wire, make_read_reply(wire, seen[i].xid, count, fill));
}

static void answer_failed(size_t i, uint32_t status)
{
	uint8_t wire[64];

	server_send(wire, make_failed_reply(wire, seen[i].xid, status));
}

/* With no attributes of before and after. */
static void answer_change(size_t i, uint32_t status)
{
	uint8_t wire[64];
	size_t len = put_head(wire, seen[i].xid, 12);
	struct xdr_writer w = xdr_writer_over(wire + len, 12);

	xdr_put_u32(&w, status);
	xdr_put_u64(&w, 0);
	server_send(wire, len + 12);
}

static void answer_null(size_t i)
{
	uint8_t wire[64];

	server_send(wire, put_head(wire, seen[i].xid, 0));
}

/* --- the client --------------------------------------------------------------- */

static uint64_t checksum(const uint8_t *data, size_t len)
{
	uint64_t sum = len;

	for (size_t i = 0; i < len; i++)
		sum = sum * 31 + data[i];
	return sum;
}

static uint64_t checksum_of_fill(uint32_t count, uint8_t fill)
{
	static uint8_t data[NFS_IO_MAX];

	memset(data, fill, count);
	return checksum(data, count);
}

static void on_done(struct nfs_call *call)
{
	if (call->proc == NFS_READ && call->status == 0)
		checksums[call - calls] =
			checksum(call->res.read.data, call->res.read.count);
	n_done++;
}

static void on_round_end(void *userdata)
{
	nfs_client_flush(client);
}

static void set_up(void)
{
	log_set_level(LOG_ERROR);
	cr_assert_eq(loop_new(&loop), 0);
	cr_assert_eq(buffer_pool_new(&pool, NULL), 0);
	server_listen();
}

static void connect_client(void)
{
	cr_assert_eq(nfs3_client_new(&client, loop, pool, &options, NULL), 0);
	loop_set_round_end(loop, on_round_end, NULL);
}

static void tear_down(void)
{
	nfs3_client_free(client);
	server_close();
	fd_close(listen_fd);
	buffer_pool_free(pool);
	loop_free(loop);
}

TestSuite(nfs3, .init = set_up, .fini = tear_down, .timeout = 60);

static void submit(size_t i, enum nfs_proc proc, uint32_t count)
{
	static uint8_t payload[NFS_IO_MAX];

	calls[i] = (struct nfs_call){
		.proc = proc,
		.done = on_done,
		.args.fh = { .len = 4, .data = { 1, 2, 3, 4 } },
	};
	if (proc == NFS_READ)
		calls[i].args.read.count = count;
	if (proc == NFS_WRITE) {
		memset(payload, 0x5a, sizeof(payload));
		calls[i].args.write.count = count;
		calls[i].args.write.data = payload;
	}
	nfs_client_submit(client, &calls[i]);
}

/* Runs both sides until `what` holds. */
#define RUN_UNTIL(what)                                            \
	do {                                                       \
		uint64_t give_up_ns = clock_ns() + PATIENCE_NS;    \
		while (!(what)) {                                  \
			cr_assert_lt(clock_ns(), give_up_ns,       \
				     "waited in vain for " #what); \
			cr_assert_eq(loop_run_once(loop, 5), 0);   \
			server_read();                             \
		}                                                  \
	} while (0)

static void run_for(uint64_t ns)
{
	uint64_t end_ns = clock_ns() + ns;

	RUN_UNTIL(clock_ns() >= end_ns);
}

/* --- calls and replies ---------------------------------------------------------- */

Test(nfs3, replies_out_of_order_find_their_calls)
{
	connect_client();
	for (size_t i = 0; i < 4; i++)
		submit(i, NFS_READ, 100);
	RUN_UNTIL(n_seen == 4);
	for (size_t i = 4; i-- > 0;)
		answer_read(i, 100, (uint8_t)i);
	RUN_UNTIL(n_done == 4);
	for (size_t i = 0; i < 4; i++) {
		cr_assert_eq(calls[i].status, 0);
		cr_assert_eq(checksums[i], checksum_of_fill(100, (uint8_t)i));
		cr_assert_not(calls[i].is_retransmitted);
	}
	cr_assert_eq(client->n_in_flight, 0);
	cr_assert_eq(client->health, NFS_HEALTH_OK);
}

Test(nfs3, done_never_runs_inside_submit)
{
	connect_client();
	submit(0, NFS_READ, 1);
	cr_assert_eq(n_done, 0);
	cr_assert_eq(client->n_in_flight, 1);
	/* Refused before it is sent: done, but by flush. */
	submit(1, NFS_READ, NFS_IO_MAX + 1);
	cr_assert_eq(n_done, 0);
	RUN_UNTIL(n_done == 1);
	cr_assert_eq(calls[1].status, -EINVAL);
}

Test(nfs3, a_reply_may_come_in_one_byte_pieces)
{
	uint8_t wire[256];
	size_t len;

	connect_client();
	submit(0, NFS_READ, 100);
	RUN_UNTIL(n_seen == 1);
	len = make_read_reply(wire, seen[0].xid, 100, 7);
	for (size_t i = 0; i < len; i++) {
		cr_assert_eq(n_done, 0);
		server_send(wire + i, 1);
		cr_assert_eq(loop_run_once(loop, 100), 0);
	}
	RUN_UNTIL(n_done == 1);
	cr_assert_eq(checksums[0], checksum_of_fill(100, 7));
}

Test(nfs3, large_writes_arrive_whole)
{
	uint8_t wire[64];

	connect_client();
	for (size_t i = 0; i < 8; i++)
		submit(i, NFS_WRITE, NFS_IO_MAX - 1);
	RUN_UNTIL(n_seen == 8);
	for (size_t i = 0; i < 8; i++) {
		/* The last byte is padding. */
		cr_assert_eq(seen[i].proc, 7);
		cr_assert_eq(seen[i].tail[14], 0x5a);
		cr_assert_eq(seen[i].tail[15], 0);
		server_send(wire, make_write_reply(wire, seen[i].xid,
						   NFS_IO_MAX - 1));
	}
	RUN_UNTIL(n_done == 8);
	cr_assert_eq(calls[7].res.write.count, NFS_IO_MAX - 1);
}

Test(nfs3, a_second_answer_is_ignored)
{
	connect_client();
	submit(0, NFS_READ, 10);
	RUN_UNTIL(n_seen == 1);
	answer_read(0, 10, 1);
	answer_read(0, 10, 2);
	RUN_UNTIL(n_done == 1);
	submit(1, NFS_READ, 10);
	RUN_UNTIL(n_seen == 2);
	answer_read(0, 10, 3);
	answer_read(1, 10, 4);
	RUN_UNTIL(n_done == 2);
	cr_assert_eq(checksums[1], checksum_of_fill(10, 4));
}

Test(nfs3, what_exceeds_the_limits_waits)
{
	options.max_calls = 2;
	connect_client();
	for (size_t i = 0; i < 5; i++)
		submit(i, NFS_READ, 10);
	RUN_UNTIL(n_seen == 2);
	run_for(20 * NS_PER_MS);
	cr_assert_eq(n_seen, 2);
	cr_assert_eq(client->n_in_flight, 5);
	answer_read(1, 10, 1);
	RUN_UNTIL(n_seen == 3);
	cr_assert_eq(n_done, 1);
}

Test(nfs3, bytes_are_limited_too_but_one_call_may_always_go)
{
	options.max_bytes = 1000;
	connect_client();
	submit(0, NFS_READ, NFS_IO_MAX);
	submit(1, NFS_READ, 1);
	RUN_UNTIL(n_seen == 1);
	run_for(20 * NS_PER_MS);
	cr_assert_eq(n_seen, 1);
	answer_read(0, NFS_IO_MAX, 1);
	RUN_UNTIL(n_seen == 2);
}

Test(nfs3, jukebox_is_asked_again_with_a_new_xid)
{
	options.timeo_ms = 400; /* ticks are a quarter of it */
	connect_client();
	submit(0, NFS_READ, 10);
	RUN_UNTIL(n_seen == 1);
	answer_failed(0, 10008);
	RUN_UNTIL(n_seen == 2);
	cr_assert_eq(n_done, 0);
	cr_assert_neq(seen[0].xid, seen[1].xid);
	answer_read(1, 10, 5);
	RUN_UNTIL(n_done == 1);
	cr_assert_eq(calls[0].status, 0);
	cr_assert_not(calls[0].is_retransmitted);
}

Test(nfs3, an_error_of_the_server_is_the_calls_errno)
{
	connect_client();
	submit(0, NFS_READ, 10);
	RUN_UNTIL(n_seen == 1);
	answer_failed(0, 70);
	RUN_UNTIL(n_done == 1);
	cr_assert_eq(calls[0].status, -ESTALE);
}

/* --- cancel ----------------------------------------------------------------------- */

Test(nfs3, a_cancelled_call_is_done_at_once_and_its_reply_skipped)
{
	connect_client();
	submit(0, NFS_READ, 10);
	submit(1, NFS_READ, 10);
	RUN_UNTIL(n_seen == 2);
	nfs_client_cancel(client, &calls[0]);
	cr_assert_eq(n_done, 1);
	cr_assert_eq(calls[0].status, -ECANCELED);
	nfs_client_cancel(client, &calls[0]);
	cr_assert_eq(n_done, 1, "a second cancel does nothing");
	answer_read(0, 10, 1);
	answer_read(1, 10, 2);
	RUN_UNTIL(n_done == 2);
	cr_assert_eq(checksums[1], checksum_of_fill(10, 2));
}

Test(nfs3, a_cancelled_write_does_not_read_its_payload_any_more)
{
	uint8_t *payload = malloc(NFS_IO_MAX);
	size_t n = 12;

	connect_client();
	memset(payload, 0x77, NFS_IO_MAX);
	for (size_t i = 0; i < n; i++) {
		submit(i, NFS_WRITE, NFS_IO_MAX);
		calls[i].args.write.data = payload;
	}
	/* The server does not read: the socket fills up within a payload. */
	while (loop_run_once(loop, 20) == 0 && listen_fd >= 0) {
		if (client->n_in_flight == n && is_readable(listen_fd))
			break;
	}
	for (int i = 0; i < 5; i++)
		cr_assert_eq(loop_run_once(loop, 5), 0);
	for (size_t i = 0; i < n; i++)
		nfs_client_cancel(client, &calls[i]);
	cr_assert_eq(n_done, n);
	memset(payload, 0, NFS_IO_MAX);
	free(payload);
	/* What is on the wire in part is completed, with the old bytes. */
	submit(n, NFS_READ, 10);
	RUN_UNTIL(n_seen > 1 && seen[n_seen - 1].proc == 6);
	for (size_t i = 0; i + 1 < n_seen; i++)
		cr_assert_eq(seen[i].tail[15], 0x77);
	answer_read(n_seen - 1, 10, 1);
	RUN_UNTIL(n_done == n + 1);
}

Test(nfs3, freeing_the_client_cancels_what_is_under_way)
{
	options.max_calls = 1;
	connect_client();
	submit(0, NFS_READ, 10);
	submit(1, NFS_READ, 10);
	RUN_UNTIL(n_seen == 1);
	client = nfs3_client_free(client);
	loop_set_round_end(loop, NULL, NULL);
	cr_assert_eq(n_done, 2);
	cr_assert_eq(calls[1].status, -ECANCELED);
}

/* --- the connection is lost --------------------------------------------------------- */

Test(nfs3, calls_are_sent_again_with_their_xids_after_a_loss)
{
	uint16_t port;

	connect_client();
	for (size_t i = 0; i < 3; i++)
		submit(i, NFS_READ, 10);
	RUN_UNTIL(n_seen == 3);
	port = nfs3_client_source_port(client);
	answer_read(1, 10, 1);
	RUN_UNTIL(n_done == 1);
	server_close();
	RUN_UNTIL(n_seen == 5);
	cr_assert_eq(seen[3].xid, seen[0].xid);
	cr_assert_eq(seen[4].xid, seen[2].xid);
	cr_assert_eq(nfs3_client_source_port(client), port);
	answer_read(3, 10, 1);
	answer_read(4, 10, 2);
	RUN_UNTIL(n_done == 3);
	cr_assert(calls[0].is_retransmitted && calls[2].is_retransmitted);
	cr_assert_not(calls[1].is_retransmitted);
	cr_assert_eq(client->health, NFS_HEALTH_OK);
}

Test(nfs3, half_a_reply_never_reaches_the_next_read)
{
	static uint8_t wire[NFS_IO_MAX + 64];
	static const size_t cuts[] = {
		1, 3, 4, 10, 30, 48, 1000, 70000, 500000
	};

	connect_client();
	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		size_t before = n_seen;

		submit(i, NFS_READ, NFS_IO_MAX);
		RUN_UNTIL(n_seen == before + 1);
		make_read_reply(wire, seen[before].xid, NFS_IO_MAX, 0xee);
		server_send(wire, cuts[i]);
		run_for(2 * NS_PER_MS);
		server_close();
		RUN_UNTIL(n_seen == before + 2);
		cr_assert_eq(seen[before + 1].xid, seen[before].xid);
		answer_read(before + 1, NFS_IO_MAX, (uint8_t)i);
		RUN_UNTIL(n_done == i + 1);
		cr_assert_eq(calls[i].status, 0);
		cr_assert_eq(checksums[i],
			     checksum_of_fill(NFS_IO_MAX, (uint8_t)i));
	}
}

Test(nfs3, a_write_that_was_sent_in_part_is_sent_whole_again)
{
	const size_t n = 14; /* more than the kernel's buffers take */

	connect_client();
	for (size_t i = 0; i < n; i++)
		submit(i, NFS_WRITE, NFS_IO_MAX);
	while (!is_readable(listen_fd))
		cr_assert_eq(loop_run_once(loop, 20), 0);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(loop_run_once(loop, 5), 0);
	server_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	server_close();
	RUN_UNTIL(n_seen == n);
	for (size_t i = 0; i < n; i++) {
		cr_assert_eq(seen[i].xid, calls[i].xid);
		cr_assert_eq(seen[i].tail[15], 0x5a);
		cr_assert(calls[i].is_retransmitted);
	}
}

Test(nfs3, a_reply_before_the_end_of_the_connection_counts)
{
	connect_client();
	submit(0, NFS_READ, 10);
	RUN_UNTIL(n_seen == 1);
	answer_read(0, 10, 3);
	server_close();
	RUN_UNTIL(n_done == 1);
	cr_assert_not(calls[0].is_retransmitted);
	run_for(50 * NS_PER_MS);
	cr_assert_eq(n_seen, 1);
	cr_assert_eq(client->health, NFS_HEALTH_OK,
		     "an idle connection may be closed");
}

Test(nfs3, a_server_that_hangs_gets_the_same_xid_on_a_new_connection)
{
	options.timeo_ms = 100;
	connect_client();
	submit(0, NFS_READ, 10);
	RUN_UNTIL(n_seen == 1);
	RUN_UNTIL(n_seen == 2);
	cr_assert_eq(seen[1].xid, seen[0].xid);
	answer_read(1, 10, 9);
	RUN_UNTIL(n_done == 1);
	cr_assert(calls[0].is_retransmitted);
	cr_assert_eq(calls[0].status, 0);
}

Test(nfs3, a_soft_call_times_out_after_timeo_x_retrans)
{
	uint64_t start_ns = clock_ns();

	options.timeo_ms = 100;
	options.retrans = 2;
	options.is_soft = true;
	connect_client();
	submit(0, NFS_READ, 10);
	RUN_UNTIL(n_done == 1);
	cr_assert_eq(calls[0].status, -ETIMEDOUT);
	cr_assert_geq(clock_ns() - start_ns, 200 * NS_PER_MS);
	cr_assert_leq(client->n_in_flight, 1, "at most a NULL of its own");
}

Test(nfs3, a_soft_call_times_out_without_a_server_too)
{
	listen_fd = fd_close(listen_fd);
	options.timeo_ms = 50;
	options.is_soft = true;
	connect_client();
	submit(0, NFS_READ, 10);
	while (n_done == 0)
		cr_assert_eq(loop_run_once(loop, 100), 0);
	cr_assert_eq(calls[0].status, -ETIMEDOUT);
	cr_assert_eq(client->health, NFS_HEALTH_UNREACHABLE);
}

/* --- health without calls ------------------------------------------------------------ */

Test(nfs3, health_recovers_though_nobody_asks)
{
	listen_fd = fd_close(listen_fd);
	options.timeo_ms = 100;
	connect_client();
	submit(0, NFS_READ, 10);
	RUN_UNTIL(client->health == NFS_HEALTH_UNREACHABLE);
	nfs_client_cancel(client, &calls[0]);
	server_listen();
	RUN_UNTIL(n_seen == 1);
	cr_assert_eq(seen[0].proc, NFS_NULL);
	cr_assert_neq(client->health, NFS_HEALTH_OK, "connected, no answer");
	answer_null(0);
	RUN_UNTIL(client->health == NFS_HEALTH_OK);
	run_for(200 * NS_PER_MS);
	cr_assert_eq(n_seen, 1, "a server that is well is left in peace");
	cr_assert_eq(client->n_in_flight, 0);
}

Test(nfs3, a_silent_server_shows_though_every_call_is_given_up)
{
	options.timeo_ms = 20000;
	connect_client();
	submit(0, NFS_READ, 10);
	RUN_UNTIL(n_seen == 1);
	nfs_client_cancel(client, &calls[0]);
	RUN_UNTIL(n_seen == 2);
	cr_assert_eq(seen[1].proc, NFS_NULL);
	RUN_UNTIL(client->health == NFS_HEALTH_DEGRADED);
	answer_null(1);
	RUN_UNTIL(client->health == NFS_HEALTH_OK);
}

/* --- nonsense ------------------------------------------------------------------------ */

Test(nfs3, garbage_ends_the_connection_not_the_call)
{
	static const uint8_t garbage[64] = "\xff\xff\xff\xffgarbage";

	connect_client();
	submit(0, NFS_READ, 10);
	RUN_UNTIL(n_seen == 1);
	server_send(garbage, sizeof(garbage));
	RUN_UNTIL(n_seen == 2);
	answer_read(1, 10, 4);
	RUN_UNTIL(n_done == 1);
	cr_assert_eq(checksums[0], checksum_of_fill(10, 4));
}

Test(nfs3, a_call_that_always_gets_nonsense_fails_in_the_end)
{
	connect_client();
	submit(0, NFS_READ, 10);
	for (size_t i = 0; i < 3; i++) {
		RUN_UNTIL(n_seen == i + 1);
		answer_read(i, 11, 1);
	}
	RUN_UNTIL(n_done == 1);
	cr_assert_eq(calls[0].status, -EIO);
}

Test(nfs3, a_write_that_is_answered_before_it_was_sent_is_safe)
{
	uint8_t *payload = malloc(NFS_IO_MAX);
	uint8_t wire[64];

	connect_client();
	submit(0, NFS_READ, 1);
	RUN_UNTIL(n_seen == 1);
	for (size_t i = 1; i < 9; i++) {
		submit(i, NFS_WRITE, NFS_IO_MAX);
		calls[i].args.write.data = payload;
	}
	memset(payload, 0x77, NFS_IO_MAX);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(loop_run_once(loop, 5), 0);
	for (size_t i = 1; i < 9; i++)
		server_send(wire,
			    make_write_reply(wire, calls[i].xid, NFS_IO_MAX));
	while (n_done < 8)
		cr_assert_eq(loop_run_once(loop, 100), 0);
	free(payload);
	RUN_UNTIL(n_seen == 9);
}

/* --- a former process had the connection ------------------------------------------ */

static struct nfs3_origin origin;
static _Atomic uint64_t sent_as;

/* What the process before this one has sent and not been answered; it is dead now. */
static void send_and_die(enum nfs_proc proc)
{
	options.origin = &origin;
	connect_client();
	submit(0, proc, 10);
	calls[0].sent_as = &sent_as;
	RUN_UNTIL(n_seen == 1);
	client = nfs3_client_free(client);
	loop_set_round_end(loop, NULL, NULL);
	RUN_UNTIL(server_fd < 0);
	connect_client();
}

static void submit_again(size_t i, enum nfs_proc proc)
{
	submit(i, proc, 10);
	calls[i].sent_as = &sent_as;
	calls[i].sent_before = sent_as;
}

Test(nfs3, a_call_of_a_former_process_is_sent_as_it_was_there)
{
	uint16_t port;

	send_and_die(NFS_READ);
	port = nfs3_client_former_port(client);
	cr_assert_neq(port, 0);
	submit(1, NFS_READ, 10);
	submit_again(2, NFS_READ);
	RUN_UNTIL(n_seen == 3);
	cr_assert_eq(nfs3_client_source_port(client), port);
	cr_assert_neq(seen[1].xid, seen[0].xid);
	cr_assert_eq(seen[2].xid, seen[0].xid);
	cr_assert(calls[2].is_retransmitted);
	answer_read(2, 10, 1);
	answer_read(1, 10, 1);
	RUN_UNTIL(n_done == 3);
	cr_assert_eq(calls[1].status, 0);
	cr_assert_eq(calls[2].status, 0);
}

Test(nfs3, another_call_of_the_same_request_is_a_new_one)
{
	send_and_die(NFS_READ);
	submit_again(1, NFS_READLINK);
	RUN_UNTIL(n_seen == 2);
	cr_assert_neq(seen[1].xid, seen[0].xid);
	cr_assert_not(calls[1].is_retransmitted);
}

Test(nfs3, a_change_that_the_server_drops_is_sent_once_more)
{
	options.timeo_ms = 2000;
	send_and_die(NFS_SETATTR);
	submit_again(1, NFS_SETATTR);
	RUN_UNTIL(n_seen == 3);
	cr_assert_eq(seen[1].xid, seen[0].xid);
	cr_assert_eq(seen[2].xid, seen[0].xid);
	answer_change(2, 1);
	RUN_UNTIL(n_done == 2);
	cr_assert_eq(calls[1].status, -EPERM);
}
