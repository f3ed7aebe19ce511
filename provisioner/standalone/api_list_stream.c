/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Of a list that is being sent there are the texts of its objects and the few rows
 * that are on their way: however long it is, it is never there as a whole a second
 * time. As JSON it is those texts; a table is read off them.
 */

#include "api_list_stream.h"

#include <string.h>

#define ROWS 16 /* at a time: about as much as is sent at a time */

struct list_stream {
	struct api_stream stream; /* first */
	struct api_list_form form;
	struct api_list_part part; /* with a reference */
	size_t n_done;
	struct json_index index;
	FILE *out; /* into bytes, over and over */
	char *bytes;
	size_t n_bytes;
	size_t n_sent; /* of bytes */
	bool is_over;  /* nothing comes after bytes */
};

static void print_head(struct list_stream *stream,
		       const struct api_list_meta *meta)
{
	const struct object_kind_info *info =
		object_kind_info(stream->form.kind);

	if (stream->form.is_table) {
		api_table_print_head(stream->out, stream->form.kind, meta);
		return;
	}
	fprintf(stream->out,
		"{\"kind\":\"%sList\",\"apiVersion\":\"%s\",\"metadata\":",
		info->name, info->api_version);
	api_list_meta_print(stream->out, meta);
	fputs(",\"items\":[", stream->out);
}

/* A text that can't be read has no row. */
static void print_item(struct list_stream *stream, const char *text)
{
	if (!stream->form.is_table)
		fputs(text, stream->out);
	else if (json_index_read(&stream->index, text) == 0)
		api_table_print_row(stream->out, stream->form.kind,
				    &stream->index, stream->form.include);
}

static void print_items(struct list_stream *stream)
{
	const struct api_list_part *part = &stream->part;
	size_t end = stream->n_done + ROWS;

	for (; stream->n_done < part->n && stream->n_done < end;
	     stream->n_done++) {
		if (stream->n_done)
			(void)fputc(',', stream->out);
		print_item(stream, text_list_at(part->list,
						part->from + stream->n_done));
	}
	if (stream->n_done < part->n)
		return;
	fputs("]}", stream->out);
	stream->is_over = true;
}

static size_t list_read(struct api_stream *self, int client_fd, char *buffer,
			size_t size)
{
	struct list_stream *stream =
		container_of(self, struct list_stream, stream);
	size_t n;

	(void)client_fd;
	if (stream->n_sent == stream->n_bytes && !stream->is_over) {
		rewind(stream->out);
		stream->n_sent = 0;
		print_items(stream);
		if (fflush(stream->out) != 0)
			return 0;
	}
	n = stream->n_bytes - stream->n_sent;
	if (n > size)
		n = size;
	memcpy(buffer, stream->bytes + stream->n_sent, n);
	stream->n_sent += n;
	return n;
}

static void list_free(struct api_stream *self)
{
	struct list_stream *stream =
		container_of(self, struct list_stream, stream);

	if (stream->out)
		(void)fclose(stream->out);
	free(stream->bytes);
	text_list_unref(stream->part.list);
	json_index_fini(&stream->index);
	free(stream);
}

struct api_stream *api_list_stream_new(const struct api_list_form *form,
				       const struct api_list_part *part,
				       const struct api_list_meta *meta)
{
	struct list_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	*stream = (struct list_stream){
		.stream = { .read = list_read, .free = list_free },
		.form = *form,
		.part = *part,
	};
	text_list_ref(part->list);
	stream->out = open_memstream(&stream->bytes, &stream->n_bytes);
	if (!stream->out) {
		list_free(&stream->stream);
		return NULL;
	}
	print_head(stream, meta);
	if (fflush(stream->out) == 0)
		return &stream->stream;
	list_free(&stream->stream);
	return NULL;
}
