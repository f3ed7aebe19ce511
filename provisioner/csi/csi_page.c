/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Nothing is kept for who reads page by page, so a token never expires; one that was made
 * up is told from ours by its prefix only, and then simply names a place in the order.
 */

#include "csi_page.h"

#include <string.h>

#include "csi_calls.h"

enum rpc_status csi_page_read(int32_t max_entries, const char *token,
			      struct csi_page *ret, struct err *err)
{
	size_t len = strlen(CSI_TOKEN_PREFIX);

	if (max_entries < 0)
		return csi_refuse(err, RPC_INVALID_ARGUMENT,
				  "max_entries is negative");
	if (*token &&
	    (strncmp(token, CSI_TOKEN_PREFIX, len) != 0 || !token[len]))
		return csi_refuse(err, RPC_ABORTED,
				  "starting_token is not one of ours");
	*ret = (struct csi_page){
		.after = *token ? token + len : "",
		.n_max = (size_t)max_entries,
	};
	return RPC_OK;
}

void csi_page_token(const char *last, char ret[CSI_TOKEN_SIZE])
{
	(void)snprintf(ret, CSI_TOKEN_SIZE, CSI_TOKEN_PREFIX "%s", last);
}
