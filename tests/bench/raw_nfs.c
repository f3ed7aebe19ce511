/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The raw limit: what an NFSv3 client without FUSE gets out of the same server.
 * tests/bench/run compares a claimfs mount with it. Called as
 *
 *	raw_nfs SERVER NFS_PORT MOUNT_PORT SHARE FILE read|write
 *		random|sequential BLOCK_BYTES DEPTH SECONDS CONNECTIONS
 *
 * FILE is a name in the share's root, at least BLOCK_BYTES long; `write`
 * overwrites it. DEPTH requests are kept in flight in all, spread evenly over
 * CONNECTIONS (a thread, a libnfs RPC context and a socket each). One line of
 * JSON goes to stdout, e.g.
 *
 *	{"iops": 26012.3, "mib_s": 101.6, "p50_us": 502, "p99_us": 911,
 *	 "cpu_us_per_op": 11.5}
 *
 * cpu_us_per_op is the CPU time of this whole program over its measured time.
 * Writes are UNSTABLE and not committed, as the mount's are before its fsync.
 * This is a measuring tool: libnfs's raw API is used as it comes, and whatever
 * goes wrong ends the program with a sentence and status 1.
 */

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>

/* libnfs's headers need this order. */
/* clang-format off */
#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>
#include <nfsc/libnfs-raw-mount.h>
#include <nfsc/libnfs-raw-nfs.h>
/* clang-format on */

#include "cleanup.h"
#include "clock.h"
#include "parse.h"

#define DEPTH_MAX	1024
#define CONNECTIONS_MAX 64
#define LATENCY_US_MAX	200000 /* longer ones count as this long */
#define REPLY_TIMEOUT_S 60

struct options {
	const char *server;
	const char *share;
	const char *file;
	uint32_t nfs_port;
	uint32_t mount_port;
	uint32_t block;
	uint32_t depth;
	uint32_t seconds;
	uint32_t n_connections;
	bool is_write;
	bool is_random;
};

struct handle {
	char data[FHSIZE3];
	unsigned int len;
};

struct worker;

struct slot {
	struct worker *worker;
	uint64_t start_ns;
};

struct worker {
	const struct options *options;
	struct handle fh;
	uint64_t n_blocks; /* of the file */
	uint64_t next_block;
	unsigned int seed;
	uint32_t depth; /* this worker's share */
	uint32_t n_in_flight;
	uint64_t end_ns;
	uint64_t n_done;
	uint32_t *latencies; /* [us] = how many took that long */
	char *payload;	     /* of writes */
	struct rpc_context *rpc;
	struct slot slots[DEPTH_MAX];
	pthread_t thread;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "raw_nfs: %s: %s\n", what, why);
	exit(1);
}

/* --- set-up: one blocking call after the other -------------------------- */

struct reply {
	bool is_done;
	struct handle fh; /* of MNT and LOOKUP */
	uint64_t size;	  /* of LOOKUP */
};

static void pump(struct rpc_context *rpc)
{
	struct pollfd p = { .fd = rpc_get_fd(rpc),
			    .events = (short)rpc_which_events(rpc) };

	if (poll(&p, 1, REPLY_TIMEOUT_S * 1000) <= 0)
		die("wait for the server", "no answer");
	if (rpc_service(rpc, p.revents) < 0)
		die("talk to the server", rpc_get_error(rpc));
}

static void wait_reply(struct rpc_context *rpc, struct reply *reply)
{
	while (!reply->is_done)
		pump(rpc);
}

static void handle_copy(struct handle *to, const char *data, unsigned int len)
{
	if (len > sizeof(to->data))
		die("read a file handle", "it is too long");
	memcpy(to->data, data, len);
	to->len = len;
}

static void on_connected(struct rpc_context *rpc, int status, void *data,
			 void *userdata)
{
	struct reply *reply = userdata;

	if (status != RPC_STATUS_SUCCESS)
		die("connect", rpc_get_error(rpc));
	reply->is_done = true;
}

static struct rpc_context *dial(const char *server, uint32_t port)
{
	struct rpc_context *rpc = rpc_init_context();
	struct reply reply = { 0 };

	if (!rpc)
		die("make an RPC context", "out of memory");
	if (rpc_connect_async(rpc, server, (int)port, on_connected, &reply) < 0)
		die("connect", rpc_get_error(rpc));
	wait_reply(rpc, &reply);
	return rpc;
}

static void on_mounted(struct rpc_context *rpc, int status, void *data,
		       void *userdata)
{
	struct reply *reply = userdata;
	const mountres3 *res = data;

	if (status != RPC_STATUS_SUCCESS)
		die("mount the share", rpc_get_error(rpc));
	if (res->fhs_status != MNT3_OK)
		die("mount the share", "the server refuses");
	handle_copy(&reply->fh, res->mountres3_u.mountinfo.fhandle.fhandle3_val,
		    res->mountres3_u.mountinfo.fhandle.fhandle3_len);
	reply->is_done = true;
}

