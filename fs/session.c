/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A FUSE session on a descriptor of our own.
 *
 * libfuse's session is opened on "/dev/fd/<memfd>", where it answers FUSE_INIT
 * (session_init.c); then the memfd's number is made to mean the real connection
 * with dup3(2).
 *
 *	mount(2)  ->  INIT read  ->  answered  ->  lanes opened  ->  serving
 *	descriptor of a former process  ->  its INIT replayed  -----^
 *
 * Until the lanes are open nobody else reads the descriptor, so the thread that
 * mounts is the one that gets INIT.
 *
 * Data caching. Neither FUSE_AUTO_INVAL_DATA (a file's cache is dropped whenever
 * its mtime moved, which our own writes do as well) nor FUSE_EXPLICIT_INVAL_DATA
 * is asked for. Without either the kernel drops a file's pages when a refreshed
 * size is another, and only then; with the latter it would keep the old last page,
 * zeros at its end, of a file that another node appended to. The exception are
 * volumes with `noac`, which ask for the first: there every read looks for foreign
 * changes, and dropping too much is what the option is for.
 *
 * Write-back is for volumes of one node. The kernel then answers for size and times
 * of its regular files itself, fills partly written pages by reads on handles that
 * were opened for writing, and sends what it has written at close, when it wants
 * memory, or after half a minute.
 *
 * fuse_session_unmount() is never called: libfuse would unmount "/dev/fd/N".
 *
 * A mount outlives the process when somebody else holds a copy of the descriptor.
 * The next process lets libfuse answer the same INIT, throws the answer away, and
 * executes what the former one has read and not answered (resend.c). A process that
 * hands over on purpose answers what it can; then /dev/null takes the place of
 * libfuse's descriptor, so that what is given up is answered to nobody and left to
 * the next one.
 */

#include "session.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "clock.h"
#include "lane.h"
#include "mount.h"
#include "op.h"
#include "request_log.h"
#include "resend.h"
#include "session_init.h"
#include "shard.h"

#define DRAIN_TIMEOUT_NS (1 * NS_PER_S)
#define MAX_BACKGROUND	 256
#define BACKGROUND_LAST	 65535 /* fuse_conn_limit_write() */
#define HANDLES_MAX	 1024  /* a pod may open as many files as it likes */

struct session {
	struct fuse_session *fuse;
	int fd;	   /* /dev/fuse; libfuse owns the duplicate that it uses */
	int se_fd; /* the memfd, then the duplicate; libfuse's once it is open */
	char *mountpoint; /* NULL until mounted */
	void *owner;	  /* borrowed */
	uint32_t max_io;
	bool checks_data;
	bool is_write_back;
	bool has_locks;
	uint32_t dev_major;
	uint32_t dev_minor;
	struct session_init init;
	struct shards *shards;	      /* borrowed */
	struct request_log *requests; /* borrowed; NULL = nothing is logged */
	pthread_mutex_t lock;
	pthread_cond_t drained;
	unsigned int n_background; /* lock: more than usual */
	unsigned int n_busy;	   /* lock: lanes that are not drained */
	LIST_HEAD(, session_handle) handles; /* lock */
	unsigned int n_handles;		     /* lock */
	uint64_t next_handle;		     /* lock */
	struct lane lanes[];		     /* each its shard's */
};

void *session_owner(const struct session *session)
{
	return session->owner;
}

unsigned int session_dev_minor(const struct session *session)
{
	return session->dev_minor;
}

struct fuse_session *session_fuse(const struct session *session)
{
	return session->fuse;
}

int session_fd(const struct session *session)
{
	return session->fd;
}

const void *session_init_request(const struct session *session, size_t *ret_len)
{
	*ret_len = session->init.len;
	return session->init.request;
}

struct lane *session_lane(struct session *session, unsigned int shard)
{
	return &session->lanes[shard];
}

/* --- handles ---------------------------------------------------------------- */

int session_hold(struct session *session, struct session_handle *take_handle)
{
	bool is_full;

	pthread_mutex_lock(&session->lock);
	is_full = session->n_handles >= HANDLES_MAX;
	if (!is_full) {
		take_handle->id = session->next_handle++;
		LIST_INSERT_HEAD(&session->handles, take_handle, entry);
		session->n_handles++;
	}
	pthread_mutex_unlock(&session->lock);
	if (is_full)
		take_handle->free_fn(take_handle);
	return is_full ? -ENFILE : 0;
}

