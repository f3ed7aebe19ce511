/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A volume's life:
 *
 *	nfs_export_open -> node table with the root -> clients on every shard
 *	    -> session (mounted, served) -> session_free -> clients -> table
 *
 * Ending takes the steps back in reverse order. After session_free() no request
 * exists that could use anything here, which is why nothing is counted.
 *
 * Health is what the clients of the shards say of themselves; it is read from
 * other threads without a lock, as one word that may be a moment old.
 */

#include "volume.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "commit.h"
#include "file_state.h"
#include "freeze.h"
#include "inode.h"
#include "inode_layout.h"
#include "leftovers.h"
#include "locks.h"
#include "log.h"
#include "nfs_export.h"
#include "nfs_socket.h"
#include "ops.h"
#include "session.h"
#include "shard.h"
#include "trace.h"
#include "view.h"
#include "volume_object.h"

#define EXPORT_TIMEOUT_MS 10000
#define READAHEAD_KIB	  4096
#define FIRST_USAGE_MS	  2000
/* Of volume_stop(), whatever the server does: CSI's callers get their answer. */
#define STOP_MS 4000
/* Programs wait meanwhile, and the next process commits what is left. */
#define HAND_OVER_MS 3000
/* The last steps have what the session left of it, but something in any case. */
#define COMMIT_MIN_MS	  500
#define UNEXPORT_MIN_MS	  100
#define UNEXPORT_MAX_MS	  1000
#define MIN_IO		  4096u
#define IO_UNIT		  1024u
#define MS_PER_DECISECOND 100u

/* --- the specification --------------------------------------------------------- */

static int copy_string(struct volume *volume, const char **string)
{
	char *copy;

	if (!*string)
		return 0;
	copy = strdup(*string);
	if (!copy)
		return -ENOMEM;
	volume->strings[volume->n_strings++] = copy;
	*string = copy;
	return 0;
}

