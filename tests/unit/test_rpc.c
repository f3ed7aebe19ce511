/* SPDX-License-Identifier: Apache-2.0 */

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <criterion/criterion.h>

#include "rpc_client.h"
#include "rpc_server.h"
#include "rpc_socket.h"

#define TIMEOUT_MS 10000

/* A server on a socket of its own folder, and a client of it. */
struct fixture {
	char dir[32];
	char path[64];
	struct rpc_server *server;
	struct rpc_client *client;
	sem_t entered; /* a call is in hold() */
	sem_t release; /* lets it go on */
};

static enum rpc_status echo(void *userdata, const struct rpc_request *request,
			    struct rpc_response *response, struct err *err)
{
	response->data = malloc(request->len + 1);
	cr_assert_not_null(response->data);
	memcpy(response->data, request->data, request->len);
	response->len = request->len;
	return RPC_OK;
}

static enum rpc_status refuse(void *userdata, const struct rpc_request *request,
			      struct rpc_response *response, struct err *err)
{
	(void)err_set(err, -ENOENT, "no volume \"%.*s\"", (int)request->len,
		      request->data);
	return RPC_NOT_FOUND;
}

static enum rpc_status hold(void *userdata, const struct rpc_request *request,
			    struct rpc_response *response, struct err *err)
{
	struct fixture *f = userdata;

	sem_post(&f->entered);
	sem_wait(&f->release);
	return RPC_OK;
}

static const struct rpc_method methods[] = {
	{ "/claimfs.test.v1.Test/Echo", echo },
	{ "/claimfs.test.v1.Test/Refuse", refuse },
	{ "/claimfs.test.v1.Test/Hold", hold },
	{ "/claimfs.test.v1.Test/Slow", hold, .is_slow = true },
};

static int start_server(struct fixture *f, struct err *err)
{
	const struct rpc_server_options options = {
		.socket_path = f->path,
		.methods = methods,
		.n_methods = ARRAY_SIZE(methods),
		.userdata = f,
		.n_threads = 3,
		.n_slow_threads = 1,
	};

	return rpc_server_new(&f->server, &options, err);
}

static void fixture_init(struct fixture *f)
{
	*f = (struct fixture){ .dir = "/tmp/test_rpc.XXXXXX" };
	cr_assert_not_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/a %%20#.sock", f->dir);
	sem_init(&f->entered, 0, 0);
	sem_init(&f->release, 0, 0);
	cr_assert_eq(start_server(f, NULL), 0);
	cr_assert_eq(rpc_client_new(&f->client, f->path, NULL), 0);
}

static void fixture_fini(struct fixture *f)
{
	rpc_client_free(f->client);
	rpc_server_free(f->server);
	cr_assert_eq(access(f->path, F_OK), -1, "the socket is removed");
	cr_assert_eq(rmdir(f->dir), 0, "and nothing else was left");
}

DEFINE_FINI(struct fixture, fixture_fini)

static enum rpc_status call(struct fixture *f, const char *method,
			    const char *text, unsigned int timeout_ms,
			    struct err *err)
{
	struct rpc_request request = { method, (const uint8_t *)text,
				       strlen(text) };
	struct rpc_response response = { 0 };
	enum rpc_status status = rpc_client_call(f->client, &request,
						 timeout_ms, &response, err);

	if (status == RPC_OK &&
	    strcmp(method, "/claimfs.test.v1.Test/Echo") == 0) {
		cr_assert_eq(response.len, request.len);
		cr_assert_arr_eq(response.data, text, request.len);
	}
	free(response.data);
	return status;
}

Test(rpc, bytes_come_back_from_a_handler)
{
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f);
	cr_assert_eq(call(&f, "/claimfs.test.v1.Test/Echo", "hello", TIMEOUT_MS,
			  NULL),
		     RPC_OK);
	cr_assert_eq(
		call(&f, "/claimfs.test.v1.Test/Echo", "", TIMEOUT_MS, NULL),
		RPC_OK, "an empty message is a message");
}

Test(rpc, an_error_carries_its_sentence)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f);
	cr_assert_eq(call(&f, "/claimfs.test.v1.Test/Refuse", "ä%\n",
			  TIMEOUT_MS, &err),
		     RPC_NOT_FOUND);
	cr_assert_str_eq(err_text(&err), "no volume \"ä%\n\"");
}

Test(rpc, a_huge_sentence_is_cut_and_keeps_its_status)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	_cleanup_(fixture_fini) struct fixture f;
	char text[10001];

	for (size_t i = 0; i < sizeof(text) - 1; i += 2)
		memcpy(&text[i], "ä", 2);
	text[sizeof(text) - 1] = '\0';
	fixture_init(&f);
	cr_assert_eq(call(&f, "/claimfs.test.v1.Test/Refuse", text, TIMEOUT_MS,
			  &err),
		     RPC_NOT_FOUND);
	cr_assert_eq(strlen(err_text(&err)), 2047, "cut between characters");
}

