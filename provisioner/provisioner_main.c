/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimfs-provisioner: puts the parts together, waits for a signal, and takes them
 * down again. Who may change the record stops before who is told of changes goes:
 *
 *	record -> hub -> registry -> remover, copier, reconciler, pods -> API -> work, CSI
 *	    -> READY=1 -> SIGTERM -> cluster, CSI and API end -> all stop -> all is freed
 *
 * In a cluster the work begins later, when it is mirrored and we lead (kube_mode.h).
 *
 * Signals are blocked before the first thread exists, so that this thread is the
 * only one that ever sees one.
 */

#include <malloc.h>
#include <string.h>
#include <sys/stat.h>

#include "api_admin.h"
#include "api_server.h"
#include "csi_controller.h"
#include "csi_origin.h"
#include "kube_mode.h"
#include "log.h"
#include "options.h"
#include "pods.h"
#include "provisioner_health.h"
#include "provisioner_options.h"
#include "reconcile.h"
#include "registry.h"
#include "remover.h"
#include "snapshots.h"
#include "stop_signal.h"
#include "store.h"
#include "supervisor.h"
#include "version.h"
#include "watch_hub.h"

#define EXIT_USAGE 2
#define LARGE	   (128 << 10) /* bytes */

struct provisioner {
	struct store *store;
	struct watch_hub *hub;
	struct registry *registry;
	struct remover *remover;
	struct copier *copier;
	struct snapshot_finder *finder; /* in a cluster only */
	struct freezer freezer;
	struct snapshots snapshots;
	struct reconciler *reconciler;
	struct pods *pods;	    /* standalone only */
	struct kube_mode *kube;	    /* in a cluster only */
	struct csi_controller *csi; /* with --csi-socket only */
	struct api_admin admin;
	struct api_server *api;
};

static void provisioner_fini(struct provisioner *self)
{
	/* First: others may be waiting for an API server that answers nothing. */
	if (self->kube)
		kube_mode_stop(self->kube);
	if (self->csi)
		csi_controller_stop(self->csi);
	self->api = api_server_free(self->api);
	if (self->pods)
		pods_stop(self->pods);
	if (self->reconciler)
		reconciler_stop(self->reconciler);
	if (self->remover)
		remover_stop(self->remover);
	if (self->copier)
		copier_stop(self->copier);
	if (self->finder)
		snapshot_finder_stop(self->finder);
	self->pods = pods_free(self->pods);
	self->reconciler = reconciler_free(self->reconciler);
	self->remover = remover_free(self->remover);
	self->csi = csi_controller_free(self->csi);
	self->copier = copier_free(self->copier);
	self->finder = snapshot_finder_free(self->finder);
	self->kube = kube_mode_free(self->kube);
	self->registry = registry_free(self->registry);
	self->hub = watch_hub_free(self->hub);
	self->store = store_close(self->store);
}

DEFINE_FINI(struct provisioner, provisioner_fini)

/* --- the parts ----------------------------------------------------------------- */

/* The directory of a path, its last component only. */
static int make_directory(const char *path, struct err *err)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set_errno(err, -errno, "make directory %s", path);
	return 0;
}

static int make_socket_directory(const char *socket, struct err *err)
{
	_cleanup_(free) char *folder = strdup(socket);
	char *slash = folder ? strrchr(folder, '/') : NULL;

	if (!folder)
		return err_set(err, -ENOMEM, "no memory");
	if (!slash || slash == folder)
		return 0;
	*slash = '\0';
	return make_directory(folder, err);
}

static int open_record(struct provisioner *self,
		       const struct provisioner_settings *settings,
		       struct err *err)
{
	_cleanup_(free) char *path = NULL;
	int r;

	if (asprintf(&path, "%s/claimfs.db", settings->state_dir) < 0) {
		path = NULL;
		return err_set(err, -ENOMEM, "no memory");
	}
	r = make_directory(settings->state_dir, err);
	if (r >= 0)
		r = store_open(&self->store, path, err);
	if (r >= 0)
		r = watch_hub_new(
			&self->hub,
			&(struct watch_hub_options){
				.store = self->store,
				/* Nobody watches a mirror: only callbacks. */
				.n_changes = settings->is_standalone ? 0 : 1 },
			err);
	if (r >= 0)
		r = registry_new(&self->registry,
				 &(struct registry_options){
					 .store = self->store,
					 .hub = self->hub,
					 .drivers = settings->drivers,
					 .n_drivers = settings->n_drivers },
				 err);
	return r;
}

/* Of a volume that waited for its data to go. */
static void trash_done(void *userdata, const char *volume)
{
	struct provisioner *self = userdata;

	reconciler_look_at(self->reconciler, volume);
}

