/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Some commands are not for a shard to carry out, and go to the notification
 * thread, one at a time. When caches are dropped the kernel waits for pages that are
 * being read, and so for the shards, one of which has the command in its hands. And
 * what a trace writes into the log may have to wait for whoever reads the log.
 */

#include "meta_control.h"

#include <string.h>

#include "log.h"

static void reply(fuse_req_t req, int r, size_t len)
{
	if (r < 0)
		(void)fuse_reply_err(req, -r);
	else
		(void)fuse_reply_write(req, len);
}

static int set_log_level(const char *level)
{
	enum log_level parsed;

	if (log_level_parse(level, &parsed) < 0)
		return -EINVAL;
	log_set_level(parsed);
	log_info("log level set", F_STR("level", level));
	return 0;
}

static void set_idle_locked(struct control *control)
{
	control->is_busy = false;
	(void)pthread_cond_signal(&control->idle);
}

/*
 * The command has been carried out. Loop's thread, as run_*(). Who has the answer
 * may give the next command, who waits for the end may close the session.
 */
static void end(struct control *control, int r)
{
	pthread_mutex_lock(&control->lock);
	reply(control->req, r, control->len);
	set_idle_locked(control);
	pthread_mutex_unlock(&control->lock);
}

static void run_drop_caches(struct post *post)
{
	struct control *control = container_of(post, struct control, post);
	int r = node_drop_caches(control->node, control->name);

	if (r == 0)
		log_info("caches dropped", F_STR("volume", control->name));
	end(control, r);
}

static void run_trace_on(struct post *post)
{
	struct control *control = container_of(post, struct control, post);
	_cleanup_(trace_unref) struct trace *trace = NULL;
	int r = node_get_trace(control->node, control->name, &trace);

	if (r == 0)
		r = trace_logs_start(&control->logs, trace, control->name);
	if (r == 0)
		log_info("trace is on", F_STR("volume", control->name));
	end(control, r);
}

static void run_trace_off(struct post *post)
{
	struct control *control = container_of(post, struct control, post);
	_cleanup_(trace_unref) struct trace *trace = NULL;
	int r = node_get_trace(control->node, control->name, &trace);

	trace_logs_stop(&control->logs, control->name);
	if (r == 0)
		log_info("trace is off", F_STR("volume", control->name));
	end(control, r);
}

static void run_fini(struct post *post)
{
	struct control *control = container_of(post, struct control, post);

	trace_logs_fini(&control->logs);
	pthread_mutex_lock(&control->lock);
	set_idle_locked(control);
	pthread_mutex_unlock(&control->lock);
}

void control_init(struct control *control, struct node *node, struct loop *loop)
{
	*control = (struct control){ .node = node, .loop = loop };
	(void)pthread_mutex_init(&control->lock, NULL);
	(void)pthread_cond_init(&control->idle, NULL);
	trace_logs_init(&control->logs, loop);
}

static void wait_idle_locked(struct control *control)
{
	while (control->is_busy)
		(void)pthread_cond_wait(&control->idle, &control->lock);
}

void control_fini(struct control *control)
{
	pthread_mutex_lock(&control->lock);
	control->is_closed = true;
	wait_idle_locked(control);
	if (control->has_logs) { /* they are the loop's to stop */
		control->is_busy = true;
		control->has_logs = false;
		control->post.fn = run_fini;
		loop_post(control->loop, &control->post);
		wait_idle_locked(control);
	}
	pthread_mutex_unlock(&control->lock);
}

/* 0: fn will answer the request, from the loop. */
static int post_command(struct control *control, fuse_req_t req, size_t len,
			const char *name, post_fn fn)
{
	bool is_refused;

	pthread_mutex_lock(&control->lock);
	is_refused = control->is_busy || control->is_closed;
	if (!is_refused)
		control->is_busy = true;
	control->has_logs |= !is_refused && fn == run_trace_on;
	pthread_mutex_unlock(&control->lock);
	if (is_refused)
		return -EBUSY;
	control->req = req;
	control->len = len;
	(void)snprintf(control->name, sizeof(control->name), "%s", name);
	control->post.fn = fn;
	loop_post(control->loop, &control->post);
	return 0;
}

/* The words of a command; a newline ends it. */
static int split(const char *text, size_t len, char *buf, const char **ret_verb,
		 char **ret_argument)
{
	char *rest;

	if (len >= CONTROL_COMMAND_MAX || memchr(text, '\0', len))
		return -EINVAL;
	memcpy(buf, text, len);
	buf[len] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	rest = buf;
	*ret_verb = strsep(&rest, " ");
	*ret_argument = rest;
	return rest && *rest ? 0 : -EINVAL;
}

/* "PV on" or "PV off", which is cut behind PV; NULL = neither. */
static post_fn parse_trace(char *argument)
{
	char *word = strrchr(argument, ' ');

	if (!word || word == argument)
		return NULL;
	*word++ = '\0';
	if (strcmp(word, "on") == 0)
		return run_trace_on;
	return strcmp(word, "off") == 0 ? run_trace_off : NULL;
}

/* What the loop has to do, and not the shard; NULL = nothing. */
static post_fn parse_posted(const char *verb, char *argument)
{
	if (strcmp(verb, "drop-caches") == 0)
		return run_drop_caches;
	return strcmp(verb, "trace") == 0 ? parse_trace(argument) : NULL;
}

void control_write(struct control *control, fuse_req_t req, const char *text,
		   size_t len)
{
	char buf[CONTROL_COMMAND_MAX];
	post_fn posted = NULL;
	const char *verb;
	char *argument;
	int r;

	r = split(text, len, buf, &verb, &argument);
	if (r == 0)
		posted = parse_posted(verb, argument);
	if (posted) {
		r = post_command(control, req, len, argument, posted);
		if (r == 0)
			return;
	} else if (r == 0) {
		r = strcmp(verb, "log-level") == 0 ? set_log_level(argument)
						   : -EINVAL;
	}
	reply(req, r, len);
}
