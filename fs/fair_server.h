/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fair shares of a server, whatever connection leads to it: while somebody has
 * little to ask, floods of others have turns and leave the server alone between
 * them, for as long as it takes that he is not slowed by more than a factor of two.
 *
 * Calling sequence, by fair.c for each call: begin, may_send until it says yes,
 * sent, end; end follows begin also without the others. An object of its own per
 * server and process; fair_server_get() and fair_server_put() count its users.
 *
 * Pure but for the counting: time is what callers say. Threads: any; it has a lock.
 */

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

struct nfs_call;

enum fair_weight {
	FAIR_PLAIN, /* neither */
	FAIR_LIGHT, /* others are to make room for it */
	FAIR_HEAVY, /* makes room */
};

/* What is known of a call between begin and end. */
struct fair_record {
	enum fair_weight weight;
	bool is_sent;
	bool is_clean;	  /* no heavy call was on the wire when it began */
	uint64_t n_times; /* the server's then */
	uint64_t begun_ns;
};

/* What one volume has under way; the server's lock. */
struct fair_volume {
	struct fair_server *server; /* borrowed, constant */
	uint32_t n_calls;
	uint32_t n_small;
	uint32_t n_light;
	uint32_t n_heavy;
	uint64_t heavy_ns; /* when its last heavy call ended */
};

/* Who did something, and when he last did. */
struct fair_sighting {
	const struct fair_volume *volume; /* compared, never followed */
	uint64_t when_ns;
};

enum fair_phase {
	FAIR_OPEN,  /* nobody is to be spared */
	FAIR_SLICE, /* heavy calls are sent */
	FAIR_DRAIN, /* until they are answered */
	FAIR_QUIET,
};

struct fair_server {
	pthread_mutex_t lock;		/* of all below */
	struct fair_sighting recent[2]; /* two volumes, the latest first */
	struct fair_sighting lights[2]; /* the same, of light calls */
	uint32_t n_calls;		/* of volumes, under way */
	uint32_t n_light;
	uint32_t n_sent_heavy; /* on the wire */
	uint64_t n_times;      /* that n_sent_heavy rose from 0 */
	enum fair_phase phase;
	uint64_t slice_ns; /* how long slices are now */
	uint64_t since_ns; /* of the slice, then of the quiet time */
	uint64_t until_ns; /* of the quiet time */
	bool is_used;	   /* light calls began in the quiet time */
	uint64_t
		clean_ns; /* a light call's usual time without heavy ones about */
	uint64_t dirty_ns; /* and with them; 0 = not known */
};

void fair_server_init(struct fair_server *server);
void fair_server_fini(struct fair_server *server);

/* The call waits from now on. Sets what call->fair has. */
void fair_server_begin(struct fair_volume *volume, struct nfs_call *call,
		       uint64_t now_ns);
/*
 * Whether it may be sent now. is_at_share: the volume has as much under way as it
 * may have when others do something, too. If not, it may after another call's end,
 * or at *ret_again_ns if that is set.
 */
bool fair_server_may_send(struct fair_volume *volume,
			  const struct nfs_call *call, bool is_at_share,
			  uint64_t now_ns, uint64_t *ret_again_ns);
void fair_server_sent(struct fair_volume *volume, struct nfs_call *call);
/* It neither waits nor is on the wire any more. */
void fair_server_end(struct fair_volume *volume, struct nfs_call *call,
		     uint64_t now_ns);

/* --- by address ---------------------------------------------------------------- */

struct fair_servers {
	pthread_mutex_t lock;
	LIST_HEAD(, fair_server_entry) entries;
};

void fair_servers_init(struct fair_servers *servers);
/* All must have been put back. */
void fair_servers_fini(struct fair_servers *servers);
/* NULL = no memory. */
struct fair_server *fair_server_get(struct fair_servers *servers,
				    const struct sockaddr_storage *addr,
				    socklen_t addr_len);
/* server may be NULL. */
void fair_server_put(struct fair_servers *servers, struct fair_server *server);