Test(rpc, an_unknown_method_is_unimplemented)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f);
	cr_assert_eq(
		call(&f, "/claimfs.test.v1.Test/Nope", "", TIMEOUT_MS, &err),
		RPC_UNIMPLEMENTED);
	cr_assert_str_eq(err_text(&err),
			 "unknown method \"/claimfs.test.v1.Test/Nope\"");
}

Test(rpc, a_message_over_4_mib_is_refused)
{
	_cleanup_(fixture_fini) struct fixture f;
	_cleanup_(free) char *text = calloc(1, (4 << 20) + 2);

	fixture_init(&f);
	memset(text, 'x', 4 << 20);
	cr_assert_eq(
		call(&f, "/claimfs.test.v1.Test/Echo", text, TIMEOUT_MS, NULL),
		RPC_OK);
	text[4 << 20] = 'x';
	cr_assert_eq(
		call(&f, "/claimfs.test.v1.Test/Echo", text, TIMEOUT_MS, NULL),
		RPC_RESOURCE_EXHAUSTED);
	cr_assert_eq(
		call(&f, "/claimfs.test.v1.Test/Echo", "x", TIMEOUT_MS, NULL),
		RPC_OK);
}

Test(rpc, a_deadline_ends_the_wait)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f);
	cr_assert_eq(call(&f, "/claimfs.test.v1.Test/Hold", "", 50, &err),
		     RPC_DEADLINE_EXCEEDED);
	cr_assert_eq(
		call(&f, "/claimfs.test.v1.Test/Echo", "x", TIMEOUT_MS, NULL),
		RPC_OK, "another thread serves");
	sem_post(&f.release);
}

static void *call_hold(void *arg)
{
	return (void *)(intptr_t)call(arg, "/claimfs.test.v1.Test/Hold", "",
				      TIMEOUT_MS, NULL);
}

Test(rpc, a_client_that_is_cancelled_waits_for_nothing)
{
	_cleanup_(fixture_fini) struct fixture f;
	pthread_t thread;
	void *status;

	fixture_init(&f);
	pthread_create(&thread, NULL, call_hold, &f);
	sem_wait(&f.entered);
	rpc_client_cancel(f.client);
	pthread_join(thread, &status);
	cr_assert_eq((intptr_t)status, RPC_CANCELLED);
	cr_assert_eq(
		call(&f, "/claimfs.test.v1.Test/Hold", "", TIMEOUT_MS, NULL),
		RPC_CANCELLED);
	sem_post(&f.release);
	sem_post(&f.release);
}

Test(rpc, handlers_run_at_the_same_time_and_the_rest_queues)
{
	_cleanup_(fixture_fini) struct fixture f;
	pthread_t threads[5];
	void *status;

	fixture_init(&f);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, call_hold, &f);
	for (int i = 0; i < 3; i++)
		sem_wait(&f.entered);
	cr_assert_eq(sem_trywait(&f.entered), -1, "three threads, three calls");
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		sem_post(&f.release);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &status);
		cr_assert_eq((intptr_t)status, RPC_OK);
	}
}

static void *call_echo_25_times(void *arg)
{
	for (int i = 0; i < 25; i++)
		cr_assert_eq(call(arg, "/claimfs.test.v1.Test/Echo", "x",
				  TIMEOUT_MS, NULL),
			     RPC_OK);
	return NULL;
}

static void *call_slow(void *arg)
{
	return (void *)(intptr_t)call(arg, "/claimfs.test.v1.Test/Slow", "",
				      TIMEOUT_MS, NULL);
}

Test(rpc, slow_calls_hold_up_no_others)
{
	_cleanup_(fixture_fini) struct fixture f;
	pthread_t threads[6];
	void *status;

	fixture_init(&f);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, call_slow, &f);
	sem_wait(&f.entered);
	for (int i = 0; i < 25; i++)
		cr_assert_eq(call(&f, "/claimfs.test.v1.Test/Echo", "x",
				  TIMEOUT_MS, NULL),
			     RPC_OK);
	cr_assert_eq(sem_trywait(&f.entered), -1, "one slow thread, one call");
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		sem_post(&f.release);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &status);
		cr_assert_eq((intptr_t)status, RPC_OK);
	}
}

static void *free_server(void *arg)
{
	struct fixture *f = arg;

	f->server = rpc_server_free(f->server);
	return NULL;
}

Test(rpc, slow_calls_that_wait_are_refused_when_the_server_ends)
{
	_cleanup_(fixture_fini) struct fixture f;
	int n_ok = 0, n_refused = 0;
	pthread_t threads[4];
	pthread_t stopper;
	void *status;

	fixture_init(&f);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, call_slow, &f);
	sem_wait(&f.entered);
	/* Behind this one on the connection: by now they wait. */
	(void)call_echo_25_times(&f);
	pthread_create(&stopper, NULL, free_server, &f);
	while (access(f.path, F_OK) == 0)
		sched_yield();
	sem_post(&f.release);
	pthread_join(stopper, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &status);
		n_ok += (intptr_t)status == RPC_OK;
		n_refused += (intptr_t)status == RPC_UNAVAILABLE;
	}
	cr_assert_eq(n_ok, 1);
	cr_assert_eq(n_refused, 3);
}

