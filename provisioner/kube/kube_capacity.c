/* SPDX-License-Identifier: Apache-2.0 */

/*
 *	each minute: the cluster's objects of ours; those of no class go
 *	each two seconds: the record's classes; new ones are measured at once
 *	each minute and class: FSSTAT; written if it changed (kube_capacity_matters())
 *
 * A class at a time, each for as long as connecting and one call may take, and a server
 * that let us wait is not asked for its other classes for a while (server_health).
 *
 * While a server is asked, nothing that is borrowed is touched: who ends us meanwhile
 * goes on, and the thread takes what is left with it.
 */

#include "kube_capacity.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "clock.h"
#include "cond.h"
#include "kube_capacity_object.h"
#include "log.h"
#include "model_decode.h"
#include "server_health.h"
#include "share_room.h"

#define LOOK_NS	   (2 * NS_PER_S)
#define REFRESH_NS (60 * NS_PER_S)

struct entry {
	char *name;	  /* the object's, by kube_capacity_name() */
	uint64_t version; /* of the class that was measured */
	uint64_t due_ns;
	uint64_t bytes; /* as the object has it */
	bool has_object;
	bool is_there; /* the class is, as of the last look */
};

struct kube_capacity {
	struct kube_capacity_options options;
	char *driver;
	char *namespace;
	char *selector;
	struct server_health health;
	struct entry *entries; /* all of these are the thread's */
	size_t n_entries;
	uint64_t reload_ns;
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	bool is_stopping;
	bool is_measuring; /* the thread needs nobody */
	bool is_abandoned; /* and is the one who frees */
	bool has_ended;
};

/* --- what is known of classes ------------------------------------------------------------ */

static struct entry *find_entry(struct kube_capacity *self, const char *object)
{
	struct entry *entries;
	char *name;

	for (size_t i = 0; i < self->n_entries; i++)
		if (strcmp(self->entries[i].name, object) == 0)
			return &self->entries[i];
	name = strdup(object);
	entries = reallocarray(self->entries, self->n_entries + 1,
			       sizeof(*entries));
	if (entries)
		self->entries = entries;
	if (!name || !entries) {
		free(name);
		return NULL;
	}
	self->entries[self->n_entries] = (struct entry){ .name = name };
	return &self->entries[self->n_entries++];
}

static void drop_entry(struct kube_capacity *self, size_t i)
{
	free(self->entries[i].name);
	self->entries[i] = self->entries[--self->n_entries];
}

/* --- objects --------------------------------------------------------------------------------- */

static int take_object(void *userdata, struct object *object, struct err *err)
{
	struct kube_capacity *self = userdata;
	struct entry *entry = find_entry(self, object->name);

	if (!entry)
		return err_set(err, -ENOMEM, "no memory");
	entry->has_object = true;
	entry->bytes = kube_capacity_object_bytes(object);
	return 0;
}

static int reload(struct kube_capacity *self, struct err *err)
{
	const struct kube_selection selection = {
		.kind = KIND_STORAGE_CAPACITY,
		.namespace = self->namespace,
		.labels = self->selector,
	};
	uint64_t version;
	int r;

	if (clock_ns() < self->reload_ns)
		return 0;
	for (size_t i = 0; i < self->n_entries; i++)
		self->entries[i].has_object = false;
	r = kube_api_list(self->options.api, &selection, take_object, self,
			  &version, err);
	if (r >= 0)
		self->reload_ns = clock_ns() + REFRESH_NS;
	return r < 0 ? r : 0;
}

static int create_object(struct kube_capacity *self, const char *class,
			 uint64_t bytes, struct err *err)
{
	const struct kube_capacity_facts facts = {
		.namespace = self->namespace,
		.driver = self->driver,
		.class = class,
		.bytes = bytes,
	};
	_cleanup_(object_unref) struct object *object = NULL;
	int r = kube_capacity_object_new(&object, &facts, err);

	return r < 0 ? r
		     : kube_api_create(self->options.api, object, NULL, err);
}

static int change_object(struct kube_capacity *self, const char *name,
			 uint64_t bytes, struct err *err)
{
	_cleanup_(object_unref) struct object *old = NULL;
	_cleanup_(object_unref) struct object *new = NULL;
	int r = kube_api_get(self->options.api, KIND_STORAGE_CAPACITY,
			     self->namespace, name, &old, err);

	if (r == 0)
		r = kube_capacity_object_change(&new, old, bytes, err);
	return r == 0 ? kube_api_update(self->options.api, new, NULL, err) : r;
}

/* What is refused is read again and tried again a minute later. */
static void write_object(struct kube_capacity *self, struct entry *entry,
			 const char *class, uint64_t bytes)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r;

	if (entry->has_object && !kube_capacity_matters(entry->bytes, bytes))
		return;
	r = entry->has_object ? change_object(self, entry->name, bytes, &err)
			      : create_object(self, class, bytes, &err);
	if (r == 0) {
		entry->has_object = true;
		entry->bytes = bytes;
		return;
	}
	self->reload_ns = 0;
	log_warn("capacity not told", F_STR("class", class), F_ERR(&err));
}

static void remove_objects_of_no_class(struct kube_capacity *self)
{
	for (size_t i = self->n_entries; i-- > 0;) {
		const struct entry *entry = &self->entries[i];
		_cleanup_(err_fini) struct err err = ERR_INIT;
		int r = 0;

		if (entry->is_there)
			continue;
		if (entry->has_object)
			r = kube_api_delete(
				self->options.api, KIND_STORAGE_CAPACITY,
				self->namespace, entry->name, NULL, &err);
		if (r == 0 || r == CLUSTER_NOT_FOUND)
			drop_entry(self, i);
	}
}

/* --- servers ------------------------------------------------------------------------------------ */

