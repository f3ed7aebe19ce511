/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the control files say; each a meta_text_fn. The tables of meta_view.c and
 * meta_node.c decide who gets to see which.
 */

#include "meta_tree.h"

/* Of a volume. */
void meta_claim(FILE *out, const struct meta_subject *subject);
void meta_mode(FILE *out, const struct meta_subject *subject);
void meta_volume(FILE *out, const struct meta_subject *subject);
void meta_stats(FILE *out, const struct meta_subject *subject);
void meta_quota(FILE *out, const struct meta_subject *subject);
void meta_health(FILE *out, const struct meta_subject *subject);

/* Of a volume, for the administrator only. */
void meta_pods(FILE *out, const struct meta_subject *subject);
void meta_server(FILE *out, const struct meta_subject *subject);

/* Of a server. */
void meta_server_state(FILE *out, const struct meta_subject *subject);
void meta_server_stats(FILE *out, const struct meta_subject *subject);

/* Of the node. */
void meta_version(FILE *out, const struct meta_subject *subject);
void meta_metrics(FILE *out, const struct meta_subject *subject);
void meta_registration(FILE *out, const struct meta_subject *subject);

/* "host:port", the key of servers/; *ret is malloc'ed. -ENOMEM. */
int meta_server_name(const struct volume_spec *spec, char **ret);
