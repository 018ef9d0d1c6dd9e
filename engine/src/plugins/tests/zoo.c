/* A small connector in C, good or broken as the definitions say. */
#include "ledgerline.h"

#include <stdlib.h>
#include <string.h>

#ifndef MAGIC
#define MAGIC LL_MAGIC
#endif
#ifndef MAJOR
#define MAJOR LL_ABI_MAJOR
#endif
#ifndef MINOR
#define MINOR LL_ABI_MINOR
#endif
#ifndef SIZE
#define SIZE sizeof(ll_connector)
#endif
#ifndef NAME
#define NAME "zoo-c"
#endif
#ifndef VERSION
#define VERSION "1.0.0"
#endif
#ifndef SYMBOL
#define SYMBOL ledgerline_connector
#endif
#ifndef STEP
#define STEP step
#endif
#ifndef OPS
#define OPS LL_OP_PULL
#endif
#ifndef BUILT
#define BUILT "c11"
#endif

/* Each number makes other bytes, as the engine opens the same bytes once. */
#ifdef GOOD
const int number = GOOD;
#endif

#ifdef STATIC_TLS
__attribute__((tls_model("initial-exec"))) _Thread_local int counter;
int count(void) { return ++counter; }
#endif

#ifdef UNRESOLVED
extern int nobody_has_this(void);
int call(void) { return nobody_has_this(); }
#endif

struct ll_session {
    ll_http_request request;
    ll_effect effect;
    ll_doc doc;
    uint8_t *body;
    int asked, emitted;
};

static int32_t create(ll_host host, const ll_create_args *args, ll_session **out) {
    (void)host;
    (void)args;
    *out = calloc(1, sizeof **out);
    return *out ? LL_STATUS_OK : LL_STATUS_BUG;
}

static int32_t step(ll_session *s, ll_host host, const ll_step_in *in, ll_step_out *out) {
    (void)host;
    if (s->emitted) {
        out->kind = LL_KIND_DONE;
        return LL_STATUS_OK;
    }
    if (!s->asked) {
        s->asked = 1;
        s->request = (ll_http_request){
            .size = sizeof s->request,
            .method = LL_STR("GET"),
            .url = LL_STR("https://acme.example/5/up"),
        };
        s->effect = (ll_effect){ 1, LL_EFFECT_HTTP, &s->request };
        out->kind = LL_KIND_NEED;
        out->effects = (ll_slice){ &s->effect, 1, sizeof s->effect };
        return LL_STATUS_OK;
    }
    const ll_completion *c = in->completions.ptr;
    s->body = malloc(c->body.len + 1);
    if (!s->body) {
        return LL_STATUS_BUG;
    }
    memcpy(s->body, c->body.ptr, c->body.len);
    s->emitted = 1;
    s->doc = (ll_doc){
        .change = 1,
        .id = LL_STR("status"),
        .version = LL_STR("v1"),
        .body = { s->body, c->body.len },
    };
    out->kind = LL_KIND_PAGE;
    out->docs = (ll_slice){ &s->doc, 1, sizeof s->doc };
    out->cursor = (ll_bytes)LL_STR("end");
    return LL_STATUS_OK;
}

static void destroy(ll_session *s) {
    free(s->body);
    free(s);
}

static const void *extension(ll_bytes name) {
    (void)name;
    return NULL;
}

static const ll_connector_vtbl VTBL = { sizeof VTBL, OPS, create, STEP, destroy, extension };
/* The table need not name every function. */
const void *const used[] = { (const void *)step };

const ll_connector SYMBOL = {
    .header = {
        .magic = MAGIC,
        .abi_major = MAJOR,
        .abi_minor = MINOR,
        .abi_min_minor = MINOR,
        .size = SIZE,
    },
    .name = LL_STR(NAME),
    .version = LL_STR(VERSION),
    .built_with = LL_STR(BUILT),
    .manifest = LL_STR("{\"name\":\"zoo-c\",\"title\":\"Zoo\",\"version\":\"1.0.0\","
                       "\"streams\":{\"status\":{\"title\":\"status\",\"ops\":[\"pull\"]}}}"),
    .vtbl = &VTBL,
};
