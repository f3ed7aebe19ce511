/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Random operations on one file, checked against a model of it in memory:
 *
 *	fsx [OPTIONS] FILE
 *
 * Every operation changes the model first and then the file, or reads the file and
 * compares. Sizes and places are random with a liking for page borders, where
 * caches go wrong. The operations of a seed are always the same, so a failure is
 * repeated by its seed; the last operations are printed, newest last.
 *
 * One process, one file, no threads: what several writers may see is the cases'
 * matter. An operation that the file system does not offer (fallocate on NFSv3)
 * is left out once it said EOPNOTSUPP; any other error ends the run.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "options.h"
#include "parse.h"

#define PAGE	   4096u
#define FILE_MAX   (300u << 10) /* of the file */
#define LENGTH_MAX (70u << 10)	/* of one operation */
#define N_HISTORY  40u

struct options {
	uint64_t seed;
	uint64_t n_operations;
	const char *path;
	bool has_mmap;
	bool has_direct;
	bool has_append;
};

struct checker {
	struct options options;
	uint64_t random;
	uint64_t n_done;
	int fd;
	int direct_fd; /* -1 = not asked for */
	int append_fd; /* -1 = not asked for */
	size_t size;   /* of model and file */
	bool has_fallocate;
	char *model;
	char *buffer; /* page-aligned, for O_DIRECT */
	char history[N_HISTORY][96];
};

static void print_history(const struct checker *c)
{
	uint64_t first = c->n_done > N_HISTORY ? c->n_done - N_HISTORY : 0;

	for (uint64_t i = first; i < c->n_done; i++)
		fprintf(stderr, "  %" PRIu64 " %s\n", i,
			c->history[i % N_HISTORY]);
}

__attribute__((format(printf, 2, 3), noreturn)) static void die(
	const struct checker *c, const char *format, ...)
{
	va_list args;

	print_history(c);
	fprintf(stderr, "fsx: seed %" PRIu64 ": ", c->options.seed);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

__attribute__((format(printf, 2, 3))) static void note(struct checker *c,
						       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->history[c->n_done % N_HISTORY], sizeof(c->history[0]),
		  format, args);
	va_end(args);
	c->n_done++;
}

/* --- dice: xorshift64*, the same everywhere ----------------------------------- */

static uint64_t dice(struct checker *c, uint64_t n)
{
	c->random ^= c->random >> 12;
	c->random ^= c->random << 25;
	c->random ^= c->random >> 27;
	return (c->random * 0x2545f4914f6cdd1dull >> 32) % n;
}

/* A number below n, often at or beside a multiple of a page. */
static size_t place(struct checker *c, size_t n)
{
	size_t at = dice(c, n);

	if (dice(c, 3) == 0)
		at = at / PAGE * PAGE + dice(c, 3);
	return at < n ? at : n - 1;
}

static size_t length(struct checker *c, size_t at)
{
	size_t len = 1 + place(c, dice(c, 4) ? 3 * PAGE : LENGTH_MAX);

	return len < FILE_MAX - at ? len : FILE_MAX - at;
}

static void fill(struct checker *c, char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (char)dice(c, 256);
}

/* --- the model ------------------------------------------------------------------- */

static void model_resize(struct checker *c, size_t size)
{
	if (size < c->size)
		memset(c->model + size, 0, c->size - size);
	c->size = size;
}

/* New content at [at, at + len), which is to be written to the file. */
static void model_write(struct checker *c, size_t at, size_t len)
{
	fill(c, c->model + at, len);
	if (at + len > c->size)
		c->size = at + len;
}

static void compare(const struct checker *c, const char *data, size_t at,
		    size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] != c->model[at + i])
			die(c,
			    "byte %zu of %zu is %#x, not %#x, when [%zu, %zu) "
			    "was read",
			    at + i, c->size, (unsigned char)data[i],
			    (unsigned char)c->model[at + i], at, at + len);
	}
}

static void check_size(const struct checker *c)
{
	struct stat st;

	if (fstat(c->fd, &st) < 0)
		die(c, "fstat: %m");
	if ((size_t)st.st_size != c->size)
		die(c, "the size is %jd, not %zu", (intmax_t)st.st_size,
		    c->size);
}

/* --- operations ------------------------------------------------------------------- */

static void read_by(struct checker *c, int fd, size_t at, size_t len)
{
	size_t wanted = at >= c->size	     ? 0
			: len > c->size - at ? c->size - at
					     : len;
	ssize_t n = pread(fd, c->buffer, len, (off_t)at);

	if (n < 0)
		die(c, "read: %m");
	if ((size_t)n != wanted)
		die(c, "read %zd bytes, not %zu", n, wanted);
	compare(c, c->buffer, at, wanted);
}