static void on_found(struct rpc_context *rpc, int status, void *data,
		     void *userdata)
{
	struct reply *reply = userdata;
	const LOOKUP3res *res = data;
	const LOOKUP3resok *ok;

	if (status != RPC_STATUS_SUCCESS)
		die("look the file up", rpc_get_error(rpc));
	if (res->status != NFS3_OK)
		die("look the file up", nfsstat3_to_str((int)res->status));
	ok = &res->LOOKUP3res_u.resok;
	if (!ok->obj_attributes.attributes_follow)
		die("look the file up", "the server gave no attributes");
	handle_copy(&reply->fh, ok->object.data.data_val,
		    ok->object.data.data_len);
	reply->size = ok->obj_attributes.post_op_attr_u.attributes.size;
	reply->is_done = true;
}

static struct handle mount_share(const struct options *options)
{
	struct rpc_context *rpc = dial(options->server, options->mount_port);
	struct reply reply = { 0 };

	if (rpc_mount3_mnt_async(rpc, on_mounted, (char *)options->share,
				 &reply) < 0)
		die("mount the share", rpc_get_error(rpc));
	wait_reply(rpc, &reply);
	rpc_destroy_context(rpc);
	return reply.fh;
}

static struct reply look_up(struct rpc_context *rpc, struct handle *dir,
			    const char *name)
{
	struct reply reply = { 0 };
	struct LOOKUP3args args = {
		.what = { .dir = { .data = { dir->len, dir->data } },
			  .name = (char *)name },
	};

	if (rpc_nfs3_lookup_async(rpc, on_found, &args, &reply) < 0)
		die("look the file up", rpc_get_error(rpc));
	wait_reply(rpc, &reply);
	return reply;
}

/* --- the measured part -------------------------------------------------- */

static void start(struct slot *slot);

static uint64_t next_offset(struct worker *w)
{
	uint64_t block = w->next_block++;

	if (w->options->is_random)
		block = ((uint64_t)rand_r(&w->seed) << 20) ^
			(uint64_t)rand_r(&w->seed);
	return block % w->n_blocks * w->options->block;
}

static void finish(struct slot *slot)
{
	struct worker *w = slot->worker;
	uint64_t now = clock_ns();
	uint64_t us = (now - slot->start_ns) / NS_PER_US;

	w->latencies[us < LATENCY_US_MAX ? us : LATENCY_US_MAX]++;
	w->n_done++;
	w->n_in_flight--;
	if (now < w->end_ns)
		start(slot);
}

static void on_read(struct rpc_context *rpc, int status, void *data,
		    void *userdata)
{
	const READ3res *res = data;

	if (status != RPC_STATUS_SUCCESS)
		die("read", rpc_get_error(rpc));
	if (res->status != NFS3_OK)
		die("read", nfsstat3_to_str((int)res->status));
	finish(userdata);
}

static void on_written(struct rpc_context *rpc, int status, void *data,
		       void *userdata)
{
	const WRITE3res *res = data;

	if (status != RPC_STATUS_SUCCESS)
		die("write", rpc_get_error(rpc));
	if (res->status != NFS3_OK)
		die("write", nfsstat3_to_str((int)res->status));
	finish(userdata);
}

static int submit_read(struct slot *slot)
{
	struct worker *w = slot->worker;
	struct READ3args args = {
		.file = { .data = { w->fh.len, w->fh.data } },
		.offset = next_offset(w),
		.count = w->options->block,
	};

	return rpc_nfs3_read_async(w->rpc, on_read, &args, slot);
}

static int submit_write(struct slot *slot)
{
	struct worker *w = slot->worker;
	struct WRITE3args args = {
		.file = { .data = { w->fh.len, w->fh.data } },
		.offset = next_offset(w),
		.count = w->options->block,
		.stable = UNSTABLE,
		.data = { w->options->block, w->payload },
	};

	return rpc_nfs3_write_async(w->rpc, on_written, &args, slot);
}

static void start(struct slot *slot)
{
	struct worker *w = slot->worker;

	slot->start_ns = clock_ns();
	w->n_in_flight++;
	if ((w->options->is_write ? submit_write(slot) : submit_read(slot)) < 0)
		die("queue a request", rpc_get_error(w->rpc));
}

static void *run_worker(void *userdata)
{
	struct worker *w = userdata;

	w->end_ns = clock_ns() + w->options->seconds * NS_PER_S;
	for (uint32_t i = 0; i < w->depth; i++) {
		w->slots[i].worker = w;
		start(&w->slots[i]);
	}
	while (w->n_in_flight > 0)
		pump(w->rpc);
	return NULL;
}