static int make_remover(struct provisioner *self, struct cluster *cluster,
			struct err *err)
{
	return remover_new(&self->remover,
			   &(struct remover_options){ .cluster = cluster,
						      .store = self->store,
						      .share = share_ops_nfs(),
						      .done = trash_done,
						      .userdata = self },
			   err);
}

static void copy_changed(void *userdata, const struct store_copy *copy)
{
	struct provisioner *self = userdata;

	reconciler_look_at_copy(self->reconciler, copy);
}

/* Elsewhere the record outlives the provisioner. */
static int make_finder(struct provisioner *self, struct cluster *cluster,
		       const struct provisioner_settings *settings,
		       struct err *err)
{
	if (settings->is_standalone)
		return 0;
	return snapshot_finder_new(&self->finder,
				   &(struct snapshot_finder_options){
					   .store = self->store,
					   .cluster = cluster,
					   .share = share_ops_nfs(),
					   .copier = self->copier,
					   .drivers = settings->drivers,
					   .n_drivers = settings->n_drivers },
				   err);
}

static int make_copier(struct provisioner *self, struct cluster *cluster,
		       const struct provisioner_settings *settings,
		       struct err *err)
{
	int r;

	self->freezer = (struct freezer){ .store = self->store,
					  .nodes = settings->nodes,
					  .n_nodes = settings->n_nodes };
	r = copier_new(&self->copier,
		       &(struct copier_options){ .store = self->store,
						 .share = share_ops_nfs(),
						 .freezer = &self->freezer,
						 .changed = copy_changed,
						 .userdata = self },
		       err);
	if (r >= 0)
		r = make_finder(self, cluster, settings, err);
	self->snapshots = (struct snapshots){
		.store = self->store,
		.cluster = cluster,
		.copier = self->copier,
		.finder = self->finder,
		.freezer = settings->is_standalone ? &self->freezer : NULL,
		.drivers = settings->drivers,
		.n_drivers = settings->n_drivers
	};
	return r;
}

static int listen_to_changes(struct provisioner *self, store_change_fn fn,
			     void *userdata, struct err *err)
{
	int r = watch_hub_add_callback(self->hub, fn, userdata);

	return r < 0 ? err_set_errno(err, r, "listen to changes") : 0;
}

static int make_workers(struct provisioner *self, struct cluster *cluster,
			const struct provisioner_settings *settings,
			struct err *err)
{
	int r = make_remover(self, cluster, err);

	if (r >= 0)
		r = make_copier(self, cluster, settings, err);
	if (r >= 0)
		r = reconciler_new(&self->reconciler,
				   &(struct reconciler_options){
					   .is_binder = settings->is_standalone,
					   .cluster = cluster,
					   .store = self->store,
					   .share = share_ops_nfs(),
					   .remover = self->remover,
					   .copier = self->copier,
					   .drivers = settings->drivers,
					   .n_drivers = settings->n_drivers },
				   err);
	if (r >= 0)
		r = listen_to_changes(self, reconciler_change, self->reconciler,
				      err);
	return r;
}

static int start_work(void *userdata, struct err *err)
{
	struct provisioner *self = userdata;
	int r = reconciler_start(self->reconciler, err);

	if (r >= 0)
		r = remover_start(self->remover, err);
	if (r >= 0)
		r = copier_start(self->copier, err);
	if (r >= 0 && self->finder)
		r = snapshot_finder_start(self->finder, err);
	if (r >= 0 && self->csi)
		r = csi_controller_begin(self->csi, err);
	return r;
}

static int make_csi(struct provisioner *self, struct cluster *cluster,
		    const struct provisioner_settings *settings,
		    struct err *err)
{
	const struct csi_controller_options options = {
		.socket_path = settings->csi_socket,
		.cluster = cluster,
		.store = self->store,
		.hub = self->hub,
		.snapshots = &self->snapshots,
		.drivers = settings->drivers,
		.n_drivers = settings->n_drivers,
		.nodes = settings->node_names,
		.n_nodes = settings->n_node_names,
		.daemons = settings->nodes,
		.n_daemons = settings->n_nodes,
		.look_at = reconciler_look_at,
		.userdata = self->reconciler,
		.is_cluster = settings->is_kubernetes,
	};
	int r;

	if (!settings->csi_socket)
		return 0;
	r = csi_controller_new(&self->csi, &options, err);
	return r < 0 || !options.is_cluster
		       ? r
		       : csi_controller_serve(self->csi, err);
}

/* --- the two modes --------------------------------------------------------------- */

static int make_pods(struct provisioner *self, struct cluster *cluster,
		     const struct provisioner_settings *settings,
		     struct err *err)
{
	int r = pods_new(
		&self->pods,
		&(struct pods_options){ .cluster = cluster,
					.store = self->store,
					.state_dir = settings->state_dir,
					.nodes = settings->nodes,
					.n_nodes = settings->n_nodes,
					.drivers = settings->drivers,
					.n_drivers = settings->n_drivers },
		err);