static void begin_measuring(struct kube_capacity *self)
{
	(void)pthread_mutex_lock(&self->lock);
	self->is_measuring = true;
	(void)pthread_cond_broadcast(&self->changed);
	(void)pthread_mutex_unlock(&self->lock);
}

/* False: there is nobody any more but us. */
static bool end_measuring(struct kube_capacity *self)
{
	bool is_over;

	(void)pthread_mutex_lock(&self->lock);
	self->is_measuring = false;
	is_over = self->is_stopping;
	(void)pthread_mutex_unlock(&self->lock);
	return !is_over;
}

static bool refresh(struct kube_capacity *self, struct entry *entry,
		    const struct storage_class *class)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	_cleanup_(err_fini) struct err err = ERR_INIT;
	uint64_t bytes = 0;
	int r = volume_place_of_class(class, &place, &err);

	if (r >= 0) {
		begin_measuring(self);
		r = share_room(&place, &self->health, &bytes, &err);
		if (!end_measuring(self))
			return false;
	}
	entry->version = class->meta.resource_version;
	entry->due_ns = clock_ns() + REFRESH_NS;
	if (r >= 0)
		write_object(self, entry, class->meta.name, bytes);
	else
		log_debug("capacity unknown", F_STR("class", class->meta.name),
			  F_ERR(&err));
	return true;
}

/* --- the thread ----------------------------------------------------------------------------------- */

static bool look_at(struct kube_capacity *self, const struct object *object)
{
	_cleanup_(storage_class_fini) struct storage_class class = { 0 };
	char name[KUBE_CAPACITY_NAME_MAX];
	struct entry *entry;

	if (storage_class_decode(object, &class, NULL) < 0 ||
	    strcmp(class.provisioner, self->driver) != 0)
		return true;
	kube_capacity_name(self->driver, class.meta.name, name);
	entry = find_entry(self, name);
	if (!entry)
		return true;
	entry->is_there = true;
	if (entry->version == class.meta.resource_version &&
	    clock_ns() < entry->due_ns)
		return true;
	return refresh(self, entry, &class);
}

/* False: ended meanwhile. */
static bool look(struct kube_capacity *self)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	_cleanup_(err_fini) struct err err = ERR_INIT;

	if (reload(self, &err) < 0 ||
	    store_list(self->options.store, KIND_STORAGE_CLASS, NULL, &list,
		       &err) < 0) {
		log_debug("capacities not read", F_ERR(&err));
		return true;
	}
	for (size_t i = 0; i < self->n_entries; i++)
		self->entries[i].is_there = false;
	for (size_t i = 0; i < list.n; i++)
		if (!look_at(self, list.items[i]))
			return false;
	remove_objects_of_no_class(self);
	return true;
}

static bool pause_until_next(struct kube_capacity *self)
{
	uint64_t until_ns = clock_ns() + LOOK_NS;
	bool goes_on;
	int r = 0;

	(void)pthread_mutex_lock(&self->lock);
	while (!self->is_stopping && r != ETIMEDOUT)
		r = cond_wait_until(&self->changed, &self->lock, until_ns);
	goes_on = !self->is_stopping;
	(void)pthread_mutex_unlock(&self->lock);
	return goes_on;
}

static void destroy(struct kube_capacity *self)
{
	while (self->n_entries > 0)
		drop_entry(self, 0);
	free(self->entries);
	free(self->driver);
	free(self->namespace);
	free(self->selector);
	server_health_fini(&self->health);
	(void)pthread_cond_destroy(&self->changed);
	(void)pthread_mutex_destroy(&self->lock);
	free(self);
}

static void *run(void *userdata)
{
	struct kube_capacity *self = userdata;
	bool is_abandoned;

	while (look(self) && pause_until_next(self))
		;
	(void)pthread_mutex_lock(&self->lock);
	self->has_ended = true;
	is_abandoned = self->is_abandoned;
	(void)pthread_cond_broadcast(&self->changed);
	(void)pthread_mutex_unlock(&self->lock);
	if (is_abandoned)
		destroy(self);
	return NULL;
}

static int init(struct kube_capacity *self,
		const struct kube_capacity_options *options)
{
	self->options = *options;
	self->driver = strdup(options->driver);
	self->namespace = strdup(options->namespace);
	self->selector = kube_capacity_selector(options->driver);
	self->health = SERVER_HEALTH_INIT;
	(void)pthread_mutex_init(&self->lock, NULL);
	cond_init_monotonic(&self->changed);
	return self->driver && self->namespace && self->selector ? 0 : -ENOMEM;
}

int kube_capacity_start(struct kube_capacity **ret,
			const struct kube_capacity_options *options,
			struct err *err)
{
	struct kube_capacity *self = calloc(1, sizeof(*self));
	int r = self ? init(self, options) : -ENOMEM;

	if (r >= 0)
		r = -pthread_create(&self->thread, NULL, run, self);
	if (r < 0) {
		if (self)
			destroy(self);
		return err_set_errno(err, r, "start to tell capacities");
	}
	*ret = self;
	return 0;
}

struct kube_capacity *kube_capacity_free(struct kube_capacity *self)
{
	bool has_ended;

	if (!self)
		return NULL;
	(void)pthread_mutex_lock(&self->lock);
	self->is_stopping = true;
	(void)pthread_cond_broadcast(&self->changed);
	while (!self->is_measuring && !self->has_ended)
		(void)pthread_cond_wait(&self->changed, &self->lock);
	has_ended = self->has_ended;
	self->is_abandoned = !has_ended;
	if (self->is_abandoned)
		(void)pthread_detach(self->thread);
	(void)pthread_mutex_unlock(&self->lock);
	if (has_ended) {
		(void)pthread_join(self->thread, NULL);
		destroy(self);
	}
	return NULL;
}
