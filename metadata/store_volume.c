/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Handles have an index, drivers have none: of one handle there is one volume, unless
 * somebody applied manifests that say otherwise.
 */

#include "store_volume.h"

#include <string.h>

#include "json_field.h"
#include "store_internal.h"

static bool is_of_drivers(const struct object *volume,
			  const char *const *drivers, size_t n)
{
	const char *driver = NULL;

	(void)json_string(volume->json, "spec.csi.driver", "", &driver, NULL);
	for (size_t i = 0; driver && i < n; i++)
		if (strcmp(driver, drivers[i]) == 0)
			return true;
	return false;
}

static int list_of_handle(struct store *store, const char *handle,
			  struct object_list *ret, struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(store, STATEMENT_VOLUMES_OF_HANDLE,
				"select object from volume where handle = ?1"
				" order by name limit 16",
				&statement, err);

	if (r < 0)
		return r;
	store_bind_text(statement, 1, handle);
	r = store_read_objects(store, statement, ret, err);
	(void)sqlite3_reset(statement);
	return r;
}

int store_volume_of_handle(struct store *store, const char *handle,
			   const char *const *drivers, size_t n_drivers,
			   struct object **ret, struct err *err)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	int r;

	store_lock_to_read(store);
	r = list_of_handle(store, handle, &list, err);
	store_unlock(store);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.n; i++) {
		if (!is_of_drivers(list.items[i], drivers, n_drivers))
			continue;
		*ret = object_ref(list.items[i]);
		return 0;
	}
	return STORE_NOT_FOUND;
}

static int count(void *n, sqlite3_stmt *row)
{
	*(size_t *)n += sqlite3_column_int(row, 0) > 0;
	return 0;
}

static int has_claims(struct store *store, enum store_statement which,
		      const char *sql, const char *class, bool *ret,
		      struct err *err)
{
	sqlite3_stmt *statement;
	size_t n = 0;
	int r;

	store_lock_to_read(store);
	r = store_statement(store, (int)which, sql, &statement, err);
	if (r == 0) {
		store_bind_text(statement, 1, class);
		r = store_rows(store, statement, count, &n, "look for claims",
			       err);
	}
	store_unlock(store);
	if (r == 0)
		*ret = n > 0;
	return r;
}

int store_class_has_claims(struct store *store, const char *class, bool *ret,
			   struct err *err)
{
	return has_claims(store, STATEMENT_CLASS_HAS_CLAIMS,
			  "select 1 from claim where class = ?1 limit 1", class,
			  ret, err);
}

/* The expression is the index's. */
int store_attributes_have_claims(struct store *store, const char *class,
				 bool *ret, struct err *err)
{
	return has_claims(store, STATEMENT_ATTRIBUTES_HAVE_CLAIMS,
			  "select 1 from claim where json_extract(object,"
			  " '$.spec.volumeAttributesClassName') = ?1 limit 1",
			  class, ret, err);
}

static int tell_texts(struct store *store, sqlite3_stmt *statement,
		      store_text_fn fn, void *userdata, struct err *err)
{
	int code, r = 1;

	while (r > 0 && (code = sqlite3_step(statement)) == SQLITE_ROW)
		r = fn(userdata,
		       (const char *)sqlite3_column_text(statement, 0));
	if (r > 0 && code != SQLITE_DONE)
		r = store_failed(store, code, err);
	else if (r < 0)
		(void)err_set_errno(err, r, "list volumes");
	(void)sqlite3_reset(statement);
	return r < 0 ? r : 0;
}

int store_each_volume(struct store *store, const char *after, store_text_fn fn,
		      void *userdata, struct err *err)
{
	sqlite3_stmt *statement;
	int r;

	store_lock_to_read(store);
	r = store_statement(store, STATEMENT_VOLUMES_AFTER,
			    "select object from volume where name > ?1"
			    " order by name",
			    &statement, err);
	if (r == 0) {
		store_bind_text(statement, 1, after);
		r = tell_texts(store, statement, fn, userdata, err);
	}
	store_unlock(store);
	return r;
}