static void worker_prepare(struct worker *w, const struct options *options,
			   const struct handle *root, uint32_t index)
{
	struct handle dir = *root;
	struct reply file;

	w->options = options;
	w->rpc = dial(options->server, options->nfs_port);
	file = look_up(w->rpc, &dir, options->file);
	w->fh = file.fh;
	w->n_blocks = file.size / options->block;
	if (w->n_blocks == 0)
		die("use the file", "it is smaller than a block");
	w->seed = index + 1;
	w->next_block = w->n_blocks / options->n_connections * index;
	w->depth = options->depth / options->n_connections +
		   (index < options->depth % options->n_connections);
	w->latencies = calloc(LATENCY_US_MAX + 1, sizeof(*w->latencies));
	w->payload = malloc(options->block);
	if (!w->latencies || !w->payload)
		die("prepare", "out of memory");
	memset(w->payload, 0x5a, options->block);
}

static void worker_release(struct worker *w)
{
	rpc_destroy_context(w->rpc);
	free(w->latencies);
	free(w->payload);
}

/* --- the result --------------------------------------------------------- */

static uint64_t cpu_us(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) *
		       1000000 +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static uint32_t quantile_us(const struct worker *workers, uint32_t n,
			    uint64_t rank)
{
	uint64_t seen = 0;

	for (uint32_t us = 0; us < LATENCY_US_MAX; us++) {
		for (uint32_t i = 0; i < n; i++)
			seen += workers[i].latencies[us];
		if (seen > rank)
			return us;
	}
	return LATENCY_US_MAX;
}

static void measure(struct worker *workers, const struct options *options)
{
	uint32_t n = options->n_connections;
	uint64_t start_ns = clock_ns(), start_cpu = cpu_us(), n_done = 0;
	double seconds, cpu;

	for (uint32_t i = 0; i < n; i++)
		if (pthread_create(&workers[i].thread, NULL, run_worker,
				   &workers[i]) != 0)
			die("start a thread", "no resources");
	for (uint32_t i = 0; i < n; i++)
		(void)pthread_join(workers[i].thread, NULL);
	seconds = (double)(clock_ns() - start_ns) / NS_PER_S;
	cpu = (double)(cpu_us() - start_cpu);
	for (uint32_t i = 0; i < n; i++)
		n_done += workers[i].n_done;
	if (n_done == 0)
		die("measure", "no request was answered");
	printf("{\"iops\": %.1f, \"mib_s\": %.1f, \"p50_us\": %u, "
	       "\"p99_us\": %u, \"cpu_us_per_op\": %.2f}\n",
	       (double)n_done / seconds,
	       (double)n_done * options->block / seconds / (1 << 20),
	       quantile_us(workers, n, n_done / 2),
	       quantile_us(workers, n, n_done * 99 / 100),
	       cpu / (double)n_done);
}

/* --- the command line --------------------------------------------------- */

static void usage(const char *why)
{
	fprintf(stderr,
		"raw_nfs: %s\n"
		"usage: raw_nfs SERVER NFS_PORT MOUNT_PORT SHARE FILE read|write"
		" random|sequential BLOCK_BYTES DEPTH SECONDS CONNECTIONS\n",
		why);
	exit(2);
}

static uint32_t number(const char *text, uint32_t max, const char *what)
{
	uint32_t value;

	if (parse_u32(text, 1, max, &value) < 0)
		usage(what);
	return value;
}

/* true for the second word, false for the first. */
static bool choice(const char *text, const char *first, const char *second,
		   const char *why)
{
	if (strcmp(text, first) != 0 && strcmp(text, second) != 0)
		usage(why);
	return strcmp(text, second) == 0;
}

static void parse_arguments(struct options *o, int argc, char **argv)
{
	if (argc != 12)
		usage("eleven arguments are needed");
	o->server = argv[1];
	o->nfs_port = number(argv[2], 65535, "NFS_PORT is no port number");
	o->mount_port = number(argv[3], 65535, "MOUNT_PORT is no port number");
	o->share = argv[4];
	o->file = argv[5];
	o->is_write = choice(argv[6], "read", "write", "read or write?");
	o->is_random = !choice(argv[7], "random", "sequential",
			       "random or sequential?");
	o->block = number(argv[8], 1 << 20, "BLOCK_BYTES is 1 to 1048576");
	o->depth = number(argv[9], DEPTH_MAX, "DEPTH is 1 to 1024");
	o->seconds = number(argv[10], 3600, "SECONDS is 1 to 3600");
	o->n_connections =
		number(argv[11], CONNECTIONS_MAX, "CONNECTIONS is 1 to 64");
	if (o->n_connections > o->depth)
		usage("CONNECTIONS is at most DEPTH");
}

int main(int argc, char **argv)
{
	_cleanup_(free) struct worker *workers = NULL;
	struct options options = { 0 };
	struct handle root;

	parse_arguments(&options, argc, argv);
	workers = calloc(options.n_connections, sizeof(*workers));
	if (!workers)
		die("prepare", "out of memory");
	root = mount_share(&options);
	for (uint32_t i = 0; i < options.n_connections; i++)
		worker_prepare(&workers[i], &options, &root, i);
	measure(workers, &options);
	for (uint32_t i = 0; i < options.n_connections; i++)
		worker_release(&workers[i]);
	return 0;
}
