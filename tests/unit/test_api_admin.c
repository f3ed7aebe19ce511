/* SPDX-License-Identifier: Apache-2.0 */

/* claimfs' own verbs without sockets, on a real record. */

#include "api_admin.h"
#include "api_route.h"
#include "registry_fixture.h"

static struct api_admin admin;

static void open_all(void)
{
	fixture_open();
	admin = (struct api_admin){ .cluster = registry_cluster(registry),
				    .store = store };
}

TestSuite(api_admin, .init = open_all, .fini = fixture_close);

static void assert_answer(const char *path, const char *agent, const char *body,
			  unsigned int status, const char *part)
{
	struct api api = { .registry = registry, .hub = hub, .admin = &admin };
	struct api_request request = { .method = API_POST,
				       .path = path,
				       .user_agent = agent,
				       .body = body,
				       .body_len = strlen(body) };
	_cleanup_(api_response_fini) struct api_response response = { 0 };

	api_handle(&api, &request, &response);
	cr_assert_eq(response.status, status, "%u: %s", response.status,
		     response.body);
	cr_assert_not_null(strstr(response.body, part), "%s", response.body);
}

#define HISTORY "/claimfs/v1/history"
#define CLAIMS	"/api/v1/namespaces/default/persistentvolumeclaims"

Test(api_admin, history_names_the_client_that_made_a_change)
{
	assert_answer(CLAIMS, "kubectl/v1.28.0 (linux/amd64)", CLAIM_TEXT("c"),
		      201, "");
	assert_answer(HISTORY, NULL, "{\"kind\":\"pvc\",\"name\":\"c\"}", 200,
		      "\"who\":\"kubectl\",\"what\":\"created\"");
}

Test(api_admin, what_is_asked_wrongly_is_refused_with_a_status)
{
	static const struct {
		const char *path;
		const char *body;
		unsigned int status;
		const char *part;
	} cases[] = {
		{ "/claimfs/v1/nothing", "{}", 404, "could not find" },
		{ "/claimfs/v2/history", "{}", 404, "could not find" },
		{ HISTORY, "[]", 400, "must be a JSON object" },
		{ HISTORY, "{\"kind\":", 400, "BadRequest" },
		{ HISTORY, "{\"kind\":\"pv\",\"kind\":\"pv\"}", 400,
		  "duplicate field" },
		{ HISTORY, "", 400, "kind: Required value" },
		{ HISTORY, "{\"kind\":\"pv\"}", 400, "name: Required value" },
		{ HISTORY, "{\"kind\":1}", 400, "kind: Invalid value: 1" },
		{ HISTORY, "{\"kind\":\"node\",\"name\":\"a\"}", 400,
		  "Unsupported value: \\\"node\\\"" },
		{ HISTORY, "{\"kind\":\"pv\",\"name\":\"a\"}", 404,
		  "no history of PersistentVolume \\\"a\\\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_answer(cases[i].path, NULL, cases[i].body,
			      cases[i].status, cases[i].part);
}
