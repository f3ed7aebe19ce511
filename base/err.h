/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The control plane's error: a negative errno and one sentence, built from the
 * inside out.
 *
 * Calling sequence: a function that can fail takes `struct err *err` last. It
 * leaves *err untouched on success. At the origin `return err_set(err, -EINVAL,
 * "parse quantity \"%s\": ...", text)`; one layer up, where a noun can be added,
 * `return err_wrap(err, "claim %s/%s", ns, name)`. The edge (a main, a reply, an
 * event) prints err_text() once. Sentences are lower case, start with a verb or
 * the object, quote the object, and have no full stop.
 *
 * err may be NULL where the caller only wants the code. Not thread-safe: an err
 * is a local of the caller. err_set() never fails: out of memory leaves the
 * errno's own text.
 */

#include "cleanup.h"

struct err {
	int code;   /* negative errno; 0 = no error */
	char *text; /* the sentence; NULL = strerror(-code) */
};

#define ERR_INIT ((struct err){ 0 })

/* Sets code and sentence; returns code. A former sentence is dropped. */
int err_set(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As err_set(), with ": <strerror(-code)>" appended. */
int err_set_errno(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "<context>: " in front of the sentence; returns the code. */
int err_wrap(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The sentence for people; never NULL. Borrowed from err. */
const char *err_text(const struct err *err);

/* Frees the sentence and makes *err ready for another use. Idempotent. */
void err_fini(struct err *err);

DEFINE_FINI(struct err, err_fini)