static void write_by(struct checker *c, int fd, size_t at, size_t len)
{
	ssize_t n;

	model_write(c, at, len);
	memcpy(c->buffer, c->model + at, len);
	n = pwrite(fd, c->buffer, len, (off_t)at);
	if (n < 0)
		die(c, "write: %m");
	if ((size_t)n != len)
		die(c, "wrote %zd bytes, not %zu", n, len);
}

static void do_read(struct checker *c)
{
	size_t at = place(c, FILE_MAX), len = length(c, at);

	note(c, "read %zu +%zu", at, len);
	read_by(c, c->fd, at, len);
}

static void do_write(struct checker *c)
{
	size_t at = place(c, FILE_MAX), len = length(c, at);

	note(c, "write %zu +%zu", at, len);
	write_by(c, c->fd, at, len);
}

static void do_truncate(struct checker *c)
{
	size_t size = place(c, FILE_MAX);
	bool is_by_name = dice(c, 2);

	note(c, "%s %zu", is_by_name ? "truncate" : "ftruncate", size);
	if ((is_by_name ? truncate(c->options.path, (off_t)size)
			: ftruncate(c->fd, (off_t)size)) < 0)
		die(c, "truncate: %m");
	model_resize(c, size);
}

static void do_fallocate(struct checker *c)
{
	size_t at = place(c, FILE_MAX), len = length(c, at);

	if (!c->has_fallocate)
		return;
	note(c, "fallocate %zu +%zu", at, len);
	if (fallocate(c->fd, 0, (off_t)at, (off_t)len) == 0) {
		if (at + len > c->size)
			c->size = at + len;
	} else if (errno == EOPNOTSUPP) {
		c->has_fallocate = false;
	} else {
		die(c, "fallocate: %m");
	}
}

static void do_sync(struct checker *c)
{
	bool is_data_only = dice(c, 2);

	note(c, "%s", is_data_only ? "fdatasync" : "fsync");
	if ((is_data_only ? fdatasync(c->fd) : fsync(c->fd)) < 0)
		die(c, "fsync: %m");
}

