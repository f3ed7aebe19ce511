/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Healthy is who answers: neither a server nor an API server that is away is mended by
 * a restart, and who lost the lease has ended by himself. Ready is who knows all that
 * the cluster has, also while another one leads, so that a roll-out can go on.
 */

#include "provisioner_health.h"

#include <inttypes.h>

#include "csi_controller.h"
#include "http_server.h"
#include "kube_mode.h"
#include "loop.h"
#include "reconcile.h"
#include "stop_signal.h"
#include "version.h"

static struct kube_mode_state state_of(const struct provisioner_health *health)
{
	struct kube_mode_state state = { .is_in_sync = true,
					 .is_leader = true };

	if (health->kube)
		kube_mode_get_state(health->kube, &state);
	return state;
}

static unsigned int healthz(void *userdata, FILE *body)
{
	(void)userdata;
	(void)fputs("ok\n", body);
	return 200;
}

static unsigned int readyz(void *userdata, FILE *body)
{
	const struct kube_mode_state state = state_of(userdata);

	(void)fprintf(body, "cluster: %s\nleader: %s\n",
		      state.is_in_sync ? "in sync" : "not listed yet",
		      state.is_leader ? "yes" : "no");
	return state.is_in_sync ? 200 : 503;
}

/* --- metrics ------------------------------------------------------------------------- */

static void print_number(FILE *out, const char *name, const char *type,
			 const char *help, uint64_t value)
{
	(void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name,
		      help, name, type, name, value);
}

static void print_cluster(FILE *out, const struct kube_mode_state *state)
{
	print_number(out, "claimfs_controller_leader", "gauge",
		     "1 if this controller acts.", state->is_leader);
	print_number(out, "claimfs_controller_in_sync", "gauge",
		     "1 if all objects of the cluster are known.",
		     state->is_in_sync);
	print_number(out, "claimfs_controller_events_total", "counter",
		     "Events that were sent to the API server.",
		     state->n_events_sent);
	print_number(out, "claimfs_controller_events_dropped_total", "counter",
		     "Events that were too many, or refused.",
		     state->n_events_dropped);
}

static void print_call(void *userdata, const char *method, const char *code,
		       uint64_t n)
{
	(void)fprintf(
		userdata,
		"claimfs_controller_csi_calls_total{method=\"%s\",code=\"%s\"} %" PRIu64
		"\n",
		method, code, n);
}

static void print_calls(FILE *out, struct csi_controller *csi)
{
	(void)fputs(
		"# HELP claimfs_controller_csi_calls_total Calls over CSI that were answered.\n"
		"# TYPE claimfs_controller_csi_calls_total counter\n",
		out);
	csi_controller_each_count(csi, print_call, out);
}

static unsigned int metrics(void *userdata, FILE *body)
{
	const struct provisioner_health *health = userdata;
	const struct kube_mode_state state = state_of(health);
	struct reconciler_state work;

	reconciler_get_state(health->reconciler, &work);
	(void)fputs("# HELP claimfs_controller_build_info Version.\n"
		    "# TYPE claimfs_controller_build_info gauge\n"
		    "claimfs_controller_build_info{version=\"" CLAIMFS_VERSION
		    "\"} 1\n",
		    body);
	print_cluster(body, &state);
	print_number(body, "claimfs_controller_keys_total", "counter",
		     "Claims and volumes that were looked at.", work.n_done);
	print_number(body, "claimfs_controller_key_failures_total", "counter",
		     "Those of them that could not be served.", work.n_failed);
	if (health->csi)
		print_calls(body, health->csi);
	return 200;
}

/* --- serving -------------------------------------------------------------------------- */

static const struct http_route routes[] = {
	{ "/healthz", "text/plain", healthz },
	{ "/readyz", "text/plain", readyz },
	{ "/metrics", "text/plain; version=0.0.4; charset=utf-8", metrics },
};

static void signal_came(struct watch *watch, uint32_t events)
{
	(void)events;
	loop_stop(watch->loop);
}

static int serve(const struct provisioner_health *health, struct loop *loop,
		 int signal_fd, struct err *err)
{
	_cleanup_(http_server_free) struct http_server *server = NULL;
	struct watch signals = WATCH_INIT(signal_came);
	int r = http_server_new(
		&server, loop,
		&(struct http_server_options){ .listen = health->listen,
					       .routes = routes,
					       .n_routes = ARRAY_SIZE(routes),
					       .userdata = (void *)health },
		err);

	if (r < 0)
		return r;
	r = watch_add(&signals, loop, signal_fd, EPOLLIN);
	if (r >= 0)
		r = loop_run(loop);
	watch_remove(&signals);
	return r < 0 ? err_set_errno(err, r, "wait for events") : 0;
}

int provisioner_health_serve(const struct provisioner_health *health,
			     int signal_fd, struct err *err)
{
	_cleanup_(loop_free) struct loop *loop = NULL;
	int r;

	if (health->listen) {
		r = loop_new(&loop);
		if (r < 0)
			return err_set_errno(err, r, "make a loop");
		r = serve(health, loop, signal_fd, err);
		if (r < 0)
			return r;
	}
	return stop_signal_wait(signal_fd, NULL, err);
}