struct session_handle *session_find(struct session *session, uint64_t id)
{
	struct session_handle *handle;

	pthread_mutex_lock(&session->lock);
	LIST_FOREACH (handle, &session->handles, entry) {
		if (handle->id == id)
			break;
	}
	pthread_mutex_unlock(&session->lock);
	return handle;
}

void session_let_go(struct session *session, struct session_handle *handle)
{
	pthread_mutex_lock(&session->lock);
	LIST_REMOVE(handle, entry);
	session->n_handles--;
	pthread_mutex_unlock(&session->lock);
	handle->free_fn(handle);
}

/* --- background --------------------------------------------------------------- */

/* Best effort: without it, who reads waits with those who write. */
static void set_background_locked(const struct session *session)
{
	unsigned int n = MAX_BACKGROUND + session->n_background;

	(void)mount_set_background(session->dev_minor,
				   n < BACKGROUND_LAST ? n : BACKGROUND_LAST);
}

void session_add_background(struct session *session, unsigned int n)
{
	pthread_mutex_lock(&session->lock);
	session->n_background += n;
	set_background_locked(session);
	pthread_mutex_unlock(&session->lock);
}

void session_drop_background(struct session *session, unsigned int n)
{
	pthread_mutex_lock(&session->lock);
	session->n_background -= n;
	set_background_locked(session);
	pthread_mutex_unlock(&session->lock);
}

/* --- FUSE_INIT -------------------------------------------------------------- */

/* libfuse's init handler: what it does know of. */
static void on_init(void *userdata, struct fuse_conn_info *conn)
{
	const struct session *session = userdata;
	const unsigned int wanted =
		FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO |
		FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_PARALLEL_DIROPS |
		FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO;
	const unsigned int unwanted =
		FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_EXPLICIT_INVAL_DATA |
		FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_HANDLE_KILLPRIV |
		FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
		FUSE_CAP_SPLICE_MOVE;

	conn->want |= wanted & conn->capable;
	conn->want &= ~unwanted;
	if (session->checks_data)
		conn->want |= FUSE_CAP_AUTO_INVAL_DATA & conn->capable;
	if (session->is_write_back)
		conn->want |= FUSE_CAP_WRITEBACK_CACHE & conn->capable;
	if (!session->has_locks)
		conn->want &= ~(FUSE_CAP_POSIX_LOCKS | FUSE_CAP_FLOCK_LOCKS);
	conn->max_write = session->max_io;
	conn->max_background = MAX_BACKGROUND;
	conn->congestion_threshold = MAX_BACKGROUND / 4 * 3;
}