static void do_forget(struct checker *c)
{
	note(c, "drop the file's cache");
	if (posix_fadvise(c->fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
		die(c, "posix_fadvise: %m");
}

static int open_file(const struct checker *c, int flags)
{
	int fd = open(c->options.path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		die(c, "open: %m");
	return fd;
}

static void open_all(struct checker *c, int flags)
{
	c->fd = open_file(c, O_RDWR | flags);
	c->direct_fd =
		c->options.has_direct ? open_file(c, O_RDWR | O_DIRECT) : -1;
	c->append_fd =
		c->options.has_append ? open_file(c, O_WRONLY | O_APPEND) : -1;
}

static void close_all(const struct checker *c)
{
	if (close(c->fd) < 0 ||
	    (c->direct_fd >= 0 && close(c->direct_fd) < 0) ||
	    (c->append_fd >= 0 && close(c->append_fd) < 0))
		die(c, "close: %m");
}

static void do_reopen(struct checker *c)
{
	bool is_emptied = dice(c, 8) == 0;

	note(c, "close, open%s", is_emptied ? " with O_TRUNC" : "");
	close_all(c);
	open_all(c, is_emptied ? O_TRUNC : 0);
	if (is_emptied)
		model_resize(c, 0);
}

/* A part of the file through a mapping of whole pages. */
static void do_mmap(struct checker *c)
{
	bool is_write = dice(c, 2);
	size_t at, len, first;
	char *map;

	if (!c->options.has_mmap || c->size == 0)
		return;
	at = place(c, c->size);
	len = length(c, at);
	len = len < c->size - at ? len : c->size - at;
	first = at / PAGE * PAGE;
	note(c, "%s mapped %zu +%zu", is_write ? "write" : "read", at, len);
	map = mmap(NULL, at + len - first,
		   PROT_READ | (is_write ? PROT_WRITE : 0), MAP_SHARED, c->fd,
		   (off_t)first);
	if (map == MAP_FAILED)
		die(c, "mmap: %m");
	if (is_write) {
		model_write(c, at, len);
		memcpy(map + (at - first), c->model + at, len);
		if (dice(c, 2) && msync(map, at + len - first, MS_SYNC) < 0)
			die(c, "msync: %m");
	} else {
		compare(c, map + (at - first), at, len);
	}
	munmap(map, at + len - first);
}

static void do_direct(struct checker *c)
{
	size_t at = place(c, FILE_MAX) / PAGE * PAGE;
	size_t len = (length(c, at) + PAGE - 1) / PAGE * PAGE;

	if (c->direct_fd < 0 || at + len > FILE_MAX)
		return;
	if (dice(c, 2)) {
		note(c, "write direct %zu +%zu", at, len);
		write_by(c, c->direct_fd, at, len);
	} else {
		note(c, "read direct %zu +%zu", at, len);
		read_by(c, c->direct_fd, at, len);
	}
}

static void do_append(struct checker *c)
{
	size_t len = length(c, c->size), at = c->size;
	ssize_t n;

	if (c->append_fd < 0 || len == 0)
		return;
	note(c, "append +%zu", len);
	model_write(c, at, len);
	n = write(c->append_fd, c->model + at, len);
	if (n < 0)
		die(c, "append: %m");
	if ((size_t)n != len)
		die(c, "appended %zd bytes, not %zu", n, len);
}

static const struct {
	void (*fn)(struct checker *c);
	unsigned int weight;
} operations[] = {
	{ do_read, 25 },     { do_write, 20 }, { do_truncate, 8 },
	{ do_fallocate, 3 }, { do_sync, 3 },   { do_forget, 3 },
	{ do_reopen, 4 },    { do_mmap, 20 },  { do_direct, 20 },
	{ do_append, 12 },
};

static void do_any(struct checker *c)
{
	size_t n_all = 0, n;

	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		n_all += operations[i].weight;
	n = dice(c, n_all);
	for (size_t i = 0;; i++) {
		if (n < operations[i].weight) {
			operations[i].fn(c);
			return;
		}
		n -= operations[i].weight;
	}
}

static void run(struct checker *c)
{
	open_all(c, O_CREAT | O_TRUNC);
	/* An operation may find nothing to do; it counts only if it did. */
	while (c->n_done < c->options.n_operations) {
		do_any(c);
		check_size(c);
	}
	close_all(c);
	open_all(c, 0);
	note(c, "read everything");
	read_by(c, c->fd, 0, FILE_MAX);
	close_all(c);
}

/* --- options ------------------------------------------------------------------------- */

static int take_number(const char *value, uint64_t min, uint64_t *ret,
		       struct err *err)
{
	int r = parse_u64(value, min, UINT64_MAX, ret);

	if (r < 0)
		return err_set(err, r, "'%s' is no number from %" PRIu64, value,
			       min);
	return 0;
}

static int take_seed(void *userdata, const char *value, struct err *err)
{
	struct options *o = userdata;

	/* xorshift needs a state that is not 0. */
	return take_number(value, 1, &o->seed, err);
}

static int take_operations(void *userdata, const char *value, struct err *err)
{
	struct options *o = userdata;

	return take_number(value, 0, &o->n_operations, err);
}

static int take_mmap(void *userdata, const char *value, struct err *err)
{
	((struct options *)userdata)->has_mmap = true;
	return 0;
}

static int take_direct(void *userdata, const char *value, struct err *err)
{
	((struct options *)userdata)->has_direct = true;
	return 0;
}

static int take_append(void *userdata, const char *value, struct err *err)
{
	((struct options *)userdata)->has_append = true;
	return 0;
}

static const struct option_spec option_table[] = {
	{ "seed", 's', "N", "of the dice (default 1)", take_seed },
	{ "operations", 'n', "N", "how many (default 1000)", take_operations },
	{ "mmap", 0, NULL, "use mappings as well", take_mmap },
	{ "direct", 0, NULL, "use O_DIRECT as well", take_direct },
	{ "append", 0, NULL, "use O_APPEND as well", take_append },
};

static const struct options_spec options_spec = {
	.program = "fsx",
	.usage = "[OPTIONS] FILE",
	.summary = "Does random operations on FILE and checks them.",
	.options = option_table,
	.n_options = sizeof(option_table) / sizeof(*option_table),
};

int main(int argc, char **argv)
{
	static struct checker c = {
		.options = { .seed = 1, .n_operations = 1000 },
		.has_fallocate = true,
	};
	struct err err = {};
	int first, r;

	r = options_parse(&options_spec, argc, argv, &c.options, &first, &err);
	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0 || first + 1 != argc) {
		fprintf(stderr, "fsx: %s\n",
			r < 0 ? err.text : "it takes one file; see --help");
		return 2;
	}
	c.options.path = argv[first];
	c.random = c.options.seed;
	c.model = calloc(1, FILE_MAX);
	c.buffer = aligned_alloc(PAGE, FILE_MAX);
	if (!c.model || !c.buffer)
		die(&c, "there is no memory");
	run(&c);
	printf("fsx: seed %" PRIu64 ", %" PRIu64 " operations: fine\n",
	       c.options.seed, c.options.n_operations);
	free(c.model);
	free(c.buffer);
	return 0;
}