int volume_copy_spec(struct volume *volume, const struct volume_spec *spec)
{
	struct volume_spec *own = &volume->spec;
	const char **strings[VOLUME_STRINGS] = {
		&own->handle,	    &own->pv,	 &own->claim,
		&own->server,	    &own->share, &own->subdir,
		&own->mountpoint,   &own->class, &own->reclaim_policy,
		&own->access_modes, &own->node,	 &own->state_dir
	};

	*own = *spec;
	atomic_init(&volume->capacity, spec->capacity);
	for (size_t i = 0; i < VOLUME_STRINGS; i++) {
		if (copy_string(volume, strings[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

static struct nfs_export_spec export_spec(const struct volume_spec *spec)
{
	return (struct nfs_export_spec){
		.server = spec->server,
		.share = spec->share,
		.subdir = spec->subdir,
		.port = spec->options.port,
		.mount_port = spec->options.mountport,
		.timeout_ms = EXPORT_TIMEOUT_MS,
	};
}

/* --- links ---------------------------------------------------------------------- */

static struct nfs3_options client_options(const struct volume *volume)
{
	const struct mount_options *options = &volume->spec.options;

	return (struct nfs3_options){
		.addr = volume->export.addr,
		.addr_len = volume->export.addr_len,
		.timeo_ms = options->timeo_ds * MS_PER_DECISECOND,
		.retrans = options->retrans,
		.is_soft = options->is_soft,
	};
}

struct links_start {
	struct volume *volume;
	struct err *err;
	int r;
};

/*
 * What a flow may have before others on each kind of link: about one small call's
 * own time, and what keeps a fast network busy.
 */
static const uint32_t share_bytes[VIEW_N_LINK_KINDS] = {
	[VIEW_LINK_SMALL] = 128u << 10,
	[VIEW_LINK_BULK] = 2u << 20,
};

static void get_links(struct shard *shard, void *userdata)
{
	struct links_start *start = userdata;
	struct volume *volume = start->volume;
	struct view_shard *own = &volume->view.shards[shard_index(shard)];
	struct nfs3_options options = client_options(volume);
	unsigned int n = volume->spec.options.nconnect;

	if (n == 0)
		n = 1;
	if (n > VIEW_LANES_MAX)
		n = VIEW_LANES_MAX;
	n *= VIEW_N_LINK_KINDS;
	own->links = calloc(n, sizeof(*own->links));
	if (!own->links)
		start->r = err_set(start->err, -ENOMEM, "make links");
	while (start->r == 0 && own->n_links < n) {
		struct view_link *link = &own->links[own->n_links];

		options.share_bytes =
			share_bytes[own->n_links % VIEW_N_LINK_KINDS];
		fair_flow_init(&link->flow, &volume->view.fair, gate_owes);
		start->r = shard_client_get(shard, &options, own->n_links,
					    &link->client, start->err);
		if (start->r < 0)
			return;
		link->former_port = nfs3_client_former_port(link->client);
		own->n_links++;
	}
}

static void put_links(struct shard *shard, void *userdata)
{
	struct volume *volume = userdata;
	struct view_shard *own = &volume->view.shards[shard_index(shard)];

	for (unsigned int i = 0; i < own->n_links; i++) {
		nfs3_client_forget(own->links[i].client, &own->links[i].flow);
		shard_client_put(shard, own->links[i].client);
	}
	own->n_links = 0;
	free(TAKE_PTR(own->links));
}

/* --- start and stop ------------------------------------------------------------------ */

/* What is asked for counts in whole KiB, as nfs(5) has it. */
static uint32_t io_size(uint32_t asked, uint32_t preferred, uint32_t max)
{
	uint32_t size = asked ? asked - asked % IO_UNIT : preferred;

	if (size == 0 || size > NFS_IO_MAX)
		size = NFS_IO_MAX;
	if (max > 0 && size > max)
		size = max;
	return size < MIN_IO ? MIN_IO : size;
}

static int make_table(struct volume *volume, struct err *err)
{
	const struct nfs_export *export = &volume->export;
	struct view *view = &volume->view;
	int r = inode_table_new(&view->inodes, &export->root,
				export->root_attr.fileid, 0);

	if (r < 0)
		return err_set_errno(err, r, "create the node table");
	inode_table_header(view->inodes)->export = *export;
	return 0;
}

/* A volume works without, but names may be left over when this process dies. */
static void open_leftovers(struct volume *volume)
{
	_cleanup_(err_fini) struct err why = ERR_INIT;

	if (leftovers_new(&volume->view.leftovers, &volume->view,
			  volume->shards, &volume->spec, &why) < 0)
		log_warn("names set aside can't be written down",
			 F_STR("volume", volume->spec.pv),
			 F_STR("error", err_text(&why)));
}

int volume_make_view(struct volume *volume, struct err *err)
{
	const struct nfs_export *export = &volume->export;
	const struct volume_spec *spec = &volume->spec;
	struct view *view = &volume->view;
	struct links_start start = { .volume = volume, .err = err };
	int r;

	view->is_share_root = !spec->subdir || !*spec->subdir;
	view->has_one_node = spec->access_mode == ACCESS_RWO ||
			     spec->access_mode == ACCESS_RWOP;
	view->timeouts = attr_timeouts(spec->access_mode, &spec->options);
	view->is_nocto = spec->options.is_nocto;
	view->is_sync = spec->options.is_noac;
	/* Who gets a lock has to find the data on the server. */
	if (!view->is_sync && !spec->options.has_locks) {
		view->is_write_back = view->has_one_node;
		view->writes_behind = !view->has_one_node;
	}
	view->read_max = io_size(spec->options.rsize, export->read_pref,
				 export->read_max);
	view->write_max = io_size(spec->options.wsize, export->write_pref,
				  export->write_max);
	view->last_root = export->root_attr;
	view->identity = spec->identity;
	r = view_make_logs(view, shards_arena(volume->shards),
			   spec->options.has_locks);
	if (r < 0)
		return err_set_errno(err, r, "create the store of requests");
	r = commits_new(&view->commits, view, volume->shards);
	if (r < 0)
		return err_set_errno(err, r,
				     "create the store of uncommitted data");
	r = freeze_new(&view->freeze, view, volume->shards, spec->pv);
	if (r < 0)
		return err_set_errno(err, r, "prepare to freeze");
	r = trace_new(&view->trace);
	if (r < 0)
		return err_set_errno(err, r, "create the trace");
	open_leftovers(volume);
	view->fair.server = fair_server_get(shards_servers(volume->shards),
					    &export->addr, export->addr_len);
	if (!view->fair.server)
		return err_set(err, -ENOMEM, "find the server's shares");
	view->shards =
		calloc(shards_count(volume->shards), sizeof(*view->shards));
	if (!view->shards)
		return err_set(err, -ENOMEM, "make links to the server");
	shards_call_all(volume->shards, get_links, &start);
	return start.r;
}

static int start_locks(struct volume *volume, struct err *err)
{
	const struct volume_spec *spec = &volume->spec;
	const struct nfs_export_spec source = export_spec(spec);
	struct locks_options options = { .shards = volume->shards,
					 .server = client_options(volume),
					 .state_dir = spec->state_dir,
					 .volume = spec->handle,
					 .node = spec->node };
	uint16_t port;
	int r;

	if (!spec->options.has_locks)
		return 0;
	r = nfs_export_find_lock_manager(&volume->export, &source, &port, err);
	if (r < 0)
		return r;
	options.server.null_proc = NLM_NULL;
	nfs_sockaddr_set_port(&options.server.addr, port);
	r = locks_start(&volume->view.locks, &options, err);
	return r < 0 ? err_wrap(err, "use mount option \"lock\"") : 0;
}

static enum mount_flags mount_flags(const struct volume_spec *spec)
{
	enum mount_flags flags = 0;

	if (volume_spec_is_read_only(spec))
		flags |= MOUNT_RO;
	/* Modes are the squashed user's, whom the kernel's callers are not. */
	if (spec->identity.squash == SQUASH_ALL)
		flags |= MOUNT_UNCHECKED;
	return flags;
}

int volume_make_session(struct volume *volume,
			const struct session_resume *resume, struct err *err)
{
	const struct volume_spec *spec = &volume->spec;
	const struct view *view = &volume->view;
	struct table_header *header = inode_table_header(view->inodes);
	_cleanup_(free) char *source = NULL;
	const void *init;
	size_t init_len;
	int r;

	if (asprintf(&source, "%s:%s%s%s", spec->server, spec->share,
		     view->is_share_root ? "" : "/",
		     view->is_share_root ? "" : spec->subdir) < 0) {
		source = NULL;
		return err_set(err, -ENOMEM, "create a session");
	}
	r = session_new(&volume->session, volume->shards,
			&(struct session_options){
				.ops = &view_ops,
				.source = source,
				.mountpoint = spec->mountpoint,
				.owner = volume,
				.readahead_kib = READAHEAD_KIB,
				.max_io = view->read_max > view->write_max
						  ? view->read_max
						  : view->write_max,
				.mount_flags = mount_flags(spec),
				.checks_data = spec->options.is_noac,
				.is_write_back = view->is_write_back,
				.has_locks = view->locks != NULL,
				.requests = view->requests,
				.never_resends = spec->never_resends,
				.resume = resume },
			err);
	if (r < 0)
		return r;
	init = session_init_request(volume->session, &init_len);
	memcpy(header->init_request, init, init_len);
	header->init_len = (uint32_t)init_len;
	return 0;
}

static uint32_t left_ms(uint64_t end_ns, uint32_t least_ms)
{
	uint64_t now = clock_ns();
	uint64_t ms = now < end_ns ? (end_ns - now) / NS_PER_MS : 0;

	return ms > least_ms ? (uint32_t)ms : least_ms;
}

/* There is nobody to return an error to: whoever wrote has closed his file. */
static void stop_commits(struct volume *volume, uint64_t end_ns,
			 bool leaves_rest)
{
	uint64_t bytes = 0;

	if (volume->view.commits)
		bytes = commits_stop(
			volume->view.commits,
			left_ms(end_ns - UNEXPORT_MAX_MS * NS_PER_MS,
				COMMIT_MIN_MS),
			leaves_rest);
	if (bytes > 0)
		log_warn("data may be lost: the server has not committed it",
			 F_STR("volume", volume->spec.pv),
			 F_U64("bytes", bytes));
}

/* The session is gone. */
static void end_service(struct volume *volume, uint64_t end_ns,
			bool leaves_rest)
{
	stop_commits(volume, end_ns, leaves_rest);
	/* What was written under a lock is there before the lock goes. */
	volume->view.locks = locks_stop(volume->view.locks);
	volume->view.leftovers = leftovers_stop(volume->view.leftovers);
	if (volume->view.shards)
		shards_call_all(volume->shards, put_links, volume);
	fair_server_put(shards_servers(volume->shards),
			volume->view.fair.server);
	view_fini(&volume->view);
}

static void volume_destroy(struct volume *volume)
{
	for (unsigned int i = 0; i < volume->n_strings; i++)
		free(volume->strings[i]);
	free(volume);
}

struct volume *volume_stop(struct volume *volume)
{
	uint64_t end_ns = clock_ns() + STOP_MS * NS_PER_MS;
	struct nfs_export_spec spec;

	if (!volume)
		return NULL;
	volume_end_freezing(volume);
	/* Readers would keep the mount busy, and the session waiting. */
	if (volume->view.trace)
		trace_end(volume->view.trace);
	volume->session = session_free(volume->session);
	end_service(volume, end_ns, false);
	if (volume->has_export) {
		spec = export_spec(&volume->spec);
		spec.timeout_ms = left_ms(end_ns, UNEXPORT_MIN_MS);
		if (spec.timeout_ms > UNEXPORT_MAX_MS)
			spec.timeout_ms = UNEXPORT_MAX_MS;
		nfs_export_unmount(&volume->export, &spec);
	}
	volume_destroy(volume);
	return NULL;
}

struct volume *volume_hand_over(struct volume *volume)
{
	uint64_t end_ns = clock_ns() + HAND_OVER_MS * NS_PER_MS;

	if (!volume)
		return NULL;
	volume_end_freezing(volume);
	if (volume->view.trace)
		trace_end(volume->view.trace);
	volume->session = session_hand_over(volume->session);
	end_service(volume, end_ns, true);
	volume_destroy(volume);
	return NULL;
}

int volume_start(struct volume **ret, struct shards *shards, struct meta *meta,
		 const struct volume_spec *spec, struct err *err)
{
	_cleanup_(volume_stop) struct volume *volume = NULL;
	struct nfs_export_spec source;
	struct volume_usage usage;
	int r;

	volume = calloc(1, sizeof(*volume));
	if (!volume)
		return err_set(err, -ENOMEM, "start volume %s", spec->handle);
	volume->shards = shards;
	view_init(&volume->view);
	r = volume_copy_spec(volume, spec);
	if (r < 0)
		return err_set(err, r, "start volume %s", spec->handle);
	source = export_spec(&volume->spec);
	r = nfs_export_open(&volume->export, &source, err);
	if (r < 0)
		return r;
	volume->has_export = true;
	r = make_table(volume, err);
	if (r == 0)
		r = volume_make_view(volume, err);
	if (r == 0)
		r = start_locks(volume, err);
	if (r < 0)
		return r;
	/* So that statfs has an answer before the server's first silence. */
	volume_get_usage(volume, FIRST_USAGE_MS, &usage);
	r = volume_make_session(volume, NULL, err);
	if (r < 0)
		return r;
	leftovers_start(volume->view.leftovers);
	*ret = TAKE_PTR(volume);
	return 0;
}

/* --- readers --------------------------------------------------------------------------- */

const struct volume_spec *volume_get_spec(const struct volume *volume)
{
	return &volume->spec;
}

void volume_set_mount_group(struct volume *volume, uint64_t group)
{
	atomic_store(&volume->view.identity.mount_group, group);
}

struct view *volume_view(struct volume *volume)
{
	return &volume->view;
}

struct trace *volume_get_trace(struct volume *volume)
{
	return volume->view.trace;
}

struct volume_stats *volume_get_stats(struct volume *volume)
{
	return &volume->view.stats;
}

uint32_t volume_get_dev_minor(const struct volume *volume)
{
	return session_dev_minor(volume->session);
}

static const char *health_reason(enum nfs_health health)
{
	switch (health) {
	case NFS_HEALTH_DEGRADED:
		return "the server answers slowly";
	case NFS_HEALTH_UNREACHABLE:
		return "no connection to the server";
	default:
		return "";
	}
}

void volume_get_health(struct volume *volume, struct volume_health *ret)
{
	*ret = (struct volume_health){ .health = NFS_HEALTH_OK };
	for (unsigned int i = 0; i < shards_count(volume->shards); i++) {
		const struct view_shard *own = &volume->view.shards[i];

		for (unsigned int j = 0; j < own->n_links; j++) {
			const struct nfs_client *client = own->links[j].client;
			enum nfs_health health = __atomic_load_n(
				&client->health, __ATOMIC_RELAXED);

			if (ret->since_ns && health <= ret->health)
				continue;
			ret->health = health;
			ret->since_ns = __atomic_load_n(
				&client->health_since_ns, __ATOMIC_RELAXED);
		}
	}
	ret->reason = health_reason(ret->health);
}

void volume_drop_caches(struct volume *volume)
{
	struct inode_table *inodes = volume->view.inodes;
	struct fuse_session *fuse = session_fuse(volume->session);
	uint64_t cursor = 0;
	uint64_t node;

	/*
	 * Attributes go at once, pages at the next open, which will not find its
	 * file in the state that it knew. Dropping pages here would wait for those
	 * that a silent server owes.
	 */
	while ((node = inode_next(inodes, &cursor)) != 0) {
		file_forget_known(inodes, node);
		(void)fuse_lowlevel_notify_inval_inode(fuse, node, -1, 0);
	}
}
