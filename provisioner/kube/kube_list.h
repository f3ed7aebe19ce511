/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Lists in pages, for kube_api_list() and kube_watch. */

#include "kube_api.h"

#define KUBE_LIST_PAGE 500 /* as client-go's pager has it */

struct kube_list {
	const struct kube_selection *selection;
	unsigned int page; /* objects; 0 = all in one */
	struct kube_cancel *cancel;
	kube_object_fn object;
	/* Around the objects of a page; may be NULL. Negative ends the list. */
	int (*begin_page)(void *userdata, struct err *err);
	int (*end_page)(void *userdata, struct err *err);
	/* An object that could not be understood was left out; may be NULL. */
	void (*left_out)(void *userdata, const struct err *err);
	void *userdata;
};

/* As kube_api_list(). */
int kube_list(struct kube_http *http, const struct kube_list *list,
	      uint64_t *ret_resource_version, struct err *err);

/* The path and the query, whose first parameter ("watch=1") the caller says. */
char *kube_list_path(const struct kube_selection *selection, const char *first);
