/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Most commands are carried out on the spot. Dropping caches is not: the kernel
 * waits for pages that are being read, and so for the shards, one of which has
 * the command in its hands. It goes to the notification thread, one at a time.
 */

#include "meta_control.h"

#include <string.h>

#include "log.h"

void control_init(struct control *control, struct node *node, struct loop *loop)
{
	*control = (struct control){ .node = node, .loop = loop };
	(void)pthread_mutex_init(&control->lock, NULL);
	(void)pthread_cond_init(&control->idle, NULL);
}

void control_fini(struct control *control)
{
	pthread_mutex_lock(&control->lock);
	control->is_closed = true;
	while (control->is_busy)
		(void)pthread_cond_wait(&control->idle, &control->lock);
	pthread_mutex_unlock(&control->lock);
}

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

static void run_drop_caches(struct post *post)
{
	struct control *control = container_of(post, struct control, post);
	int r = node_drop_caches(control->node, control->name);

	if (r == 0)
		log_info("caches dropped", F_STR("volume", control->name));
	reply(control->req, r, control->len);
	pthread_mutex_lock(&control->lock);
	control->is_busy = false;
	(void)pthread_cond_signal(&control->idle);
	pthread_mutex_unlock(&control->lock);
}

/* 0: the request will be answered. */
static int post_drop_caches(struct control *control, fuse_req_t req,
			    const char *name, size_t len)
{
	bool is_refused;

	pthread_mutex_lock(&control->lock);
	is_refused = control->is_busy || control->is_closed;
	if (!is_refused)
		control->is_busy = true;
	pthread_mutex_unlock(&control->lock);
	if (is_refused)
		return -EBUSY;
	control->req = req;
	control->len = len;
	(void)snprintf(control->name, sizeof(control->name), "%s", name);
	control->post.fn = run_drop_caches;
	loop_post(control->loop, &control->post);
	return 0;
}

/* The two words of a command; a newline ends it. */
static int split(const char *text, size_t len, char *buf, const char **ret_verb,
		 const char **ret_argument)
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

void control_write(struct control *control, fuse_req_t req, const char *text,
		   size_t len)
{
	char buf[CONTROL_COMMAND_MAX];
	const char *argument;
	const char *verb;
	int r;

	r = split(text, len, buf, &verb, &argument);
	if (r == 0 && strcmp(verb, "drop-caches") == 0) {
		r = post_drop_caches(control, req, argument, len);
		if (r == 0)
			return;
	} else if (r == 0 && strcmp(verb, "log-level") == 0) {
		r = set_log_level(argument);
	} else if (r == 0) {
		r = strcmp(verb, "trace") == 0 ? -EOPNOTSUPP : -EINVAL;
	}
	reply(req, r, len);
}
