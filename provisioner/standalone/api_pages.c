/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A list that comes in pages must be what there was at one moment, so it stays in
 * memory when its first page goes out, as the texts of its objects; a page is a part
 * of it, and is made without looking at the others. Whoever pages holds memory here,
 * so everything has a limit, and what is beyond it is Expired: clients know what to
 * do then.
 *
 * Names of lists are random, so that a `continue` from before a restart does not name
 * another list.
 */

#include "api_pages.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "parse.h"

#define LISTS_MAX 32u
#define BYTES_MAX (24u << 20)
#define KEEP_NS	  (300 * NS_PER_S)
#define TOKEN	  "claimfs1"

struct kept_list {
	uint64_t name; /* 0 = not in use */
	uint64_t made_ns;
	struct text_list *texts;
};

struct api_pages {
	pthread_mutex_t lock; /* everything below */
	struct kept_list lists[LISTS_MAX];
	size_t bytes;
};

void api_continue_print(const struct api_continue *from,
			char ret[API_CONTINUE_MAX])
{
	(void)snprintf(ret, API_CONTINUE_MAX, TOKEN ":%llu:%llu:%llu:%s",
		       (unsigned long long)from->revision,
		       (unsigned long long)from->list,
		       (unsigned long long)from->at, from->after);
}

/* The number before the next colon; *text goes behind it. */
static int take_number(const char **text, uint64_t *ret)
{
	char number[24];
	size_t len = strcspn(*text, ":");

	if ((*text)[len] != ':' || len >= sizeof(number))
		return -EINVAL;
	memcpy(number, *text, len);
	number[len] = '\0';
	*text += len + 1;
	return parse_u64(number, 0, INT64_MAX, ret);
}

int api_continue_parse(const char *text, struct api_continue *ret)
{
	static const char prefix[] = TOKEN ":";

	if (strncmp(text, prefix, sizeof(prefix) - 1) != 0)
		return -EINVAL;
	text += sizeof(prefix) - 1;
	if (take_number(&text, &ret->revision) < 0 ||
	    take_number(&text, &ret->list) < 0 ||
	    take_number(&text, &ret->at) < 0)
		return -EINVAL;
	if (!strchr(text, '/') || strlen(text) >= sizeof(ret->after))
		return -EINVAL;
	memcpy(ret->after, text, strlen(text) + 1);
	return 0;
}

void api_continue_after(struct api_continue *to,
			const struct json_index *object)
{
	size_t len, namespace_len;
	const char *namespace = json_index_string(
		object, json_index_at(object, "metadata.namespace"),
		&namespace_len);
	const char *name = json_index_string(
		object, json_index_at(object, "metadata.name"), &len);

	(void)snprintf(to->after, sizeof(to->after), "%.*s/%.*s",
		       (int)namespace_len, namespace, (int)len, name);
}

static int compare(const struct json_index *object, const char *path,
		   const char *with, size_t with_len)
{
	size_t len;
	const char *text =
		json_index_string(object, json_index_at(object, path), &len);
	int r = memcmp(text, with, len < with_len ? len : with_len);

	if (r == 0 && len != with_len)
		r = len > with_len ? 1 : -1;
	return r;
}

/* Namespaces first: as one string, "a-b/x" would come before "a/x". */
bool api_continue_precedes(const struct api_continue *from,
			   const struct json_index *object)
{
	size_t len = strcspn(from->after, "/");
	const char *name = from->after + len + 1;
	int r = compare(object, "metadata.namespace", from->after, len);

	if (r == 0)
		r = compare(object, "metadata.name", name, strlen(name));
	return r > 0;
}

static size_t size_of(const struct text_list *texts)
{
	return texts->n_bytes + texts->n * sizeof(*texts->ends);
}

static void drop(struct api_pages *pages, struct kept_list *list)
{
	if (list->texts)
		pages->bytes -= size_of(list->texts);
	text_list_unref(list->texts);
	*list = (struct kept_list){ 0 };
}

static struct kept_list *oldest(struct api_pages *pages)
{
	struct kept_list *found = NULL;

	for (size_t i = 0; i < LISTS_MAX; i++) {
		struct kept_list *list = &pages->lists[i];

		if (list->name && (!found || list->made_ns < found->made_ns))
			found = list;
	}
	return found;
}

static struct kept_list *find(struct api_pages *pages, uint64_t name)
{
	size_t i = 0;

	while (i < LISTS_MAX && pages->lists[i].name != name)
		i++;
	return i < LISTS_MAX ? &pages->lists[i] : NULL;
}

/* Makes room for so many bytes and one more list, which is returned. */
static struct kept_list *make_room(struct api_pages *pages, size_t bytes)
{
	struct kept_list *list;

	while ((list = oldest(pages)) &&
	       (clock_ns() - list->made_ns > KEEP_NS || !find(pages, 0) ||
		pages->bytes + bytes > BYTES_MAX))
		drop(pages, list);
	return find(pages, 0);
}

int api_pages_new(struct api_pages **ret, struct err *err)
{
	struct api_pages *pages = calloc(1, sizeof(*pages));

	if (!pages)
		return err_set(err, -ENOMEM, "keep pages: out of memory");
	(void)pthread_mutex_init(&pages->lock, NULL);
	*ret = pages;
	return 0;
}

struct api_pages *api_pages_free(struct api_pages *pages)
{
	if (!pages)
		return NULL;
	for (size_t i = 0; i < LISTS_MAX; i++)
		drop(pages, &pages->lists[i]);
	(void)pthread_mutex_destroy(&pages->lock);
	free(pages);
	return NULL;
}

static int make_name(uint64_t *ret)
{
	uint64_t name = 0;

	if (getrandom(&name, sizeof(name), 0) != (ssize_t)sizeof(name))
		return -EIO;
	*ret = (name >> 1) | 1; /* never 0, and within INT64_MAX */
	return 0;
}

int api_pages_keep(struct api_pages *pages, struct text_list *list,
		   uint64_t *ret_list)
{
	size_t bytes = size_of(list);
	struct kept_list *to;
	uint64_t name;
	int r;

	if (bytes > BYTES_MAX)
		return -ENOSPC;
	r = make_name(&name);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&pages->lock);
	to = make_room(pages, bytes);
	*to = (struct kept_list){ .name = name,
				  .made_ns = clock_ns(),
				  .texts = text_list_ref(list) };
	pages->bytes += bytes;
	(void)pthread_mutex_unlock(&pages->lock);
	*ret_list = name;
	return 0;
}

static int take_locked(struct api_pages *pages,
		       const struct api_continue *token, size_t n,
		       struct api_list_part *ret)
{
	struct kept_list *list = token->list ? find(pages, token->list) : NULL;
	size_t left;

	if (!list || list->texts->resource_version != token->revision ||
	    clock_ns() - list->made_ns > KEEP_NS || !token->at ||
	    token->at >= list->texts->n)
		return -ENOENT;
	left = list->texts->n - token->at;
	*ret = (struct api_list_part){ .list = text_list_ref(list->texts),
				       .from = token->at,
				       .n = n < left ? n : left };
	if (ret->n == left)
		drop(pages, list);
	return 0;
}

int api_pages_take(struct api_pages *pages, const struct api_continue *token,
		   size_t n, struct api_list_part *ret)
{
	int r;

	(void)pthread_mutex_lock(&pages->lock);
	r = take_locked(pages, token, n, ret);
	(void)pthread_mutex_unlock(&pages->lock);
	return r;
}
