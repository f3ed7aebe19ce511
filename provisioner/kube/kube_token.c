/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The kubelet renews a token when four fifths of its life are over, long before it
 * ends, by pointing a symbolic link elsewhere: another inode is another token. A
 * file that is changed in place by something else is found by its time, and, should
 * that not tell, by reading it once a minute as client-go does.
 *
 * A token that can't be read any more is no reason to have none: the old one may be
 * good for an hour yet.
 */

#include "kube_token.h"

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "kube_config.h"
#include "kube_file.h"
#include "log.h"

#define REREAD_NS (60 * NS_PER_S)

struct kube_token {
	char *path; /* NULL = it never changes */
	pthread_mutex_t lock;
	/* Under the lock: */
	char *text;
	struct stat st; /* of the file when it was read */
	uint64_t read_ns;
	bool is_missed; /* it was said that the file can't be read */
};

static char *trimmed(const char *text)
{
	return strndup(text, strcspn(text, " \t\r\n"));
}

static bool is_changed(const struct stat *a, const struct stat *b)
{
	return a->st_ino != b->st_ino || a->st_dev != b->st_dev ||
	       a->st_size != b->st_size ||
	       a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
	       a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

static int token_read(struct kube_token *token, struct err *err)
{
	_cleanup_(free) char *text = NULL;
	struct stat st = { 0 };
	char *found;
	size_t len;
	int r;

	/* First the file's state: a change in between is seen the next time. */
	(void)stat(token->path, &st);
	r = kube_file_read(token->path, &text, &len, err);
	if (r < 0)
		return r;
	found = trimmed(text);
	explicit_bzero(text, len);
	if (!found)
		return err_set(err, -ENOMEM, "out of memory");
	if (!*found || strlen(found) >= KUBE_TOKEN_MAX) {
		free(found);
		return err_set(err, -EINVAL, "\"%s\" has no token",
			       token->path);
	}
	free(token->text);
	token->text = found;
	token->st = st;
	token->read_ns = clock_ns();
	token->is_missed = false;
	return 0;
}

static void token_reread(struct kube_token *token)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	if (token_read(token, &err) == 0)
		return;
	token->read_ns = clock_ns();
	if (!token->is_missed)
		log_warn("token not read, the former one stays", F_ERR(&err));
	token->is_missed = true;
}

static void token_refresh_locked(struct kube_token *token)
{
	struct stat st = { 0 };

	if (!token->path)
		return;
	if (stat(token->path, &st) == 0 && !is_changed(&st, &token->st) &&
	    clock_ns() - token->read_ns < REREAD_NS)
		return;
	token_reread(token);
}

int kube_token_new(struct kube_token **ret, const struct kube_config *config,
		   struct err *err)
{
	_cleanup_(kube_token_free) struct kube_token *token =
		calloc(1, sizeof(*token));

	if (!token)
		return err_set(err, -ENOMEM, "out of memory");
	(void)pthread_mutex_init(&token->lock, NULL);
	token->text = trimmed(config->token ? config->token : "");
	if (config->token_path)
		token->path = strdup(config->token_path);
	if (!token->text || (config->token_path && !token->path))
		return err_set(err, -ENOMEM, "out of memory");
	if (strlen(token->text) >= KUBE_TOKEN_MAX)
		return err_set(err, -EINVAL, "the token is too long");
	if (token->path) {
		int r = token_read(token, err);

		if (r < 0)
			return err_wrap(err, "token");
	}
	*ret = TAKE_PTR(token);
	return 0;
}

struct kube_token *kube_token_free(struct kube_token *token)
{
	if (!token)
		return NULL;
	if (token->text)
		explicit_bzero(token->text, strlen(token->text));
	free(token->text);
	free(token->path);
	(void)pthread_mutex_destroy(&token->lock);
	free(token);
	return NULL;
}

void kube_token_get(struct kube_token *token, char ret[KUBE_TOKEN_MAX])
{
	(void)pthread_mutex_lock(&token->lock);
	token_refresh_locked(token);
	(void)snprintf(ret, KUBE_TOKEN_MAX, "%s", token->text);
	(void)pthread_mutex_unlock(&token->lock);
}

bool kube_token_refused(struct kube_token *token, const char *refused)
{
	bool is_other;

	(void)pthread_mutex_lock(&token->lock);
	if (token->path && strcmp(token->text, refused) == 0)
		token_reread(token);
	is_other = strcmp(token->text, refused) != 0;
	(void)pthread_mutex_unlock(&token->lock);
	return is_other;
}
