/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The bearer token, which the kubelet replaces in its file before it expires: read
 * again when the file is another one, once a minute, and at once after a 401.
 *
 * Any thread.
 */

#include <stdbool.h>

#include "err.h"

#define KUBE_TOKEN_MAX 16384 /* and the end of the string */

struct kube_config;
struct kube_token;

int kube_token_new(struct kube_token **ret, const struct kube_config *config,
		   struct err *err);
struct kube_token *kube_token_free(struct kube_token *token);

/* "" when there is none. A file that can't be read leaves the one we had. */
void kube_token_get(struct kube_token *token, char ret[KUBE_TOKEN_MAX]);
/* The server has refused it. Whether there is another one now. */
bool kube_token_refused(struct kube_token *token, const char *refused);

DEFINE_CLEANUP(struct kube_token *, kube_token_free)