	if (r >= 0)
		r = listen_to_changes(self, pods_change, self->pods, err);
	return r;
}

static void prepare_admin(struct provisioner *self, struct cluster *cluster,
			  const struct provisioner_settings *settings)
{
	self->admin = (struct api_admin){
		.cluster = cluster,
		.store = self->store,
		.share = share_ops_nfs(),
		.remover = self->remover,
		.snapshots = &self->snapshots,
		.drivers = settings->drivers,
		.n_drivers = settings->n_drivers,
	};
}

static int serve_api(struct provisioner *self, struct cluster *cluster,
		     const struct provisioner_settings *settings,
		     struct err *err)
{
	int r = make_socket_directory(settings->socket, err);

	if (r < 0)
		return r;
	prepare_admin(self, cluster, settings);
	return api_server_new(&self->api,
			      &(struct api_server_options){
				      .registry = self->registry,
				      .hub = self->hub,
				      .admin = &self->admin,
				      .is_mirror = !settings->is_standalone,
				      .socket_path = settings->socket,
				      .listen = settings->listen },
			      err);
}

static int start_standalone(struct provisioner *self,
			    const struct provisioner_settings *settings,
			    struct err *err)
{
	struct cluster *cluster = registry_cluster(self->registry);
	int r = make_workers(self, cluster, settings, err);

	if (r >= 0)
		r = make_pods(self, cluster, settings, err);
	if (r >= 0)
		r = make_csi(self, cluster, settings, err);
	if (r >= 0)
		r = serve_api(self, cluster, settings, err);
	if (r >= 0)
		r = start_work(self, err);
	if (r >= 0)
		r = pods_start(self->pods, err);
	return r;
}

static int start_in_cluster(struct provisioner *self,
			    const struct provisioner_settings *settings,
			    struct err *err)
{
	const struct kube_mode_options options = {
		.store = self->store,
		.kubeconfig = settings->kubeconfig,
		.namespace = settings->namespace,
		.driver = settings->drivers[0],
		.elects = settings->elects,
		.lead = start_work,
		.userdata = self,
	};
	int r;

	csi_origin_ignore();
	r = kube_mode_new(&self->kube, &options, err);

	if (r >= 0)
		r = make_workers(self, kube_mode_cluster(self->kube), settings,
				 err);
	if (r >= 0)
		r = make_csi(self, kube_mode_cluster(self->kube), settings,
			     err);
	if (r >= 0)
		r = serve_api(self, kube_mode_cluster(self->kube), settings,
			      err);
	return r < 0 ? r : kube_mode_start(self->kube, err);
}

static int start(struct provisioner *self,
		 const struct provisioner_settings *settings, struct err *err)
{
	int r = open_record(self, settings, err);

	if (r < 0)
		return r;
	return settings->is_standalone ? start_standalone(self, settings, err)
				       : start_in_cluster(self, settings, err);
}

static int serve(const struct provisioner_settings *settings, struct err *err)
{
	_cleanup_(provisioner_fini) struct provisioner self = { 0 };
	_cleanup_(fd_close) int signal_fd = -1;
	int r;

	r = stop_signals_block(&signal_fd, err);
	if (r >= 0)
		r = start(&self, settings, err);
	if (r < 0)
		return r;
	log_info("ready", F_STR("version", CLAIMFS_VERSION),
		 F_STR("socket", settings->socket),
		 F_U64("port", api_server_port(self.api)),
		 F_U64("nodes", settings->n_nodes));
	supervisor_notify("READY=1");
	r = provisioner_health_serve(
		&(struct provisioner_health){ .listen = settings->http,
					      .kube = self.kube,
					      .reconciler = self.reconciler,
					      .csi = self.csi },
		signal_fd, err);
	supervisor_notify("STOPPING=1");
	return r;
}

int main(int argc, char **argv)
{
	_cleanup_(provisioner_settings_fini) struct provisioner_settings
		settings = { 0 };
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r;

	r = provisioner_settings_parse(argc, argv, &settings, &err);
	if (r == OPTIONS_DONE)
		return EXIT_SUCCESS;
	if (r < 0) {
		(void)fprintf(stderr, "claimfs-provisioner: %s\n",
			      err_text(&err));
		return EXIT_USAGE;
	}
	/*
	 * What is large goes back to the kernel when it is freed. Left alone, malloc()
	 * takes the first long list that is freed as a reason to keep room for the next.
	 */
	(void)mallopt(M_MMAP_THRESHOLD, LARGE);
	r = serve(&settings, &err);
	if (r < 0) {
		(void)fprintf(stderr, "claimfs-provisioner: %s\n",
			      err_text(&err));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
