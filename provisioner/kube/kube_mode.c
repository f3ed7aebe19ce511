/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The mirror is followed from the first moment, also by who is not the leader, so that
 * a new leader begins with a record that is complete. A thread waits for that and asks
 * for the lease then; the lease's own thread calls lead().
 */

#include "kube_mode.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "kube_capacity.h"
#include "kube_cluster.h"
#include "kube_config.h"
#include "kube_event.h"
#include "kube_lease.h"
#include "kube_mirror.h"
#include "kube_taint.h"
#include "log.h"

#define LOOK_NS	     (NS_PER_S / 2) /* how late a stop is seen, at most */
#define COMPLAINT_NS (10 * NS_PER_S)
/* For what is being written at the stop. Events and the Lease have as much after it. */
#define GRACE_MS 2000

struct kube_mode {
	struct kube_mode_options options;
	struct kube_config config;
	struct kube_api *api;
	struct kube_events *events;
	struct kube_mirror *mirror;
	_Atomic(struct kube_lease *) lease;	  /* set once, by the thread */
	_Atomic(struct kube_taint *) taint;	  /* set once, by who leads */
	_Atomic(struct kube_capacity *) capacity; /* the same */
	struct kube_cluster cluster;
	atomic_bool is_stopping;
	atomic_bool is_leading;
	pthread_mutex_t lead_lock; /* held while the work is begun */
	pthread_t thread;
	bool has_thread;
};

/* --- the lease ------------------------------------------------------------------------ */

/* Of the Lease, and of what else we own. */
static const char *namespace_of(const struct kube_mode *mode)
{
	return mode->options.namespace ? mode->options.namespace
				       : mode->config.namespace;
}

static int begin(struct kube_mode *mode, struct err *err)
{
	const struct kube_capacity_options options = {
		.api = mode->api,
		.store = mode->options.store,
		.driver = mode->options.driver,
		.namespace = namespace_of(mode),
	};
	struct kube_capacity *capacity;
	struct kube_taint *taint;
	int r = kube_taint_start(&taint, mode->api, mode->options.driver, err);

	if (r < 0)
		return r;
	atomic_store(&mode->taint, taint);
	r = kube_capacity_start(&capacity, &options, err);
	if (r < 0)
		return r;
	atomic_store(&mode->capacity, capacity);
	return mode->options.lead(mode->options.userdata, err);
}

static int lead_locked(struct kube_mode *mode, struct err *err)
{
	if (atomic_load(&mode->is_stopping) ||
	    atomic_exchange(&mode->is_leading, true))
		return 0;
	log_info("leading");
	return begin(mode, err);
}

static void lead(void *userdata)
{
	struct kube_mode *mode = userdata;
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r;

	(void)pthread_mutex_lock(&mode->lead_lock);
	r = lead_locked(mode, &err);
	(void)pthread_mutex_unlock(&mode->lead_lock);
	if (r >= 0)
		return;
	log_error("can't lead", F_ERR(&err));
	_exit(EXIT_FAILURE);
}

/*
 * Another one may be the leader at any moment. Threads that are in the middle of
 * something can't be asked to end in time; a process can.
 */
static void lost(void *userdata)
{
	const struct kube_mode *mode = userdata;

	if (atomic_load(&mode->is_stopping))
		return;
	log_error("the lease is lost: another controller may lead now");
	_exit(EXIT_FAILURE);
}

static void other(void *userdata, const char *identity)
{
	(void)userdata;
	log_info("another controller leads", F_STR("identity", identity));
}

static int compete(struct kube_mode *mode, struct err *err)
{
	const struct kube_lease_options options = {
		.namespace = namespace_of(mode),
		.name = mode->options.driver,
		.acquired = lead,
		.lost = lost,
		.other = other,
		.userdata = mode,
	};
	struct kube_lease *lease;
	int r = kube_lease_start(&lease, mode->api, &options, err);

	if (r < 0)
		return r;
	mode->cluster.lease = lease;
	atomic_store(&mode->lease, lease);
	return 0;
}

/* --- the start ------------------------------------------------------------------------- */

