/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A name in CSI is any text of at most 128 bytes without control characters ("Size
 * Limits" and CreateVolumeRequest.name in its specification); a name in the record is a
 * DNS label. Most names are both: sidecars and Nomad make them so.
 */

#include "csi_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "csi_origin.h"
#include "fnv1a.h"

/* RFC 3629: how many bytes follow the first one of a character; -1 = it is none. */
static int followers(uint8_t first)
{
	if (first < 0x80)
		return 0;
	if (first >= 0xc2 && first < 0xe0)
		return 1;
	if (first >= 0xe0 && first < 0xf0)
		return 2;
	return first >= 0xf0 && first < 0xf5 ? 3 : -1;
}

/* The same: no character is written longer than it must be, none is a surrogate. */
static bool is_second_byte(uint8_t first, uint8_t second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0;
	case 0xed:
		return second < 0xa0;
	case 0xf0:
		return second >= 0x90;
	case 0xf4:
		return second < 0x90;
	default:
		return true;
	}
}

/* The length of the character; 0 = it is none, or not to be had in a name. */
static int clean_character(const uint8_t *text)
{
	int n = followers(text[0]);

	if (n < 0 || text[0] == 0x7f ||
	    (text[0] < 0x20 && !strchr("\t\n\r", text[0])))
		return 0;
	for (int i = 1; i <= n; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if (n > 0 && !is_second_byte(text[0], text[1]))
		return 0;
	/* U+0080 to U+009F are control characters, too. */
	return text[0] == 0xc2 && text[1] < 0xa0 ? 0 : n + 1;
}

bool csi_text_is_clean(const char *text)
{
	const uint8_t *at = (const uint8_t *)text;

	while (*at) {
		int n = clean_character(at);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

void csi_hash_name(uint64_t hash, char ret[CSI_OBJECT_NAME_MAX])
{
	(void)snprintf(ret, CSI_OBJECT_NAME_MAX, "csi-%016" PRIx64, hash);
}

void csi_object_name(const char *name, char ret[CSI_OBJECT_NAME_MAX])
{
	if (csi_name_is_label(name))
		(void)snprintf(ret, CSI_OBJECT_NAME_MAX, "%s", name);
	else
		csi_hash_name(fnv1a(FNV1A_START, name, strlen(name)), ret);
}
