/* A library around a real plugin (REAL) that writes every byte which the engine gives to it into a file
   (KEPT) and passes the call on: settings, cursors, answers with their headers, documents. */
#include "ledgerline.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const ll_connector_vtbl *real;
static int file = -1;

static void keep(const void *bytes, size_t len) {
    if (len && write(file, bytes, len) != (ssize_t)len) {
        abort();
    }
}

static void keep_text(ll_bytes text) {
    keep(text.ptr, text.len);
    keep("\n", 1);
}

/* An element as far as both sides know it. */
#define EACH(slice, type, it)                                                                          \
    for (uint32_t n_##it = 0; n_##it < (slice).len; n_##it++)                                          \
        for (const type *it = (const type *)((const char *)(slice).ptr + (size_t)n_##it * (slice).stride); \
             it; it = NULL)

static int32_t create(ll_host host, const ll_create_args *args, ll_session **out) {
    keep_text(args->config);
    keep_text(args->stream);
    keep_text(args->cursor);
    keep(args, sizeof *args);
    return real->create(host, args, out);
}

static int32_t step(ll_session *session, ll_host host, const ll_step_in *in, ll_step_out *out) {
    EACH(in->completions, ll_completion, answer) {
        EACH(answer->headers, ll_field, header) {
            keep_text(header->name);
            keep_text(header->value);
        }
        keep_text(answer->body);
        keep_text(answer->message);
    }
    EACH(in->batch, ll_doc, doc) {
        keep_text(doc->id);
        keep_text(doc->version);
        keep_text(doc->body);
        keep_text(doc->number);
        keep_text(doc->remote_id);
    }
    keep(in, sizeof *in);
    return real->step(session, host, in, out);
}

static void destroy(ll_session *session) {
    real->destroy(session);
}

static const void *extension(ll_bytes name) {
    keep_text(name);
    return real->extension(name);
}

static ll_connector_vtbl vtbl = { sizeof vtbl, 0, create, step, destroy, extension };

/* Filled before anybody reads it: the linker runs the constructor first. */
ll_connector ledgerline_connector = { .header = { .magic = LL_MAGIC } };

__attribute__((constructor)) static void begin(void) {
    void *library = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
    const ll_connector *connector = library ? dlsym(library, "ledgerline_connector") : NULL;
    file = open(KEPT, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (!connector || file < 0) {
        abort();
    }
    memcpy(&ledgerline_connector, connector, sizeof ledgerline_connector);
    real = connector->vtbl;
    vtbl.ops = real->ops;
    ledgerline_connector.vtbl = &vtbl;
}