static void await_mirror(struct kube_mode *mode)
{
	uint64_t next = clock_ns() + COMPLAINT_NS;

	while (!atomic_load(&mode->is_stopping)) {
		_cleanup_(err_fini) struct err err = ERR_INIT;

		if (kube_mirror_wait(mode->mirror, LOOK_NS, &err) == 0)
			return;
		if (clock_ns() < next)
			continue;
		log_warn("waiting for the API server", F_ERR(&err));
		next = clock_ns() + COMPLAINT_NS;
	}
}

static void *run(void *userdata)
{
	struct kube_mode *mode = userdata;
	_cleanup_(err_fini) struct err err = ERR_INIT;

	await_mirror(mode);
	if (atomic_load(&mode->is_stopping))
		return NULL;
	log_info("in sync with the cluster");
	if (!mode->options.elects)
		lead(mode);
	else if (compete(mode, &err) < 0) {
		log_error("can't ask for the lease", F_ERR(&err));
		_exit(EXIT_FAILURE);
	}
	return NULL;
}

static int connect_parts(struct kube_mode *mode, struct err *err)
{
	char host[HOST_NAME_MAX + 1] = "claimfs";
	int r;

	(void)gethostname(host, sizeof(host) - 1);
	r = kube_config_find(&mode->config, mode->options.kubeconfig, NULL,
			     err);
	if (r >= 0)
		r = kube_api_new(&mode->api, &mode->config, err);
	if (r >= 0)
		r = kube_events_new(&mode->events, mode->api, host, err);
	if (r < 0)
		return r;
	mode->cluster = (struct kube_cluster){ .api = mode->api,
					       .store = mode->options.store,
					       .events = mode->events };
	kube_cluster_init(&mode->cluster);
	return 0;
}

int kube_mode_new(struct kube_mode **ret,
		  const struct kube_mode_options *options, struct err *err)
{
	_cleanup_(kube_mode_free) struct kube_mode *mode =
		calloc(1, sizeof(*mode));
	int r;

	if (!mode)
		return err_set(err, -ENOMEM, "no memory");
	mode->options = *options;
	(void)pthread_mutex_init(&mode->lead_lock, NULL);
	r = connect_parts(mode, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(mode);
	return 0;
}

int kube_mode_start(struct kube_mode *mode, struct err *err)
{
	int r = kube_mirror_start(&mode->mirror, mode->api, mode->options.store,
				  err);

	if (r < 0)
		return r;
	r = pthread_create(&mode->thread, NULL, run, mode);
	if (r != 0)
		return err_set_errno(err, -r, "start a thread");
	mode->has_thread = true;
	log_info("cluster", F_STR("server", mode->config.server));
	return 0;
}

struct cluster *kube_mode_cluster(struct kube_mode *mode)
{
	return &mode->cluster.cluster;
}

void kube_mode_get_state(struct kube_mode *mode, struct kube_mode_state *ret)
{
	struct kube_events_state events;

	kube_events_get_state(mode->events, &events);
	ret->n_events_sent = events.n_sent;
	ret->n_events_dropped = events.n_dropped;
	ret->is_in_sync = kube_mirror_is_complete(mode->mirror);
	ret->is_leader = atomic_load(&mode->is_leading);
}

void kube_mode_stop(struct kube_mode *mode)
{
	/* Whoever begins the work at this moment has begun it after that. */
	(void)pthread_mutex_lock(&mode->lead_lock);
	atomic_store(&mode->is_stopping, true);
	(void)pthread_mutex_unlock(&mode->lead_lock);
	kube_api_stop(mode->api, GRACE_MS);
	if (mode->has_thread)
		(void)pthread_join(mode->thread, NULL);
	mode->has_thread = false;
	mode->mirror = kube_mirror_free(mode->mirror);
}

struct kube_mode *kube_mode_free(struct kube_mode *mode)
{
	if (!mode)
		return NULL;
	if (mode->api)
		kube_mode_stop(mode);
	kube_capacity_free(atomic_load(&mode->capacity));
	kube_taint_free(atomic_load(&mode->taint));
	kube_lease_free(atomic_load(&mode->lease));
	kube_events_free(mode->events);
	kube_api_free(mode->api);
	kube_config_fini(&mode->config);
	(void)pthread_mutex_destroy(&mode->lead_lock);
	free(mode);
	return NULL;
}