Test(rpc, many_threads_share_a_client)
{
	_cleanup_(fixture_fini) struct fixture f;
	pthread_t threads[8];

	fixture_init(&f);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, call_echo_25_times, &f);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
}

Test(rpc, nobody_listening_is_unavailable_until_somebody_does)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	_cleanup_(fixture_fini) struct fixture f;
	enum rpc_status status;

	fixture_init(&f);
	cr_assert_eq(
		call(&f, "/claimfs.test.v1.Test/Echo", "x", TIMEOUT_MS, NULL),
		RPC_OK);
	f.server = rpc_server_free(f.server);
	cr_assert_eq(
		call(&f, "/claimfs.test.v1.Test/Echo", "x", TIMEOUT_MS, &err),
		RPC_UNAVAILABLE);
	cr_assert(strncmp(err_text(&err), "nobody answers on socket \"/tmp/",
			  31) == 0,
		  "%s", err_text(&err));
	cr_assert_eq(start_server(&f, NULL), 0);
	do {
		status = call(&f, "/claimfs.test.v1.Test/Echo", "x", TIMEOUT_MS,
			      NULL);
	} while (status == RPC_UNAVAILABLE);
	cr_assert_eq(status, RPC_OK);
}

Test(rpc, a_running_call_is_answered_before_the_server_ends)
{
	_cleanup_(fixture_fini) struct fixture f;
	pthread_t caller, stopper;
	void *status;

	fixture_init(&f);
	pthread_create(&caller, NULL, call_hold, &f);
	sem_wait(&f.entered);
	pthread_create(&stopper, NULL, free_server, &f);
	while (access(f.path, F_OK) == 0)
		sched_yield(); /* it has begun to stop */
	sem_post(&f.release);
	pthread_join(caller, &status);
	pthread_join(stopper, NULL);
	cr_assert_eq((intptr_t)status, RPC_OK);
}

Test(rpc, the_socket_is_for_its_owner_only)
{
	_cleanup_(fixture_fini) struct fixture f;
	struct stat st;

	fixture_init(&f);
	cr_assert_eq(stat(f.path, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
}

Test(rpc, a_living_server_is_not_replaced)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	_cleanup_(free) char *sentence = NULL;
	_cleanup_(fixture_fini) struct fixture f;
	struct fixture second;

	fixture_init(&f);
	second = f;
	second.server = NULL;
	cr_assert_eq(start_server(&second, &err), -EADDRINUSE);
	cr_assert_gt(asprintf(&sentence,
			      "socket \"%s\" is served by another process",
			      f.path),
		     0);
	cr_assert_str_eq(err_text(&err), sentence);
	cr_assert_eq(
		call(&f, "/claimfs.test.v1.Test/Echo", "x", TIMEOUT_MS, NULL),
		RPC_OK);
}

/* Leaves the socket of a server that was killed. */
static void leave_socket(const char *path)
{
	_cleanup_(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memcpy(addr.sun_path, path, strlen(path));
	cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	cr_assert_eq(listen(fd, 1), 0);
}

Test(rpc, the_socket_of_a_dead_server_is_replaced)
{
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f);
	f.server = rpc_server_free(f.server);
	leave_socket(f.path);
	cr_assert_eq(start_server(&f, NULL), 0);
}

Test(rpc, a_socket_path_that_can_not_be_used_is_refused)
{
	char path[200] = "/tmp/";
	struct {
		const char *path;
		int code;
	} cases[] = {
		{ "", -EINVAL },
		{ path, -EINVAL },
		{ "/nowhere/x.sock", -ENOENT },
		{ "/etc/hostname", -EEXIST },
	};

	memset(&path[5], 'x', 104);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(err_fini) struct err err = ERR_INIT;

		cr_assert_eq(rpc_socket_check_free(cases[i].path, &err),
			     cases[i].code, "%s", cases[i].path);
		cr_assert_not_null(err.text);
	}
}

static unsigned int count_threads(void)
{
	unsigned int n = 0;
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;

	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

Test(rpc, the_library_brings_few_threads)
{
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f);
	(void)call_echo_25_times(&f);
	cr_assert_leq(count_threads(), 1 + 3 + 1 + 8, "%u", count_threads());
}

Test(rpc, status_codes_have_names)
{
	cr_assert_str_eq(rpc_status_name(RPC_FAILED_PRECONDITION),
			 "FAILED_PRECONDITION");
	cr_assert_str_eq(rpc_status_name((enum rpc_status)99), "UNKNOWN");
}
