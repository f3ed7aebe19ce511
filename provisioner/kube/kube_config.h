/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where the API server is and how we prove who we are: from a pod's service account
 * or from a kubeconfig file. Read once; what changes while we run, the token's file,
 * is read by kube_token.
 *
 * Errors are -errno with a sentence: a file that is not there or no kubeconfig, a
 * context that is not in it, and what we do not speak (exec and auth-provider
 * plugins, basic authentication), by name.
 */

#include <stdbool.h>

#include "err.h"

struct kube_config {
	char *server; /* "https://192.0.2.1:6443", without a slash at the end */
	char *namespace;   /* the context's or the pod's; "default" */
	char *ca;	   /* PEM; NULL = the system's */
	char *client_cert; /* PEM; NULL = none */
	char *client_key;  /* PEM, with client_cert */
	char *token;	   /* NULL = none, or in token_path */
	char *token_path;  /* is read again and again; NULL = none */
	char *tls_name;	  /* that the certificate is to have; NULL = server's */
	char *proxy;	  /* URL; NULL = none, whatever the environment says */
	bool is_insecure; /* the certificate is not looked at */
};

#define KUBE_CONFIG_INIT ((struct kube_config){ 0 })

/*
 * path (--kubeconfig), else $KUBECONFIG, else the pod's service account. A list of
 * files ("a:b") is refused: which of them a controller runs by must not depend on
 * what else is in them. context NULL = current-context.
 */
int kube_config_find(struct kube_config *ret, const char *path,
		     const char *context, struct err *err);
int kube_config_from_file(struct kube_config *ret, const char *path,
			  const char *context, struct err *err);
/* folder: NULL = /var/run/secrets/kubernetes.io/serviceaccount. */
int kube_config_in_cluster(struct kube_config *ret, const char *folder,
			   struct err *err);
void kube_config_fini(struct kube_config *config);

DEFINE_FINI(struct kube_config, kube_config_fini)
