/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Volumes as CSI asks for them: by handle, and page by page. Threads and errors as in
 * store.h.
 */

#include "store.h"

/*
 * The PersistentVolume of this handle and one of these drivers; the first by name, if
 * somebody made several. STORE_NOT_FOUND.
 */
int store_volume_of_handle(struct store *store, const char *handle,
			   const char *const *drivers, size_t n_drivers,
			   struct object **ret, struct err *err);

/* Whether there is a claim of this class, in any namespace. */
int store_class_has_claims(struct store *store, const char *class, bool *ret,
			   struct err *err);

/* The same for a VolumeAttributesClass. */
int store_attributes_have_claims(struct store *store, const char *class,
				 bool *ret, struct err *err);

/*
 * The texts of all volumes whose names come after one ("" = all), in the order of
 * names, until fn returns 0. Negative: the end with that. With the lock held.
 */
int store_each_volume(struct store *store, const char *after, store_text_fn fn,
		      void *userdata, struct err *err);