/* From now on libfuse's descriptor is the connection. */
static int adopt_connection(struct session *session)
{
	int flags = fcntl(session->fd, F_GETFL);

	if (flags < 0 || fcntl(session->fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    dup3(session->fd, session->se_fd, O_CLOEXEC) < 0)
		return -errno;
	return 0;
}

/* --- resuming ------------------------------------------------------------------- */

static int resume_session(struct session *session,
			  const struct session_options *options,
			  struct err *err)
{
	const struct session_resume *resume = options->resume;
	int r;

	session->mountpoint = strdup(options->mountpoint);
	if (!session->mountpoint)
		return err_set(err, -ENOMEM, "resume %s", options->mountpoint);
	session->dev_minor = resume->dev_minor;
	/* The former process may have died while it held many. */
	set_background_locked(session);
	r = session_init_set(&session->init, resume->init_request,
			     resume->init_len);
	if (r == 0)
		r = session_init_replay(&session->init, session->fuse,
					session->se_fd);
	return r < 0 ? err_set_errno(err, r, "resume %s", options->mountpoint)
		     : 0;
}

/* --- starting ----------------------------------------------------------------- */

static int open_device(const struct session_options *options)
{
	if (options->resume)
		return fcntl(options->resume->fuse_fd, F_DUPFD_CLOEXEC, 0);
	return open("/dev/fuse", O_RDWR | O_CLOEXEC);
}

static int open_fuse(struct session *session,
		     const struct session_options *options, struct err *err)
{
	char *argv[] = { (char *)"claimfs", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_lowlevel_ops with_init = *options->ops;
	char path[32];
	int r;

	with_init.init = on_init;
	session->se_fd = memfd_create("claimfs-init", MFD_CLOEXEC);
	if (session->se_fd < 0)
		return err_set_errno(err, -errno, "create a memory file");
	session->fuse =
		fuse_session_new(&args, &with_init, sizeof(with_init), session);
	fuse_opt_free_args(&args);
	if (!session->fuse)
		return err_set(err, -ENOMEM, "create a FUSE session");
	(void)snprintf(path, sizeof(path), "/dev/fd/%d", session->se_fd);
	r = fuse_session_mount(session->fuse, path);
	if (r != 0)
		return err_set(err, -EIO, "open a FUSE session on %s", path);
	session->fd = open_device(options);
	if (session->fd < 0)
		return err_set_errno(err, -errno, "open /dev/fuse");
	return 0;
}

/* Best effort: a volume works without, only slower. */
static void set_readahead(const struct session *session, unsigned int kib)
{
	_cleanup_(fclose) FILE *file = NULL;
	char path[64];

	(void)snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb",
		       session->dev_major, session->dev_minor);
	file = fopen(path, "we");
	if (file)
		(void)fprintf(file, "%u\n", kib);
}

static int mount_session(struct session *session,
			 const struct session_options *options, struct err *err)
{
	_cleanup_(mount_entry_fini) struct mount_entry entry = { 0 };
	int r;

	session->mountpoint = strdup(options->mountpoint);
	if (!session->mountpoint)
		return err_set(err, -ENOMEM, "mount %s", options->mountpoint);
	r = mount_fuse(session->fd, options->source, options->mountpoint,
		       options->mount_flags, err);
	if (r < 0) {
		/* Nothing of ours to unmount. */
		free(TAKE_PTR(session->mountpoint));
		return r;
	}
	r = mount_find(options->mountpoint, &entry);
	if (r <= 0)
		return err_set(err, r < 0 ? r : -EIO,
			       "find the mount at %s in mountinfo",
			       options->mountpoint);
	session->dev_major = entry.major;
	session->dev_minor = entry.minor;
	if (options->readahead_kib > 0)
		set_readahead(session, options->readahead_kib);
	return 0;
}

struct lanes_start {
	struct session *session;
	int r;
};

static void make_lane(struct shard *shard, void *userdata)
{
	struct lanes_start *start = userdata;
	struct session *session = start->session;

	lane_init(session_lane(session, shard_index(shard)), session, shard,
		  session->requests);
	session->n_busy++; /* no lane can have drained yet */
}

static void read_lane_again(struct shard *shard, void *userdata)
{
	struct lanes_start *start = userdata;

	if (start->r == 0)
		start->r = lane_read_again(
			session_lane(start->session, shard_index(shard)));
}

static void open_lane(struct shard *shard, void *userdata)
{
	struct lanes_start *start = userdata;

	if (start->r == 0)
		start->r = lane_open(
			session_lane(start->session, shard_index(shard)));
}

static int start_lanes(struct session *session)
{
	struct lanes_start start = { .session = session };

	shards_call_all(session->shards, make_lane, &start);
	if (request_log_n_left(session->requests) > 0)
		shards_call_all(session->shards, read_lane_again, &start);
	shards_call_all(session->shards, open_lane, &start);
	return start.r;
}

static int session_start(struct session *session,
			 const struct session_options *options, struct err *err)
{
	int r = open_fuse(session, options, err);

	if (r == 0)
		r = options->resume ? resume_session(session, options, err)
				    : mount_session(session, options, err);
	if (r < 0)
		return r;
	if (!options->resume)
		r = session_init_read(&session->init, session->fd);
	if (r == 0 && !options->resume)
		r = session_init_answer(&session->init, session->fuse,
					session->se_fd, session->fd);
	if (r == 0)
		r = adopt_connection(session);
	if (r == 0 && options->resume)
		r = resend_take_over(session->fd, &session->requests,
				     options->never_resends);
	else if (r == 0)
		resend_choose(session->fd, &session->requests,
			      options->never_resends);
	if (r < 0)
		return err_set_errno(err, r, "agree with the kernel on FUSE");
	r = start_lanes(session);
	return r < 0 ? err_set_errno(err, r, "serve the FUSE descriptor") : 0;
}

int session_new(struct session **ret, struct shards *shards,
		const struct session_options *options, struct err *err)
{
	_cleanup_(session_free) struct session *session = NULL;
	int r;

	session = calloc(1, sizeof(*session) +
				    shards_count(shards) * sizeof(struct lane));
	if (!session)
		return err_set(err, -ENOMEM, "create a FUSE session");
	session->fd = -1;
	session->se_fd = -1;
	session->shards = shards;
	session->owner = options->owner;
	session->max_io = options->max_io ? options->max_io : NFS_IO_MAX;
	session->checks_data = options->checks_data;
	session->is_write_back = options->is_write_back;
	session->has_locks = options->has_locks;
	session->requests = options->requests;
	LIST_INIT(&session->handles);
	/* Another process's ids are of another time. */
	session->next_handle = clock_ns();
	pthread_mutex_init(&session->lock, NULL);
	pthread_cond_init(&session->drained, NULL);
	r = session_start(session, options, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(session);
	return 0;
}

/* --- ending --------------------------------------------------------------------- */

void session_lane_drained(struct session *session)
{
	pthread_mutex_lock(&session->lock);
	session->n_busy--;
	pthread_cond_signal(&session->drained);
	pthread_mutex_unlock(&session->lock);
}

static void close_lane(struct shard *shard, void *userdata)
{
	struct session *session = userdata;
	struct lane *lane = &session->lanes[shard_index(shard)];

	if (lane->session) /* it was started */
		lane_close(lane);
}

static void cancel_lane(struct shard *shard, void *userdata)
{
	struct session *session = userdata;
	struct lane *lane = &session->lanes[shard_index(shard)];

	if (lane->session)
		lane_cancel(lane);
}

static bool wait_drained(struct session *session, uint64_t timeout_ns)
{
	uint64_t end = clock_ns() + timeout_ns;
	struct timespec deadline = { .tv_sec = (time_t)(end / NS_PER_S),
				     .tv_nsec = (long)(end % NS_PER_S) };
	bool is_drained;
	int r = 0;

	pthread_mutex_lock(&session->lock);
	while (session->n_busy > 0 && r == 0)
		r = pthread_cond_clockwait(&session->drained, &session->lock,
					   CLOCK_MONOTONIC, &deadline);
	is_drained = session->n_busy == 0;
	pthread_mutex_unlock(&session->lock);
	return is_drained;
}

/* A request that is done may begin a last call (a name set aside, say). */
static void cancel_lanes(struct session *session)
{
	while (!wait_drained(session, DRAIN_TIMEOUT_NS))
		shards_call_all(session->shards, cancel_lane, session);
}

static void session_destroy(struct session *session)
{
	while (!LIST_EMPTY(&session->handles))
		session_let_go(session, LIST_FIRST(&session->handles));
	/* Destroying closes se_fd; the connection ends with the last descriptor. */
	if (session->fuse)
		fuse_session_destroy(session->fuse);
	else
		fd_close(session->se_fd);
	fd_close(session->fd);
	pthread_cond_destroy(&session->drained);
	pthread_mutex_destroy(&session->lock);
	free(session->mountpoint);
	free(session);
}

struct session *session_free(struct session *session)
{
	if (!session)
		return NULL;
	if (session->mountpoint)
		(void)mount_remove(session->mountpoint, session->dev_minor,
				   NULL);
	shards_call_all(session->shards, close_lane, session);
	cancel_lanes(session);
	session_destroy(session);
	return NULL;
}

static void silence_lane(struct shard *shard, void *userdata)
{
	session_lane(userdata, shard_index(shard))->is_silent = true;
}

/* From now on answers go to nobody. */
static void fall_silent(struct session *session)
{
	_cleanup_(fd_close) int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null_fd >= 0)
		(void)dup3(null_fd, session->se_fd, O_CLOEXEC);
}

struct session *session_hand_over(struct session *session)
{
	if (!session)
		return NULL;
	shards_call_all(session->shards, close_lane, session);
	if (!wait_drained(session, DRAIN_TIMEOUT_NS)) {
		shards_call_all(session->shards, silence_lane, session);
		fall_silent(session);
		shards_call_all(session->shards, cancel_lane, session);
		cancel_lanes(session);
	}
	session_destroy(session);
	return NULL;
}
