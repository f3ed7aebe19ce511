/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Healthy is who need not be restarted: every shard's loop has taken a post within
 * DEAD_NS, and the main thread's answers. Servers have no say in it, because no
 * restart makes them answer; nor has the notifier, whose thread may wait for one.
 *
 * Ready is who can be given volumes to: the kubelet knows the driver (if it is we
 * who tell it), CSI's socket is ours, and the keeper is there, so that an upgrade
 * would not end mounts. Without a keeper from the start there is none to wait for,
 * until one comes that this process can't use.
 */

#include "node_health.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "clock.h"
#include "http_server.h"
#include "keeper.h"
#include "meta_content.h"
#include "node.h"
#include "registration.h"
#include "shard.h"

#define BEAT_NS (5 * NS_PER_S)
#define DEAD_NS (30 * NS_PER_S)

struct beat {
	struct post post;
	uint64_t sent_ns;   /* the main thread's */
	atomic_bool is_out; /* posted, and not taken yet */
};

struct node_health {
	struct loop *loop;
	struct node_health_options options;
	struct http_server *server;
	struct timer timer;
	struct beat beats[SHARDS_MAX];
};

static struct shards *shards_of(const struct node_health *health)
{
	return node_shards(health->options.node);
}

/* --- health ---------------------------------------------------------------------- */

/* Shard's thread. */
static void beat_taken(struct post *post)
{
	struct beat *beat = container_of(post, struct beat, post);

	atomic_store(&beat->is_out, false);
}

static void beat_all(struct timer *timer)
{
	struct node_health *health =
		container_of(timer, struct node_health, timer);
	uint64_t now = clock_ns();

	for (unsigned int i = 0; i < shards_count(shards_of(health)); i++) {
		struct beat *beat = &health->beats[i];

		if (atomic_exchange(&beat->is_out, true))
			continue;
		beat->sent_ns = now;
		loop_post(shard_loop(shards_get(shards_of(health), i)),
			  &beat->post);
	}
	(void)timer_set(timer, health->loop, now + BEAT_NS);
}

static unsigned int healthz(void *userdata, FILE *body)
{
	struct node_health *health = userdata;
	uint64_t now = clock_ns();
	unsigned int status = 200;

	for (unsigned int i = 0; i < shards_count(shards_of(health)); i++) {
		struct beat *beat = &health->beats[i];
		uint64_t age_ns = now - beat->sent_ns;

		if (!atomic_load(&beat->is_out) || age_ns < DEAD_NS)
			continue;
		(void)fprintf(body,
			      "shard %u: stands still for %" PRIu64 " s\n", i,
			      (uint64_t)(age_ns / NS_PER_S));
		status = 503;
	}
	if (status == 200)
		(void)fputs("ok\n", body);
	return status;
}

/* --- readiness --------------------------------------------------------------------- */

static bool registration_is_ready(const struct node_health *health, FILE *body)
{
	struct registration *registration =
		node_registration(health->options.node);
	_cleanup_(free) char *text =
		registration ? registration_text(registration) : NULL;

	(void)fprintf(body, "registration: %s\n",
		      text	     ? text
		      : registration ? "unknown"
				     : "off");
	return !registration || registration_is_done(registration);
}

static bool keeper_is_ready(const struct node_health *health, FILE *body)
{
	static const struct {
		const char *text;
		bool is_ready;
	} states[] = {
		[KEEPER_NONE] = { "none", true },
		[KEEPER_CONNECTED] = { "connected", true },
		[KEEPER_GONE] = { "gone", false },
		[KEEPER_UNUSED] = { "was not there at the start: restart claimfs-node to use it",
				    false },
	};
	enum keeper_state state = keeper_get_state(health->options.keeper);

	(void)fprintf(body, "keeper: %s\n", states[state].text);
	return states[state].is_ready;
}

/* Somebody listens there; a full backlog is as good. */
static int connect_csi(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	_cleanup_(fd_close) int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* It is served, so it fits. */
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 &&
	    errno != EAGAIN)
		return -errno;
	return 0;
}

static bool csi_is_ready(const struct node_health *health, FILE *body)
{
	int r = connect_csi(health->options.csi_socket);

	(void)fprintf(body, "csi: %s\n", r < 0 ? strerror(-r) : "served");
	return r == 0;
}

static unsigned int readyz(void *userdata, FILE *body)
{
	bool is_ready = registration_is_ready(userdata, body);

	is_ready &= csi_is_ready(userdata, body);
	is_ready &= keeper_is_ready(userdata, body);
	return is_ready ? 200 : 503;
}

static unsigned int metrics(void *userdata, FILE *body)
{
	const struct node_health *health = userdata;
	const struct meta_subject subject = { .node = health->options.node };

	meta_metrics(body, &subject);
	return 200;
}

/* --- life ---------------------------------------------------------------------------- */

static const struct http_route routes[] = {
	{ "/healthz", "text/plain", healthz },
	{ "/readyz", "text/plain", readyz },
	{ "/metrics", "text/plain; version=0.0.4; charset=utf-8", metrics },
};

int node_health_new(struct node_health **ret, struct loop *loop,
		    const struct node_health_options *options, struct err *err)
{
	struct node_health *health = calloc(1, sizeof(*health));
	int r;

	if (!health)
		return err_set_errno(err, -ENOMEM, "serve HTTP");
	health->loop = loop;
	health->options = *options;
	health->timer = TIMER_INIT(beat_all);
	for (size_t i = 0; i < ARRAY_SIZE(health->beats); i++)
		health->beats[i].post.fn = beat_taken;
	r = http_server_new(
		&health->server, loop,
		&(struct http_server_options){ .listen = options->listen,
					       .routes = routes,
					       .n_routes = ARRAY_SIZE(routes),
					       .userdata = health },
		err);
	if (r < 0) {
		free(health);
		return r;
	}
	beat_all(&health->timer);
	*ret = health;
	return 0;
}

void node_health_stop(struct node_health *health)
{
	if (!health)
		return;
	timer_cancel(&health->timer);
	health->server = http_server_free(health->server);
}

struct node_health *node_health_free(struct node_health *health)
{
	node_health_stop(health);
	free(health);
	return NULL;
}
